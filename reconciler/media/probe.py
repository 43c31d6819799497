"""Receive from the far end of an output and measure; ffmpeg counts the frames, never the relay."""

import asyncio
import contextlib
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from reconciler.media import srt
from reconciler.media.ffmpeg import (
    NOT_ONE_LINE,
    is_one_line,
    list_frames,
    play_list,
    play_list_input,
    protocols_of,
    rtsp_input,
    why,
)
from reconciler.media.frames import FrameList
from reconciler.media.nginx import NginxFailedError
from reconciler.media.probe_sources import ProbeSource, RtmpSource, RtpSocket, RtspAddress, transport_of
from reconciler.media.processes import Child, Streams, reading, spawn, tail, tied, unnamed_file, writing
from reconciler.media.programs import FFMPEG
from reconciler.media.rates import Backoff, RateWindow
from reconciler.media.rtmp_server import RtmpServers
from reconciler.media.rtp import TRANSPORT_STREAM, SequenceCounter, datagrams, packet
from reconciler.media.rtsp_tunnel import tunnel
from reconciler.media.srt import SrtSocket
from reconciler.media.ts import ContinuityCounter

__all__ = [
    "STALLED_S",
    "ProbeSource",
    "Receiver",
    "Reception",
    "ReceptionState",
    "RtmpSource",
    "RtpSocket",
    "RtspAddress",
]

_PIECE_BYTES: Final = 64 * 1024
_PIPED: Final = ("-f", "mpegts", "-protocol_whitelist", "pipe", "-i", "pipe:0")
STALLED_S: Final = 3.0
"""A connection on which no frame came for so long does not count as receiving."""


class ReceptionState(StrEnum):
    """What a receiver is doing."""

    WAITING = "waiting"
    RECEIVING = "receiving"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reception:
    """What has arrived so far; figures are counted from the first connection on."""

    state: ReceptionState = ReceptionState.WAITING
    transport: str = ""
    """The protocol, and what it runs over."""
    frames: int = 0
    """Video frames, counted by ffmpeg."""
    discontinuities: int = 0
    """Continuity-counter errors, RTP sequence gaps, and video timestamp steps above one and a half frames."""
    connections: int = 0
    codec: str = ""
    width: int = 0
    height: int = 0
    fps: float = 0.0
    bitrate_bps: int = 0
    """Media bits per second of media time, over its last few seconds."""
    last_error: str = ""
    """Why nothing arrives, in words, without secrets."""


class Receiver:
    """
    Receives from one source, within `async with`, and reconnects by itself; `reception` is always current.

    Several that listen for RTMP on one port share a server: give them the same `servers`.
    """

    def __init__(self, source: ProbeSource, *, servers: RtmpServers | None = None) -> None:
        self._source = source
        self._servers = servers
        self._frames = FrameList()
        self._continuity = ContinuityCounter()
        self._sequence = SequenceCounter()
        self._rate = RateWindow()
        self._connections = 0
        self._last_error = ""
        self._connected = False
        self._arrived_s = 0.0
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._again_and_again())
        self._task.add_done_callback(lambda _: self._tell())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    @property
    def reception(self) -> Reception:
        """What has arrived so far."""
        flows = self._connected and time.monotonic() - self._arrived_s < STALLED_S
        return Reception(
            state=ReceptionState.RECEIVING if flows else ReceptionState.WAITING,
            transport=transport_of(self._source),
            frames=self._frames.frames,
            discontinuities=self._continuity.errors + self._sequence.gaps + self._frames.steps.discontinuities,
            connections=self._connections,
            codec=self._frames.codec,
            width=self._frames.width,
            height=self._frames.height,
            fps=self._frames.steps.fps,
            bitrate_bps=self._rate.bitrate_bps if flows else 0,
            last_error="" if flows else self._last_error,
        )

    async def frames(self, count: int) -> Reception:
        """Return the reception once at least `count` frames have arrived; it may be cut short by `asyncio.timeout`."""
        return await self.until(lambda reception: reception.frames >= count)

    async def until(self, holds: Callable[[Reception], bool]) -> Reception:
        """Return the reception once `holds` says yes to it."""
        while not holds(reception := self.reception):
            self._raise_if_broken()
            await self._news.wait()
        return reception

    def _raise_if_broken(self) -> None:
        if self._task is not None and self._task.done():
            self._task.result()

    async def _again_and_again(self) -> None:
        backoff = Backoff(first_s=0.3, most_s=2.0)
        while True:
            try:
                async with _server_for(self._source, self._servers) as source:
                    while True:
                        await self._receive(source, backoff)
            except NginxFailedError as error:
                self._changed(connected=False, reason=str(error))
                await asyncio.sleep(backoff.pause_s())

    async def _receive(self, source: ProbeSource, backoff: Backoff) -> None:
        """Receive until the connection ends, then pause."""
        began_with = self._frames.frames
        reason = await self._receive_from(source)
        self._changed(connected=False, reason=reason)
        if self._frames.frames > began_with:
            backoff.reset()
        await asyncio.sleep(backoff.pause_s())

    async def _receive_from(self, source: ProbeSource) -> str:
        """Receive until the connection ends; return why it did, in words."""
        match source:
            case SrtSocket():
                return await self._receive_srt(source)
            case RtmpSource():
                return await self._receive_rtmp(source)
            case RtpSocket():
                return await self._receive_rtp(source)
            case RtspAddress():
                return await self._receive_rtsp(source)

    async def _receive_srt(self, source: SrtSocket) -> str:
        """Run SRT receiver and ffmpeg until either ends; return why in words."""
        report = srt.PipeReport()
        async with AsyncExitStack() as stack:
            pipe = srt.start(stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            stack.push_async_callback(pipe.end)
            order = await stack.enter_async_context(writing(pipe.stdin))
            order.write(source.order(sends=False))
            counter = _start_counter(_PIPED, stdin=subprocess.PIPE)
            stack.push_async_callback(counter.end)
            said = asyncio.create_task(tail(counter))
            stack.callback(said.cancel)
            stream = await stack.enter_async_context(reading(pipe.stdout))
            to_counter = await stack.enter_async_context(writing(counter.stdin))
            await self._first_of(
                srt.listen_to(pipe, report, told=lambda: self._follow(report)),
                self._pass_on(stream, to_counter),
                self._count(counter),
            )
            if not report.last_error and not counter.running:
                return why(await said, began=True)
        return report.last_error

    async def _receive_rtmp(self, source: RtmpSource) -> str:
        """Run ffmpeg until it ends; return why in words."""
        if not is_one_line(source.url, source.stream_key.reveal()):
            return NOT_ONE_LINE
        with unnamed_file(play_list(source.url, source.stream_key.reveal())) as script:
            arguments = play_list_input(script, protocols_of(source.url))
            counter = _start_counter(arguments, stdin=subprocess.DEVNULL, keep=(script,))
        return await self._count_to_the_end(counter)

    async def _receive_rtsp(self, source: RtspAddress) -> str:
        """Run ffmpeg, by way of a tunnel that counts what is missing, until it ends; return why in words."""
        async with tunnel(source.url.reveal(), self._sequence) as way:
            reason = await self._count_to_the_end(_start_counter(rtsp_input(way.url), stdin=subprocess.DEVNULL))
            return way.last_error or reason

    async def _receive_rtp(self, source: RtpSocket) -> str:
        """Listen, and run ffmpeg on what arrives until it ends; return why in words."""
        async with AsyncExitStack() as stack:
            try:
                arriving = await stack.enter_async_context(datagrams(source.host, source.port))
            except OSError:
                return "the port is in use"
            counter = _start_counter(_PIPED, stdin=subprocess.PIPE)
            stack.push_async_callback(counter.end)
            said = asyncio.create_task(tail(counter))
            stack.callback(said.cancel)
            to_counter = await stack.enter_async_context(writing(counter.stdin))
            await self._first_of(self._take_apart(arriving, to_counter), self._count(counter))
            return why(await said, began=True)

    async def _take_apart(self, arriving: asyncio.Queue[bytes], counter: asyncio.StreamWriter) -> None:
        """Pass the transport stream in RTP packets on to ffmpeg, and count what is missing."""
        with contextlib.suppress(ConnectionError):
            while True:
                found = packet(await arriving.get())
                if found is None:
                    continue
                self._sequence.feed(found)
                if found.payload_type != TRANSPORT_STREAM:
                    self._changed(connected=False, reason="the RTP packets hold no MPEG transport stream")
                    continue
                self._continuity.feed(found.payload)
                counter.write(found.payload)
                await counter.drain()

    async def _count_to_the_end(self, counter: Child) -> str:
        """Count what an ffmpeg that connects by itself gets; return in words why it ended."""
        said, began_with = asyncio.create_task(tail(counter)), self._frames.frames
        try:
            await self._count(counter)
            return why(await said, began=self._frames.frames > began_with)
        finally:
            said.cancel()
            await counter.end()

    @staticmethod
    async def _first_of(*parts: Coroutine[None, None, object]) -> None:
        """Return when any part ends; the others are cut short."""
        tasks = [asyncio.create_task(part) for part in parts]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        for task in done:
            task.result()

    def _follow(self, report: srt.PipeReport) -> None:
        if not report.connected:
            self._changed(connected=False, reason=report.last_error)

    async def _pass_on(self, stream: asyncio.StreamReader, counter: asyncio.StreamWriter) -> None:
        """Pass the transport stream on to ffmpeg, and count what it lost on the way here."""
        with contextlib.suppress(ConnectionError):
            while piece := await stream.read(_PIECE_BYTES):
                self._continuity.feed(piece)
                counter.write(piece)
                await counter.drain()

    async def _count(self, counter: Child) -> None:
        """Read the packets that ffmpeg lists until it ends."""
        async with reading(counter.stdout) as lines:
            async for line in lines:
                self._frames.feed(line.decode(errors="replace").rstrip())
                if not line.startswith(b"#"):
                    self._rate.feed(self._frames.at_s, self._frames.media_bytes)
                    self._arrived_s = time.monotonic()
                    self._changed(connected=True)

    def _changed(self, *, connected: bool, reason: str = "") -> None:
        if connected and not self._connected:
            self._connections += 1
        if not connected:
            self._rate.clear()
        self._connected, self._last_error = connected, reason
        self._tell()

    def _tell(self) -> None:
        """Wake whoever waits for news."""
        news, self._news = self._news, asyncio.Event()
        news.set()


@asynccontextmanager
async def _server_for(source: ProbeSource, servers: RtmpServers | None) -> AsyncIterator[ProbeSource]:
    """Lend what to read from: where an output pushes RTMP to us, that is a server of our own."""
    if not isinstance(source, RtmpSource) or not source.listens:
        yield source
        return
    async with (servers or RtmpServers()).serving(source.url, source.stream_key) as url:
        yield RtmpSource(listens=False, url=url, stream_key=source.stream_key)


def _start_counter(source: tuple[str, ...], *, stdin: int, keep: tuple[int, ...] = ()) -> Child:
    return spawn(
        tied(list_frames(source)),
        mark=FFMPEG,
        cwd=Path("/"),
        streams=Streams(stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, keep=keep),
    )
