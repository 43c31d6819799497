"""
The relay, composed: catalogue, engines and API in one object, for `reconciler relay` and inside `reconciler run`.

It lives in the caller's event loop, installs no signal handler, and leaves nothing behind when it is stopped. Whoever
starts it holds the state directory already (`coordination.alone`).
"""

import contextlib
import ipaddress
import os
import re
import secrets
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import structlog

from reconciler.domain.errors import EnvironmentFailedError, UsageError
from reconciler.domain.regions import KNOWN, LOCAL
from reconciler.media import programs
from reconciler.relay import credentials as account
from reconciler.relay import registration
from reconciler.relay.addresses import DEFAULT_PORTS, Ports
from reconciler.relay.api.app import create_app
from reconciler.relay.carriage import Carriage
from reconciler.relay.catalogue import Catalogue
from reconciler.relay.editing import EditRules
from reconciler.relay.engines.none import NoMedia
from reconciler.relay.flows import Flow, FlowState
from reconciler.relay.giving import Giver
from reconciler.relay.ids import IdMaker, RandomBytes
from reconciler.relay.media import Media
from reconciler.relay.plane import ControlPlane
from reconciler.relay.reach import ANYWHERE, Reach
from reconciler.relay.recording.recorder import Recorder
from reconciler.relay.recording.records import FILE_NAME as RECORDS_FILE
from reconciler.relay.recording.records import Records
from reconciler.relay.registration import Registration
from reconciler.relay.serving import Serving, bind
from reconciler.relay.supervisor import Supervisor
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
    """Loopback address of the API, and of every address that is given to an input or output."""
    port: int = 0
    """TCP port of the API; 0 takes a free one."""
    regions: tuple[str, ...] = (LOCAL,)
    """Where it keeps flows."""
    media: MediaKind = MediaKind.ENGINES
    edit_rules: EditRules = EditRules.LIVE_2023
    ports: range = DEFAULT_PORTS
    """From which inputs and outputs get theirs."""
    reach: Reach = ANYWHERE
    """Where its engines may connect to, and whom they trust there."""

    def __post_init__(self) -> None:
        """Refuse what cannot be run."""
        if not is_loopback(self.host):
            raise UsageError(
                f"The relay listens on loopback addresses alone (127.0.0.1, ::1), not on {self.host!r}: "
                f"it does not speak TLS yet, and plain HTTP would show every key to the network."
            )
        if not self.regions:
            raise UsageError("The relay needs at least one region; `local` will do.")
        for region in self.regions:
            if _REGION.fullmatch(region) is None:
                raise UsageError(f"{region!r} is no region: lower-case letters and digits, parts joined by hyphens.")


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
        """URL of the API, `http://127.0.0.1:8080`."""
        return f"http://{self.address}"

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
        listener = bind(settings.host, settings.port)
        self._cleanup.callback(listener.close)
        credentials = account.load_or_make(settings.state, self._random_bytes)
        plane = await self._control_plane(listener.getsockname()[1])
        serving = Serving(create_app(plane, credentials, now_s=self._now_s), listener)
        await serving.start()
        self._cleanup.push_async_callback(serving.stop)
        host, port = listener.getsockname()[:2]
        self._running = _Running(
            address=f"[{host}]:{port}" if ":" in host else f"{host}:{port}", credentials=credentials, plane=plane
        )
        registration.write(
            settings.state, Registration(endpoint=self.endpoint, pid=os.getpid(), regions=settings.regions)
        )
        self._cleanup.callback(registration.remove, settings.state)
        log.info("relay.started", endpoint=self.endpoint, regions=settings.regions, flows=len(plane.catalogue.flows()))

    async def _control_plane(self, api_port: int) -> ControlPlane:
        settings = self.settings
        catalogue = await Catalogue.open(settings.state)
        self._cleanup.push_async_callback(catalogue.close)
        flows = catalogue.flows()
        giver = Giver(Ports(settings.host, settings.ports), self._random_bytes)
        giver.remember(flows)
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
            host=settings.host,
            now_s=self._now_s,
            edit_rules=settings.edit_rules,
        )

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


def is_loopback(host: str) -> bool:
    """Return whether the host is an address of this machine that no network reaches."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _make_private(directory: Path) -> None:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory.chmod(0o700)
    except OSError as error:
        raise EnvironmentFailedError(
            f"The state directory {directory} cannot be used: {error.strerror}. Give another with --state DIR."
        ) from error
