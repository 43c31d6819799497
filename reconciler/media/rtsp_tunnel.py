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
    host, port, passing = parts.hostname or "", parts.port or _PORT, set[asyncio.Task[None]]()
    way = Tunnel(url="")

    async def accept(near_in: asyncio.StreamReader, near_out: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_CONNECT_S):
                far_in, far_out = await asyncio.open_connection(host, port)
        except (OSError, TimeoutError) as error:
            way.last_error = _why(error)
            near_out.close()
            return
        passing.add(asyncio.create_task(_pass(near_in, far_out)))
        passing.add(asyncio.create_task(_pass(far_in, near_out, Interleaved(counter))))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    ours = server.sockets[0].getsockname()[1]
    way.url = parts._replace(netloc=f"127.0.0.1:{ours}").geturl()
    try:
        yield way
    finally:
        server.close()
        for task in passing:
            task.cancel()
        if passing:
            await asyncio.wait(passing)


async def _pass(source: asyncio.StreamReader, sink: asyncio.StreamWriter, watched: Interleaved | None = None) -> None:
    """Pass one direction on until it ends."""
    try:
        with contextlib.suppress(ConnectionError):
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
