"""
uvicorn inside an event loop that is not its own: no signal handlers, no log lines, a socket that we bound.

Connections are accepted here and handed to it, because it bounds neither their number nor their age: one that sends
nothing, or a byte now and then, would be kept for ever, in its TLS handshake too.
"""

import asyncio
import contextlib
import errno
import socket
import ssl
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import h11
import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from reconciler.domain.errors import EnvironmentFailedError
from reconciler.serving.connections import PROVEN, Connection, Connections

_BACKLOG: Final = 512
_GRACE_S: Final = 5
"""How long requests in flight have at a stop."""
_MAX_HEAD_BYTES: Final = 16 * 1024
"""Of a request's line and headers together; the largest of ours has about one kilobyte."""
_REST_S: Final = 0.05
"""Before the next try to accept, when the machine had no descriptor left."""
_TELL_EVERY_S: Final = 60.0
"""Between two words of those that were turned away: who floods us must not flood the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How many may be connected, and how slow they may be."""

    connections: int = 512
    """At once; who has proven nothing yet makes room for others first."""
    request_s: float = 20.0
    """Seconds that a client has for each request, from its first byte to its last; the first one's begin with the
    connection, so that the TLS handshake is among them."""
    on_turned_away: Callable[[int, int], None] = lambda _count, _open: None
    """Told at most once a minute how many were turned away since, and how many are open."""


class Serving:
    """
    An application, served.

    With `cuts_unanswered`, a request that the application does not answer has its connection cut, and no HTTP 500.
    """

    def __init__(
        self,
        app: ASGIApp,
        listener: socket.socket,
        *,
        bounds: Bounds | None = None,
        tls: ssl.SSLContext | None = None,
        cuts_unanswered: bool = False,
    ) -> None:
        """
        Prepare to serve.

        Args:
            app: the application; it finds under `PROVEN` in the state of a request what to call for one that shows who
                sends it.
            listener: a socket that listens.
            bounds: how many connections, and how slow.
            tls: certificate and key; None for plain HTTP.
            cuts_unanswered: whether to do so; for faults on purpose.

        """
        self._listener = listener
        config = uvicorn.Config(
            self._cutting(app) if cuts_unanswered else app,
            access_log=False,
            lifespan="off",
            log_config=None,
            # A crash of the application is logged by the application.
            log_level="critical",
            ws="none",
            timeout_graceful_shutdown=_GRACE_S,
            # Clients keep their connections for long, and must not meet one that is being closed.
            timeout_keep_alive=75,
            h11_max_incomplete_event_size=_MAX_HEAD_BYTES,
            server_header=False,
        )
        self._server = _Server(config, bounds or Bounds(), tls)
        self._task: asyncio.Task[None] | None = None

    @property
    def connections(self) -> Connections:
        """Return those that are open."""
        return self._server.open

    async def start(self) -> None:
        """Answer from now on, also whoever has connected since the socket listens."""
        self._task = asyncio.create_task(self._server.serve(sockets=[self._listener]), name="http")

    async def stop(self) -> None:
        """Finish what is being answered, and close."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task
        self._listener.close()

    def _cutting(self, app: ASGIApp) -> ASGIApp:
        async def cutting(scope: Scope, receive: Receive, send: Send) -> None:
            is_answered = False

            async def watched(message: Message) -> None:
                nonlocal is_answered
                is_answered = True
                await send(message)

            await app(scope, receive, watched)
            if not is_answered:
                self._cut(scope["client"])
                # Until the server has noticed it, too, it would answer in the application's place.
                while (await receive())["type"] != "http.disconnect":
                    pass

        return cutting

    def _cut(self, client: tuple[str, int] | None) -> None:
        for connection in tuple(self._server.server_state.connections):
            if (connection.transport.get_extra_info("peername") or ())[:2] == client:
                connection.transport.abort()


class _Server(uvicorn.Server):
    """Accepts by itself, and leaves the process's signals alone: whoever embeds it decides what they mean."""

    def __init__(self, config: uvicorn.Config, bounds: Bounds, tls: ssl.SSLContext | None) -> None:
        super().__init__(config)
        self.open: Final = Connections(bounds.connections)
        self._bounds = bounds
        self._tls = tls
        self._listeners: list[socket.socket] = []
        self._telling: asyncio.Task[None] | None = None
        self._greeting: set[asyncio.Task[None]] = set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept on these sockets, in the place of asyncio's own servers."""
        self.servers = []
        self._listeners = list(sockets or ())
        for listener in self._listeners:
            listener.setblocking(False)
            self._listen(listener)
        self._telling = asyncio.create_task(self._tell(), name="http tells")
        self.started = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept no more, let what is being answered be answered, and end all connections."""
        for listener in self._listeners:
            asyncio.get_running_loop().remove_reader(listener)
        self._listeners = []
        tasks = [task for task in (self._telling, *self._greeting) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await super().shutdown(sockets)
        self.open.cut_all()

    def _listen(self, listener: socket.socket) -> None:
        if listener in self._listeners:
            asyncio.get_running_loop().add_reader(listener, self._accept, listener)

    def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        try:
            accepted, peer = listener.accept()
        except (BlockingIOError, ConnectionError):
            return
        except OSError:
            # No descriptor is left. Somebody waits, so this would be called again at once.
            self.open.make_room()
            loop.remove_reader(listener)
            loop.call_later(_REST_S, self._listen, listener)
            return
        connection = Connection(accepted, peer[0])
        if not self.open.admit(connection):
            accepted.close()
            return
        accepted.setblocking(False)
        # An answer that the client does not take in so much time is given up by the kernel.
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(self._bounds.request_s * 1000))
        task = loop.create_task(self._greet(connection), name="http greets")
        self._greeting.add(task)
        task.add_done_callback(self._greeting.discard)

    async def _greet(self, connection: Connection) -> None:
        """Take the connection through its handshake, where there is one, and hand it over."""
        conversation = _Conversation(self, connection, request_s=self._bounds.request_s)
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: conversation, connection.socket, ssl=self._tls
            )
        except (OSError, asyncio.CancelledError) as error:
            conversation.leave()
            # Not closed: it is the transport's by now, which closes it when it finds it at its end.
            connection.cut()
            # The frames hold the handshake's buffers in a circle, where a flood of them would wait for the collector.
            traceback.clear_frames(error.__traceback__)
            # What has no TLS, or none that we speak, is let go; there is nobody to tell.
            if not isinstance(error, OSError):
                raise

    async def _tell(self) -> None:
        """Say from time to time how many were turned away, where any were."""
        told = 0
        while True:
            await asyncio.sleep(_TELL_EVERY_S)
            if self.open.turned_away > told:
                self._bounds.on_turned_away(self.open.turned_away - told, len(self.open))
                told = self.open.turned_away


class _Conversation(H11Protocol):
    """
    One connection of uvicorn's, each request of which has a deadline from its first byte to its last.

    The first one's begins with the connection, so the handshake and silence count.
    """

    def __init__(self, server: _Server, connection: Connection, *, request_s: float) -> None:
        state = {PROVEN: connection.prove}
        super().__init__(config=server.config, server_state=server.server_state, app_state=state)
        self._connection = connection
        self._connections = server.open
        self._request_s = request_s
        self._deadline: asyncio.TimerHandle | None = None
        self._expect()

    def data_received(self, data: bytes) -> None:
        """Go on with a request, or begin one."""
        super().data_received(data)
        if self.conn.their_state in {h11.IDLE, h11.SEND_BODY}:
            self._expect()
        else:
            self._relent()

    def connection_lost(self, exc: Exception | None) -> None:
        """Make room for another."""
        self.leave()
        super().connection_lost(exc)

    def leave(self) -> None:
        """Expect nothing more, and be counted no more."""
        self._relent()
        self._connections.left(self._connection)

    def _expect(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(self._request_s, self._connection.cut)

    def _relent(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def bind(host: str, port: int) -> socket.socket:
    """
    Return a TCP socket that listens on the address; port 0 takes a free one.

    Raises:
        EnvironmentFailedError: it cannot be had; the message says what to do.

    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named, or asyncio does not set TCP_NODELAY, and each answer waits 40 ms for the client's acknowledgement.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise EnvironmentFailedError(_why(error, host, port)) from error
    return listener


def _why(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} on {host} is in use. `ss -ltnp 'sport = :{port}'` names the program; if it is a relay of "
            f"yours, `reconciler relay stop --state DIR` ends it. Or choose another port, or port 0 for a free one."
        )
    if error.errno == errno.EACCES:
        return f"Port {port} on {host} is refused to this user: ports below 1024 need root. Choose a higher one."
    return f"Nothing can listen on {host}:{port}: {error.strerror}."
