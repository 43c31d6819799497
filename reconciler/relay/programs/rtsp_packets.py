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
_SECOND_NS: Final = 1_000_000_000
_MOST_LOST: Final = 1000
"""A jump above this is a source that began anew, not packets that were lost."""
_WINDOW_S: Final = 3.0
_SLEW: Final = 200e-6
"""How much faster or slower than time the line of time stamps may go: more than clocks differ."""
_LOOSE_NS: Final = 10 * _SECOND_NS
_LEAST: Final = 2
"""Moments that a rate needs."""
_NTP_EPOCH_S: Final = 2_208_988_800
"""Seconds from 1900 to 1970."""
_SENDER_REPORT: Final = struct.Struct("!BBHIIIIII")
_SDES_HEAD: Final = struct.Struct("!BBHIBB")


@dataclass(slots=True)
class Clock:
    """
    Says which time stamp a moment has, in one line.

    The line follows what packets say slowly: a player that fits sound to picture by it must never see a step.
    """

    rate: int
    """Ticks of the time stamp a second."""
    at_ns: int
    stamp: float
    """The time stamp that belongs to `at_ns`."""
    loose_until_ns: int = 0
    """Up to here it follows at once: the origin's own reports, which fit its tracks together, come a little later."""

    def stamp_at(self, now_ns: int) -> int:
        """Return the time stamp that belongs to a moment."""
        return round(self.stamp + (now_ns - self.at_ns) * self.rate / _SECOND_NS) % _STAMPS

    def follow(self, stamp: int, at_ns: int) -> None:
        """Take a packet's time stamp, and the moment that it belongs to."""
        if at_ns <= self.at_ns:
            return
        ticks = (at_ns - self.at_ns) * self.rate / _SECOND_NS
        ahead = (stamp - self.stamp - ticks + _STAMPS / 2) % _STAMPS - _STAMPS / 2
        if abs(ahead) < self.rate and at_ns > self.loose_until_ns:
            ahead = max(-_SLEW * ticks, min(ahead, _SLEW * ticks))
        self.at_ns, self.stamp = at_ns, (self.stamp + ticks + ahead) % _STAMPS


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
    ssrc: int = field(default_factory=lambda: secrets.randbits(32))
    stamp_at_zero: int = field(default_factory=lambda: secrets.randbits(32))
    """The time stamp of the moment at which the system's clock began."""
    _source: int | None = None
    """SSRC of the source; None before its first packet."""
    _sequence_on: int = 0
    _stamp_on: int = 0
    _sequence: int = 0
    _stamp: int = 0
    _last_s: float = 0.0
    _clock: Clock = field(init=False)

    def __post_init__(self) -> None:
        """Begin a line of time stamps of our own: players may be told of it before the first packet comes."""
        self._clock = Clock(self.clock_rate, 0, float(self.stamp_at_zero))

    @property
    def next_sequence(self) -> int:
        """The sequence number that players get next."""
        return (self._sequence + self._sequence_on + 1) % _SEQUENCES

    def stamp_at(self, now_ns: int) -> int:
        """Return the time stamp that belongs to a moment of the system's clock."""
        return self._clock.stamp_at(now_ns)

    @property
    def _stamp_out(self) -> int:
        return (self._stamp + self._stamp_on) % _STAMPS

    def begin(self) -> None:
        """The next packet is of another connection."""
        self._source = None

    def pass_on(self, packet: bytes, at_ns: int, now_s: float) -> bytes:
        """Return a packet, which belongs to a moment of the clock, as players get it; empty for what is none."""
        if len(packet) < _HEADER_BYTES:
            return b""
        start, sequence, stamp, source = _HEADER.unpack_from(packet)
        if source != self._source:
            if self.packets == 0:
                self._stamp_on = (self._clock.stamp_at(at_ns) - stamp) % _STAMPS
                self._clock.loose_until_ns = at_ns + _LOOSE_NS
            self._join(sequence, stamp, source, now_s)
        self._count(len(packet), sequence, stamp)
        self._last_s = now_s
        sequence = (sequence + self._sequence_on) % _SEQUENCES
        stamp = self._stamp_out
        self._clock.follow(stamp, at_ns)
        return _HEADER.pack(start, sequence, stamp, self.ssrc) + packet[_HEADER_BYTES:]

    def _join(self, sequence: int, stamp: int, source: int, now_s: float) -> None:
        """Go on where the last connection ended."""
        first = self.packets == 0
        self._source = source
        last_out = (self._sequence + self._sequence_on) % _SEQUENCES
        stamp_out = (self._stamp_out + round((now_s - self._last_s) * self.clock_rate)) % _STAMPS
        self._sequence_on = 0 if first else (last_out + 1 - sequence) % _SEQUENCES
        self._stamp_on = self._stamp_on if first else (stamp_out - stamp) % _STAMPS
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
    described: str
    """What players are told of it: its part of a session description."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """How much of a track a player has got."""

    packets: int
    octets: int


def report(line: Line, sent: Sent, *, stamp: int, wall_s: float, name: str) -> bytes:
    """
    Return the RTCP packets that tell a player which time of day a time stamp is, so that sound fits the picture.

    Source: RFC 3550, 6.4.1 and 6.5; `name` is the same for all tracks.
    """
    seconds, fraction = divmod(wall_s, 1)
    sender = _SENDER_REPORT.pack(
        0x80,
        200,
        _SENDER_REPORT.size // 4 - 1,
        line.ssrc,
        (int(seconds) + _NTP_EPOCH_S) % _STAMPS,
        int(fraction * _STAMPS),
        stamp,
        sent.packets % _STAMPS,
        sent.octets % _STAMPS,
    )
    text = name.encode()
    # A zero ends the list, and more of them fill the last word.
    padding = 4 - (_SDES_HEAD.size + len(text)) % 4
    words = (_SDES_HEAD.size + len(text) + padding) // 4
    return sender + _SDES_HEAD.pack(0x81, 202, words - 1, line.ssrc, 1, len(text)) + text + bytes(padding)
