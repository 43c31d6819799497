"""
What changes on the board, as server-sent events: numbered, so that whoever was away for a moment misses nothing.

One listener on the board writes a ring that all streams read, each at its own pace: a slow reader costs its place in
the ring and nothing else, and is told when that is lost.
"""

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import AsyncIterator, Iterable
from typing import Final

from reconciler.domain.conditions import Transition
from reconciler.ports.clock import Clock
from reconciler.ports.status import Board, LaggedError
from reconciler.service import views

KEPT: Final = 1024
"""Transitions in the ring."""
HEARTBEAT_S: Final = 15.0
"""Between two signs of life on a stream that is silent: proxies close what is silent for a minute."""
_RETRY_MS: Final = 3000
"""How long a browser waits before it comes again."""


class Feed:
    """Follows the board; `run` it as one task, and give each client a `stream`."""

    def __init__(self, board: Board, clock: Clock) -> None:
        self._board = board
        self._clock = clock
        # Of this process: numbers of one before mean other transitions.
        self._era = f"{round(board.vitals().started_at.timestamp() * 1000):x}"
        self._ring: deque[str] = deque(maxlen=KEPT)
        self._next = 0
        self._news = asyncio.Event()
        self._closing = False

    async def run(self) -> None:
        """Listen until cancelled."""
        while True:
            # Whoever has lagged begins anew: what he listened to has nothing to say any more.
            with self._board.follow() as subscription, contextlib.suppress(LaggedError):
                while True:
                    self._keep(await subscription.next())
            # Nobody knows what is missing, so every stream has a gap here.
            self._ring.clear()
            self._next += 1
            self._wake()
            # A board that lags from the start must not keep the loop.
            await asyncio.sleep(0)

    def close(self) -> None:
        """End every stream."""
        self._closing = True
        self._wake()

    async def stream(self, last_id: str) -> AsyncIterator[str]:
        """Yield events from now on, or after the one that a client saw last; it ends where the client has lost some."""
        # Before anything else, so that nothing which happens after this moment is missed.
        position, is_known = self._position_after(last_id)
        yield f"retry: {_RETRY_MS}\n\n"
        while is_known and not self._closing:
            first = self._next - len(self._ring)
            if position < first:
                break
            if position < self._next:
                yield self._event("transition", position + 1, self._ring[position - first])
                position += 1
            elif not await self._clock.wait(self._news, HEARTBEAT_S):
                yield ": still here\n\n"
        if not self._closing:
            # With an id, so that whoever comes again goes on from now and is not told the same once more.
            yield self._event("lagged", self._next, '{"detail": "Some were missed: read /api/v1/resources anew."}')

    def _keep(self, transitions: Iterable[Transition]) -> None:
        for each in transitions:
            self._ring.append(json.dumps(views.transition(each)))
            self._next += 1
        self._wake()

    def _event(self, kind: str, after: int, text: str) -> str:
        # The id is where whoever has read this goes on.
        return f"id: {self._era}-{after}\nevent: {kind}\ndata: {text}\n\n"

    def _position_after(self, last_id: str) -> tuple[int, bool]:
        era, _, number = last_id.rpartition("-")
        if not last_id:
            return self._next, True
        is_ours = era == self._era and number.isascii() and number.isdigit() and int(number) <= self._next
        return (int(number), True) if is_ours else (self._next, False)

    def _wake(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()
