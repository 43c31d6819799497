"""What a transport stream holds: its tracks, and how many bits and frames a second each has."""

from typing import Any, Final

LOOK_S: Final = 1.0
"""How long one look takes."""
EVERY_S: Final = 5.0
"""From one look to the next: looking at every packet would cost more than passing it on."""
_PACKET_BYTES: Final = 188
_SYNC: Final = 0x47
_VIDEO: Final = frozenset({0x01, 0x02, 0x10, 0x1B, 0x24, 0x33, 0x42})
_AUDIO: Final = frozenset({0x03, 0x04, 0x0F, 0x11, 0x81, 0x87})
_LEAST_SECTION: Final = 12


class Tracks:
    """Looks at a stream for a second, every five."""

    def __init__(self) -> None:
        self._kinds: dict[int, str] = {}
        self._maps: set[int] = set()
        self._packets: dict[int, int] = {}
        self._starts: dict[int, int] = {}
        self._from_s = 0.0
        self._told: list[dict[str, Any]] = []

    def wants(self, now_s: float) -> bool:
        """Whether the next piece is to be looked at."""
        since_s = now_s - self._from_s
        if since_s < LOOK_S:
            return True
        if self._packets:
            self._conclude(since_s)
        if since_s >= EVERY_S:
            self._from_s = now_s
            return True
        return False

    def feed(self, piece: bytes) -> None:
        """Look at a piece of whole packets."""
        for start in range(0, len(piece) - _PACKET_BYTES + 1, _PACKET_BYTES):
            if piece[start] != _SYNC:
                return
            second = piece[start + 1]
            pid = (second & 0x1F) << 8 | piece[start + 2]
            self._packets[pid] = self._packets.get(pid, 0) + 1
            if second & 0x40:
                self._starts[pid] = self._starts.get(pid, 0) + 1
                if pid == 0 or pid in self._maps:
                    self._table(pid, piece[start : start + _PACKET_BYTES])

    def figures(self) -> list[dict[str, Any]]:
        """Return the tracks as they were at the last look."""
        return self._told

    def _conclude(self, seconds: float) -> None:
        self._told = [
            {
                "kind": kind,
                "pid": pid,
                "bitrate_bps": round(self._packets[pid] * _PACKET_BYTES * 8 / seconds),
                # An access unit of video begins a PES packet; of audio several may share one, so they are not counted.
                "fps": round(self._starts.get(pid, 0) / seconds, 1) if kind == "video" else 0.0,
            }
            for pid, kind in sorted(self._kinds.items())
            if self._packets.get(pid)
        ]
        self._packets, self._starts = {}, {}

    def _table(self, pid: int, packet: bytes) -> None:
        """Read a program association or map that fits into one packet; others are rare, and wait for none."""
        offset = 4 + (1 + packet[4] if packet[3] & 0x20 else 0)
        if offset >= _PACKET_BYTES:
            return
        section = packet[offset + 1 + packet[offset] :]
        if len(section) < _LEAST_SECTION:
            return
        end = min(3 + ((section[1] & 0x0F) << 8 | section[2]) - 4, len(section))
        if pid == 0:
            self._maps = {
                (section[at + 2] & 0x1F) << 8 | section[at + 3]
                for at in range(8, end - 3, 4)
                if section[at] << 8 | section[at + 1]
            }
        else:
            self._streams(section, end)

    def _streams(self, section: bytes, end: int) -> None:
        at = 12 + ((section[10] & 0x0F) << 8 | section[11])
        while at + 4 < end:
            kind, pid = section[at], (section[at + 1] & 0x1F) << 8 | section[at + 2]
            if kind in _VIDEO:
                self._kinds[pid] = "video"
            elif kind in _AUDIO:
                self._kinds[pid] = "audio"
            at += 5 + ((section[at + 3] & 0x0F) << 8 | section[at + 4])
