"""MPEG transport streams, as far as counting what was lost needs."""

from dataclasses import dataclass, field
from typing import Final

PACKET_BYTES: Final = 188
_SYNC: Final = 0x47
_NULL_PID: Final = 0x1FFF


@dataclass(slots=True)
class ContinuityCounter:
    """
    Counts continuity errors of a transport stream that arrives in pieces of any size.

    A packet with a payload carries the counter of its PID's last one plus one (modulo 16); the same packet may come
    twice in a row; a packet that announces a discontinuity may carry any. Source: ISO/IEC 13818-1, 2.4.3.3.
    """

    errors: int = 0
    _last: dict[int, int] = field(default_factory=dict)
    _repeated: set[int] = field(default_factory=set)
    _rest: bytearray = field(default_factory=bytearray)

    def feed(self, piece: bytes) -> None:
        """Take the next bytes of the stream."""
        self._rest += piece
        position = 0
        while position + PACKET_BYTES <= len(self._rest):
            if self._rest[position] == _SYNC:
                self._packet(bytes(self._rest[position + 1 : position + 6]))
                position += PACKET_BYTES
            else:
                position = self._resync(position)
        del self._rest[:position]

    def _resync(self, position: int) -> int:
        """Return where the next packet may begin; bytes between packets are an error of their own."""
        self.errors += 1
        found = self._rest.find(_SYNC, position)
        return len(self._rest) if found < 0 else found

    def _packet(self, header: bytes) -> None:
        pid = (header[0] & 0x1F) << 8 | header[1]
        has_adaptation, has_payload = header[2] & 0x20, header[2] & 0x10
        if pid == _NULL_PID or not has_payload:
            return
        counter, announced = header[2] & 0x0F, has_adaptation and header[3] > 0 and header[4] & 0x80
        last = self._last.get(pid)
        self._last[pid] = counter
        if last is None or announced or counter == (last + 1) % 16:
            self._repeated.discard(pid)
        elif counter == last and pid not in self._repeated:
            self._repeated.add(pid)
        else:
            self._repeated.discard(pid)
            self.errors += 1
