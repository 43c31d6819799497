"""A forwarder of TCP connections, so that a far end comes from an address of its own, or stops reading."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.media.fronts import serving

_PIECE_BYTES = 4096
_WINDOW_BYTES = 16_384
"""So small that who stops reading is noticed at the other end after a breath."""


@dataclass
class Forwarder:
    """Where to connect, and how its connections are treated."""

    to: tuple[str, int]
    source: str
    port: int = 0
    pause_s: float = 0.0
    """Between two pieces of 4096 bytes on their way back: a far end that crawls."""
    reads: asyncio.Event = field(default_factory=asyncio.Event)
    """Whether what comes back is read; clear it, and the window of the connection fills."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forward one connection."""
        far_reader, far_writer = await self._connect()
        there = asyncio.create_task(_pump(reader, far_writer))
        back = asyncio.create_task(self._pump_back(far_reader, writer))
        try:
            await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            # First of all: the wait below may be cancelled.
            far_writer.transport.abort()
            for pump in (there, back):
                pump.cancel()
            await asyncio.wait({there, back})

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        loop = asyncio.get_running_loop()
        with contextlib.ExitStack() as unless_connected:
            near = unless_connected.enter_context(
                socket.socket(socket.AF_INET6 if ":" in self.source else socket.AF_INET)
            )
            near.setblocking(False)
            near.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _WINDOW_BYTES)
            near.bind((self.source, 0))
            await loop.sock_connect(near, self.to)
            unless_connected.pop_all()
        return await asyncio.open_connection(sock=near, limit=_PIECE_BYTES)

    async def _pump_back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            await self.reads.wait()
            while piece := await reader.read(_PIECE_BYTES):
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(self.pause_s)
                await self.reads.wait()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while piece := await reader.read(_PIECE_BYTES):
            writer.write(piece)
            await writer.drain()


@asynccontextmanager
async def forwarding(port: int, *, source: str = "127.0.0.1", to: str = "127.0.0.1") -> AsyncIterator[Forwarder]:
    """Lend a forwarder to a port, which is reached from this address of the machine."""
    forwarder = Forwarder((to, port), source)
    forwarder.reads.set()
    async with serving(0, forwarder.serve) as forwarder.port:
        yield forwarder
