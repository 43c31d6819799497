"""An end of an SRT flow that calls, and says why it is not answered."""

import socket
import threading
from collections.abc import Callable
from functools import partial
from typing import Final

from reconciler.relay.programs.libsrt import EPOLL_ERR, EPOLL_OUT, Address, Option, Reject, SrtError, State
from reconciler.relay.programs.reach import refusal_of
from reconciler.relay.programs.srt_ends import End, Session, Spec, World

_REASONS: Final[dict[int, str]] = {
    Reject.BADSECRET: "the passphrase is not right",
    Reject.UNSECURE: "one side has a passphrase and the other has none",
    Reject.TIMEOUT: "no answer: nothing listens there, or nothing comes through",
    Reject.PEER: "the peer refused the connection",
    Reject.RESOURCE: "the peer has no room for another connection",
    Reject.BACKLOG: "the peer has no room for another connection",
    Reject.CLOSE: "the peer is closing",
    Reject.VERSION: "the peer speaks another version of SRT",
    Reject.X_UNAUTHORIZED: "the peer refused the stream id",
    Reject.X_OVERLOAD: "the peer has as many connections as it takes",
    Reject.X_FORBIDDEN: "the peer refused this address",
}


class Caller(End):
    """Calls, again and again until it is answered."""

    def __init__(self, world: World, spec: Spec, *, receives: bool, on_data: Callable[[Session], bool]) -> None:
        super().__init__(world, spec, receives=receives, on_data=on_data)
        self._resolving = False

    def edit(self, spec: Spec) -> bool:
        """Take whom it may call, and leave a connection to an address that it no longer may."""
        if super().edit(spec):
            return True
        self.spec = spec
        for which, session in list(self.sessions.items()):
            refusal = refusal_of(spec, session.peer.host, session.peer.port)
            if refusal:
                self._drop(which)
                self._fail(refusal)
        return False

    def tick(self, now_s: float) -> None:
        """Call when it is time."""
        if self._socket is None and not self.sessions and not self._resolving and now_s >= self._retry_s:
            self.open()

    def open(self) -> None:
        """Look the host up on a thread of its own, for that may take long, then call."""
        self._resolving = True
        threading.Thread(target=self._resolve, daemon=True).start()

    def _resolve(self) -> None:
        try:
            found = socket.getaddrinfo(self.spec["host"], self.spec["port"], type=socket.SOCK_DGRAM)
            host = str(found[0][4][0])
        except (OSError, UnicodeError):
            host = ""
        self.world.post(lambda: self._call(host))

    def _call(self, host: str) -> None:
        self._resolving = False
        if not self._wanted:
            return
        if not host:
            self._fail("the host is not known")
            return
        refusal = refusal_of(self.spec, host, self.spec["port"])
        if refusal:
            self._fail(refusal)
            return
        to = Address(host, self.spec["port"])
        try:
            which = self._new_socket(host, partial(self._begin_call, to))
        except SrtError:
            self._fail(_unreachable(to) or "the call cannot begin")
            return
        self._socket = which
        self.world.watch(which, EPOLL_OUT | EPOLL_ERR, lambda: self._answered(which, to))

    def _begin_call(self, to: Address, which: int) -> None:
        if self.spec["stream_id"]:
            self.world.srt.set(which, Option.STREAMID, self.spec["stream_id"])
        self.world.srt.connect(which, to)

    def _answered(self, which: int, to: Address) -> None:
        srt = self.world.srt
        if srt.state(which) == State.CONNECTED:
            self.world.poll.remove(which)
            self._socket = None
            self._begin(which, to)
        elif srt.state(which) > State.CONNECTED:
            reason = srt.reject_reason(which)
            self.world.close(which)
            self._socket = None
            lost = _unreachable(to) if reason == Reject.TIMEOUT else ""
            self._fail(lost or _REASONS.get(reason, "the connection was refused"))

    def lost(self, which: int) -> None:
        """Call again after a pause."""
        held_s = self._drop(which)
        if self._wanted:
            self._fail("the connection was lost", held_s)


def _unreachable(to: Address) -> str:
    """Return what the kernel has against an address; libsrt only ever says that no answer came."""
    family = socket.AF_INET6 if ":" in to.host else socket.AF_INET
    try:
        probe = socket.socket(family, socket.SOCK_DGRAM)
    except OSError:
        # No descriptor is left, which says nothing of the address.
        return ""
    with probe:
        try:
            probe.connect((to.host, to.port))
        except OSError:
            return "no route to host"
    return ""
