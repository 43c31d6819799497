"""
The relay, composed: catalogue, engines and API in one object, for `reconciler relay` and inside `reconciler run`.

It lives in the caller's event loop, installs no signal handler, and leaves nothing behind when it is stopped. Whoever
starts it holds the state directory already (`coordination.alone`).
"""

import contextlib
import os
import re
import secrets
import socket
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import structlog
from starlette.applications import Starlette

from reconciler.domain.errors import EnvironmentFailedError, UsageError
from reconciler.domain.regions import KNOWN, LOCAL
from reconciler.media import programs
from reconciler.media.nginx import bracketed, reached_at
from reconciler.relay import credentials as account
from reconciler.relay import hosts, registration
from reconciler.relay.addresses import DEFAULT_PORTS, Ports, Transport, demand_local, shown
from reconciler.relay.api import door
from reconciler.relay.api.app import create_app
from reconciler.relay.api.door import Door
from reconciler.relay.api.table import carry_out
from reconciler.relay.carriage import Carriage
from reconciler.relay.catalogue import Catalogue
from reconciler.relay.editing import EditRules
from reconciler.relay.engines.none import NoMedia
from reconciler.relay.faults.injection import Faults
from reconciler.relay.flows import Flow, FlowState
from reconciler.relay.giving import Giver
from reconciler.relay.ids import IdMaker, RandomBytes
from reconciler.relay.limits import Limits, demand_descriptors
from reconciler.relay.media import Media
from reconciler.relay.plane import ControlPlane
from reconciler.relay.reach import ANYWHERE, Reach
from reconciler.relay.recording.recorder import Recorder
from reconciler.relay.recording.records import FILE_NAME as RECORDS_FILE
from reconciler.relay.recording.records import Records
from reconciler.relay.registration import Registration
from reconciler.relay.serving import Serving, bind
from reconciler.relay.signatures import SpentSignatures
from reconciler.relay.supervisor import Supervisor
from reconciler.relay.tls import Identity, TlsFiles, identity_from
from reconciler.streamlink.signing import Credentials

log: Final = structlog.get_logger()

_REGION: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class MediaKind(StrEnum):
    """What carries the streams."""

    ENGINES = "engines"
    NONE = "none"
    """Nothing does: the control plane alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RelaySettings:
    """How a relay is run."""

    state: Path
    """Directory of the catalogue, the credentials and the engines' files."""
    host: str = "127.0.0.1"
    """Address of the API."""
    port: int = 0
    """TCP port of the API; 0 takes a free one."""
    tls: TlsFiles | None = None
    """None for plain HTTP."""
    insecure_http: bool = False
    """Whether plain HTTP is meant where a network can listen."""
    accept_unsigned_action: bool = False
    """Whether requests may be signed as the official SDK does it where a network can listen, and be sent twice."""
    media_host: str = ""
    """Address on which inputs and outputs listen; "" for that of the API."""
    advertise: str = ""
    """Name or address under which the world reaches inputs and outputs; "" for the one that they listen on."""
    regions: tuple[str, ...] = (LOCAL,)
    """Where it keeps flows."""
    media: MediaKind = MediaKind.ENGINES
    edit_rules: EditRules = EditRules.LIVE_2023
    ports: range = DEFAULT_PORTS
    """From which inputs and outputs get theirs."""
    reach: Reach = ANYWHERE
    """Where its engines may connect to, and whom they trust there."""
    limits: Limits = field(default_factory=Limits)
    faults: Faults | None = None
    """What goes wrong on purpose; for tests."""

    @property
    def media_address(self) -> str:
        """Where inputs and outputs listen."""
        return self.media_host or self.host

    @property
    def is_overheard(self) -> bool:
        """Whether a network can reach the API, and then perhaps listen to it."""
        return not hosts.is_loopback(self.host)

    def __post_init__(self) -> None:
        """Refuse what cannot be run."""
        self._demand_addresses()
        if self.insecure_http and self.tls is not None:
            raise UsageError(
                "--insecure-http and --tls-cert exclude each other: with a certificate there is no plain HTTP."
            )
        if self.is_overheard and self.tls is None and not self.insecure_http:
            raise UsageError(
                f"--listen {self.host} is no loopback address, and plain HTTP would show every stream key and "
                f"passphrase to the network. Give the relay a certificate (--tls-cert FILE --tls-key FILE); or say "
                f"--insecure-http where nobody else is on that network."
            )
        if not self.regions:
            raise UsageError("The relay needs at least one region; `local` will do.")
        for region in self.regions:
            if _REGION.fullmatch(region) is None:
                raise UsageError(f"{region!r} is no region: lower-case letters and digits, parts joined by hyphens.")

    def _demand_addresses(self) -> None:
        hosts.demand_address(self.host, "--listen")
        hosts.demand_address(self.media_address, "--media-listen")
        if self.advertise:
            hosts.demand_reachable(self.advertise, "--advertise")
        elif hosts.is_unspecified(self.media_address):
            raise UsageError(
                f"Inputs and outputs would listen on {self.media_address}, every address of this machine and none "
                f"that could be given out: --advertise HOST says by which one the world reaches them."
            )


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
        tls = identity.context if identity is not None else None
        cuts = self.settings.faults is not None
        serving = Serving(app, listener, limits=self.settings.limits, tls=tls, cuts_unanswered=cuts)
        await serving.start()
        self._cleanup.push_async_callback(serving.stop)

    def _register(self, identity: Identity | None) -> None:
        found = Registration(
            endpoint=self.endpoint,
            pid=os.getpid(),
            regions=self.settings.regions,
            certificate=identity.certificate if identity is not None else "",
            faults=() if self.settings.faults is None else self.settings.faults.names,
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


def _make_private(directory: Path) -> None:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory.chmod(0o700)
    except OSError as error:
        raise EnvironmentFailedError(
            f"The state directory {directory} cannot be used: {error.strerror}. Give another with --state DIR."
        ) from error
