"""RTP packets on their way to RTSP players: numbers in one line, over reconnections of the origin."""

import struct

import pytest

from reconciler.relay.programs.rtsp_packets import Clock, Line, Sent, Track, report
from reconciler.relay.programs.rtsp_player import Leg

RATE = 90_000
SECOND_NS = 1_000_000_000


class Nowhere:
    """A way that leads to nobody."""

    told = ""

    def packet(self, packet: bytes) -> None:
        """Lose it."""

    def report(self, packet: bytes) -> None:
        """Lose it."""

    def close(self) -> None:
        """It was never open."""


def packet(sequence: int, stamp: int, source: int = 1, payload: bytes = b"media") -> bytes:
    """Return an RTP packet."""
    return struct.pack("!HHII", 0x8060, sequence % 65_536, stamp % (1 << 32), source) + payload


def numbers(passed: bytes) -> tuple[int, int, int]:
    """Return sequence number, time stamp and SSRC of a packet."""
    _, sequence, stamp, source = struct.unpack_from("!HHII", passed)
    return sequence, stamp, source


def test_the_first_connection_keeps_its_payload_and_its_sequence_numbers() -> None:
    """Time stamps are as far apart as the origin's own, in a line that players may have been told of before."""
    line = Line(RATE, stamp_at_zero=5)
    told_before = line.stamp_at(SECOND_NS)

    passed = line.pass_on(packet(65_535, 7), SECOND_NS, 1.0)
    following = line.pass_on(packet(0, 3607), SECOND_NS + 40_000_000, 1.04)

    assert numbers(passed) == (65_535, told_before, line.ssrc)
    assert numbers(following) == (0, told_before + 3600, line.ssrc)
    assert told_before == 5 + RATE
    assert passed[12:] == b"media"
    assert (line.packets, line.lost, line.next_sequence) == (2, 0, 1)


def test_an_origin_that_comes_back_goes_on_where_it_ended() -> None:
    """Players see the next sequence number, and a time stamp as far on as the clock is."""
    line = Line(RATE, stamp_at_zero=0)
    line.pass_on(packet(100, 1000), SECOND_NS, 1.0)

    line.begin()
    sequence, stamp, source = numbers(line.pass_on(packet(7, 500_000, source=9), 3 * SECOND_NS, 3.0))

    assert (sequence, stamp, source) == (101, 3 * RATE, line.ssrc)
    assert line.lost == 0


def test_what_is_missing_is_counted_and_shown_to_players() -> None:
    """A gap of the origin stays a gap: players must know that something is missing."""
    line = Line(RATE)
    line.pass_on(packet(1, 0), SECOND_NS, 1.0)

    sequence, _, _ = numbers(line.pass_on(packet(4, 0), SECOND_NS, 1.0))

    assert (sequence, line.lost) == (4, 2)


def test_what_is_no_packet_is_not_passed_on() -> None:
    """It is too short to have a header."""
    assert Line(RATE).pass_on(b"short", 0, 0.0) == b""


def test_the_clock_never_steps() -> None:
    """Where packets say that they belong 20 ms earlier, the line follows by less than a thousandth."""
    clock = Clock(RATE, SECOND_NS, 0.0)
    early_ticks = RATE // 50

    at_ns, last, steps = SECOND_NS, clock.stamp_at(SECOND_NS), []
    for number in range(1, 101):
        at_ns += 40_000_000
        clock.follow(number * 3600 + early_ticks, at_ns)
        steps.append(clock.stamp_at(at_ns) - last)
        last = clock.stamp_at(at_ns)

    assert all(abs(step - 3600) <= 4 for step in steps)
    assert 0 < last - 100 * 3600 < early_ticks


def test_a_new_clock_follows_at_once() -> None:
    """The origin's reports fit its tracks together a little after they began: until then a step is right."""
    line = Line(RATE, stamp_at_zero=0)
    line.pass_on(packet(1, 0), SECOND_NS, 1.0)

    line.pass_on(packet(2, 3600), SECOND_NS + 400_000_000, 1.04)

    assert line.stamp_at(SECOND_NS + 400_000_000) == RATE + 3600


def test_a_player_that_was_there_sees_no_step_of_a_new_clock() -> None:
    """Who comes after the step is told the new line at once."""
    line = Line(RATE, stamp_at_zero=0)
    line.pass_on(packet(1, 0), SECOND_NS, 1.0)
    early, late = Leg(Nowhere(), line), Leg(Nowhere(), line)
    early.stamp_at(SECOND_NS)
    line.pass_on(packet(2, 0), SECOND_NS + 400_000_000, 1.4)

    told = early.stamp_at(2 * SECOND_NS), late.stamp_at(2 * SECOND_NS)

    assert line.stamp_at(2 * SECOND_NS) == RATE + RATE * 6 // 10
    assert told == (2 * RATE - 18, RATE + RATE * 6 // 10)


def test_the_clock_follows_an_origin_that_jumps() -> None:
    """Beyond a second there is nothing to go on smoothly from."""
    clock = Clock(RATE, SECOND_NS, 0.0)

    clock.follow(50 * RATE, 2 * SECOND_NS)
    late = clock.stamp_at(2 * SECOND_NS)
    clock.follow(1, SECOND_NS)

    assert late == 50 * RATE
    assert clock.stamp_at(2 * SECOND_NS) == late


def test_a_report_says_which_time_of_day_a_time_stamp_is() -> None:
    """It is a sender report and a name, each whole words long."""
    line = Line(RATE, ssrc=5, stamp_at_zero=1000)
    line.pass_on(packet(1, 0), SECOND_NS, 1.0)

    told = report(line, Sent(packets=3, octets=99), stamp=7, wall_s=0.5, name="a name")
    kind, words, ssrc, seconds, fraction, stamp, packets, octets = struct.unpack_from("!xBHIIIIII", told)
    second = told[4 * (words + 1) :]

    assert (kind, ssrc, seconds, fraction) == (200, 5, 2_208_988_800, 1 << 31)
    assert (stamp, packets, octets) == (7, 3, 99)
    assert len(second) == 4 * (int.from_bytes(second[2:4], "big") + 1)
    assert second[10:16] == b"a name"
    assert second.endswith(b"\0")


@pytest.mark.parametrize(("kind", "fps"), [("video", 25.0), ("audio", 0.0)])
def test_rates_are_those_of_the_last_seconds(kind: str, fps: float) -> None:
    """Time stamps are pictures where the track is video."""
    track = Track(kind, "m=…", Line(RATE))
    before = track.figures()

    for second in range(3):
        track.look(float(second))
        for number in range(25):
            track.line.pass_on(packet(25 * second + number, 3600 * (25 * second + number)), SECOND_NS, float(second))

    assert before == {"kind": kind, "bitrate_bps": 0, "fps": 0.0}
    assert track.figures() == {"kind": kind, "bitrate_bps": 25 * 17 * 8, "fps": fps}
