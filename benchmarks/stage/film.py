"""A film of a known bit rate, sent again and again as if it were live: made once, not encoded while it is sent."""

import asyncio
import contextlib
import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from benchmarks.stage.relay import StageError
from reconciler.media import rtsp
from reconciler.media.programs import FFMPEG

_SECONDS: Final = 20
_QUIET: Final = (FFMPEG, "-nostdin", "-hide_banner", "-v", "error")


def make(path: Path, *, mbps: float, seconds: int = _SECONDS) -> Path:
    """Write a transport stream of H.264 and AAC that takes this many megabits a second, padded where it needs less."""
    video = f"{mbps - 0.25:.2f}M"
    command = [
        *(*_QUIET, "-y", "-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=25", "-f", "lavfi", "-i", "sine=r=48000"),
        *("-t", str(seconds), "-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "25"),
        *("-b:v", video, "-minrate", video, "-maxrate", video, "-bufsize", "500k", "-pix_fmt", "yuv420p"),
        *("-x264-params", "nal-hrd=cbr", "-c:a", "aac", "-b:a", "128k", "-f", "mpegts", str(path)),
    ]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)  # noqa: S603 -- argv is built here
    return path


def sending(film: Path, form: str, url: str) -> list[str]:
    """Return the command that sends a film, copied and in real time, in a form that ffmpeg knows."""
    return [
        *(*_QUIET, "-re", "-stream_loop", "-1", "-i", str(film), "-map", "0", "-c", "copy", "-flush_packets", "1"),
        *("-f", form, url),
    ]


@contextlib.asynccontextmanager
async def sent_over_srt(film: Path, url: str) -> AsyncIterator[None]:
    """Send the film to an SRT address meanwhile, by libsrt's own tool."""
    source, sink = os.pipe()
    children = []
    try:
        children.append(await asyncio.create_subprocess_exec(*sending(film, "mpegts", "pipe:1"), stdout=sink))
        children.append(
            await asyncio.create_subprocess_exec(
                "srt-live-transmit", "-q", "-loglevel:fatal", "-chunk:1316", "file://con", url, stdin=source
            )
        )
    finally:
        os.close(source)
        os.close(sink)
    async with _ended(*children):
        yield


@contextlib.asynccontextmanager
async def sent_by_ffmpeg(film: Path, form: str, url: str) -> AsyncIterator[None]:
    """Send the film to an address meanwhile, in a form that ffmpeg knows: `flv`, `rtp_mpegts`, `mpegts`."""
    async with _ended(await asyncio.create_subprocess_exec(*sending(film, form, url))):
        yield


@contextlib.asynccontextmanager
async def served_over_rtsp(film: Path, port: int) -> AsyncIterator[None]:
    """Serve the film at `/live` of a port of this machine meanwhile."""
    source, sink = os.pipe()
    try:
        # The order goes first into the very pipe that the stream follows in: it is far smaller than a pipe holds.
        os.write(sink, rtsp.RtspOrigin(host="127.0.0.1", port=port, path="live").order())
        origin = rtsp.start(stdin=source)
        sender = await asyncio.create_subprocess_exec(*sending(film, "mpegts", "pipe:1"), stdout=sink)
    finally:
        os.close(source)
        os.close(sink)
    try:
        async with _ended(sender):
            yield
    finally:
        await origin.end()


@contextlib.asynccontextmanager
async def _ended(*children: asyncio.subprocess.Process) -> AsyncIterator[None]:
    try:
        yield
        gone = [child.returncode for child in children if child.returncode is not None]
        if gone:
            raise StageError(f"the sender ended meanwhile, with {gone}")
    finally:
        for child in children:
            if child.returncode is None:
                child.kill()
            await child.wait()
