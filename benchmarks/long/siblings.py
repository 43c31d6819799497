"""
One receiver kept at each kind of output, while everything is done to the outputs beside it.

Each family of rows has two flows that are alike. In one of them siblings are added, edited, deleted, starved, given a
wrong passphrase and killed all the while; nobody touches the other. Both have a receiver at each kept output. What a
kept receiver and its control see at the same moment is the machine's doing, and reported apart.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Final

from rich.table import Table

from benchmarks.long.disturbing import Disturbance, disturbances
from benchmarks.long.families import FAMILIES, Family
from benchmarks.stage.account import Account
from benchmarks.stage.publishing import published
from benchmarks.stage.relay import StagedRelay, StageError
from benchmarks.stage.terminal import console, say
from reconciler.media.far_ends import probe_source
from reconciler.media.probe import Receiver
from reconciler.media.rtmp_server import RtmpServers

_SETTLE_S: Final = 60.0
_SETTLED_FRAMES: Final = 25
_LOOK_S: Final = 0.25
_SAME_MOMENT_S: Final = 2.0
_TOUCHED, _UNTOUCHED = "touched", "control"


@dataclass(slots=True)
class Watch:
    """One kept receiver, and when it saw something."""

    family: str
    output: str
    flow: str
    receiver: Receiver
    since_frames: int = 0
    since_discontinuities: int = 0
    since_connections: int = 0
    moments_s: list[float] = field(default_factory=list)

    def begin(self) -> None:
        """Count from now on."""
        now = self.receiver.reception
        self.since_frames, self.since_connections = now.frames, now.connections
        self.since_discontinuities = now.discontinuities

    def look(self) -> None:
        """Note the moment where something new was seen."""
        now = self.receiver.reception
        seen = now.discontinuities - self.since_discontinuities + now.connections - self.since_connections
        self.moments_s.extend([time.monotonic()] * (seen - len(self.moments_s)))


@dataclass(slots=True)
class Line:
    """What came of one kept output."""

    family: str
    output: str
    frames: int
    control_frames: int
    alone: int
    """Discontinuities and lost connections that the control did not see at the same moment."""
    both: int
    control: int


def show(*, seconds: float, only: Sequence[str] = ()) -> bool:
    """Run the show, print its table, and return whether no kept receiver saw anything that its control did not."""
    families = [family for family in FAMILIES if not only or family.name.lower() in {word.lower() for word in only}]
    return asyncio.run(_run(families, seconds))


async def _run(families: Sequence[Family], seconds: float) -> bool:
    lines: list[Line] = []
    done: dict[str, Disturbance] = {}
    for family in families:
        say(f"{family.name}: begins")
        found, did = await _one(family, seconds)
        lines += found
        done[family.name] = did
    say("")
    return _report(lines, done, seconds)


async def _one(family: Family, seconds: float) -> tuple[list[Line], Disturbance]:
    servers = RtmpServers()
    async with StagedRelay() as relay, AsyncExitStack() as stack:
        account = Account(relay)
        for name in (_TOUCHED, _UNTOUCHED):
            await account.running(name, family.source(name), family.kept(name))
        watches: list[Watch] = []
        found = await relay.flows()
        for name, flow in found.items():
            await stack.enter_async_context(published(flow))
            for output in flow.outputs:
                receiver = await stack.enter_async_context(Receiver(probe_source(output), servers=servers))
                watches.append(Watch(family.name, output.live_name, name, receiver))
        await _settled(watches, relay)
        for watch in watches:
            watch.begin()
        until_s = time.monotonic() + seconds
        looking = asyncio.create_task(_look(watches))
        did = Disturbance(relay=relay, account=account, flow_id=found[_TOUCHED].id)
        await _disturb(family, did, until_s)
        looking.cancel()
        await asyncio.wait({looking})
        for watch in watches:
            watch.look()
        return _lines(watches), did


async def _settled(watches: Sequence[Watch], relay: StagedRelay) -> None:
    until_s = time.monotonic() + _SETTLE_S
    while missing := [watch for watch in watches if watch.receiver.reception.frames < _SETTLED_FRAMES]:
        if time.monotonic() > until_s:
            why = "\n".join(f"{one.flow}/{one.output}: {one.receiver.reception.last_error}" for one in missing)
            raise StageError(f"not everybody receives:\n{why}\n{relay.said()}")
        await asyncio.sleep(_LOOK_S)


async def _look(watches: Sequence[Watch]) -> None:
    while True:
        for watch in watches:
            watch.look()
        await asyncio.sleep(_LOOK_S)


async def _disturb(family: Family, did: Disturbance, until_s: float) -> None:
    """Do what can be done to siblings of this family, one thing after the other, until the time is over."""
    wanted: list[Callable[[Disturbance], Awaitable[None]]] = disturbances(family.name)
    async with contextlib.AsyncExitStack() as stack:
        did.stack = stack
        turn = 0
        while time.monotonic() < until_s:
            await wanted[turn % len(wanted)](did)
            turn += 1
            say(f"{family.name}: {did.summary()}, {max(0.0, until_s - time.monotonic()):.0f} s to go")


def _lines(watches: Sequence[Watch]) -> list[Line]:
    controls = {watch.output: watch for watch in watches if watch.flow == _UNTOUCHED}
    return [compared(watch, controls[watch.output]) for watch in watches if watch.flow == _TOUCHED]


def compared(watch: Watch, control: Watch) -> Line:
    """Return what a kept receiver saw, and what of it its control saw too."""
    both = sum(any(abs(at - other) <= _SAME_MOMENT_S for other in control.moments_s) for at in watch.moments_s)
    return Line(
        family=watch.family,
        output=watch.output,
        frames=watch.receiver.reception.frames - watch.since_frames,
        control_frames=control.receiver.reception.frames - control.since_frames,
        alone=len(watch.moments_s) - both,
        both=both,
        control=len(control.moments_s),
    )


def _report(lines: Sequence[Line], done: dict[str, Disturbance], seconds: float) -> bool:
    shown = console()
    table = Table(title=f"Kept receivers, {seconds:.0f} s a family, siblings disturbed", title_justify="left")
    for heading in ("flow", "kept output"):
        table.add_column(heading, no_wrap=True)
    for heading in ("frames", "of the control", "discontinuities", "seen by both", "by the control"):
        table.add_column(heading, justify="right", no_wrap=True)
    for line in lines:
        figures = (line.frames, line.control_frames, line.alone, line.both, line.control)
        table.add_row(line.family, line.output, *map(str, figures))
    shown.print(table)
    for name, did in done.items():
        shown.print(f"done to siblings of {name}: {did.summary()}")
    return all(line.frames > 0 and line.alone == 0 for line in lines)
