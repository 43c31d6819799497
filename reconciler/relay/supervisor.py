"""Keeps the engines of every flow as the control plane asks; the relay's `Media`."""

import asyncio
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import quote

from reconciler.media.hooks import HookServer
from reconciler.media.processes import Identity, end, load
from reconciler.relay.engines.rtmp import RtmpFlow
from reconciler.relay.engines.srt import SrtFlow
from reconciler.relay.engines.words import ends_of, not_carried, waiting
from reconciler.relay.media import EndHealth, EndId, FlowMedia, InputMedia, NotCarried, OutputMedia, RtmpIngest, SrtEnd

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

    Each flow has engines, and a folder below `state`, of its own. Engines that an earlier run left there are ended when
    the first flow is carried, or by `start`.
    """

    def __init__(self, *, state: Path) -> None:
        # Engines work in folders of their own, where a path relative to ours would mean another place.
        self._state = state.absolute() / "media"
        self._hooks = HookServer()
        self._keepers: dict[str, _Keeper] = {}
        self._starting = asyncio.Lock()
        self._started = False

    async def start(self) -> None:
        """End what an earlier run left, and be ready; a second start is nothing."""
        async with self._starting:
            if not self._started:
                self._state.mkdir(mode=0o700, parents=True, exist_ok=True)
                await end_left_over(self._state)
                await self._hooks.start()
                self._started = True

    async def carry(self, flow: FlowMedia) -> None:
        """Make the engines carry this flow so; an end that cannot start reports it in `health` and is retried."""
        await self.start()
        keeper = self._keepers.get(flow.id)
        if keeper is None:
            keeper = self._keepers[flow.id] = _Keeper(self._state / f"flow-{quote(flow.id, safe='')}", self._hooks)
        await keeper.carry(flow)

    async def drop(self, flow_id: str) -> None:
        """End everything of this flow; unknown flows are fine."""
        keeper = self._keepers.get(flow_id)
        if keeper is not None:
            await keeper.close()
            del self._keepers[flow_id]

    async def health(self, flow_id: str) -> Mapping[EndId, EndHealth]:
        """Return the health of each end of a carried flow; empty for a flow that is not carried."""
        keeper = self._keepers.get(flow_id)
        return {} if keeper is None else keeper.health()

    async def close(self) -> None:
        """End every engine and leave no process behind."""
        await asyncio.gather(*(self.drop(flow_id) for flow_id in list(self._keepers)))
        await self._hooks.close()
        self._started = False


class _Keeper:
    """One flow's engine, and the task that looks after it."""

    def __init__(self, home: Path, hooks: HookServer) -> None:
        self._home = home
        self._hooks = hooks
        self._engine: FlowEngine | None = None
        self._flow: FlowMedia | None = None
        self._lock = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def carry(self, flow: FlowMedia) -> None:
        async with self._lock:
            if self._engine is not None and self._flow is not None and _kind(self._flow) is not _kind(flow):
                await self._engine.close()
                self._engine = None
            self._flow = flow
            if self._engine is None:
                self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._engine = self._new_engine(flow)
            await self._engine.converge(flow)
        if self._task is None:
            self._task = asyncio.create_task(self._look_after())

    def _new_engine(self, flow: FlowMedia) -> FlowEngine:
        match flow.input.end:
            case SrtEnd():
                return SrtFlow(self._home)
            case RtmpIngest():
                return RtmpFlow(self._home, self._hooks)
            case NotCarried():
                return NoEngine()

    async def _look_after(self) -> None:
        while True:
            async with self._lock:
                if self._engine is not None and self._flow is not None:
                    await self._engine.converge(self._flow)
                    await self._engine.sample()
            await asyncio.sleep(LOOK_S)

    def health(self) -> Mapping[EndId, EndHealth]:
        self._raise_if_broken()
        return {} if self._engine is None else self._engine.health()

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        async with self._lock:
            if self._engine is not None:
                await self._engine.close()
                self._engine = None
        shutil.rmtree(self._home, ignore_errors=True)
        self._raise_if_broken()

    def _raise_if_broken(self) -> None:
        """Let nobody believe that a flow is looked after when a fault of ours has ended that."""
        if self._task is not None and self._task.done() and not self._task.cancelled():
            self._task.result()


async def end_left_over(state: Path) -> None:
    """End the engines that an earlier run left, each known for certain, and remove their folders."""
    homes = _folders(state)
    for home in homes:
        for identity in _identities(home):
            await end(identity, home=home)
        shutil.rmtree(home, ignore_errors=True)


def _folders(state: Path) -> list[Path]:
    return sorted(state.glob("flow-*"))


def _identities(home: Path) -> list[Identity]:
    found = (load(path) for path in sorted(home.glob("*.identity")))
    return [identity for identity in found if identity is not None]


def _kind(flow: FlowMedia) -> type:
    return type(flow.input.end)


def _idle(one: InputMedia | OutputMedia) -> EndHealth:
    return not_carried(one.end) if isinstance(one.end, NotCarried) else waiting("the input of this flow is not carried")
