"""What a wire is told, and what is believed of what it tells."""

import pytest

from reconciler.relay.engines.wire import FarEnd, Settings, near_listener, near_url, told
from reconciler.relay.programs.dial import Trouble
from reconciler.relay.reach import Bounds


def test_an_order_says_where_and_how() -> None:
    """Host, port and TLS are those of the URL; what stands before the host is for the server, if it asks."""
    far = FarEnd(url="rtmps://user:canary@[2001:db8::1]/app?canary=1", chunk_bytes=4096)

    order = far.order(Bounds(denied=("10.0.0.0/8",), ports=(80,), authorities="PEM"), Settings(7, "{name}={value}"))

    assert order == {
        "host": "2001:db8::1",
        "port": 443,
        "tls": True,
        "authorities": "PEM",
        "chunk_bytes": 4096,
        "silent_s": 0.0,
        "login": {
            "user": "user",
            "password": "canary",
            "app": "app?canary=1",
            "address": "rtmps://[2001:db8::1]/app?canary=1",
            "settings": 7,
            "setting": "{name}={value}",
        },
        "denied": ["10.0.0.0/8"],
        "denied_ports": [80],
    }


def test_who_has_no_user_name_does_not_log_in() -> None:
    """The server is called once."""
    order = FarEnd(url="rtmp://h/app").order(Bounds(), Settings(7, ""))

    assert (order["login"], order["port"]) == ({}, 1935)


@pytest.mark.parametrize(
    ("url", "is_url"),
    [
        ("rtmp://h/app", True),
        ("rtmps://h:1/app", True),
        ("rtmpt://h/app", False),
        ("file:///etc/passwd", False),
        ("rtmp:///app", False),
        ("rtmp://h:port/app", False),
        ("rtmp://h:0/app", False),
        ("rtmp://[h/app", False),
    ],
)
def test_only_rtmp_urls_are_called(url: str, *, is_url: bool) -> None:
    """What else ffmpeg would open, it is not given."""
    assert FarEnd(url=url).is_url is is_url


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        ("", ""),
        ("[rtmp] Cannot\nwire: no route to host\nInput/output error", Trouble.NO_ROUTE),
        pytest.param("wire: canary\n", "", id="words that are not ours"),
        pytest.param("[rtmp] wire: no route to host\n", "", id="words in somebody else's line"),
    ],
)
def test_only_words_of_ours_are_passed_on(log: str, reason: str) -> None:
    """A server may have ffmpeg write what it likes into the same log."""
    assert told(log) == reason


def test_ffmpeg_calls_loopback() -> None:
    """Its wire waits where no other machine can call."""
    with near_listener() as listener:
        assert near_url(listener) == f"rtmp://127.0.0.1:{listener.getsockname()[1]}/"
