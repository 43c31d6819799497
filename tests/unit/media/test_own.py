"""Which hosts are this machine."""

import pytest

from reconciler.media.own import own_address


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", "127.0.0.1"),
        ("127.0.0.3", "127.0.0.3"),
        ("::1", "::1"),
        pytest.param("192.0.2.7", None, id="another machine"),
        pytest.param("2001:db8::7", None, id="another machine, IPv6"),
        pytest.param("tower.example", None, id="a name is not looked up"),
        pytest.param("::", None, id="no address"),
        pytest.param("239.1.1.1", None, id="a group"),
        pytest.param("", None, id="nothing"),
    ],
)
def test_own_addresses(host: str, expected: str | None) -> None:
    """Loopback is, and what the kernel lets us bind; names but `localhost` are not."""
    assert own_address(host) == expected
