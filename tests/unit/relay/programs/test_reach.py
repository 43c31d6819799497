"""Which addresses are never sent to, whatever they are called."""

import pytest

from reconciler.relay.programs.reach import DENIED, OWN, listed, networks_of, refusal_of
from reconciler.relay.reach import ALWAYS_DENIED


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::a9fe:a9fe",
        "64:ff9b:1:7::a9fe:a9fe",
        "::ffff:0:169.254.169.254",
        "::169.254.169.254",
        "2002:a9fe:a9fe::1",
        "fe80::1",
        "fe80::1%lo",
        "0.1.2.3",
        "::",
        "255.255.255.255",
        "fd00:ec2::254",
        "100.100.100.200",
    ],
)
def test_where_clouds_keep_credentials_is_always_denied(host: str) -> None:
    """An address in the clothes of another one is the same address."""
    assert refusal_of({"denied": list(ALWAYS_DENIED)}, host, 1935) == DENIED


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "192.0.2.1", "10.0.0.1", "2001:db8::1", "64:ff9b::c000:201", "::1", "239.1.1.1"]
)
def test_every_other_address_is_allowed(host: str) -> None:
    """A relay on a private network sends there; where RTP goes to a group, it may."""
    assert refusal_of({"denied": list(ALWAYS_DENIED), "denied_ports": [9]}, host, 1935) == ""


@pytest.mark.parametrize(
    ("host", "port", "refusal"),
    [
        ("127.0.0.1", 8080, OWN),
        ("127.9.9.9", 8080, OWN),
        ("::1", 8080, OWN),
        ("::ffff:127.0.0.1", 8080, OWN),
        ("::127.0.0.1", 8080, OWN),
        ("::1", 8081, ""),
        ("127.0.0.1", 8081, ""),
        pytest.param("192.0.2.1", 8080, "", id="another machine"),
        pytest.param("2001:db8::1", 8080, "", id="another machine over IPv6"),
    ],
)
def test_a_port_of_ours_is_denied_at_every_address_of_this_machine(host: str, port: int, refusal: str) -> None:
    """The same port of another machine is nothing of ours."""
    assert refusal_of({"denied": [], "denied_ports": [8080]}, host, port) == refusal


@pytest.mark.parametrize(
    ("host", "is_listed"),
    [
        ("192.0.2.7", True),
        ("::ffff:192.0.2.7", True),
        ("2001:db8::1%lo", True),
        ("198.51.100.7", False),
        ("2002:c000:207::1", False),
        ("64:ff9b::c000:207", False),
        ("64:ff9b:1::c000:207", False),
        ("::192.0.2.7", False),
        ("", False),
    ],
)
def test_an_allowlist_knows_who_somebody_is_and_not_who_it_could_be(host: str, *, is_listed: bool) -> None:
    """Anybody can choose an IPv6 address that wraps one of the list."""
    assert listed(networks_of(["192.0.2.0/24", "2001:db8::/32"]), host) is is_listed


def test_an_empty_allowlist_has_everybody_in_it() -> None:
    """It is no list that nobody is in."""
    assert listed(networks_of([]), "198.51.100.7")
