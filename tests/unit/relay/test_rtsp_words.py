"""RTSP as bytes: what is read from them, and what is written."""

import pytest

from reconciler.relay.programs.rtsp_words import (
    Frame,
    GarbledError,
    Origin,
    Request,
    Status,
    Transport,
    answer,
    described,
    frame,
    origin_of,
    take,
    tracks_told,
    transport_of,
)

PLAY = b"PLAY rtsp://192.0.2.1:20000/play/ RTSP/1.0\r\nCSeq: 7\r\nSession: abc;timeout=60\r\n\r\n"


def test_a_request_is_read_once_it_is_whole() -> None:
    """Whatever pieces it comes in, and what follows stays."""
    received = bytearray()
    found = []

    for byte in PLAY + b"OPT":
        received.append(byte)
        found.append(take(received))
    (request,) = [each for each in found if each is not None]

    assert isinstance(request, Request)
    assert (request.method, request.path, request.session) == ("PLAY", "/play", "abc")
    assert received == b"OPT"


def test_packets_and_bodies_are_passed_over() -> None:
    """What a player reports within its connection, and the body of a request, are not taken for requests."""
    received = bytearray(frame(1, b"\r\n\r\n") + b"SET_PARAMETER * RTSP/1.0\r\nContent-Length: 4\r\n\r\nPLAY" + PLAY)

    report, parameter, play = take(received), take(received), take(received)

    assert report == Frame(1)
    assert isinstance(parameter, Request)
    assert isinstance(play, Request)
    assert (parameter.method, play.method, take(received)) == ("SET_PARAMETER", "PLAY", None)


@pytest.mark.parametrize(
    "garbage",
    [
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="another protocol"),
        pytest.param(b"x" * 17_000, id="no end"),
        pytest.param(b"PLAY * RTSP/1.0\r\nContent-Length: 99999\r\n\r\n", id="a body that is too long"),
        pytest.param(
            b"PLAY * RTSP/1.0\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n", id="a number that is too long"
        ),
        pytest.param(b"PLAY * RTSP/1.0\r\nContent-Length: -1\r\n\r\n", id="a body of less than nothing"),
    ],
)
def test_garbage_is_refused(garbage: bytes) -> None:
    """What never becomes a request is not waited for."""
    with pytest.raises(GarbledError):
        take(bytearray(garbage))


@pytest.mark.parametrize("url", ["rtsp://[::1/play", "*", "rtsp://host"])
def test_a_url_that_names_nothing_has_no_path(url: str) -> None:
    """A broken one is no fault of ours."""
    assert Request("PLAY", url, {}).path in {"", "*"}


@pytest.mark.parametrize(
    ("offered", "expected"),
    [
        ("RTP/AVP/TCP;unicast;interleaved=2-3", Transport(interleaved=True, first=2, second=3)),
        ("RTP/AVP/TCP", Transport(interleaved=True, first=0, second=1)),
        ("RTP/AVP;unicast;client_port=5000-5001", Transport(interleaved=False, first=5000, second=5001)),
        ("RTP/AVP/UDP;unicast;client_port=5000", Transport(interleaved=False, first=5000, second=5001)),
        pytest.param(
            "RTP/AVP;multicast,RTP/SAVP;client_port=1-2,RTP/AVP/TCP;interleaved=0-1",
            Transport(interleaved=True, first=0, second=1),
            id="the first that is served",
        ),
        pytest.param("RTP/AVP;multicast;client_port=5000-5001", None, id="multicast"),
        pytest.param("RTP/AVP;unicast", None, id="no ports"),
        pytest.param("RTP/AVP;unicast;client_port=70000-70001", None, id="no such port"),
        pytest.param("RTP/AVP/TCP;interleaved=255-256", None, id="no such channel"),
        pytest.param("RTP/AVP;client_port=-1--2", None, id="less than nothing"),
        pytest.param("", None, id="nothing"),
    ],
)
def test_the_first_transport_that_is_served_is_taken(offered: str, expected: Transport | None) -> None:
    """Multicast and encrypted ones are not, and numbers are looked at."""
    assert transport_of(offered) == expected


def test_an_answer_repeats_the_number_of_its_request_alone() -> None:
    """What else stands in that header goes nowhere."""
    asked = Request("PLAY", "*", {"cseq": "7"})
    odd = Request("PLAY", "*", {"cseq": "7\r\nX: y"})

    assert answer(asked, Status.NOT_FOUND) == b"RTSP/1.0 404 Not Found\r\nCSeq: 7\r\n\r\n"
    assert answer(odd, Status.OK, [("A", "b")], "ü") == (
        b"RTSP/1.0 200 OK\r\nCSeq: 0\r\nA: b\r\nContent-Type: application/sdp\r\nContent-Length: 2\r\n\r\n\xc3\xbc"
    )


def test_players_are_told_what_packets_hold_and_nothing_of_the_origin() -> None:
    """Its addresses, its keys and its names for its tracks stay with us."""
    told = (
        "m=video 5004 RTP/SAVP 96\r\nc=IN IP4 192.0.2.9\r\nb=AS:500\r\na=rtpmap:96 H264/90000\r\n"
        "a=fmtp:96 packetization-mode=1\r\na=control:rtsp://origin.example/secret\r\na=crypto:1 key\r\n"
        "a=ssrc:1 cname:x\r\na=range:npt=0-\r\n"
    )

    assert described(told) == (
        "m=video 0 RTP/AVP 96\r\nb=AS:500\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\n"
    )


class Section:
    """A section of a session description, as bytes that somebody sent."""

    def __init__(self, told: bytes) -> None:
        self._told = told

    def as_text(self) -> str:
        """Return it, where it is text."""
        return self._told.decode()


class Description:
    """A session description."""

    def __init__(self, *told: bytes) -> None:
        self._sections = [Section(each) for each in told]

    def medias_len(self) -> int:
        """Return how many sections it has."""
        return len(self._sections)

    def get_media(self, number: int) -> Section:
        """Return one of them."""
        return self._sections[number]


def test_a_track_that_nobody_can_read_is_left_out() -> None:
    """The others keep their numbers."""
    session = Description(b"m=audio 0 RTP/AVP 8\r\na=fmtp:8 \xff\r\n", b"m=audio", b"m=video 0 RTP/AVP 96\r\n")

    assert tracks_told(session) == {2: "m=video 0 RTP/AVP 96\r\n"}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("rtsp://origin.example/live", Origin("origin.example", 554, tls=False)),
        ("rtsps://user:word@origin.example:322/live?x=1", Origin("origin.example", 322, tls=True)),
        ("rtsp://[2001:db8::1]:8554/live", Origin("2001:db8::1", 8554, tls=False)),
        ("http://origin.example/live", None),
        ("rtsp:///live", None),
        ("rtsp://origin.example:x/live", None),
        pytest.param("rtsp://origin.example#@192.0.2.1/live", None, id="an end of the host for one reader"),
        pytest.param("rtsp://192.0.2.1\\@origin.example/live", None, id="an end of the host for another"),
        pytest.param("rtsp://u:p@192.0.2.1:554@origin.example/live", None, id="two hosts"),
        pytest.param("rtsp://origin\t.example/live", None, id="what one reader leaves out"),
        pytest.param("rtsp://\uff4frigin.example/live", None, id="a name that one reader writes otherwise"),
    ],
)
def test_a_url_leads_where_every_reader_says_or_nowhere(url: str, expected: Origin | None) -> None:
    """Whether a host may be called is asked of the host that is called."""
    assert origin_of(url) == expected
