"""What two URLs have in common."""

import pytest

from reconciler.domain.rules.urls import host_of


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("rtmp://live.example/app", "live.example"),
        ("rtmps://live.example:443/app", "live.example"),
        ("rtsp://user:pass@camera.example:554/1", "camera.example"),
        ("rtmp://[2001:db8::1]:1935/app", "2001:db8::1"),
        ("rtmp:///app", ""),
        ("nonsense", ""),
    ],
)
def test_the_host_of_a_url(url: str, host: str) -> None:
    """Without user, port and brackets."""
    assert host_of(url) == host
