"""Servers of git on loopback: `git daemon`, `git http-backend` behind a password, and some that do not behave."""

import base64
import contextlib
import os
import socket
import socketserver
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class _Daemon(socketserver.StreamRequestHandler):
    """Gives each connection to a `git daemon` of its own, as inetd would."""

    def handle(self) -> None:
        """Serve one connection."""
        server: Any = self.server
        root: Path = server.root
        server.spy()
        connection = self.request.fileno()
        # No reader: what git has read of the socket must not be kept here.
        subprocess.run(
            ("git", "daemon", "--inetd", "--export-all", f"--base-path={root}", str(root)),
            stdin=connection, stdout=connection, stderr=subprocess.DEVNULL, check=False, timeout=60,
        )  # fmt: skip


class _HalfDaemon(socketserver.BaseRequestHandler):
    """Passes on so much of what `git daemon` says, and then says nothing more."""

    def handle(self) -> None:
        """Serve one connection."""
        server: Any = self.server
        with socket.create_connection(server.behind) as behind:
            threading.Thread(target=_pass_on, args=(self.request, behind), daemon=True).start()
            left = server.most_bytes
            while left and (chunk := behind.recv(min(left, 4096))):
                self.request.sendall(chunk)
                left -= len(chunk)
            if not left:
                # Until whoever asked goes, or the test ends.
                server.over.wait()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while chunk := source.recv(4096):
            target.sendall(chunk)


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False


@contextlib.contextmanager
def daemon(root: Path, *, spy: Callable[[], None] = lambda: None) -> Iterator[int]:
    """Serve the repositories below a directory with `git daemon`; lend the port. The spy sees every connection."""
    with _serving(_Server(("127.0.0.1", 0), _Daemon), root=root, spy=spy) as port:
        yield port


@contextlib.contextmanager
def half_daemon(port: int, *, most_bytes: int) -> Iterator[int]:
    """Serve what another one does, and stop after so many bytes of each answer."""
    over = threading.Event()
    server = _Server(("127.0.0.1", 0), _HalfDaemon)
    try:
        with _serving(server, behind=("127.0.0.1", port), most_bytes=most_bytes, over=over) as own:
            yield own
    finally:
        over.set()


@contextlib.contextmanager
def silent() -> Iterator[int]:
    """Accept connections, and never say anything."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


@contextlib.contextmanager
def web(
    root: Path, *, password: str = "", moved_to: str = "", spy: Callable[[], None] = lambda: None
) -> "Iterator[Web]":
    """
    Serve the repositories below a directory with `git http-backend`.

    Args:
        root: where they are.
        password: what `git` must give; "" where nobody is asked.
        moved_to: where everybody is sent instead.
        spy: called in the midst of every request.

    """
    state = Web()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Backend)
    with _serving(server, root=root, password=password, moved_to=moved_to, spy=spy, state=state) as port:
        state.port = port
        yield state


class Web:
    """A server of http."""

    def __init__(self) -> None:
        self.port = 0
        self.asked: list[str] = []
        """The credentials that were sent, one a request; "" where there were none."""
        self.refuses = False
        """Whether it has turned into a teapot, which repeats what it was told."""


class _Backend(BaseHTTPRequestHandler):
    """Runs `git http-backend` as CGI, as a web server would."""

    def do_GET(self) -> None:
        """Answer."""
        server: Any = self.server
        kind, _, word = self.headers.get("Authorization", "").partition(" ")
        given = base64.b64decode(word).decode() if kind == "Basic" else ""
        server.state.asked.append(given)
        server.spy()
        if server.state.refuses and given:
            self.send_error(418, given)
        elif server.moved_to:
            self.send_response(302)
            self.send_header("Location", server.moved_to + self.path)
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif server.password and given != f"git:{server.password}":
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self._run(server.root)

    def do_POST(self) -> None:
        """Answer, too."""
        self.do_GET()

    def _run(self, root: Path) -> None:
        path, _, query = self.path.partition("?")
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        environment = {
            "PATH": os.environ["PATH"], "GIT_PROJECT_ROOT": str(root), "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": path,
            "QUERY_STRING": query, "REQUEST_METHOD": self.command, "CONTENT_LENGTH": str(len(body)),
            "CONTENT_TYPE": self.headers.get("Content-Type", ""), "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""), "GIT_CONFIG_NOSYSTEM": "1",
        }  # fmt: skip
        done = subprocess.run(
            ("git", "http-backend"), input=body, env=environment, capture_output=True, check=True, timeout=60
        )
        head, _, answer = done.stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        self.send_response(int(fields.pop("Status", "200").split()[0]))
        for name, value in fields.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextlib.contextmanager
def _serving(server: Any, **more: Any) -> Iterator[int]:
    for name, value in more.items():
        setattr(server, name, value)
    # It looks at whether it should end that often.
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
