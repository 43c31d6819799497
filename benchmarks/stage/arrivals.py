"""When frames arrived at a receiver: what a gap is measured from."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from itertools import chain, pairwise
from typing import Final

from benchmarks.stage.far_rtmp import FarRtmp, serving
from benchmarks.stage.relay import StageError, until_there
from reconciler.media.probe import ProbeSource, Receiver, Reception
from reconciler.media.rtmp_server import RtmpServers

LOOK_S: Final = 0.02
"""Between two looks at a server that tells nobody."""
PATIENCE_S: Final = 60.0
"""How long frames may be waited for."""


class Arrivals:
    """A receiver, and the moment at which each of its frames arrived."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self.moments_s: Final[list[float]] = []

    @property
    def reception(self) -> Reception:
        """What has arrived so far."""
        return self._receiver.reception

    async def note(self) -> None:
        """Note moments until cancelled."""
        while True:
            self._take(await self._receiver.frames(len(self.moments_s) + 1))

    async def more(self, count: int) -> Reception:
        """
        Return what has arrived once so many more frames have.

        Raises:
            StageError: they have not within a minute.

        """
        wanted = self.reception.frames + count
        try:
            async with asyncio.timeout(PATIENCE_S):
                return self._take(await self._receiver.frames(wanted))
        except TimeoutError:
            now = self.reception
            raise StageError(f"{now.frames} of {wanted} frames have come: {now.last_error or now.state}") from None

    def _take(self, reception: Reception) -> Reception:
        self.moments_s.extend([time.monotonic()] * (reception.frames - len(self.moments_s)))
        return reception


@asynccontextmanager
async def arriving(source: ProbeSource, *, servers: RtmpServers | None = None) -> AsyncIterator[Arrivals]:
    """Receive meanwhile."""
    async with Receiver(source, servers=servers) as receiver:
        arrivals = Arrivals(receiver)
        noting = asyncio.create_task(arrivals.note())
        try:
            yield arrivals
        finally:
            noting.cancel()
            await asyncio.wait({noting})


class Growth:
    """A stream at a plain RTMP server, and the moments at which more of it had come."""

    def __init__(self, far: FarRtmp, key: str) -> None:
        self._far = far
        self._key = key
        self.moments_s: Final[list[float]] = []

    async def note(self) -> None:
        """Note moments until cancelled."""
        before = 0
        while True:
            await self._far.look()
            if (now := self._far.came(self._key)) != before:
                before = now
                self.moments_s.append(time.monotonic())
            await asyncio.sleep(LOOK_S)

    async def more(self, count: int) -> None:
        """
        Return once it has grown so many more times.

        Raises:
            StageError: it has not within a minute.

        """
        wanted = len(self.moments_s) + count

        async def look() -> bool | None:
            return len(self.moments_s) >= wanted or None

        await until_there(look, "a stream at the RTMP server")


@asynccontextmanager
async def growing(port: int, key: str) -> AsyncIterator[Growth]:
    """Serve RTMP meanwhile, and note when more of a stream comes."""
    async with serving(port) as far:
        growth = Growth(far, key)
        noting = asyncio.create_task(growth.note())
        try:
            yield growth
        finally:
            noting.cancel()
            await asyncio.wait({noting})


def longest_pause_s(*lists: Iterable[float], since_s: float) -> float:
    """Return the longest time in which none of these receivers got a frame, after a moment."""
    merged = sorted(moment for moment in chain.from_iterable(lists) if moment >= since_s)
    return max((later - earlier for earlier, later in pairwise(merged)), default=0.0)
