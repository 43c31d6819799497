"""The ends of an SRT flow: who listens, who calls, and which connections they have."""

import ipaddress
import random
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from reconciler.relay.programs.libsrt import (
    EPOLL_ERR,
    EPOLL_IN,
    EPOLL_OUT,
    KM_SECURED,
    Address,
    Libsrt,
    Option,
    Poll,
    Reject,
    SrtError,
    State,
)
from reconciler.relay.programs.reach import refusal_of

Spec = dict[str, Any]

PAUSE_FIRST_S: Final = 0.3
PAUSE_MOST_S: Final = 8.0
HELD_S: Final = 5.0
"""A connection that stood this long was a good one: the next pause is short again."""
UNDECIDED_S: Final = 1.5
"""A caller that was let in and has not connected after this long has failed to agree on a key."""
SILENT_S: Final = 1.0
"""How long a publisher sends nothing before another one may take its place; or its latency, where that is more."""
REMEMBERED_S: Final = 60.0
"""How long a listener tells of a caller that it turned away."""
_CALL_MS: Final = 3000
_BUFFER_BYTES: Final = 24 << 20
"""Room for 50 Mb/s at 3000 ms of latency, and some more; taken only as it is needed."""
_WINDOW_PACKETS: Final = 25_600
_PORT_IN_USE: Final = "the socket cannot be opened: is the port in use?"
_WHO_MAY_CONNECT: Final = frozenset({"allowlist", "max_concurrent", "denied", "denied_ports"})
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


@dataclass(slots=True)
class Session:
    """One connection."""

    socket: int
    peer: Address
    since_s: float
    number: int
    bytes: int = 0
    dropped: int = 0
    """Messages that there was no room for: this receiver is too slow, and it alone loses them."""
    packets: int = 0
    heard_s: float = field(default_factory=time.monotonic)
    """When the number of packets that came from it grew last."""
    patience_s: float = SILENT_S
    """For how long what is missing may yet be made up."""

    def hear(self, srt: Libsrt, now_s: float) -> None:
        """Note whether anything has come since the last look."""
        stats = srt.stats(self.socket)
        if stats is not None and stats.pktRecvTotal != self.packets:
            self.packets, self.heard_s = stats.pktRecvTotal, now_s
            self.patience_s = max(SILENT_S, srt.get(self.socket, Option.RCVLATENCY) / 1000)

    def figures(self, srt: Libsrt, *, receives: bool, now_s: float) -> Spec:
        """Return what is known of it; `receives` says which way the media go."""
        told: Spec = {
            "id": str(self.number),
            "peer": str(self.peer),
            "connected_ms": round(1000 * (now_s - self.since_s)),
            "bytes": self.bytes,
        }
        stats = srt.stats(self.socket)
        if stats is None:
            return told
        secured = srt.get(self.socket, Option.RCVKMSTATE if receives else Option.SNDKMSTATE) == KM_SECURED
        told["srt"] = {
            "latency_ms": srt.get(self.socket, Option.RCVLATENCY if receives else Option.PEERLATENCY),
            "rtt_ms": round(stats.msRTT, 3),
            "packets_sent": stats.pktSentTotal,
            "packets_received": stats.pktRecvTotal,
            "send_lost": stats.pktSndLossTotal,
            "send_retransmitted": stats.pktRetransTotal,
            "send_dropped": stats.pktSndDropTotal + self.dropped,
            "receive_lost": stats.pktRcvLossTotal,
            # Never cleared, so what is called local runs from the beginning too.
            "receive_retransmitted": stats.pktRcvRetrans,
            "receive_dropped": stats.pktRcvDropTotal,
            "encrypted": secured,
            "key_length": srt.get(self.socket, Option.PBKEYLEN) if secured else 0,
        }
        return told


@dataclass(slots=True)
class Pause:
    """Growing pauses with full jitter."""

    tries: int = 0

    def next_s(self, held_s: float = 0.0) -> float:
        """Return how long to wait after a connection that stood so long."""
        if held_s > HELD_S:
            self.tries = 0
        most_s = min(PAUSE_MOST_S, PAUSE_FIRST_S * 2**self.tries)
        self.tries = min(self.tries + 1, 10)
        return max(PAUSE_FIRST_S, random.SystemRandom().uniform(0, most_s))


@dataclass(slots=True)
class World:
    """What every end needs."""

    srt: Libsrt
    poll: Poll
    owners: dict[int, Callable[[], None]]
    """Socket to what is to be done when it has something to say."""
    post: Callable[[Callable[[], None]], None]
    """Has the main loop run something soon."""
    changed: Callable[[], None]
    """To be called when a session came or went."""
    count: list[int] = field(default_factory=lambda: [0])

    def watch(self, which: int, events: int, owner: Callable[[], None]) -> None:
        """Call `owner` when the socket has something to say."""
        self.owners[which] = owner
        self.poll.add(which, events)

    def close(self, which: int) -> None:
        """Close a socket."""
        self.poll.remove(which)
        self.owners.pop(which, None)
        self.srt.close(which)

    def session(self, which: int, peer: Address) -> Session:
        """Return a new connection, numbered."""
        self.count[0] += 1
        return Session(socket=which, peer=peer, since_s=time.monotonic(), number=self.count[0])


class End:
    """One end of the flow, wanted until `close`; opens and re-opens its socket by itself."""

    def __init__(self, world: World, spec: Spec, *, receives: bool, on_data: Callable[[Session], bool]) -> None:
        self.world = world
        self.spec = spec
        self.receives = receives
        self.sessions: dict[int, Session] = {}
        self.connections = 0
        self.carried = 0
        """Bytes of connections that have ended."""
        self.error = ""
        self._on_data = on_data
        self._socket: int | None = None
        self._pause = Pause()
        self._retry_s = 0.0
        self._wanted = True

    def tick(self, now_s: float) -> None:
        """Look after what time brings about."""
        if self._socket is None and not self.sessions and now_s >= self._retry_s:
            self.open()

    def open(self) -> None:
        """Open the socket."""
        raise NotImplementedError

    def close(self) -> None:
        """Close every socket for good."""
        self._wanted = False
        for which in list(self.sessions):
            self._drop(which)
        if self._socket is not None:
            self.world.close(self._socket)
            self._socket = None

    def state(self, now_s: float) -> Spec:
        """Return what is known of this end."""
        sessions = [
            session.figures(self.world.srt, receives=self.receives, now_s=now_s) for session in self.sessions.values()
        ]
        return {
            "connections": self.connections,
            "bytes": self.carried + sum(session.bytes for session in self.sessions.values()),
            "error": self.error,
            "sessions": sessions,
        }

    def edit(self, spec: Spec) -> bool:
        """Take a spec that differs in who may connect alone; return whether it does not, so that nothing was done."""
        return any(spec[key] != self.spec[key] for key in spec if key not in _WHO_MAY_CONNECT)

    def _new_socket(self, host: str, begin: Callable[[int], None]) -> int:
        """
        Return a new socket that has begun what it is for.

        Raises:
            SrtError: there is none to be had, or it cannot begin.

        """
        srt, spec = self.world.srt, self.spec
        which = srt.socket()
        try:
            for option, value in (
                (Option.SNDSYN, 0),
                (Option.RCVSYN, 0),
                (Option.LATENCY, spec["latency_ms"]),
                (Option.PEERIDLETIMEO, spec["peer_idle_timeout_ms"]),
                (Option.FC, _WINDOW_PACKETS),
                (Option.RCVBUF if self.receives else Option.SNDBUF, _BUFFER_BYTES),
                (Option.CONNTIMEO, _CALL_MS),
                (Option.TLPKTDROP, 1),
            ):
                srt.set(which, option, value)
            if ":" in host:
                srt.set(which, Option.IPV6ONLY, 0 if host == "::" else 1)
            if spec["passphrase"]:
                srt.set(which, Option.PBKEYLEN, spec["key_length"])
                srt.set(which, Option.PASSPHRASE, spec["passphrase"])
            begin(which)
        except SrtError:
            srt.close(which)
            raise
        return which

    def _begin(self, which: int, peer: Address) -> None:
        """Take a connection into service."""
        session = self.world.session(which, peer)
        self.sessions[which] = session
        self.connections += 1
        if not self.spec["listens"] or self.spec["max_concurrent"] == 1:
            # Of several, one that gets in says nothing of another that did not.
            self.error = ""
        self.world.watch(which, EPOLL_IN | EPOLL_ERR, lambda: self._heard(session))
        self.world.changed()

    def _heard(self, session: Session) -> None:
        """Read what came; a connection that is gone is forgotten."""
        if not self._on_data(session):
            self.lost(session.socket)

    def lost(self, which: int) -> None:
        """Forget a connection that has ended."""
        self._drop(which)

    def _drop(self, which: int) -> float:
        """Close a connection; return how long it stood."""
        session = self.sessions.pop(which, None)
        if session is None:
            return 0.0
        self.carried += session.bytes
        self.world.close(which)
        self.world.changed()
        return time.monotonic() - session.since_s

    def _fail(self, reason: str, held_s: float = 0.0) -> None:
        self.error = reason
        self._retry_s = time.monotonic() + self._pause.next_s(held_s)


class Listener(End):
    """Waits to be called."""

    def __init__(self, world: World, spec: Spec, *, receives: bool, on_data: Callable[[Session], bool]) -> None:
        super().__init__(world, spec, receives=receives, on_data=on_data)
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
        self.spec = spec
        for which, session in list(self.sessions.items()):
            if not allows(spec["allowlist"], session.peer.host):
                self._complain(f"{session.peer.host} was cut off: it is not in the allowlist")
                self._drop(which)
        for which in list(self.sessions)[spec["max_concurrent"] :]:
            self._drop(which)
        return False

    def _may_connect(self, _new: int, peer: str, stream_id: str) -> int:
        """Say whether a caller may connect; runs on a thread of libsrt, so it only looks things up."""
        spec, host = self.spec, _host(peer)
        with self._lock:
            if not allows(spec["allowlist"], host):
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
            if not allows(self.spec["allowlist"], peer.host):
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


def end_of(world: World, spec: Spec, *, receives: bool, on_data: Callable[[Session], bool]) -> End:
    """Return the end that a spec asks for."""
    kind = Listener if spec["listens"] else Caller
    return kind(world, spec, receives=receives, on_data=on_data)


def allows(allowlist: list[str], host: str) -> bool:
    """Whether a host is within one of the CIDRs; an empty list allows everybody."""
    if not allowlist:
        return True
    address = ipaddress.ip_address(host)
    return any(address in ipaddress.ip_network(cidr, strict=False) for cidr in allowlist)


def _host(peer: str) -> str:
    return peer.rpartition(":")[0].removeprefix("[").removesuffix("]")


def _now(sessions: dict[int, Session]) -> list[Session]:
    """Return the sessions of this moment; another thread may be at them."""
    return list(sessions.values())


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
