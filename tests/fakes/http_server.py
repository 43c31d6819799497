"""A real HTTP server on loopback that answers as a test says, and remembers what it was asked."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import h11


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What was asked."""

    method: str
    target: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What is answered."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    cuts: bool = False
    """Whether the connection is cut instead."""


@dataclass(slots=True, kw_only=True)
class HttpServer:
    """A server that listens."""

    port: int = 0
    scheme: str = "http"
    asked: list[Request] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Return its address."""
        return f"{self.scheme}://127.0.0.1:{self.port}"


@asynccontextmanager
async def serving(
    answer: Callable[[Request], Reply] = lambda _: Reply(), *, tls: ssl.SSLContext | None = None
) -> AsyncIterator[HttpServer]:
    """Lend a server."""
    server = HttpServer(scheme="http" if tls is None else "https")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(h11.ProtocolError, OSError):
            await _converse(reader, writer, server, answer)
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()


async def _converse(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    server: HttpServer,
    answer: Callable[[Request], Reply],
) -> None:
    connection = h11.Connection(h11.SERVER)
    asked: h11.Request | None = None
    body = bytearray()
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(65536))
        elif isinstance(event, h11.Request):
            asked, body = event, bytearray()
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage) and asked is not None:
            request = Request(
                method=asked.method.decode(),
                target=asked.target.decode(),
                headers={name.decode(): value.decode() for name, value in asked.headers},
                body=bytes(body),
            )
            server.asked.append(request)
            reply = answer(request)
            if reply.cuts:
                return
            headers = [("content-length", str(len(reply.body))), *reply.headers.items()]
            writer.write(connection.send(h11.Response(status_code=reply.status, headers=headers)) or b"")
            writer.write(connection.send(h11.Data(data=reply.body)) or b"")
            writer.write(connection.send(h11.EndOfMessage()) or b"")
            await writer.drain()
            connection.start_next_cycle()
        else:
            return
