"""RTP packets of one track: kept in one line over reconnections of their source, and counted."""

import secrets
import struct
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Final

_HEADER: Final = struct.Struct("!HHII")
_HEADER_BYTES: Final = 12
_SEQUENCES: Final = 1 << 16
_STAMPS: Final = 1 << 32
_MOST_LOST: Final = 1000
"""A jump above this is a source that began anew, not packets that were lost."""
_WINDOW_S: Final = 3.0
_LEAST: Final = 2
"""Moments that a rate needs."""


@dataclass(slots=True)
class Line:
    """
    Gives the packets of a track one SSRC, and one run of sequence numbers and time stamps.

    A source that comes back begins at random numbers. Players that stayed get the next sequence number, and a time
    stamp as far on as the clock is.
    """

    clock_rate: int
    """Ticks of the time stamp a second."""
    packets: int = 0
    octets: int = 0
    lost: int = 0
    frames: int = 0
    """Time stamps seen: for video, pictures."""
    _ssrc: int = field(default_factory=lambda: secrets.randbits(32))
    _source: int | None = None
    """SSRC of the source; None before its first packet."""
    _sequence_on: int = 0
    _stamp_on: int = 0
    _sequence: int = 0
    _stamp: int = 0
    _last_s: float = 0.0

    def begin(self) -> None:
        """The next packet is of another connection."""
        self._source = None

    def pass_on(self, packet: bytes, now_s: float) -> bytes:
        """Return the packet as players get it; empty for what is no RTP packet."""
        if len(packet) < _HEADER_BYTES:
            return b""
        start, sequence, stamp, source = _HEADER.unpack_from(packet)
        if source != self._source:
            self._join(sequence, stamp, source, now_s)
        self._count(len(packet), sequence, stamp)
        self._last_s = now_s
        sequence = (sequence + self._sequence_on) % _SEQUENCES
        stamp = (stamp + self._stamp_on) % _STAMPS
        return _HEADER.pack(start, sequence, stamp, self._ssrc) + packet[_HEADER_BYTES:]

    def _join(self, sequence: int, stamp: int, source: int, now_s: float) -> None:
        """Go on where the last connection ended."""
        first = self.packets == 0
        self._source = source
        last_out = (self._sequence + self._sequence_on) % _SEQUENCES
        stamp_out = (self._stamp + self._stamp_on + round((now_s - self._last_s) * self.clock_rate)) % _STAMPS
        self._sequence_on = 0 if first else (last_out + 1 - sequence) % _SEQUENCES
        self._stamp_on = 0 if first else (stamp_out - stamp) % _STAMPS
        self._sequence, self._stamp = (sequence - 1) % _SEQUENCES, (stamp - 1) % _STAMPS

    def _count(self, size: int, sequence: int, stamp: int) -> None:
        ahead = (sequence - self._sequence) % _SEQUENCES
        if 1 < ahead <= _MOST_LOST:
            self.lost += ahead - 1
        self.packets += 1
        self.octets += size
        self.frames += stamp != self._stamp
        self._sequence, self._stamp = sequence, stamp


@dataclass(slots=True)
class Track:
    """One elementary stream of the source."""

    kind: str
    """`video` or `audio`."""
    caps: str
    """What players are told of it, as GStreamer writes it."""
    line: Line
    _moments: deque[tuple[float, int, int]] = field(default_factory=deque)

    def look(self, now_s: float) -> None:
        """Note how much there was up to now."""
        self._moments.append((now_s, self.line.octets, self.line.frames))
        while len(self._moments) > _LEAST and self._moments[1][0] <= now_s - _WINDOW_S:
            self._moments.popleft()

    def figures(self) -> dict[str, Any]:
        """Return its rates over the last few seconds."""
        if len(self._moments) < _LEAST or self._moments[-1][0] <= self._moments[0][0]:
            return {"kind": self.kind, "bitrate_bps": 0, "fps": 0.0}
        (from_s, first, shown), (to_s, last, shown_last) = self._moments[0], self._moments[-1]
        seconds = to_s - from_s
        # A packet of audio may hold several frames, so they are not counted.
        fps = round((shown_last - shown) / seconds, 1) if self.kind == "video" else 0.0
        return {"kind": self.kind, "bitrate_bps": round(8 * (last - first) / seconds), "fps": fps}
