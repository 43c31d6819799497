"""A loop at work on a clock that the test moves."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from structlog.testing import capture_logs

from reconciler.domain.safety.limits import Limits
from reconciler.engine.board import StatusBoard
from reconciler.engine.loop import Loop, Timing, Watcher
from reconciler.engine.reconcile import PassOutcome
from tests.unit.engine.worlds import Worldlet

TIMING = Timing(debounce_s=0.1, max_wait_s=2.0, rescan_s=10.0, observe_s=60.0)
Event = dict[str, Any]


@dataclass
class Running:
    """A loop at work, and what it said."""

    small: Worldlet
    loop: Loop
    task: "asyncio.Task[None]"
    passes: list[PassOutcome]
    logs: list[Event] = field(default_factory=list)

    async def pass_time(self, seconds: float) -> None:
        """Let this much time go by."""
        await self.small.clock.advance(seconds)

    async def settle(self) -> None:
        """Let time enough for the debounce go by."""
        await self.pass_time(TIMING.debounce_s)

    async def prove(self) -> None:
        """Let time enough for the debounce and for two samples go by: then what runs is known to be off air."""
        await self.pass_time(TIMING.debounce_s + Limits().sample_gap_s)

    def events(self, name: str) -> list[Event]:
        """Return the events of this name so far."""
        return [event for event in self.logs if event["event"] == name]


@asynccontextmanager
async def running(
    small: Worldlet,
    *,
    timing: Timing = TIMING,
    board: StatusBoard | None = None,
    observes: bool = False,
) -> AsyncIterator[Running]:
    """Lend a loop that has taken its first look, and stop it afterwards."""
    passes: list[PassOutcome] = []
    watcher = Watcher(jitter=lambda: 0.5, on_pass=passes.append)
    loop = Loop(small.world, timing, watcher, board=board, observes=observes)
    with capture_logs() as logs:
        task = asyncio.create_task(loop.run())
        await small.clock.advance(0)
        # The recorder keeps its own kind of mapping; the tests read plain ones.
        yield Running(small=small, loop=loop, task=task, passes=passes, logs=logs)  # type: ignore[arg-type]  # as above
        loop.stop()
        # A change that waits for its second sample ends when that was taken.
        while not task.done():
            await small.clock.advance(1)
