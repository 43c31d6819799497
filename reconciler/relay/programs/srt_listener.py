"""An end of an SRT flow that waits to be called, and says who may."""

import threading
import time
from collections.abc import Callable
from typing import Final

from reconciler.relay.programs.libsrt import EPOLL_ERR, EPOLL_IN, Address, Reject, SrtError
from reconciler.relay.programs.reach import Networks, listed, networks_of
from reconciler.relay.programs.srt_ends import End, Session, Spec, World

UNDECIDED_S: Final = 1.5
"""A caller that was let in and has not connected after this long has failed to agree on a key."""
REMEMBERED_S: Final = 60.0
"""How long a listener tells of a caller that it turned away."""
_PORT_IN_USE: Final = "the socket cannot be opened: is the port in use?"


class Listener(End):
    """Waits to be called."""

    def __init__(self, world: World, spec: Spec, *, receives: bool, on_data: Callable[[Session], bool]) -> None:
        super().__init__(world, spec, receives=receives, on_data=on_data)
        self._listed: Networks = networks_of(spec["allowlist"])
        self._undecided: dict[str, float] = {}
        self._complained_s = 0.0
        self._lock = threading.Lock()

    def open(self) -> None:
        """Listen."""
        srt, at = self.world.srt, Address(self.spec["host"], self.spec["port"])
        try:
            which = self._new_socket(at.host, lambda new: srt.listen(new, at, self._may_connect))
        except SrtError:
            self._fail(_PORT_IN_USE)
            return
        if self.error == _PORT_IN_USE:
            self.error = ""
        self._socket = which
        self.world.watch(which, EPOLL_IN | EPOLL_ERR, self._accept)

    def tick(self, now_s: float) -> None:
        """Say so of callers that were let in and could not agree on a key."""
        if self._socket is None and now_s >= self._retry_s:
            self.open()
        self._hear(now_s)
        with self._lock:
            failed = [peer for peer, at_s in self._undecided.items() if at_s < now_s - UNDECIDED_S]
            for peer in failed:
                del self._undecided[peer]
        for peer in failed:
            self._complain(
                f"a caller from {_host(peer)} did not get in: its passphrase is missing or not the right one"
            )
        if self._socket is not None and now_s - self._complained_s > REMEMBERED_S:
            self.error = ""

    def _complain(self, reason: str) -> None:
        self.error, self._complained_s = reason, time.monotonic()

    def edit(self, spec: Spec) -> bool:
        """Take who may connect, and close the connections of those who no longer may."""
        if super().edit(spec):
            return True
        self.spec, self._listed = spec, networks_of(spec["allowlist"])
        for which, session in list(self.sessions.items()):
            if not listed(self._listed, session.peer.host):
                self._complain(f"{session.peer.host} was cut off: it is not in the allowlist")
                self._drop(which)
        for which in list(self.sessions)[spec["max_concurrent"] :]:
            self._drop(which)
        return False

    def _may_connect(self, _new: int, peer: str, stream_id: str) -> int:
        """Say whether a caller may connect; runs on a thread of libsrt, so it only looks things up."""
        spec, host = self.spec, _host(peer)
        with self._lock:
            if not listed(self._listed, host):
                self._complain(f"a caller from {host} was refused: it is not in the allowlist")
                return Reject.X_FORBIDDEN
            if spec["stream_id"] and stream_id != spec["stream_id"]:
                self._complain(f"a caller from {host} was refused: its stream id is not the one that is asked for")
                return Reject.X_UNAUTHORIZED
            # Only who is connected takes a place: who has yet to agree on a key may try for ever and never do.
            if self._is_full and self._silent() is None:
                self._complain(self._no_place(host))
                return Reject.X_OVERLOAD
            self._undecided.setdefault(peer, time.monotonic())
        return 0

    def _hear(self, now_s: float) -> None:
        if self.receives:
            for session in self.sessions.values():
                session.hear(self.world.srt, now_s)

    def _accept(self) -> None:
        # What nobody looked at is no silence: this loop may have been away for a while.
        self._hear(time.monotonic())
        while self._socket is not None and (accepted := self.world.srt.accept(self._socket)) is not None:
            which, peer = accepted
            with self._lock:
                self._undecided.pop(str(peer), None)
            # The list may have been edited since the caller was asked, and others may have been faster.
            if not listed(self._listed, peer.host):
                self.world.srt.close(which)
            elif not self._is_full:
                self._begin(which, peer)
            elif (silent := self._silent()) is not None:
                self._drop(silent.socket)
                self._begin(which, peer)
                self._complain(
                    f"a publisher from {silent.peer.host} was silent, and one from {peer.host} took its place"
                )
            else:
                self._complain(self._no_place(peer.host))
                self.world.srt.close(which)

    @property
    def _is_full(self) -> bool:
        most: int = self.spec["max_concurrent"]
        return len(self.sessions) >= most

    def _silent(self) -> Session | None:
        """
        Return a publisher that another one may replace, for nothing has come from it for longer than could be made up.

        A publisher that died without a farewell would hold its place until the peer idle timeout.
        """
        sessions, now_s = _now(self.sessions) if self.receives else [], time.monotonic()
        return next((one for one in sessions if now_s - one.heard_s > one.patience_s), None)

    def _no_place(self, host: str) -> str:
        if self.receives:
            return f"a publisher from {host} was refused: somebody publishes already"
        return f"a caller from {host} was refused: {self.spec['max_concurrent']} are connected already"


def _host(peer: str) -> str:
    return peer.rpartition(":")[0].removeprefix("[").removesuffix("]")


def _now(sessions: dict[int, Session]) -> list[Session]:
    """Return the sessions of this moment; another thread may be at them."""
    return list(sessions.values())
