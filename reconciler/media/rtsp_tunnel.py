"""A way through this process to an RTSP server, on which the packets that pass are counted."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from reconciler.media.rtp import SequenceCounter, packet

_PORT: Final = 554
_PIECE_BYTES: Final = 64 * 1024
_CONNECT_S: Final = 5.0
_INTERLEAVED: Final = 0x24
_FRAME_HEAD_BYTES: Final = 4
_HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = re.compile(rb"\r\ncontent-length:\s*(\d{1,7})", re.IGNORECASE)


@dataclass(slots=True)
class Interleaved:
    """Reads what an RTSP server sends within a connection, in pieces of any size: answers, and packets of tracks."""

    counter: SequenceCounter
    _rest: bytearray = field(default_factory=bytearray)

    def feed(self, piece: bytes) -> None:
        """Take the next bytes."""
        self._rest += piece
        position = 0
        while length := self._whole(position):
            if self._rest[position] == _INTERLEAVED:
                found = packet(bytes(self._rest[position + _FRAME_HEAD_BYTES : position + length]))
                if found is not None:
                    self.counter.feed(found)
            position += length
        del self._rest[:position]

    def _whole(self, position: int) -> int:
        """Return how many bytes the message there has; 0 while it is not whole."""
        have = len(self._rest) - position
        if have < _FRAME_HEAD_BYTES:
            return 0
        if self._rest[position] == _INTERLEAVED:
            length = _FRAME_HEAD_BYTES + int.from_bytes(self._rest[position + 2 : position + 4], "big")
        else:
            end = self._rest.find(_HEAD_END, position)
            if end < 0:
                return 0
            body = _LENGTH.search(self._rest, position, end + 2)
            length = end + len(_HEAD_END) - position + (int(body[1]) if body else 0)
        return length if have >= length else 0


@dataclass(slots=True)
class Tunnel:
    """What is known of the way."""

    url: str
    """Where it begins: the server's URL, with a port of loopback as its authority."""
    last_error: str = ""
    """Why the server was not reached, in words."""


@asynccontextmanager
async def tunnel(url: str, counter: SequenceCounter) -> AsyncIterator[Tunnel]:
    """Lend a way to the server of an `rtsp://` URL; it is torn down in the end."""
    parts = urlsplit(url)
    way = Tunnel(url="")
    passage = _Passage(parts.hostname or "", parts.port or _PORT, counter, way)
    server = await asyncio.start_server(passage.meet, "127.0.0.1", 0)
    ours = server.sockets[0].getsockname()[1]
    way.url = parts._replace(netloc=f"127.0.0.1:{ours}").geturl()
    try:
        yield way
    finally:
        server.close()
        await passage.close()


@dataclass
class _Passage:
    """Every connection that goes the way."""

    host: str
    port: int
    counter: SequenceCounter
    way: Tunnel
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _sinks: set[asyncio.StreamWriter] = field(default_factory=set)
    _is_closed: bool = False

    def meet(self, near_in: asyncio.StreamReader, near_out: asyncio.StreamWriter) -> None:
        """Take a connection."""
        if self._is_closed:
            near_out.transport.abort()
            return
        self._sinks.add(near_out)
        task = asyncio.create_task(self._attend(near_in, near_out))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Cut every connection."""
        self._is_closed = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        # Not by the tasks themselves: one that is cancelled before its first step closes nothing.
        for sink in self._sinks:
            sink.transport.abort()

    async def _attend(self, near_in: asyncio.StreamReader, near_out: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_CONNECT_S):
                far_in, far_out = await asyncio.open_connection(self.host, self.port)
        except (OSError, TimeoutError) as error:
            self.way.last_error = _why(error)
            near_out.close()
            return
        self._sinks.add(far_out)
        await asyncio.gather(_pass(near_in, far_out), _pass(far_in, near_out, Interleaved(self.counter)))
        # Both are closed by now; a way that lasts must not remember every connection that there was.
        self._sinks.difference_update((near_out, far_out))


async def _pass(source: asyncio.StreamReader, sink: asyncio.StreamWriter, watched: Interleaved | None = None) -> None:
    """Pass one direction on until it ends."""
    try:
        with contextlib.suppress(OSError):
            while piece := await source.read(_PIECE_BYTES):
                if watched is not None:
                    watched.feed(piece)
                sink.write(piece)
                await sink.drain()
    finally:
        sink.close()


def _why(error: OSError | TimeoutError) -> str:
    match error:
        case ConnectionRefusedError():
            return "the connection was refused: nothing listens there"
        case TimeoutError():
            return "no answer in time"
        case _:
            return "the host cannot be reached"
