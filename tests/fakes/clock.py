"""A clock that moves only when it is told to, or as far as somebody sleeps."""

import asyncio
import heapq
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Final

_EPOCH: Final = datetime(2026, 1, 1, tzinfo=UTC)


class FakeClock:
    """
    Implements `ports.clock.Clock` without waiting.

    By default a sleep moves the time to its end at once. With `auto=False` sleepers wait until `advance` reaches them.
    Sleepers wake in the order of their deadlines, each at its own time.
    """

    def __init__(self, *, auto: bool = True, start: datetime = _EPOCH) -> None:
        self._auto = auto
        self._start = start
        self._elapsed_s = 0.0
        self._order = count()
        self._sleepers: list[tuple[float, int, asyncio.Event]] = []
        self.slept_s: list[float] = []
        """Every sleep asked for, in order."""

    def now(self) -> datetime:
        """Return the time of day."""
        return self._start + timedelta(seconds=self._elapsed_s)

    def monotonic_s(self) -> float:
        """Return seconds since this clock was made."""
        return self._elapsed_s

    @property
    def sleepers(self) -> int:
        """Return how many wait for `advance`."""
        return len(self._sleepers)

    async def sleep(self, seconds: float) -> None:
        """Wait until the time has moved this far."""
        self.slept_s.append(seconds)
        if self._auto:
            self._elapsed_s += max(0.0, seconds)
            await asyncio.sleep(0)
            return
        await self._wake_at(self._elapsed_s + max(0.0, seconds)).wait()

    async def wait(self, event: asyncio.Event, timeout_s: float) -> bool:
        """Wait for the event or the time-out, whichever this clock brings first."""
        if event.is_set():
            return True
        if self._auto:
            await asyncio.sleep(0)
            if not event.is_set():
                self._elapsed_s += max(0.0, timeout_s)
                await asyncio.sleep(0)
            return event.is_set()
        alarm = self._wake_at(self._elapsed_s + max(0.0, timeout_s))
        waiters = [asyncio.ensure_future(event.wait()), asyncio.ensure_future(alarm.wait())]
        try:
            await asyncio.wait(waiters, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for waiter in waiters:
                waiter.cancel()
            self._sleepers = [sleeper for sleeper in self._sleepers if sleeper[2] is not alarm]
            heapq.heapify(self._sleepers)
        return event.is_set()

    async def advance(self, seconds: float) -> None:
        """Move the time, waking every sleeper on the way and letting each run before the next."""
        end_s = self._elapsed_s + seconds
        await self._settle()
        while self._sleepers and self._sleepers[0][0] <= end_s:
            due_s, _, alarm = heapq.heappop(self._sleepers)
            self._elapsed_s = max(self._elapsed_s, due_s)
            alarm.set()
            await self._settle()
        self._elapsed_s = end_s
        await self._settle()

    def _wake_at(self, due_s: float) -> asyncio.Event:
        alarm = asyncio.Event()
        heapq.heappush(self._sleepers, (due_s, next(self._order), alarm))
        return alarm

    async def _settle(self) -> None:
        """Let everything that can run now run: a few turns of the loop reach every awaiter in these tests."""
        for _ in range(20):
            await asyncio.sleep(0)
