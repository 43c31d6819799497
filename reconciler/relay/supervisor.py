"""Keeps the engines of every flow as the control plane asks; the relay's `Media`."""

import asyncio
import shutil
import traceback
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import quote

import structlog

from reconciler.media.processes import Identity, end, engine_user, is_alive, load
from reconciler.relay.engines.home import FlowHome
from reconciler.relay.engines.rtmp import RtmpFlow
from reconciler.relay.engines.rtp import RtpFlow
from reconciler.relay.engines.rtsp import RtspFlow
from reconciler.relay.engines.srt import SrtFlow
from reconciler.relay.engines.words import ends_of, not_carried, waiting
from reconciler.relay.media import (
    EndHealth,
    EndId,
    FlowMedia,
    InputMedia,
    NotCarried,
    OutputMedia,
    RtmpIngest,
    RtmpPull,
    RtpReceive,
    RtspPull,
    SrtEnd,
)
from reconciler.relay.reach import ANYWHERE, Reach

log: Final = structlog.get_logger()

FOLDER: Final = "media"
"""Below the state directory: a folder for each flow that is carried."""

LOOK_S: Final = 1.0
"""Between two looks at a flow: an engine that died is noticed, and its figures are read."""


class FlowEngine(Protocol):
    """Carries one flow."""

    async def converge(self, flow: FlowMedia) -> None:
        """Make it carry this flow so; what cannot be started now is tried again at a later call."""
        ...

    async def sample(self) -> None:
        """Learn how the ends are doing."""
        ...

    def health(self) -> Mapping[EndId, EndHealth]:
        """Return what was learned."""
        ...

    async def close(self) -> None:
        """End every process of the flow."""
        ...


NewEngine = Callable[[FlowMedia, FlowHome], FlowEngine]
"""Returns what is to carry a flow in its folder."""


class NoEngine:
    """A flow whose input these engines do not carry: nothing runs, and its ends say so."""

    def __init__(self) -> None:
        self._flow: FlowMedia | None = None

    async def converge(self, flow: FlowMedia) -> None:
        """Remember the flow."""
        self._flow = flow

    async def sample(self) -> None:
        """Nothing is to be learned."""

    def health(self) -> Mapping[EndId, EndHealth]:
        """Say of each end that it is not carried, or waits for an input that is."""
        if self._flow is None:
            return {}
        return {one.id: _idle(one) for one in ends_of(self._flow)}

    async def close(self) -> None:
        """Nothing runs."""
        self._flow = None


class Supervisor:
    """
    Implements `reconciler.relay.media.Media` with real engines.

    Each flow has engines, and a folder below `state`, of its own. Engines outlive us when we are killed: those of flows
    that run on are adopted by the next `carry`, and `start` ends those of all others.
    """

    def __init__(self, *, state: Path, reach: Reach = ANYWHERE, new_engine: NewEngine | None = None) -> None:
        self.state: Final = state
        self._new_engine: NewEngine = new_engine or (lambda flow, home: engine_for(flow, home, reach))
        # Engines work in folders of their own, where a path relative to ours would mean another place.
        self._state = state.absolute() / FOLDER
        self._user = engine_user()
        self._keepers: dict[str, _Keeper] = {}

    async def start(self, running: Collection[str] = ()) -> None:
        """End what an earlier run left of flows other than those that run, and remove their folders."""
        self._state.mkdir(mode=0o700, parents=True, exist_ok=True)
        await end_left_over(self._state, kept={_folder_name(flow_id) for flow_id in running})

    async def carry(self, flow: FlowMedia) -> None:
        """Make the engines carry this flow so; an end that cannot start reports it in `health` and is retried."""
        self._state.mkdir(mode=0o700, parents=True, exist_ok=True)
        keeper = self._keepers.get(flow.id)
        if keeper is None:
            keeper = self._keepers[flow.id] = _Keeper(self._home(flow.id), self._new_engine)
        await keeper.carry(flow)

    async def drop(self, flow_id: str) -> None:
        """End everything of this flow; unknown flows are fine."""
        keeper = self._keepers.get(flow_id)
        if keeper is not None:
            await keeper.close()
            del self._keepers[flow_id]
        else:
            await end_engines(self._home(flow_id).records)

    async def health(self, flow_id: str) -> Mapping[EndId, EndHealth]:
        """Return the health of each end of a carried flow; empty for a flow that is not carried."""
        keeper = self._keepers.get(flow_id)
        return {} if keeper is None else keeper.health()

    async def close(self) -> None:
        """End every engine and leave no process behind."""
        # All of them, whatever becomes of one.
        ended = await asyncio.gather(*(self.drop(flow_id) for flow_id in list(self._keepers)), return_exceptions=True)
        for error in ended:
            if isinstance(error, BaseException):
                raise error

    def _home(self, flow_id: str) -> FlowHome:
        return FlowHome(self._state / _folder_name(flow_id), self._user)


class _Keeper:
    """One flow's engine, and the task that looks after it."""

    def __init__(self, home: FlowHome, new_engine: NewEngine) -> None:
        self._home = home
        self._new_engine = new_engine
        self._engine: FlowEngine | None = None
        self._flow: FlowMedia | None = None
        self._lock = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def carry(self, flow: FlowMedia) -> None:
        async with self._lock:
            kind = _kind_of(flow)
            if self._engine is not None and self._flow is not None and _kind_of(self._flow) != kind:
                await self._engine.close()
                self._engine = None
            self._flow = flow
            if self._engine is None:
                await self._make_home(kind)
                self._engine = self._new_engine(flow, self._home)
            await self._engine.converge(flow)
        if self._task is None:
            self._task = asyncio.create_task(self._look_after())

    async def _make_home(self, kind: str) -> None:
        """Make the folder; engines of another kind that an earlier run left there would never be adopted: they go."""
        if self._home.kind not in {"", kind}:
            await end_engines(self._home.records)
        self._home.make(kind)

    async def _look_after(self) -> None:
        while True:
            try:
                await self._look()
            except Exception as error:  # noqa: BLE001 -- one flow's fault must not end the care for it
                _tell(error)
            await asyncio.sleep(LOOK_S)

    async def _look(self) -> None:
        async with self._lock:
            if self._engine is not None and self._flow is not None:
                await self._engine.converge(self._flow)
                await self._engine.sample()

    def health(self) -> Mapping[EndId, EndHealth]:
        return {} if self._engine is None else self._engine.health()

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        async with self._lock:
            if self._engine is not None:
                await self._engine.close()
                self._engine = None
        self._home.remove()


def engine_for(flow: FlowMedia, home: FlowHome, reach: Reach) -> FlowEngine:
    """Return what carries a flow with such an input."""
    match flow.input.end:
        case SrtEnd():
            return SrtFlow(home, reach)
        case RtmpIngest() | RtmpPull():
            return RtmpFlow(home, reach)
        case RtpReceive():
            return RtpFlow(home, reach)
        case RtspPull():
            return RtspFlow(home, reach)
        case NotCarried():
            return NoEngine()


def _tell(error: Exception) -> None:
    """Tell of what nobody foresaw: places alone, for messages may hold what is secret."""
    places = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
    log.error("relay.look_failed", kind=type(error).__name__, places=places[-5:])


def left_over(state: Path) -> int:
    """Return how many engines an earlier run left below `state` that are still alive."""
    return sum(is_alive(identity) for home in _folders(state) for identity in _identities(home))


async def end_left_over(state: Path, *, kept: Collection[str] = ()) -> int:
    """End the engines that an earlier run left below `state`, but for those in folders kept; return how many."""
    return sum([await end_engines(home) for home in _folders(state) if home.name not in kept])


async def end_engines(records: Path) -> int:
    """End the engines of one flow, each known for certain, and remove its folder; return how many there were."""
    ended = sum([await end(identity, home=records) for identity in _identities(records)])
    shutil.rmtree(records, ignore_errors=True)
    return ended


def _folders(state: Path) -> list[Path]:
    return sorted(state.glob("flow-*"))


def _identities(records: Path) -> list[Identity]:
    found = (load(path) for path in sorted(records.glob("*.identity")))
    return [identity for identity in found if identity is not None]


def _folder_name(flow_id: str) -> str:
    return f"flow-{quote(flow_id, safe='')}"


def _kind_of(flow: FlowMedia) -> str:
    """Return which engines carry a flow: RTMP inputs of both kinds are served alike."""
    match flow.input.end:
        case RtmpIngest() | RtmpPull():
            return "rtmp"
        case source:
            return type(source).__name__


def _idle(one: InputMedia | OutputMedia) -> EndHealth:
    return not_carried(one.end) if isinstance(one.end, NotCarried) else waiting("the input of this flow is not carried")
