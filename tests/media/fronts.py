"""Servers of tests that stand in front of another one: with TLS, with open ears, at a crawl; and one that is mute."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

Heed = Callable[[bytes], Awaitable[None]]
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]


async def unheeded(_: bytes) -> None:
    """Listen to nothing."""


@asynccontextmanager
async def in_front(
    port: int,
    behind: int,
    *,
    tls: ssl.SSLContext | None = None,
    heed: Heed = unheeded,
    heed_answers: Heed = unheeded,
) -> AsyncIterator[None]:
    """Pass on what comes to a port to the one behind; what clients and server say goes on once it was heeded."""

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, heed: Heed) -> None:
        while some := await reader.read(65_536):
            await heed(some)
            writer.write(some)
            await writer.drain()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", behind)
        ways = [
            asyncio.ensure_future(pass_on(reader, far_writer, heed)),
            asyncio.ensure_future(pass_on(far_reader, writer, heed_answers)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            # First of all: the wait below may be cancelled.
            far_writer.transport.abort()
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async with serving(port, serve, tls):
        yield


@asynccontextmanager
async def mute(port: int = 0) -> AsyncIterator[int]:
    """Take connections to a port, or to one that is free, and read nothing and say nothing on them."""

    async def serve(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with serving(port, serve) as bound:
        yield bound


@asynccontextmanager
async def serving(port: int, serve: Serve, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Serve who calls a port (0: one that is free, which is lent), and cut whoever is left in the end."""
    tasks: set[asyncio.Task[None]] = set()

    async def attend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            await serve(reader, writer)

    def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(attend(reader, writer))
        # Not by the task itself: it may be cancelled before its first step.
        task.add_done_callback(lambda _: writer.transport.abort())
        tasks.add(task)
        if not server.is_serving():
            task.cancel()

    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Little room in the kernel, so that a server which does not read is noticed as one far away would be.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32_768)
    listener.bind(("127.0.0.1", port))
    server = await asyncio.start_server(met, sock=listener, ssl=tls, limit=16_384)
    try:
        yield listener.getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()
