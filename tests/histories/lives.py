"""Lives of a reconciler: each may end at any moment, and leaves the relay and the journal behind."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from reconciler.ports.clock import Clock
from reconciler.ports.journal import Intent, Journal, Note, Noted, Settled, Step, Written

_OTHER: Final = ("Describe", "waiting", "pause")
"""What the names of points say that are around no write."""


class KilledError(BaseException):
    """The process is dead: nothing that was to be tidied up is."""


@dataclass(slots=True)
class Life:
    """One process; it ends when it has come to its last point."""

    points_left: int
    only_writes: bool = False
    """Whether only points around writes count: there are far fewer of them."""
    is_cancelled: bool = False
    """Whether it is asked to end instead, and may tidy up."""
    task: "asyncio.Task[object] | None" = None
    """What is cancelled."""
    died_at: str = ""
    """Which point was the last."""
    passed: int = 0

    def point(self, name: str) -> None:
        """Go on, or die."""
        if self.died_at and not self.is_cancelled:
            raise KilledError(self.died_at)
        self.passed += 1
        if self.only_writes and any(word in name for word in _OTHER):
            return
        self.points_left -= 1
        if self.points_left == 0:
            self.died_at = name
            if not self.is_cancelled:
                raise KilledError(name)
            if self.task is not None:
                self.task.cancel()


@dataclass(slots=True)
class LivingClock:
    """A clock whose owner may die whenever it waits; implements `ports.clock.Clock`."""

    clock: Clock
    life: Life

    def now(self) -> datetime:
        """Return the time of day."""
        return self.clock.now()

    def monotonic_s(self) -> float:
        """Return seconds."""
        return self.clock.monotonic_s()

    async def sleep(self, seconds: float) -> None:
        """Wait this long, or die."""
        self.life.point("before a pause")
        await self.clock.sleep(seconds)
        self.life.point("after a pause")

    async def wait(self, event: asyncio.Event, timeout_s: float) -> bool:
        """Wait for an event, or die."""
        self.life.point("before waiting")
        came = await self.clock.wait(event, timeout_s)
        self.life.point("after waiting")
        return came


@dataclass(slots=True)
class LivingJournal:
    """A journal whose writer may die before and after each word; implements `ports.journal.Journal`."""

    journal: Journal
    life: Life

    def intend(self, intent: Intent) -> int:
        """Write down an intent, or die before or after that."""
        self.life.point("before it is intended")
        number = self.journal.intend(intent)
        self.life.point("when it is intended")
        return number

    def settle(
        self, number: int, settled: Settled, *, request_id: str = "", why: str = "", duration_s: float = 0.0
    ) -> None:
        """Write down what came of it, or die before or after that."""
        self.life.point("before it is settled")
        self.journal.settle(number, settled, request_id=request_id, why=why, duration_s=duration_s)
        self.life.point("when it is settled")

    def note(self, note: Note) -> None:
        """Write down a note."""
        self.journal.note(note)

    def keep(self, steps: Sequence[Step]) -> bool:
        """Write down with what resources are in step."""
        return self.journal.keep(steps)

    def steps(self) -> tuple[Step, ...] | None:
        """Return with what resources were last in step."""
        return self.journal.steps()

    def unsettled(self) -> tuple[Written, ...]:
        """Return what is not settled."""
        return self.journal.unsettled()

    def calls(self, *, resource: str = "", limit: int = 100) -> tuple[Written, ...]:
        """Return calls."""
        return self.journal.calls(resource=resource, limit=limit)

    def notes(self, *, resource: str = "", kind: str = "", limit: int = 100) -> tuple[Noted, ...]:
        """Return notes."""
        return self.journal.notes(resource=resource, kind=kind, limit=limit)

    def close(self) -> None:
        """Do nothing: the file outlives who writes it."""
