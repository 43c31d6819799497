"""Command lines without secrets, and complaints in words."""

import pytest

from reconciler.media.ffmpeg import (
    is_permanent,
    play_list,
    play_list_input,
    protocols_of,
    publish_preset,
    push_copy,
    rtmp_output,
    rtp_output,
    rtsp_input,
    server_of,
    signal_command,
    too_long,
    why,
    wired_play_list,
    wired_preset,
)

URL = "rtmps://live.example:443/app/instance?token=canary-token"
KEY = "canary=key?x=y"


@pytest.mark.parametrize(
    ("complaints", "began", "reason"),
    [
        (
            "[tcp] Connection to tcp://127.0.0.1:1 failed: Connection refused",
            False,
            "the connection was refused: nothing",
        ),
        ("Failed to resolve hostname nowhere.example: Name or service not known", False, "the host is not known"),
        ("[flv] Video codec hevc not compatible with flv", False, "RTMP does not carry this video codec"),
        ("Stream map '0:v:0' matches no streams.", False, "the input has no video"),
        ("rtmp://h/: Input/output error", False, "the server refused the stream key"),
        ("av_interleaved_write_frame(): Broken pipe", True, "the connection was closed by the far end"),
        ("[rtmp] Server error: Already publishing", True, "the server refused the stream key"),
        ("[rtsp] method DESCRIBE failed: 403 Forbidden", False, "the server refused this machine: is it in the allow"),
        ("[rtsp] method DESCRIBE failed: 404 Not Found", False, "the server has no such path"),
        ("[rtsp] method SETUP failed: 453 Not Enough Bandwidth", False, "all places of the output are taken"),
        ("[rtsp] method DESCRIBE failed: 503 Service Unavailable", False, "the server has nothing to play"),
        ("something else about canary", True, "ffmpeg ended with an error"),
        ("", True, "ffmpeg ended without saying why"),
    ],
)
def test_complaints_are_told_in_words(complaints: str, reason: str, *, began: bool) -> None:
    """What ffmpeg says is sorted into words of ours, and its own text stays with us."""
    told = why(complaints, began=began)

    assert told.startswith(reason)
    assert "canary" not in told


def test_a_stream_that_does_not_fit_is_not_tried_over_and_over() -> None:
    """A codec that RTMP lacks stays so; a refused connection may be accepted the next time."""
    assert is_permanent(why("Video codec hevc not compatible with flv", began=False))
    assert not is_permanent(why("Connection refused", began=False))


@pytest.mark.parametrize(
    "command",
    [
        push_copy(play_list_input(7), rtmp_output(URL, 8), progress="/state/push.progress"),
        signal_command(rtmp_output(URL, 8)),
    ],
    ids=["push", "signal"],
)
def test_a_command_line_shows_the_server_alone(command: list[str]) -> None:
    """The process list shows scheme, host and port of a destination; its path and key are read from a descriptor."""
    assert "canary" not in " ".join(command)
    assert command[-1] == "rtmps://live.example:443/"
    assert "/dev/fd/8" in command


def test_a_preset_holds_application_and_key() -> None:
    """Path and query are the application; a key may hold equal signs and questions."""
    assert publish_preset(URL, KEY) == "rtmp_app=app/instance?token=canary-token\nrtmp_playpath=canary=key?x=y\n"


def test_a_wired_preset_tells_the_server_its_own_address() -> None:
    """The server hears what was asked for, whatever ffmpeg has to call; user name and password are nothing of it."""
    told = wired_preset("rtmps://user:canary@live.example/app?x=y", KEY).splitlines()

    assert told == ["rtmp_app=app?x=y", f"rtmp_playpath={KEY}", "rtmp_tcurl=rtmps://live.example/app?x=y"]


def test_a_wired_play_list_calls_loopback_for_somebody_else() -> None:
    """Application, stream and address are the origin's; none of them ends its own quotes."""
    told = wired_play_list("rtmp://127.0.0.1:9/", "rtmps://h/app", "it's").splitlines()

    assert told[1:] == [
        "file 'rtmp://127.0.0.1:9/'",
        "option rw_timeout 30000000",
        "option rtmp_app 'app'",
        r"option rtmp_playpath 'it'\''s'",
        "option rtmp_tcurl 'rtmps://h/app'",
    ]


@pytest.mark.parametrize("text", ["a\nrtmp_listen=1", "a\rb", "a\0b", "a\u2028b"])
def test_a_line_break_becomes_no_option(text: str) -> None:
    """A preset or a play list of more lines than were meant is never made."""
    for make in (publish_preset, wired_preset, play_list):
        with pytest.raises(ValueError, match="control character"):
            make("rtmp://h/app", text)
    with pytest.raises(ValueError, match="control character"):
        wired_play_list("rtmp://127.0.0.1:9/", f"rtmp://h/{text}", "key")


@pytest.mark.parametrize(("url", "allowed"), [("rtmp://h/app", "rtmp,tcp"), ("rtmps://h/app", "rtmps,tls,tcp")])
def test_ffmpeg_may_use_no_other_protocol(url: str, allowed: str) -> None:
    """Whatever a list or a server would have it open."""
    output = rtmp_output(url, 8)

    assert output[output.index("-protocol_whitelist") + 1] == allowed
    assert protocols_of(url) == allowed
    assert "file,rtmp,tcp" in play_list_input(7)


def test_a_play_list_quotes_its_address() -> None:
    """A quote in a key does not end the address."""
    assert r"file 'rtmp://h/app/it'\''s'" in play_list("rtmp://h/app/", "it's")


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("rtmp://h/app", "rtmp://h/"),
        ("rtmp://[2001:db8::1]:1936/app", "rtmp://[2001:db8::1]:1936/"),
        ("rtmp://user:canary@h:1/app", "rtmp://h:1/"),
    ],
)
def test_a_server_is_scheme_host_and_port(url: str, server: str) -> None:
    """Nothing else of a URL is shown."""
    assert server_of(url) == server


@pytest.mark.parametrize(
    ("host", "url"),
    [("192.0.2.1", "rtp://192.0.2.1:5000?pkt_size=1328"), ("::1", "rtp://[::1]:5000?pkt_size=1328")],
)
def test_rtp_leaves_in_packets_of_seven(host: str, url: str) -> None:
    """Seven packets of a transport stream and a header; that is what every network takes."""
    assert rtp_output(host, 5000)[-1] == url


def test_rtsp_is_played_over_tcp_alone() -> None:
    """So that what is missing was missing at the server."""
    assert rtsp_input("rtsp://127.0.0.1:1/play")[:2] == ("-rtsp_transport", "tcp")


@pytest.mark.parametrize(
    ("url", "key", "excess"),
    [
        ("rtmp://h/app", "k" * 976, ""),
        ("rtmp://h/app", "k" * 977, "the stream key is too long to be pushed to: it may have 976 bytes"),
        ("rtmp://h/app", "é" * 489, "the stream key is too long to be pushed to: it may have 976 bytes"),
        (f"rtmp://user:{'p' * 900}@h/{'a' * 970}", "key", ""),
        (f"rtmp://h/{'a' * 971}", "key", "the URL without user name and password is too long to be pushed to"),
    ],
)
def test_what_does_not_fit_into_a_line_becomes_no_option(url: str, key: str, excess: str) -> None:
    """What stands past 999 bytes of a preset's line is the next line to ffmpeg: that is never written."""
    told = too_long(url, key)

    assert told.startswith(excess)
    assert bool(told) is bool(excess)
    for make in (publish_preset, wired_preset):
        if excess:
            with pytest.raises(ValueError, match="too long"):
                make(url, key)
        else:
            assert max(len(line.encode()) for line in make(url, key).splitlines()) <= 990
