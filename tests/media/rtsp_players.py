"""Who pulls RTSP in tests: ffmpeg, which counts frames, and a player of few words that can come from any address."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from reconciler.media.frames import FrameList
from reconciler.media.programs import FFMPEG, FFPROBE

_HEAD_END = b"\r\n\r\n"
_INTERLEAVED = 0x24


@asynccontextmanager
async def playing(url: str, *, transport: str = "tcp") -> AsyncIterator[FrameList]:
    """Let ffmpeg play meanwhile, and list the frames of its video."""
    command = [FFMPEG, "-nostdin", "-v", "error", "-rtsp_transport", transport, "-i", url]
    process = await asyncio.create_subprocess_exec(
        *command,
        *("-map", "0:v:0", "-c", "copy", "-f", "framecrc", "-"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    frames = FrameList()
    task = asyncio.create_task(_read(process, frames))
    try:
        yield frames
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await task


async def _read(process: asyncio.subprocess.Process, frames: FrameList) -> None:
    assert process.stdout is not None
    while line := await process.stdout.readline():
        frames.feed(line.decode())


async def probed(url: str) -> list[str]:
    """Return the codecs that ffprobe finds, in order."""
    process = await asyncio.create_subprocess_exec(
        FFPROBE,
        *("-v", "error", "-rtsp_transport", "tcp", "-show_entries", "stream=codec_name", "-of", "csv=p=0", url),
        stdout=asyncio.subprocess.PIPE,
    )
    told, _ = await process.communicate()
    return told.decode().split()


async def begins(url: str) -> dict[str, float]:
    """Return the first time stamp of each stream, seconds, by its number, once 150 packets have come."""
    process = await asyncio.create_subprocess_exec(
        *(FFPROBE, "-v", "error", "-rtsp_transport", "tcp", "-read_intervals", "%+#150"),
        *("-show_entries", "packet=stream_index,pts_time", "-of", "csv=p=0", url),
        stdout=asyncio.subprocess.PIPE,
    )
    told, _ = await process.communicate()
    rows = [line.split(",") for line in told.decode().split()]
    return {row[0]: float(row[1]) for row in reversed(rows) if row[1] not in {"", "N/A"}}


@dataclass
class Talker:
    """One connection to an RTSP server."""

    url: str
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    session: str = ""
    tracks: list[str] = field(default_factory=list)
    _number: int = 0

    async def ask(self, method: str, url: str, *headers: str) -> int:
        """Return the status of the answer to a request."""
        self._number += 1
        lines = [f"{method} {url} RTSP/1.0", f"CSeq: {self._number}", *headers]
        if self.session:
            lines.append(f"Session: {self.session}")
        self.writer.write("\r\n".join(lines).encode() + _HEAD_END)
        head = await self._head()
        length = re.search(r"Content-Length: (\d+)", head)
        body = (await self.reader.readexactly(int(length[1]))).decode() if length else ""
        self.tracks = re.findall(r"a=control:(track=\d+)", body) or self.tracks
        if session := re.search(r"Session: ([^;\s]+)", head):
            self.session = session[1]
        return int(head.split()[1])

    async def play(self) -> int:
        """Return the status of the first request that was refused, else that of PLAY."""
        status = await self.ask("DESCRIBE", self.url)
        for place, track in enumerate(self.tracks):
            if status == 200:
                transport = f"Transport: RTP/AVP/TCP;unicast;interleaved={2 * place}-{2 * place + 1}"
                status = await self.ask("SETUP", f"{self.url}/{track}", transport)
        return await self.ask("PLAY", self.url) if status == 200 else status

    async def packet(self) -> bytes:
        """Return the next RTP or RTCP packet; empty when the server has ended the connection."""
        try:
            mark = await self.reader.readexactly(4)
            return await self.reader.readexactly(int.from_bytes(mark[2:], "big"))
        except (asyncio.IncompleteReadError, ConnectionError):
            return b""

    async def _head(self) -> str:
        """Return the next answer, and pass over the packets before it."""
        while True:
            first = await self.reader.readexactly(1)
            if first[0] != _INTERLEAVED:
                return (first + await self.reader.readuntil(_HEAD_END)).decode()
            rest = await self.reader.readexactly(3)
            await self.reader.readexactly(int.from_bytes(rest[1:], "big"))


@asynccontextmanager
async def talking(
    port: int, *, path: str = "play", source: str = "127.0.0.1", room_bytes: int = 0
) -> AsyncIterator[Talker]:
    """Lend a connection to a port of this machine, from this address of it; it may have little room for what comes."""
    family, host = (socket.AF_INET6, "::1") if ":" in source else (socket.AF_INET, "127.0.0.1")
    ours = socket.socket(family)
    ours.setblocking(False)
    if room_bytes:
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room_bytes)
    ours.bind((source, 0))
    await asyncio.get_running_loop().sock_connect(ours, (host, port))
    reader, writer = await asyncio.open_connection(sock=ours)
    shown = f"[{host}]" if ":" in host else host
    try:
        yield Talker(f"rtsp://{shown}:{port}/{path}", reader, writer)
    finally:
        writer.close()
