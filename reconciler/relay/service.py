"""
The relay, composed: catalogue, engines and API in one object, for `reconciler relay` and inside `reconciler run`.

It lives in the caller's event loop, installs no signal handler, and leaves nothing behind when it is stopped. Whoever
starts it holds the state directory already (`coordination.alone`).
"""

import contextlib
import os
import secrets
import socket
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import structlog
from starlette.applications import Starlette

from reconciler.domain.errors import EnvironmentFailedError
from reconciler.domain.regions import KNOWN
from reconciler.media import programs
from reconciler.media.nginx import bracketed, reached_at
from reconciler.relay import credentials as account
from reconciler.relay import registration
from reconciler.relay.addresses import Ports, Transport, demand_local, shown
from reconciler.relay.api import door
from reconciler.relay.api.app import create_app
from reconciler.relay.api.door import Door
from reconciler.relay.api.table import carry_out
from reconciler.relay.carriage import Carriage
from reconciler.relay.catalogue import Catalogue
from reconciler.relay.engines.none import NoMedia
from reconciler.relay.flows import Flow, FlowState
from reconciler.relay.giving import Giver
from reconciler.relay.ids import IdMaker, RandomBytes
from reconciler.relay.limits import demand_descriptors
from reconciler.relay.media import Media
from reconciler.relay.plane import ControlPlane
from reconciler.relay.recording.recorder import Recorder
from reconciler.relay.recording.records import FILE_NAME as RECORDS_FILE
from reconciler.relay.recording.records import Records
from reconciler.relay.registration import Registration
from reconciler.relay.settings import MediaKind, RelaySettings
from reconciler.relay.signatures import SpentSignatures
from reconciler.relay.supervisor import Supervisor
from reconciler.serving.server import Bounds, Serving, bind
from reconciler.serving.tls import Identity, identity_from
from reconciler.streamlink.signing import Credentials

log: Final = structlog.get_logger()


class Relay:
    """A StreamLink of one's own. Started once, stopped once."""

    def __init__(
        self,
        settings: RelaySettings,
        *,
        media: Media | None = None,
        now_s: Callable[[], float] = time.time,
        random_bytes: RandomBytes = secrets.token_bytes,
    ) -> None:
        self.settings: Final = settings
        self._given_media = media
        self._now_s = now_s
        self._random_bytes = random_bytes
        self._running: _Running | None = None
        self._cleanup = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Start it."""
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it."""
        await self.stop()

    @property
    def endpoint(self) -> str:
        """URL of the API, `http://127.0.0.1:8080`, as this machine reaches it."""
        return f"{'https' if self.settings.tls is not None else 'http'}://{self.address}"

    @property
    def address(self) -> str:
        """Host and port of the API, as the official SDK takes an endpoint."""
        return self._run.address

    @property
    def credentials(self) -> Credentials:
        """Return the keys that it answers to."""
        return self._run.credentials

    @property
    def calls(self) -> Counter[str]:
        """Signed calls so far, by action, whatever came of them."""
        return self._run.plane.calls

    @property
    def _run(self) -> "_Running":
        if self._running is None:
            raise RuntimeError("the relay is not running")
        return self._running

    async def start(self) -> None:
        """
        Serve, and carry every flow that ran when the relay was stopped.

        Raises:
            EnvironmentFailedError: the state directory, the port or the engines cannot be had.

        """
        try:
            await self._start()
        except BaseException:
            await self._cleanup.aclose()
            raise

    async def stop(self) -> None:
        """Stop serving, end every engine, and leave nothing; flows that run are carried again at the next start."""
        await self._cleanup.aclose()
        self._running = None

    async def settled(self) -> None:
        """Return once the engines have been told of everything so far."""
        await self._run.plane.carriage.settled()

    async def _start(self) -> None:
        settings = self.settings
        _make_private(settings.state)
        if settings.media is MediaKind.ENGINES and self._given_media is None:
            programs.demand()
        demand_descriptors(settings.limits)
        demand_local(settings.media_address, "--media-listen")
        identity = identity_from(settings.tls) if settings.tls is not None else None
        listener = bind(settings.host, settings.port)
        self._cleanup.callback(listener.close)
        port: int = listener.getsockname()[1]
        credentials = account.load_or_make(settings.state, self._random_bytes)
        plane = await self._control_plane(port)
        faults = settings.faults
        handler = carry_out if faults is None else faults.around(carry_out)
        app = create_app(plane, await self._door(credentials), handler=handler)
        await self._serve(app, listener, identity)
        self._running = _Running(
            address=f"{bracketed(reached_at(settings.host))}:{port}", credentials=credentials, plane=plane
        )
        self._register(identity)
        log.info("relay.started", endpoint=self.endpoint, regions=settings.regions, flows=len(plane.catalogue.flows()))

    async def _serve(self, app: Starlette, listener: socket.socket, identity: Identity | None) -> None:
        limits = self.settings.limits
        serving = Serving(
            app,
            listener,
            bounds=Bounds(
                connections=limits.connections, request_s=limits.request_s, on_turned_away=_tell_of_turned_away
            ),
            tls=identity.context if identity is not None else None,
            cuts_unanswered=self.settings.faults is not None,
        )
        await serving.start()
        self._cleanup.push_async_callback(serving.stop)

    def _register(self, identity: Identity | None) -> None:
        found = Registration(
            endpoint=self.endpoint,
            pid=os.getpid(),
            regions=self.settings.regions,
            certificate=identity.certificate if identity is not None else "",
            faults=() if self.settings.faults is None else self.settings.faults.names,
            carries=self.settings.media is not MediaKind.NONE or self._given_media is not None,
        )
        registration.write(self.settings.state, found)
        self._cleanup.callback(registration.remove, self.settings.state)

    async def _door(self, credentials: Credentials) -> Door:
        """Return who is let in; where a network can listen, each signature is good for one write."""
        if not self.settings.is_overheard:
            return Door(credentials=credentials, now_s=self._now_s)
        if self.settings.accept_unsigned_action:
            return Door(credentials=credentials, now_s=self._now_s, demands=door.AS_THE_SDK_WITH_BODY)
        spent = await SpentSignatures.open(self.settings.state)
        self._cleanup.push_async_callback(spent.close)
        return Door(credentials=credentials, now_s=self._now_s, demands=door.WHOLE, spent=spent)

    async def _control_plane(self, api_port: int) -> ControlPlane:
        settings = self.settings
        catalogue = await self._catalogue()
        flows = catalogue.flows()
        giver = Giver(Ports(settings.media_address, settings.ports), self._random_bytes)
        giver.remember(flows)
        if not giver.keep_out(Transport.TCP, api_port):
            raise EnvironmentFailedError(
                f"Port {api_port} of the API was given to an input or output of an earlier run, which keeps it "
                f"until it is deleted. Choose another with --listen, outside {shown(settings.ports)} (--ports)."
            )
        ids = IdMaker(self._now_s, self._random_bytes)
        for flow in flows:
            ids.start_after(max([flow.id, *(end.id for end in flow.ends)]))
        running = [flow for flow in flows if flow.state is FlowState.RUNNING]
        carriage = Carriage(
            self._given_media if self._given_media is not None else await self._media(running, api_port)
        )
        self._cleanup.push_async_callback(carriage.close)
        for flow in running:
            carriage.update(flow)
        records = await self._recording(carriage, catalogue)
        return ControlPlane(
            records=records,
            catalogue=catalogue,
            carriage=carriage,
            giver=giver,
            ids=ids,
            regions=settings.regions,
            known_regions=tuple(sorted({*KNOWN, *settings.regions})),
            host=settings.media_address,
            advertised=settings.advertise,
            limits=settings.limits,
            now_s=self._now_s,
            edit_rules=settings.edit_rules,
        )

    async def _catalogue(self) -> Catalogue:
        """Return what is known of the flows; all of them listen where this relay does, wherever they did before."""
        catalogue = await Catalogue.open(self.settings.state)
        self._cleanup.push_async_callback(catalogue.close)
        host = self.settings.media_address
        if moved := await catalogue.move(host):
            log.warning("relay.flows_moved", flows=moved, host=host)
        return catalogue

    async def _recording(self, carriage: Carriage, catalogue: Catalogue) -> Records:
        records = Records(self.settings.state / RECORDS_FILE)
        self._cleanup.push_async_callback(records.close)
        recorder = Recorder(carriage=carriage, catalogue=catalogue, records=records, now_s=self._now_s)
        await recorder.start()
        self._cleanup.push_async_callback(recorder.stop)
        return records

    async def _media(self, running: Sequence[Flow], api_port: int) -> Media:
        if self.settings.media is MediaKind.NONE:
            return NoMedia()
        reach = replace(self.settings.reach, own_ports=(api_port,))
        supervisor = Supervisor(state=self.settings.state, reach=reach)
        # Engines that a killed relay left are adopted where their flow runs on; the others hold ports, and go.
        await supervisor.start([flow.id for flow in running])
        return supervisor


@dataclass(frozen=True, slots=True, kw_only=True)
class _Running:
    address: str
    credentials: Credentials
    plane: ControlPlane


def _tell_of_turned_away(count: int, still_open: int) -> None:
    log.warning("relay.connections_turned_away", count=count, open=still_open)


def _make_private(directory: Path) -> None:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory.chmod(0o700)
    except OSError as error:
        raise EnvironmentFailedError(
            f"The state directory {directory} cannot be used: {error.strerror}. Give another with --state DIR."
        ) from error
