"""Far ends that are no programs of ours: srt-live-transmit and ffmpeg, which tests stop and kill as they like."""

import asyncio
import contextlib
import os
import signal as signals
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from reconciler.media.programs import FFMPEG
from reconciler.media.ts import ContinuityCounter

QUIET = (FFMPEG, "-hide_banner", "-loglevel", "error", "-nostdin")
PICTURE = ("-re", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25")
TONE = ("-re", "-f", "lavfi", "-i", "sine=frequency=1000")
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "25")
AAC = ("-c:a", "aac")
CBR_8M = (*PICTURE, *H264, "-b:v", "8M", "-maxrate", "8M", "-bufsize", "1M", "-x264-params", "nal-hrd=cbr")
"""Filled up to 8 Mb/s, so that whoever does not read is noticed soon."""
SIGNAL = (*PICTURE, *TONE, *H264, *AAC)
_CALLS_S = 5.0
CALL_MS = 30_000
"""How long who calls once waits for an answer."""
_TRANSMIT = ("srt-live-transmit", "-loglevel:fatal", "-chunk:1316")


@dataclass
class Received:
    """What a receiver has got."""

    child: asyncio.subprocess.Process
    bytes: int = 0
    continuity: ContinuityCounter = field(default_factory=ContinuityCounter)
    ended: bool = False

    def more(self, count: int) -> Callable[[], bool]:
        """Return what asks whether so many more bytes have come by then."""
        wanted = self.bytes + count
        return lambda: self.bytes >= wanted


@asynccontextmanager
async def receiver(port: int, *options: str, mode: str = "caller", again: str = "no") -> AsyncIterator[Received]:
    """Receive with srt-live-transmit meanwhile; whether it tries `again` when it is refused or cut is said so."""
    url = f"srt://127.0.0.1:{port}?" + "&".join((f"mode={mode}", *_patience(again), *options))
    child = await asyncio.create_subprocess_exec(
        *(*_TRANSMIT, f"-autoreconnect:{again}", url, "file://con"),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    received = Received(child)
    task = asyncio.create_task(_count(child, received))
    try:
        yield received
    finally:
        await _end(child)
        await task


def _patience(again: str) -> tuple[str, ...]:
    # Without an answer libsrt gives up after 3 s, which on a busy machine is no refusal; a refusal comes at once.
    return (f"conntimeo={CALL_MS}",) if again == "no" else ()


async def _count(child: asyncio.subprocess.Process, received: Received) -> None:
    assert child.stdout is not None
    while piece := await child.stdout.read(65_536):
        received.bytes += len(piece)
        received.continuity.feed(piece)
    received.ended = True


@asynccontextmanager
async def publisher(
    port: int,
    *options: str,
    host: str = "127.0.0.1",
    again: str = "yes",
    mode: str = "caller",
    stream: tuple[str, ...] = SIGNAL,
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Publish over SRT with srt-live-transmit meanwhile; killed, it says no farewell."""
    url = f"srt://{host}:{port}?" + "&".join((f"mode={mode}", *_patience(again), *options))
    source, sink = os.pipe()
    try:
        picture = await asyncio.create_subprocess_exec(*QUIET, *stream, "-f", "mpegts", "-", stdout=sink)
        sender = await asyncio.create_subprocess_exec(
            *(*_TRANSMIT, f"-autoreconnect:{again}", "file://con", url),
            stdin=source,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    finally:
        os.close(source)
        os.close(sink)
    try:
        yield sender
    finally:
        await _end(sender)
        await _end(picture)


@asynccontextmanager
async def knocking(port: int, *options: str) -> AsyncIterator[None]:
    """Have publishers call one after the other meanwhile: one that was refused may stop calling by itself."""

    async def one_after_the_other() -> None:
        while True:
            async with publisher(port, *options, again="no") as one:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_CALLS_S):
                        await one.wait()

    task = asyncio.create_task(one_after_the_other())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


@asynccontextmanager
async def rtmp_publisher(
    port: int, app: str, key: str, *, stream: tuple[str, ...] = SIGNAL
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Publish over RTMP with ffmpeg meanwhile; it does not try again."""
    async with running((*QUIET, *stream, "-f", "flv", f"rtmp://127.0.0.1:{port}/{app}/{key}")) as child:
        yield child


@asynccontextmanager
async def running(command: tuple[str, ...]) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a program meanwhile."""
    null = subprocess.DEVNULL
    child = await asyncio.create_subprocess_exec(*command, stdin=null, stdout=null, stderr=null)
    try:
        yield child
    finally:
        await _end(child)


async def killed(child: asyncio.subprocess.Process) -> None:
    """Kill a program, and wait until it is gone."""
    child.kill()
    await child.wait()


@asynccontextmanager
async def stopped(child: asyncio.subprocess.Process) -> AsyncIterator[None]:
    """Let a program do nothing meanwhile."""
    child.send_signal(signals.SIGSTOP)
    try:
        yield
    finally:
        child.send_signal(signals.SIGCONT)


async def _end(child: asyncio.subprocess.Process) -> None:
    if child.returncode is None:
        child.kill()
    await child.wait()
