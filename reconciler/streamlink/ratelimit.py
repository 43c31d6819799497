"""Rate limits: so many calls a second of each action, as the service counts them, and fair between those who wait."""

import asyncio
import heapq
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from reconciler.ports.clock import Clock

LIMIT_PER_S: Final = 20
"""Calls of one action that the service takes within any second. Source: StreamLink API, default of every action."""
DEFAULT_RATE_PER_S: Final = 15.0
"""Of those, so that people's consoles keep their share."""
DEFAULT_BURST: Final = 5
"""Calls that an idle action may make at once."""
_WINDOW_S: Final = 1.0
_WHOLE: Final = 1 - 1e-9
"""A token but for what floats lose, or the last wait would be too short to move any clock."""
_REMEMBERED: Final = 100
"""Calls whose duration says how long the way to the service is, at least."""
_ENOUGH: Final = 20
"""Of those, before they are believed."""
_UNSURE_S: Final = 0.005
"""How far the shortest duration may lie above the shortest ways there and back together: so far, or half of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast one action may be called."""

    rate_per_s: float = DEFAULT_RATE_PER_S
    """Calls a second in the long run."""
    burst: int = DEFAULT_BURST
    """Calls that may leave at once after a rest, and that a call which was held up may be behind."""
    limit_per_s: int = LIMIT_PER_S
    """Calls within any second that the service takes; whoever sets a faster rate knows of a higher one."""

    @property
    def most_per_s(self) -> int:
        """Return how many calls may reach the service within any second."""
        return max(self.limit_per_s, int(self.rate_per_s))


class TokenBucket:
    """
    Lets `rate_per_s` calls a second pass, and `burst` at once after a rest; never more than both in any second.

    Tokens are counted when a call leaves, not when it queues, so a stalled event loop does not let a backlog through.
    """

    def __init__(self, clock: Clock, *, rate_per_s: float, burst: int) -> None:
        self._clock = clock
        self._rate_per_s = rate_per_s
        self._burst = float(burst)
        self._tokens = float(burst)
        self._counted_at_s = clock.monotonic_s()

    async def take(self) -> None:
        """Wait for a token, and take it; one caller at a time."""
        self._count()
        while self._tokens < _WHOLE:
            await self._clock.sleep((1 - self._tokens) / self._rate_per_s)
            self._count()
        self._tokens -= 1

    def _count(self) -> None:
        now_s = self._clock.monotonic_s()
        self._tokens = min(self._burst, self._tokens + (now_s - self._counted_at_s) * self._rate_per_s)
        self._counted_at_s = now_s


class Window:
    """
    Bounds the calls that the service can have counted within any second, however the network bunches them.

    The service counts a call somewhere between its departure and its answer. So a call has a place until a second
    after its answer, less the shortest way there and back that was seen: whoever takes the place then arrives a second
    later, and not a moment less. A network without jitter costs nothing; with it the rate falls by as much as the
    order of arrivals is uncertain.
    """

    def __init__(self, clock: Clock, *, most: int) -> None:
        self._clock = clock
        self._most = most
        self._under_way = 0
        self._free_at_s: list[float] = []
        self._took_s: deque[float] = deque(maxlen=_REMEMBERED)
        self._freed = asyncio.Event()

    async def enter(self) -> None:
        """Wait for a place, and take it; one caller at a time."""
        while True:
            self._freed.clear()
            now_s = self._clock.monotonic_s()
            while self._free_at_s and self._free_at_s[0] <= now_s:
                heapq.heappop(self._free_at_s)
            if self._under_way + len(self._free_at_s) < self._most:
                break
            # Where every place is of a call that is under way, the next answer says more.
            pause_s = self._free_at_s[0] - now_s if self._free_at_s else _WINDOW_S
            await self._clock.wait(self._freed, pause_s)
        self._under_way += 1

    def leave(self, *, left_at_s: float) -> None:
        """Give the place back: the call that left then has ended, well or not."""
        now_s = self._clock.monotonic_s()
        self._took_s.append(now_s - left_at_s)
        self._under_way -= 1
        sure_s = self._shortest_way_s()
        heapq.heappush(self._free_at_s, now_s + _WINDOW_S - sure_s)
        self._freed.set()

    def _shortest_way_s(self) -> float:
        """Return what every call takes at least, there and back; nothing, as long as too few have told."""
        if len(self._took_s) < _ENOUGH:
            return 0.0
        shortest_s = min(self._took_s)
        return max(shortest_s / 2, shortest_s - _UNSURE_S)


class _Gate:
    """What calls of one action pass: first come, first served, behind one lock that asyncio hands on in order."""

    def __init__(self, clock: Clock, pace: Pace) -> None:
        self._turn = asyncio.Lock()
        self._bucket = TokenBucket(clock, rate_per_s=pace.rate_per_s, burst=pace.burst)
        self.window: Final = Window(clock, most=pace.most_per_s)

    async def enter(self) -> None:
        async with self._turn:
            await self._bucket.take()
            await self.window.enter()


class RateLimiter:
    """A gate for each action of one account; whoever calls the account from this process passes the same."""

    def __init__(self, clock: Clock, pace: Pace) -> None:
        self._clock = clock
        self._pace = pace
        self._gates: dict[str, _Gate] = {}

    @asynccontextmanager
    async def turn(self, action: str) -> AsyncIterator[float]:
        """Wait until the action may be called, and lend the time for the call; the value is the seconds waited."""
        gate = self._gates.get(action)
        if gate is None:
            gate = self._gates[action] = _Gate(self._clock, self._pace)
        asked_at_s = self._clock.monotonic_s()
        await gate.enter()
        left_at_s = self._clock.monotonic_s()
        try:
            yield left_at_s - asked_at_s
        finally:
            gate.window.leave(left_at_s=left_at_s)
