"""Rate limits: so many calls a second of each action, and fair between those who wait."""

import asyncio
from typing import Final

from reconciler.ports.clock import Clock

DEFAULT_RATE_PER_S: Final = 15.0
"""Of the 20 a second that the API documents for every action, so that people's consoles keep their share."""
DEFAULT_BURST: Final = 5
"""Calls that an idle action may make at once: with the rate no more than the documented 20 in any second."""
_WHOLE: Final = 1 - 1e-9
"""A token but for what floats lose, or the last wait would be too short to move any clock."""


class TokenBucket:
    """
    Lets `rate_per_s` calls a second pass, and `burst` at once after a rest; never more than both in any second.

    First come, first served: those who wait stand behind one lock, which asyncio hands on in order. Tokens are counted
    when a call leaves, not when it queues, so a stalled event loop does not let a backlog through at once.
    """

    def __init__(self, clock: Clock, *, rate_per_s: float, burst: int) -> None:
        self._clock = clock
        self._rate_per_s = rate_per_s
        self._burst = float(burst)
        self._tokens = float(burst)
        self._counted_at_s = clock.monotonic_s()
        self._turn = asyncio.Lock()

    async def take(self) -> None:
        """Wait for this caller's turn."""
        async with self._turn:
            self._count()
            while self._tokens < _WHOLE:
                await self._clock.sleep((1 - self._tokens) / self._rate_per_s)
                self._count()
            self._tokens -= 1

    def _count(self) -> None:
        now_s = self._clock.monotonic_s()
        self._tokens = min(self._burst, self._tokens + (now_s - self._counted_at_s) * self._rate_per_s)
        self._counted_at_s = now_s


class RateLimiter:
    """A bucket for each action of one account."""

    def __init__(self, clock: Clock, *, rate_per_s: float = DEFAULT_RATE_PER_S, burst: int = DEFAULT_BURST) -> None:
        self._clock = clock
        self._rate_per_s = rate_per_s
        self._burst = burst
        self._buckets: dict[str, TokenBucket] = {}

    async def take(self, action: str) -> None:
        """Wait until the action may be called."""
        bucket = self._buckets.get(action)
        if bucket is None:
            bucket = TokenBucket(self._clock, rate_per_s=self._rate_per_s, burst=self._burst)
            self._buckets[action] = bucket
        await bucket.take()
