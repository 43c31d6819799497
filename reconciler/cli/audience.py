"""Everybody around the relay in the demonstration: a signal at each input that waits, a receiver at each output."""

import asyncio
import contextlib
from collections.abc import Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from reconciler.domain.errors import UsageError
from reconciler.domain.model import FoundFlow, FoundOutput, OutputKey, Region, Srt
from reconciler.media.far_ends import probe_source, signal_target
from reconciler.media.probe import ProbeSource, Receiver, Reception
from reconciler.media.rtmp_server import RtmpServers
from reconciler.media.signal import SignalTarget, publish
from reconciler.ports.backend import Backend, EndStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One output as the demonstration shows it."""

    key: OutputKey
    protocol: str
    state: str
    """What the backend says of it."""
    reception: Reception
    """What the receiver at its far end counted."""
    trouble: str = ""
    """Why it has no receiver, in words."""


@dataclass(slots=True)
class _Signal:
    target: SignalTarget
    task: asyncio.Task[None]


@dataclass(slots=True)
class _Seat:
    source: ProbeSource | None
    receiver: Receiver | None
    close: AsyncExitStack = field(default_factory=AsyncExitStack)
    trouble: str = ""


class Audience:
    """Publishes and receives, within `async with`; `follow` brings it up to what the backend has now."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._servers = RtmpServers()
        self._signals: dict[str, _Signal] = {}
        self._seats: dict[OutputKey, _Seat] = {}
        self._outputs: dict[OutputKey, FoundOutput] = {}
        self._said: dict[str, EndStatus] = {}

    async def __aenter__(self) -> Self:
        """Begin with nobody."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End every sender and receiver."""
        seats, self._seats = list(self._seats.values()), {}
        silenced = [self._silence(flow_id) for flow_id in list(self._signals)]
        # All at once: each waits for its programs to end, and somebody waits for all of them at Ctrl-C.
        await asyncio.gather(*silenced, *(seat.close.aclose() for seat in seats))

    async def follow(self, regions: Iterable[Region]) -> None:
        """Look at the backend; start and end senders and receivers so that they fit what it has."""
        flows = [flow for region in regions for flow in await self._backend.observe(region) if flow.mark is not None]
        self._said = {}
        for flow in flows:
            for end in await self._backend.status(flow.region, flow.id):
                self._said[end.id] = end
        await self._follow_inputs(flows)
        await self._follow_outputs(flows)

    def rows(self) -> tuple[Row, ...]:
        """Return every output with what its receiver has counted so far."""
        return tuple(self._row(key) for key in sorted(self._outputs))

    def _row(self, key: OutputKey) -> Row:
        output, seat = self._outputs[key], self._seats.get(key)
        said = self._said.get(output.id)
        receiver = None if seat is None else seat.receiver
        return Row(
            key=key,
            protocol=_protocol(output),
            state="" if said is None else said.state,
            reception=Reception() if receiver is None else receiver.reception,
            trouble="" if seat is None else seat.trouble,
        )

    async def _follow_inputs(self, flows: list[FoundFlow]) -> None:
        wanted: dict[str, SignalTarget] = {}
        for flow in flows:
            # An input that a real encoder feeds, or that pulls from elsewhere, is left alone.
            with contextlib.suppress(UsageError):
                target = signal_target(flow)
                if flow.id in self._signals or self._waits(flow):
                    wanted[flow.id] = target
        for flow_id, signal in list(self._signals.items()):
            if wanted.get(flow_id) != signal.target:
                await self._silence(flow_id)
        for flow_id in wanted.keys() - self._signals.keys():
            task = asyncio.create_task(publish(wanted[flow_id], stop=asyncio.Event(), servers=self._servers))
            self._signals[flow_id] = _Signal(target=wanted[flow_id], task=task)

    def _waits(self, flow: FoundFlow) -> bool:
        ids = {output.id for output in flow.outputs}
        return any(end.is_input and end.state == "Waiting" for end in self._said.values() if end.id not in ids)

    async def _silence(self, flow_id: str) -> None:
        task = self._signals.pop(flow_id).task
        task.cancel()
        await asyncio.wait({task})

    async def _follow_outputs(self, flows: list[FoundFlow]) -> None:
        self._outputs = {
            OutputKey(flow.mark.name, output.mark.name): output
            for flow in flows
            for output in flow.outputs
            if flow.mark is not None and output.mark is not None
        }
        seats = {key: _seat(output) for key, output in self._outputs.items()}
        for key, seat in list(self._seats.items()):
            if key not in seats or seats[key].source != seat.source:
                await self._seats.pop(key).close.aclose()
        for key in seats.keys() - self._seats.keys():
            seat = seats[key]
            if seat.source is not None:
                seat.receiver = await seat.close.enter_async_context(Receiver(seat.source, servers=self._servers))
            self._seats[key] = seat


def _seat(output: FoundOutput) -> _Seat:
    try:
        return _Seat(source=probe_source(output), receiver=None)
    except UsageError as error:
        return _Seat(source=None, receiver=None, trouble=str(error))


def _protocol(output: FoundOutput) -> str:
    if output.spec is None:
        return "?"
    settings = output.spec.settings
    return f"{output.spec.protocol} {settings.mode}" if isinstance(settings, Srt) else str(output.spec.protocol)
