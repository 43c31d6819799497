"""Receivers that cost little, so that many fit on one machine; none of them shares a line with the relay."""

import asyncio
import contextlib
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final

from reconciler.media.ts import ContinuityCounter

_PIECE_BYTES: Final = 1 << 16


@dataclass(slots=True)
class Received:
    """What has come so far."""

    octets: int = 0
    continuity: ContinuityCounter = field(default_factory=ContinuityCounter)
    longest_gap_s: float = 0.0
    """Between two pieces that came one after the other."""
    ended: bool = False
    """The connection is over: none of them comes back by itself."""
    _last_s: float = 0.0

    def feed(self, piece: bytes, now_s: float, *, judged: bool = True) -> None:
        """Take what has come; look for continuity errors in it where it is to be judged."""
        if self._last_s:
            self.longest_gap_s = max(self.longest_gap_s, now_s - self._last_s)
        self._last_s = now_s
        self.octets += len(piece)
        if judged:
            self.continuity.feed(piece)


@contextlib.asynccontextmanager
async def over_srt(port: int, *options: str, judged: bool = True, listens: bool = False) -> AsyncIterator[Received]:
    """Receive over SRT meanwhile, by libsrt's own tool, over one connection; `judged` looks into the stream."""
    mode = "listener" if listens else "caller"
    url = f"srt://127.0.0.1:{port}?" + "&".join((f"mode={mode}", *options))
    async with reading(
        *("srt-live-transmit", "-q", "-loglevel:fatal", "-autoreconnect:no", "-chunk:1316", url, "file://con"),
        judged=judged,
    ) as received:
        yield received


@contextlib.asynccontextmanager
async def reading(*command: str, judged: bool) -> AsyncIterator[Received]:
    """Run a receiver meanwhile, and read what it writes."""
    child = await asyncio.create_subprocess_exec(
        *command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    received = Received()
    task = asyncio.create_task(_count(child, received, judged=judged))
    try:
        yield received
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()
        await task


async def _count(child: asyncio.subprocess.Process, received: Received, *, judged: bool) -> None:
    loop = asyncio.get_running_loop()
    if child.stdout is not None:
        while piece := await child.stdout.read(_PIECE_BYTES):
            received.feed(piece, loop.time(), judged=judged)
    received.ended = True
