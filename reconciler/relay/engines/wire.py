"""The side that starts a wire: the process between an ffmpeg and somebody else's RTMP server."""

import contextlib
import json
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from reconciler.media.ffmpeg import address_of, app_of
from reconciler.relay.engines.home import FlowHome
from reconciler.relay.engines.program import program_command
from reconciler.relay.programs.dial import Trouble
from reconciler.relay.programs.wire import TOLD
from reconciler.relay.reach import Bounds

_PORTS: Final = {"rtmp": 1935, "rtmps": 443}
_NEAR_BUFFER_BYTES: Final = 128 << 10
"""What the kernel holds between ffmpeg and its wire: more would only hide that a destination is slow."""
_WORDS: Final = frozenset(Trouble)
NO_URL: Final = "the address is no RTMP URL"


@dataclass(frozen=True, slots=True)
class Settings:
    """What ffmpeg reads its settings from, and how another one is written there; the last of a name holds."""

    descriptor: int
    form: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FarEnd:
    """Somebody else's RTMP server."""

    url: str
    """Ends before the stream key."""
    chunk_bytes: int | None = None
    """Of which size chunks are sent; None leaves it to ffmpeg and the server."""
    silent_s: float = 0.0
    """A server that sends nothing for so long is gone; 0 for one that has nothing to send."""

    @property
    def is_url(self) -> bool:
        """Whether it can be called at all."""
        try:
            parts = urlsplit(self.url)
            return parts.scheme in _PORTS and bool(parts.hostname) and parts.port != 0
        except ValueError:
            return False

    def order(self, bounds: Bounds, settings: Settings) -> dict[str, Any]:
        """Return what a wire is told; no stream key is among it."""
        parts = urlsplit(self.url)
        login = {
            "user": unquote(parts.username or ""),
            "password": unquote(parts.password or ""),
            "app": app_of(self.url),
            "address": address_of(self.url),
            "settings": settings.descriptor,
            "setting": settings.form,
        }
        return {
            "host": parts.hostname,
            "port": parts.port or _PORTS[parts.scheme],
            "tls": parts.scheme == "rtmps",
            "authorities": bounds.authorities,
            "chunk_bytes": self.chunk_bytes,
            "silent_s": self.silent_s,
            "login": login if parts.username else {},
            **bounds.order(),
        }


def order_text(far: FarEnd, bounds: Bounds, settings: Settings) -> str:
    """Return the order as the wire reads it."""
    return json.dumps(far.order(bounds, settings))


@contextlib.contextmanager
def near_listener() -> Iterator[socket.socket]:
    """
    Lend the socket where a wire waits for its ffmpeg.

    It is made before either starts, and both keep it: nobody else can have its port before ffmpeg has called.
    """
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _NEAR_BUFFER_BYTES)
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        yield listener


def near_url(listener: socket.socket) -> str:
    """Return what ffmpeg calls instead of the far end."""
    return f"rtmp://127.0.0.1:{listener.getsockname()[1]}/"


def wire_command(home: FlowHome, order: int, listener: socket.socket, command: Sequence[str]) -> list[str]:
    """Return the command of a wire that reads an order from a descriptor, listens, and starts ffmpeg."""
    return program_command(home, "wire", str(order), str(listener.fileno()), *command)


def told(log: str) -> str:
    """Return what a wire says of why it ended, if it does; only words of ours are passed on."""
    lines = [line.removeprefix(TOLD) for line in log.splitlines() if line.startswith(TOLD)]
    return lines[-1] if lines and lines[-1] in _WORDS else ""
