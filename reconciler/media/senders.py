"""The ways that a test signal leaves: pushed to an input, or served where an input pulls from."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from reconciler.domain.secrets import Secret
from reconciler.media import rtsp, srt
from reconciler.media.ffmpeg import (
    NOT_ONE_LINE,
    is_one_line,
    publish_preset,
    rtmp_output,
    rtp_output,
    signal_command,
    too_long,
    why,
)
from reconciler.media.nginx import NginxFailedError
from reconciler.media.processes import Child, Streams, reading, spawn, tail, tied, unnamed_file
from reconciler.media.programs import FFMPEG
from reconciler.media.rtmp_server import RtmpServers
from reconciler.media.rtsp import RtspOrigin
from reconciler.media.srt import SrtSocket

_STREAM: Final = ("-f", "mpegts", "-muxdelay", "0", "-protocol_whitelist", "pipe")


@dataclass(frozen=True, slots=True, kw_only=True)
class RtmpTarget:
    """The RTMP address to publish to: the full URL is `url` + "/" + `stream_key`."""

    url: str
    stream_key: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class RtmpOrigin:
    """Where an RTMP_PULL input pulls from: we serve the signal at `url` + "/" + `stream_key`."""

    url: str
    """`rtmp://host:port/app`; host is an address of this machine."""
    stream_key: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class RtpTarget:
    """The address that RTP packets of a transport stream are sent to; nobody answers."""

    host: str
    port: int


SignalTarget = SrtSocket | RtmpTarget | RtpTarget | RtmpOrigin | RtspOrigin
"""Where a test signal goes: to an SRT socket, an RTMP or RTP address, or to whoever pulls from an origin of ours."""


class Told(Protocol):
    """Is told whether the signal arrives now, or why it does not."""

    def __call__(self, *, arrives: bool, last_error: str = "") -> None:
        """Take note."""
        ...


async def send(target: SignalTarget, told: Told, servers: RtmpServers) -> str:
    """Send the test signal until that ends; return why it did, in words, without secrets."""
    match target:
        case SrtSocket():
            return await _send_srt(target, told)
        case RtmpTarget():
            return await _send_rtmp(target, told)
        case RtpTarget():
            return await _send_by_ffmpeg(rtp_output(target.host, target.port), told)
        case RtmpOrigin():
            return await _serve_rtmp(target, told, servers)
        case RtspOrigin():
            return await _serve_rtsp(target, told)


async def _send_srt(target: SrtSocket, told: Told) -> str:
    report = srt.PipeReport()

    def follow() -> None:
        told(arrives=report.connected, last_error="" if report.connected else report.last_error)

    def start(source: int) -> Child:
        return srt.start(stdin=source, stdout=subprocess.DEVNULL)

    async with _fed(target.order(sends=True), start) as sender:
        await srt.listen_to(sender, report, told=follow)
    return report.last_error


async def _serve_rtsp(target: RtspOrigin, told: Told) -> str:
    async with _fed(target.order(), lambda source: rtsp.start(stdin=source)) as origin:
        complaints = asyncio.create_task(tail(origin))
        try:
            async with reading(origin.stdout) as lines:
                async for _ in lines:
                    told(arrives=True)
            taken = "port is in use" in await complaints
        finally:
            complaints.cancel()
    return "the port is in use" if taken else "the RTSP server ended"


async def _serve_rtmp(target: RtmpOrigin, told: Told, servers: RtmpServers) -> str:
    try:
        async with servers.serving(target.url, target.stream_key) as url:
            return await _send_rtmp(RtmpTarget(url=url, stream_key=target.stream_key), told)
    except NginxFailedError as error:
        return str(error)


async def _send_rtmp(target: RtmpTarget, told: Told) -> str:
    if not is_one_line(target.url, target.stream_key.reveal()):
        return NOT_ONE_LINE
    if excess := too_long(target.url, target.stream_key.reveal()):
        return excess
    with unnamed_file(publish_preset(target.url, target.stream_key.reveal())) as preset:
        return await _send_by_ffmpeg(rtmp_output(target.url, preset), told, keep=(preset,))


@asynccontextmanager
async def _fed(order: bytes, start: Callable[[int], Child]) -> AsyncIterator[Child]:
    """Lend a program that reads its order, and then the picture, from its standard input."""
    source, sink = os.pipe()
    try:
        # The order goes first into the very pipe that the stream follows in: it is far smaller than a pipe holds.
        os.write(sink, order)
        async with AsyncExitStack() as stack:
            program = start(source)
            stack.push_async_callback(program.end)
            command = signal_command((*_STREAM, f"pipe:{sink}"))
            picture = spawn(tied(command), mark=FFMPEG, cwd=Path("/"), streams=Streams(keep=(sink,)))
            stack.push_async_callback(picture.end)
            os.close(sink)
            sink = -1
            yield program
    finally:
        for descriptor in (source, sink):
            if descriptor >= 0:
                os.close(descriptor)


async def _send_by_ffmpeg(sink: tuple[str, ...], told: Told, *, keep: tuple[int, ...] = ()) -> str:
    """Run ffmpeg until it ends; return why in words."""
    command = signal_command(("-progress", "pipe:1", "-stats_period", "0.5", *sink))
    child = spawn(
        tied(command),
        mark=FFMPEG,
        cwd=Path("/"),
        streams=Streams(stdout=subprocess.PIPE, stderr=subprocess.PIPE, keep=keep),
    )
    began = False
    complaints = asyncio.create_task(tail(child))
    try:
        async with reading(child.stdout) as lines:
            async for line in lines:
                # ffmpeg counts the header alone before a server has answered.
                if line.startswith(b"total_size=") and line.split(b"=")[1].strip().isdigit():
                    began = True
                    told(arrives=True)
        return why(await complaints, began=began)
    finally:
        complaints.cancel()
        await child.end()
