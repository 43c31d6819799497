"""One place where RTP packets go."""

import errno
import random
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from reconciler.relay.programs.control import Json
from reconciler.relay.programs.reach import refusal_of
from reconciler.relay.programs.rtp_source import NO_SOCKET, Spec

_QUIET_S: Final = 2.0
"""A destination of which nothing bad was heard for so long takes what it is sent."""
_PAUSE_FIRST_S, _PAUSE_MOST_S = 0.5, 10.0

Task = Callable[[], None]


@dataclass(slots=True)
class Destination:
    """One place where every packet goes."""

    host: str
    port: int
    bounds: Spec
    """Whom nothing is sent to, as `reach.refusal_of` reads it."""
    peer: str = ""
    packets: int = 0
    bytes: int = 0
    dropped: int = 0
    error: str = ""
    since_s: float = 0.0
    last_s: float = 0.0
    refused_s: float = 0.0
    """When the network last said that nobody takes the packets; 0 when it has not for a while."""
    connections: int = 0
    _socket: socket.socket | None = None
    _retry_s: float = 0.0
    _tries: int = 0
    _resolving: bool = False
    _closed: bool = False

    def tick(self, now_s: float, post: Callable[[Task], None]) -> None:
        """Look the host up, on a thread of its own, where that is to be done."""
        if self._socket is None and not self._resolving and now_s >= self._retry_s:
            self._resolving = True
            threading.Thread(target=self._resolve, args=(post,), daemon=True).start()

    def send(self, packet: memoryview, now_s: float) -> None:
        """Send a packet; what the network has against it is noted, and the next one is sent all the same."""
        if self._socket is None:
            return
        try:
            self._socket.send(packet)
        except BlockingIOError:
            self.dropped += 1
            return
        except OSError as error:
            # What is told is of an earlier packet, and this one was not sent for it: it is sent once more.
            self._refused(error, now_s)
            if not self._sent_again(packet):
                return
        self.packets += 1
        self.bytes += len(packet)
        self.last_s = now_s
        if not self.since_s and not self.refused_s:
            self.since_s = now_s
            self.connections += 1

    def _refused(self, error: OSError, now_s: float) -> None:
        reasons = {errno.ECONNREFUSED: "nothing listens there", errno.EMSGSIZE: "the packets are too large for the way"}
        self.error = reasons.get(error.errno or 0, "no route to host")
        self.refused_s, self.since_s = now_s, 0.0

    def _sent_again(self, packet: memoryview) -> bool:
        try:
            if self._socket is not None:
                self._socket.send(packet)
        except OSError:
            self.dropped += 1
            return False
        return True

    def settle(self, now_s: float, idle_s: float) -> None:
        """Forget an old complaint of a destination that takes what it is sent, and a connection that is idle."""
        if self.since_s and now_s - self.last_s > idle_s:
            self.since_s = 0.0
        if self.refused_s and now_s - self.refused_s > _QUIET_S:
            self.refused_s, self.error = 0.0, ""

    def keep_to(self, bounds: Spec) -> None:
        """Take whom nothing is sent to, and leave off where that is this one."""
        self.bounds = bounds
        if self._socket is None:
            return
        refusal = refusal_of(bounds, str(self._socket.getpeername()[0]), self.port)
        if refusal:
            self._socket.close()
            self._socket, self.since_s = None, 0.0
            self._fail(refusal)

    def close(self) -> None:
        """Send nothing more."""
        self._closed = True
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def figures(self, now_s: float, pipeline: int) -> Json:
        """Return what is known of it."""
        return {
            "pipeline": pipeline,
            "peer": self.peer,
            "connected": bool(self.since_s),
            "connected_ms": round(1000 * (now_s - self.since_s)) if self.since_s else 0,
            "connections": self.connections,
            "packets": self.packets,
            "bytes": self.bytes,
            "dropped": self.dropped,
            "error": self.error,
        }

    def _resolve(self, post: Callable[[Task], None]) -> None:
        try:
            found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_DGRAM)
        except (OSError, UnicodeError):
            found = []
        post(partial(self._found, found[0] if found else None))

    def _found(self, address: Any) -> None:
        self._resolving = False
        if self._closed:
            return
        if address is None:
            self._fail("the host is not known")
            return
        family, _, _, _, place = address
        refusal = refusal_of(self.bounds, str(place[0]), self.port)
        if refusal:
            self._fail(refusal)
            return
        try:
            made = socket.socket(family, socket.SOCK_DGRAM)
        except OSError:
            self._fail(NO_SOCKET)
            return
        made.setblocking(False)
        try:
            made.connect(place)
        except OSError:
            made.close()
            self._fail("no route to host")
            return
        self._socket, self.error, self._tries = made, "", 0
        self.peer = f"[{place[0]}]:{place[1]}" if family == socket.AF_INET6 else f"{place[0]}:{place[1]}"

    def _fail(self, reason: str) -> None:
        self.error = reason
        most_s = min(_PAUSE_MOST_S, _PAUSE_FIRST_S * 2**self._tries)
        self._tries = min(self._tries + 1, 10)
        self._retry_s = time.monotonic() + max(_PAUSE_FIRST_S, random.SystemRandom().uniform(0, most_s))
