"""One player of an RTSP output: what it is answered, what it is sent, and when it is cut."""

import asyncio
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from reconciler.relay.programs.rtsp_packets import Line, Track
from reconciler.relay.programs.rtsp_player import Player
from reconciler.relay.programs.rtsp_serve import Output

TRACK = Track("video", "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n", Line(90_000, ssrc=5))
URL = "rtsp://192.0.2.1:20000/play"
MEDIA = struct.pack("!HHII", 0x8060, 1, 2, 5) + b"media"
TCP = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1"


class Wire(asyncio.Transport):
    """A connection whose far end takes as much as the test says."""

    def __init__(self, end: socket.socket, host: str | None) -> None:
        peer = None if host is None else (host, 4000)
        super().__init__({"peername": peer, "sockname": ("127.0.0.1", 20_000), "socket": end})
        self.written = b""
        self.waiting = 0
        self.is_cut = False

    def write(self, data: "bytes | bytearray | memoryview[Any]") -> None:
        """Keep what leaves."""
        self.written += bytes(data)

    def get_write_buffer_size(self) -> int:
        """Return how much waits."""
        return self.waiting

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """There are none."""

    def abort(self) -> None:
        """End."""
        self.is_cut = True

    def is_closing(self) -> bool:
        """Return whether it was ended."""
        return self.is_cut


class Visit:
    """A player of an output, and its connection."""

    def __init__(self, output: Output, end: socket.socket, *, number: int = 1, host: str | None = "127.0.0.1") -> None:
        self.wire = Wire(end, host)
        self.player = Player(output, number)
        self.player.connection_made(self.wire)

    def ask(self, method: str, url: str = URL, *headers: str) -> str:
        """Return the answer to a request, without what follows it."""
        before = len(self.wire.written)
        self.player.data_received("\r\n".join((f"{method} {url} RTSP/1.0", "CSeq: 1", *headers, "", "")).encode())
        return self.wire.written[before:].split(b"$")[0].decode()

    def play(self, transport: str = TCP) -> str:
        """Set up the track and play; return the session."""
        answer = self.ask("SETUP", f"{URL}/track=0", transport)
        session = answer.partition("Session: ")[2].partition(";")[0]
        assert "200 OK" in self.ask("PLAY", URL, f"Session: {session}")
        return session


@pytest.fixture
def output() -> Output:
    """Give an output with one track to play."""
    spec = {"host": "127.0.0.1", "port": 0, "path": "play", "allowlist": [], "max_concurrent": 2}
    return Output(spec, lambda: {0: TRACK})


@pytest.fixture
def end() -> Iterator[socket.socket]:
    """Give a socket, for its options."""
    with socket.socket() as made:
        yield made


def test_a_player_is_served_after_its_answers(output: Output, end: socket.socket) -> None:
    """It is told of the track, then that it plays, then which time it is, and then it gets packets."""
    visit = Visit(output, end)

    described = visit.ask("DESCRIBE")
    visit.play()
    before = len(visit.wire.written)
    visit.player.send(0, MEDIA)
    visit.player.send(1, MEDIA)

    assert "Content-Base: rtsp://192.0.2.1:20000/play/\r\n" in described
    assert described.endswith("a=rtpmap:96 H264/90000\r\na=control:track=0\r\n")
    assert "RTP-Info: url=rtsp://192.0.2.1:20000/play/track=0;seq=" in visit.wire.written.decode(errors="replace")
    assert b"\r\n\r\n$\x01" in visit.wire.written
    assert visit.wire.written[before:] == b"$\x00" + len(MEDIA).to_bytes(2, "big") + MEDIA
    assert visit.player.bytes == len(MEDIA)


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (("OPTIONS", "*"), "200"),
        (("GET_PARAMETER", URL), "200"),
        (("GET_PARAMETER", URL, "Session: other"), "454"),
        (("DESCRIBE", f"{URL}er"), "404"),
        (("DESCRIBE", "rtsp://192.0.2.1:20000/../play"), "404"),
        (("SETUP", URL, TCP), "404"),
        (("SETUP", f"{URL}/track=1", TCP), "404"),
        (("SETUP", f"{URL}/track=" + "9" * 5000, TCP), "404"),
        (("SETUP", f"{URL}/track=0"), "461"),
        (("SETUP", f"{URL}/track=0", TCP, "Session: other"), "454"),
        (("PLAY", URL), "454"),
        (("TEARDOWN", URL, "Session: other"), "454"),
        (("ANNOUNCE", URL), "501"),
    ],
)
def test_what_is_asked_is_answered(output: Output, end: socket.socket, asked: tuple[str, ...], status: str) -> None:
    """Only what this output has is granted, and only in order."""
    answer = Visit(output, end).ask(*asked)

    assert answer.startswith(f"RTSP/1.0 {status} ")


def test_nobody_is_served_without_an_upstream(end: socket.socket) -> None:
    """The answer comes at once."""
    spec = {"host": "127.0.0.1", "port": 0, "path": "play", "allowlist": [], "max_concurrent": 2}
    visit = Visit(Output(spec, dict), end)

    assert visit.ask("DESCRIBE").startswith("RTSP/1.0 503 ")
    assert visit.ask("SETUP", f"{URL}/track=0", TCP).startswith("RTSP/1.0 503 ")


def test_a_place_is_given_back(output: Output, end: socket.socket) -> None:
    """Of two places a third player gets one once somebody leaves, with TEARDOWN or without a word."""
    first, second, third = (Visit(output, end, number=number) for number in (1, 2, 3))
    leaving = first.play()
    second.play()

    full = third.ask("SETUP", f"{URL}/track=0", TCP)
    first.ask("TEARDOWN", URL, f"Session: {leaving}")
    third.play()
    second.player.connection_lost(None)
    first.play()

    assert full.startswith("RTSP/1.0 453 ")
    assert output.error == "127.0.0.1 was refused: all 2 places are taken"
    assert [each["id"] for each in output.figures(time.monotonic())["sessions"]] == ["1", "3"]


def test_a_track_cannot_be_moved_while_it_plays(output: Output, end: socket.socket) -> None:
    """Neither by its own player nor by one that guesses."""
    visit = Visit(output, end)
    session = visit.play()

    again = visit.ask("SETUP", f"{URL}/track=0", TCP, f"Session: {session}")

    assert again.startswith("RTSP/1.0 455 ")


def test_an_edit_cuts_who_is_outside_and_who_is_too_many(output: Output, end: socket.socket) -> None:
    """The first to come stays."""
    stays, newer, outside = (
        Visit(output, end, number=number, host=host)
        for number, host in ((1, "127.0.0.1"), (2, "127.0.0.1"), (3, "127.0.0.2"))
    )
    stays.play()
    newer.play()

    output.edit({**output.spec, "allowlist": ["127.0.0.1/32"], "max_concurrent": 1})

    assert [visit.wire.is_cut for visit in (stays, newer, outside)] == [False, True, True]
    assert Visit(output, end, number=4, host="127.0.0.2").ask("DESCRIBE").startswith("RTSP/1.0 403 ")


def test_who_lags_too_far_behind_is_cut(output: Output, end: socket.socket) -> None:
    """By bytes when packets come, and by time when none do; neither costs more memory."""
    by_bytes, by_time, well = (Visit(output, end, number=number) for number in (1, 2, 3))
    by_bytes.play()
    by_time.play()

    by_bytes.wire.waiting = 5 << 20
    before = len(by_bytes.wire.written)
    by_bytes.player.send(0, MEDIA)
    by_time.player.pause_writing()
    by_time.player.tick(time.monotonic() + 11)
    well.player.pause_writing()
    well.player.resume_writing()
    well.player.tick(time.monotonic() + 5)

    assert [visit.wire.is_cut for visit in (by_bytes, by_time, well)] == [True, True, False]
    assert len(by_bytes.wire.written) == before
    assert output.error == "127.0.0.1 was cut: it does not keep up with what it is sent"


def test_who_asks_on_and_reads_no_answer_is_cut(output: Output, end: socket.socket) -> None:
    """The answers would fill the memory."""
    visit = Visit(output, end)

    visit.wire.waiting = 5 << 20
    answer = visit.ask("OPTIONS")

    assert (visit.wire.is_cut, answer) == (True, "")


def test_who_asks_too_much_at_once_is_cut(output: Output, end: socket.socket) -> None:
    """It would have the loop for itself; what it asked beyond that is not answered."""
    greedy, modest = (Visit(output, end, number=number) for number in (1, 2))
    asked = b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n"

    greedy.player.data_received(asked * 40)
    modest.player.data_received(asked * 16)

    assert [visit.wire.is_cut for visit in (greedy, modest)] == [True, False]
    assert [visit.wire.written.count(b"200 OK") for visit in (greedy, modest)] == [16, 16]
    assert output.error == "127.0.0.1 was cut: it sent more than 16 requests at once"


def test_who_asks_on_though_it_may_not_is_cut(output: Output, end: socket.socket) -> None:
    """It is told three times, and what comes after is not even read."""
    output.edit({**output.spec, "allowlist": ["192.0.2.0/24"]})
    outside = Visit(output, end)

    outside.player.data_received(f"DESCRIBE {URL} RTSP/1.0\r\nCSeq: 1\r\n\r\n".encode() * 5)

    assert outside.wire.written.count(b"403 Forbidden") == 3
    assert outside.wire.is_cut


def test_an_edit_is_asked_of_who_is_there(output: Output, end: socket.socket) -> None:
    """Nobody goes by what was said before it."""
    visit = Visit(output, end)
    before = visit.ask("DESCRIBE")

    output.edit({**output.spec, "allowlist": ["192.0.2.0/24"]})

    assert "200 OK" in before
    assert visit.wire.is_cut


def test_who_is_gone_before_it_is_greeted_is_let_go(output: Output, end: socket.socket) -> None:
    """The kernel does not know any more who it was."""
    visit = Visit(output, end, host=None)
    visit.player.connection_lost(None)

    assert visit.wire.is_cut
    assert output.figures(time.monotonic())["sessions"] == []


def test_idle_connections_make_room_for_another(output: Output, end: socket.socket) -> None:
    """First who is outside the allowlist, and then who has been idle longest; who plays stays."""
    output.edit({**output.spec, "allowlist": ["127.0.0.1/32"]})
    first, outside, *idle = (
        Visit(output, end, number=number, host="192.0.2.9" if number == 1 else "127.0.0.1")
        for number in (2, 1, *range(3, 33))
    )
    first.play()

    one, two = (Visit(output, end, number=number) for number in (33, 34))

    assert [visit.wire.is_cut for visit in (first, outside, idle[0], idle[1])] == [False, True, True, False]
    assert output.error == "127.0.0.1 was cut: it did not play, and 32 connections are all there may be"
    one.play()
    assert "200 OK" in two.ask("DESCRIBE")


def test_who_is_outside_the_allowlist_takes_no_room(output: Output, end: socket.socket) -> None:
    """Where all others are in it, it is the newer one that goes."""
    output.edit({**output.spec, "allowlist": ["127.0.0.1/32"]})
    idle = [Visit(output, end, number=number) for number in range(1, 33)]

    outside = Visit(output, end, number=33, host="192.0.2.9")

    assert outside.wire.is_cut
    assert not any(visit.wire.is_cut for visit in idle)
    assert output.error == "192.0.2.9 was refused: it is not in the allowlist"


def test_nobody_who_plays_makes_room(output: Output, end: socket.socket) -> None:
    """Where all are players, the newer one is refused, and why is told."""
    output.edit({**output.spec, "max_concurrent": 40})
    players = [Visit(output, end, number=number) for number in range(1, 33)]
    for visit in players:
        visit.play()

    newer = Visit(output, end, number=33)

    assert newer.wire.is_cut
    assert not any(visit.wire.is_cut for visit in players)
    assert output.error == "127.0.0.1 was refused: all 32 connections are players'"


def test_who_does_nothing_with_a_connection_is_cut(output: Output, end: socket.socket) -> None:
    """Before it plays within seconds; once it plays over TCP never."""
    idle, set_up, playing, paused = (Visit(output, end, number=number) for number in (1, 2, 3, 4))
    playing.play()
    session = paused.play()
    paused.ask("PAUSE", URL, f"Session: {session}")
    paused.player.placed = False
    set_up.ask("SETUP", f"{URL}/track=0", TCP)

    for visit in (idle, set_up, playing, paused):
        visit.player.tick(time.monotonic() + 11)
    early = [visit.wire.is_cut for visit in (idle, set_up, playing, paused)]
    for visit in (playing, paused):
        visit.player.tick(time.monotonic() + 80)

    assert early == [True, True, False, False]
    assert (playing.wire.is_cut, paused.wire.is_cut) == (False, True)


@pytest.mark.anyio
async def test_packets_over_udp_go_to_the_host_that_asks(output: Output, end: socket.socket) -> None:
    """Whatever destination it names; and one that is silent for more than its session lasts is gone."""
    with ExitStack() as stack:
        packets, reports = (stack.enter_context(socket.socket(type=socket.SOCK_DGRAM)) for _ in range(2))
        for each in (packets, reports):
            each.bind(("127.0.0.1", 0))
            each.settimeout(5)
        first, second = sorted((packets, reports), key=lambda each: int(each.getsockname()[1]))
        ports = f"{first.getsockname()[1]}-{second.getsockname()[1]}"
        visit = Visit(output, end)

        visit.play(f"Transport: RTP/AVP;unicast;destination=192.0.2.99;client_port={ports}")
        visit.player.send(0, MEDIA)
        got, told = first.recv(2000), second.recv(2000)
        visit.player.tick(time.monotonic() + 80)

    assert got == MEDIA
    assert told[1] == 200
    assert visit.wire.is_cut
