"""uvicorn inside an event loop that is not its own: no signal handlers, no log lines, a socket that we bound."""

import asyncio
import contextlib
import errno
import socket
from collections.abc import Iterator
from typing import Final

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reconciler.domain.errors import EnvironmentFailedError

_BACKLOG: Final = 512
_GRACE_S: Final = 5
"""How long requests in flight have at a stop."""


class _Server(uvicorn.Server):
    """Leaves the process's signals alone: whoever embeds it decides what they mean."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Serving:
    """
    An application, served.

    With `cuts_unanswered`, a request that the application does not answer has its connection cut, and no HTTP 500.
    """

    def __init__(self, app: ASGIApp, listener: socket.socket, *, cuts_unanswered: bool = False) -> None:
        self._listener = listener
        self._server = _Server(
            uvicorn.Config(
                self._cutting(app) if cuts_unanswered else app,
                access_log=False,
                lifespan="off",
                log_config=None,
                # A crash of the application is logged by the application.
                log_level="critical",
                timeout_graceful_shutdown=_GRACE_S,
                # Clients keep their connections for long, and must not meet one that is being closed.
                timeout_keep_alive=75,
                server_header=False,
            )
        )
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Answer from now on, also whoever has connected since the socket listens."""
        self._task = asyncio.create_task(self._server.serve(sockets=[self._listener]), name="relay api")

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
