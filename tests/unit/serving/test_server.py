"""Connections to the API: how many, how slow, how large, and over TLS."""

import asyncio
import contextlib
import os
import resource
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Final

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from reconciler.serving.connections import PROVEN
from reconciler.serving.server import Bounds, Serving, bind
from reconciler.serving.tls import TlsFiles, identity_from
from tests.certificates import Certificate, make_authority, make_certificate

pytestmark = pytest.mark.anyio

PATIENCE_S: Final = 30.0
GET: Final = b"GET / HTTP/1.1\r\nHost: relay\r\n\r\n"
PROVE: Final = b"GET /prove HTTP/1.1\r\nHost: relay\r\n\r\n"
LARGE: Final = 32 * 1024 * 1024
"""More than the kernel takes on for a client that does not read."""
FEW: Final = Bounds(connections=4)
BRIEF: Final = Bounds(request_s=0.3)
"""So brief that no test waits for long; nothing measures it."""


@dataclass
class Talk:
    """A connection that a client opened."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def say(self, text: bytes) -> None:
        """Send something."""
        self.writer.write(text)
        await self.writer.drain()

    async def hear(self) -> bytes:
        """Return the body of the next answer, which is short."""
        async with asyncio.timeout(PATIENCE_S):
            await self.reader.readuntil(b"\r\n\r\n")
            return await self.reader.readuntil(b".")

    async def is_ended(self) -> bool:
        """Wait until the server ends it; return whether it said nothing more."""
        async with asyncio.timeout(PATIENCE_S):
            try:
                return await self.reader.read() == b""
            except ConnectionError:
                return True


@dataclass
class Served:
    """What is being served, and how it is called."""

    serving: Serving
    port: int
    talks: contextlib.AsyncExitStack

    async def call(self, tls: ssl.SSLContext | None = None) -> Talk:
        """Open a connection."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=tls)
        self.talks.callback(writer.close)
        return Talk(reader, writer)


Serve = Callable[..., Awaitable[Served]]


async def heard(request: Request) -> PlainTextResponse:
    """Answer how long the body was."""
    if request.url.path == "/prove":
        request.scope["state"][PROVEN]()
    if request.url.path == "/large":
        return PlainTextResponse(b"a" * LARGE)
    return PlainTextResponse(f"{len(await request.body())}.")


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Return what serves until the test is over."""
    app = Starlette(routes=[Route("/{path:path}", heard, methods=["GET", "POST"])])
    async with contextlib.AsyncExitStack() as stack:

        async def begin(bounds: Bounds, tls: ssl.SSLContext | None = None) -> Served:
            listener = bind("127.0.0.1", 0)
            serving = Serving(app, listener, bounds=bounds, tls=tls)
            await serving.start()
            stack.push_async_callback(serving.stop)
            talks = await stack.enter_async_context(contextlib.AsyncExitStack())
            return Served(serving, listener.getsockname()[1], talks)

        yield begin


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """Return a certificate for the loopback address."""
    folder = tmp_path_factory.mktemp("certificates")
    return make_certificate(folder, make_authority(folder), "IP:127.0.0.1")


@pytest.fixture
def tls(certificate: Certificate) -> ssl.SSLContext:
    """Return what the server shows."""
    return identity_from(TlsFiles(certificate=certificate.file, key=certificate.key)).context


@pytest.fixture
def trusting(certificate: Certificate) -> ssl.SSLContext:
    """Return what a client trusts."""
    return ssl.create_default_context(cafile=certificate.file.with_name("authority.pem"))


async def until(holds: Callable[[], bool]) -> None:
    """Return once it holds; fail after a while."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            if holds():
                return
            await asyncio.sleep(0.01)


async def test_a_connection_serves_one_request_after_another(serve: Serve) -> None:
    """Clients keep theirs: the deadline of a request ends with it, whatever becomes of who came later and is silent."""
    served = await serve(BRIEF)
    kept = await served.call()
    await kept.say(GET)
    first = await kept.hear()
    silent = await served.call()
    await silent.is_ended()

    await kept.say(b"POST / HTTP/1.1\r\nHost: relay\r\nContent-Length: 5\r\n\r\n12345")

    assert (first, await kept.hear()) == (b"0.", b"5.")


@pytest.mark.parametrize(
    "words",
    [
        pytest.param([], id="silence"),
        pytest.param([b"GET / HT"], id="half a line"),
        pytest.param([b"GET / HTTP/1.1\r\n", b"Host: relay\r\n"], id="headers without end"),
        pytest.param([b"POST / HTTP/1.1\r\nHost: relay\r\nContent-Length: 9\r\n\r\n", b"1", b"2"], id="half a body"),
        pytest.param([GET, b"", b"GET / HT"], id="half a second request"),
    ],
)
async def test_who_does_not_come_to_an_end_is_cut_off(serve: Serve, words: list[bytes]) -> None:
    """A connection that says nothing, or says it too slowly, is closed at its deadline."""
    served = await serve(BRIEF)
    talk = await served.call()

    for word in words:
        if not word:
            assert await talk.hear() == b"0."
        await talk.say(word)

    assert await talk.is_ended()
    await until(lambda: len(served.serving.connections) == 0)


async def test_who_speaks_no_tls_is_cut_off(serve: Serve, tls: ssl.SSLContext) -> None:
    """Silence in the handshake has the same deadline; what is no handshake ends at once."""
    served = await serve(BRIEF, tls)
    silent, plain = await served.call(), await served.call()

    await plain.say(GET)

    assert await silent.is_ended()
    await plain.is_ended()
    await until(lambda: len(served.serving.connections) == 0)


async def test_who_does_not_take_its_answer_is_cut_off(serve: Serve) -> None:
    """An answer that stays in the buffers holds neither memory nor a place for long."""
    served = await serve(BRIEF)
    with socket.socket() as deaf:
        deaf.setblocking(False)
        await asyncio.get_running_loop().sock_connect(deaf, ("127.0.0.1", served.port))
        await asyncio.get_running_loop().sock_sendall(deaf, b"GET /large HTTP/1.1\r\nHost: relay\r\n\r\n")
        await until(lambda: len(served.serving.connections) == 1)

        await until(lambda: len(served.serving.connections) == 0)


async def test_headers_are_bounded(serve: Serve) -> None:
    """A head that does not end is refused when it is large, not when memory is full."""
    talk = await (await serve(Bounds())).call()

    await talk.say(b"GET / HTTP/1.1\r\nX-Long: " + b"a" * 65_536)

    assert (await talk.reader.readline()).startswith(b"HTTP/1.1 400 ")


async def test_a_flood_of_strangers_starves_nobody(serve: Serve) -> None:
    """However many connections are open and idle, a newcomer is served, and who was proven goes on."""
    served = await serve(FEW)
    owner = await served.call()
    await owner.say(PROVE)
    await owner.hear()
    flood = [await served.call() for _ in range(50)]

    newcomer = await served.call()
    await newcomer.say(GET)
    answered = await newcomer.hear()
    await owner.say(GET)

    assert (answered, await owner.hear()) == (b"0.", b"0.")
    assert await flood[0].is_ended()
    assert len(served.serving.connections) <= 4


async def test_a_flood_in_the_handshake_starves_nobody(
    serve: Serve, tls: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    """Connections that never finish their handshake make room too."""
    served = await serve(FEW, tls)
    flood = [await served.call() for _ in range(50)]

    client = await served.call(trusting)
    await client.say(GET)

    assert await client.hear() == b"0."
    assert await flood[0].is_ended()


async def test_a_client_speaks_tls_of_today(serve: Serve, tls: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    """TLS 1.2 and 1.3 are spoken, and nothing older."""
    served = await serve(Bounds(), tls)
    spoken = []
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        trusting.minimum_version = trusting.maximum_version = version
        talk = await served.call(trusting)
        spoken.append(talk.writer.get_extra_info("ssl_object").version())

    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        trusting.minimum_version = trusting.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError):
        await served.call(trusting)

    assert spoken == ["TLSv1.2", "TLSv1.3"]


@pytest.fixture
def caller() -> Iterator[socket.socket]:
    """Return a socket that needs no descriptor any more; how many there may be is set back afterwards."""
    bounds = resource.getrlimit(resource.RLIMIT_NOFILE)
    with socket.socket() as made:
        made.setblocking(False)
        yield made
        resource.setrlimit(resource.RLIMIT_NOFILE, bounds)


async def test_it_goes_on_when_the_machine_has_no_descriptor_left(serve: Serve, caller: socket.socket) -> None:
    """A stranger's is taken then, and the next one is served."""
    served = await serve(Bounds())
    stranger = await served.call()
    await until(lambda: len(served.serving.connections) == 1)
    next_free = os.dup(caller.fileno())
    os.close(next_free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (next_free, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    loop = asyncio.get_running_loop()

    await loop.sock_connect(caller, ("127.0.0.1", served.port))
    await loop.sock_sendall(caller, GET)
    async with asyncio.timeout(PATIENCE_S):
        answer = await loop.sock_recv(caller, 1024)

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert await stranger.is_ended()
