"""What every end of an SRT flow has: connections, their figures, and the pauses between tries."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from reconciler.relay.programs.libsrt import (
    EPOLL_ERR,
    EPOLL_IN,
    KM_SECURED,
    Address,
    Libsrt,
    Option,
    Poll,
    SrtError,
)

Spec = dict[str, Any]

PAUSE_FIRST_S: Final = 0.3
PAUSE_MOST_S: Final = 8.0
HELD_S: Final = 5.0
"""A connection that stood this long was a good one: the next pause is short again."""
SILENT_S: Final = 1.0
"""How long a publisher sends nothing before another one may take its place; or its latency, where that is more."""
_CALL_MS: Final = 3000
_BUFFER_BYTES: Final = 24 << 20
"""Room for 50 Mb/s at 3000 ms of latency, and some more; taken only as it is needed."""
_WINDOW_PACKETS: Final = 25_600
_WHO_MAY_CONNECT: Final = frozenset({"allowlist", "max_concurrent", "denied", "denied_ports"})


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
