"""Where RTP packets come from: who may send, and what is counted of them."""

import socket
from dataclasses import dataclass, field
from typing import Any, Final

from reconciler.relay.programs.control import Json
from reconciler.relay.programs.reach import Networks, listed, networks_of

_RECEIVE_BUFFER_BYTES: Final = 8 << 20
HEADER_BYTES: Final = 12
NO_SOCKET: Final = "this machine opens no more sockets"
_VERSION: Final = 2
_SEQUENCES: Final = 1 << 16
_MOST_LOST: Final = 1000
"""A jump above this is a source that began anew, not packets that were lost."""

Spec = dict[str, Any]


@dataclass(slots=True)
class Source:
    """The input: one sender at a time, the first that may, until it has been silent for long enough."""

    spec: Spec
    endpoint: socket.socket | None = None
    sender: str = ""
    since_s: float = 0.0
    last_s: float = 0.0
    connections: int = 0
    packets: int = 0
    bytes: int = 0
    lost: int = 0
    refused: int = 0
    error: str = ""
    _sequence: int | None = None
    _verdicts: dict[str, bool] = field(default_factory=dict)
    _networks: Networks = field(init=False)

    def __post_init__(self) -> None:
        """Read who may send once: it is asked of every sender."""
        self._networks = networks_of(self.spec["allowlist"])

    def open(self) -> None:
        """Bind the socket, where that is not done."""
        if self.endpoint is not None:
            return
        host = self.spec["host"]
        try:
            made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        except OSError:
            self.error = NO_SOCKET
            return
        made.setblocking(False)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
        try:
            made.bind((host, self.spec["port"]))
        except OSError:
            made.close()
            self.error = "the socket cannot be opened: is the port in use?"
            return
        self.endpoint, self.error = made, ""

    def close(self) -> None:
        """Receive nothing more."""
        if self.endpoint is not None:
            self.endpoint.close()
            self.endpoint = None

    def edit(self, spec: Spec) -> None:
        """Take who may send, and how long silence may be, and leave the rest as it is."""
        self.spec = spec
        self._networks = networks_of(spec["allowlist"])
        self._verdicts.clear()
        if self.sender and not self._may_send(self.sender.rpartition(":")[0].strip("[]")):
            self._leave()

    def admits(self, place: tuple[Any, ...], now_s: float) -> bool:
        """Whether a packet from there is the flow's."""
        sender = f"[{place[0]}]:{place[1]}" if ":" in place[0] else f"{place[0]}:{place[1]}"
        if sender == self.sender:
            return True
        if not self._may_send(place[0]):
            self.error = f"packets from {place[0]} are dropped: it is not in the allowlist"
        elif self.sender and now_s - self.last_s < self.spec["idle_timeout_ms"] / 1000:
            self.error = f"packets from {sender} are dropped: somebody else is sending already"
        else:
            self.sender, self.since_s, self._sequence = sender, now_s, None
            self.connections += 1
            self.error = ""
            return True
        self.refused += 1
        return False

    def count(self, packet: memoryview, now_s: float) -> None:
        """Count a packet, and those that are missing before it."""
        self.packets += 1
        self.bytes += len(packet)
        self.last_s = now_s
        if len(packet) < HEADER_BYTES or packet[0] >> 6 != _VERSION:
            return
        sequence = packet[2] << 8 | packet[3]
        if self._sequence is None:
            self._sequence = sequence
            return
        ahead = (sequence - self._sequence) % _SEQUENCES
        if 0 < ahead <= _MOST_LOST:
            self.lost += ahead - 1
        elif ahead > _SEQUENCES - _MOST_LOST:
            # Late, and counted as lost before it came.
            self.lost = max(0, self.lost - 1)
            return
        self._sequence = sequence

    def settle(self, now_s: float) -> None:
        """Notice that the sender has gone."""
        if self.sender and now_s - self.last_s > self.spec["idle_timeout_ms"] / 1000:
            self._leave()

    def figures(self, now_s: float) -> Json:
        """Return what is known of it."""
        return {
            "peer": self.sender,
            "connected": bool(self.sender),
            "connected_ms": round(1000 * (now_s - self.since_s)) if self.sender else 0,
            "connections": self.connections,
            "packets": self.packets,
            "bytes": self.bytes,
            "lost": self.lost,
            "refused": self.refused,
            "error": self.error,
        }

    def _may_send(self, host: str) -> bool:
        if host not in self._verdicts:
            if len(self._verdicts) > _MOST_LOST:
                self._verdicts.clear()
            self._verdicts[host] = listed(self._networks, host)
        return self._verdicts[host]

    def _leave(self) -> None:
        self.sender, self.since_s = "", 0.0
