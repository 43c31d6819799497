"""What may be listened on, and what may be given out."""

from ipaddress import IPv4Address
from typing import Final

import pytest

from reconciler.domain.errors import UsageError
from reconciler.relay.hosts import demand_address, demand_reachable

EVERYBODY: Final = str(IPv4Address(0))


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", EVERYBODY, "::", "192.0.2.1"])
def test_what_is_listened_on(host: str) -> None:
    """An address, of everybody's even."""
    demand_address(host, "--listen")


@pytest.mark.parametrize("host", ["", "relay.example", "192.0.2", "[::1]", "192.0.2.1/32"])
def test_what_nobody_can_listen_on(host: str) -> None:
    """A name is none, and the message says which option takes one."""
    with pytest.raises(UsageError, match=r"--listen: .* is no address.*--advertise"):
        demand_address(host, "--listen")


@pytest.mark.parametrize("host", ["relay.example", "relay", "my_relay-2.example", "192.0.2.1", "2001:db8::1", "a" * 63])
def test_what_is_given_out(host: str) -> None:
    """A name or an address."""
    demand_reachable(host, "--advertise")


@pytest.mark.parametrize(
    "host",
    ["relay.example:8080", "-x", "x-", "a b", "a/b", "a@b", "a..b", "192.0.2", "a" * 64, "a." * 127 + "a", "ü.example"],
)
def test_what_is_neither_a_name_nor_an_address(host: str) -> None:
    """It would stand in URLs, so it is nothing else than a host."""
    with pytest.raises(UsageError, match=r"--advertise: .* is neither a name nor an address"):
        demand_reachable(host, "--advertise")


@pytest.mark.parametrize("host", [EVERYBODY, "::", "239.0.0.1"])
def test_where_nobody_connects_to(host: str) -> None:
    """Everybody's address is nobody's."""
    with pytest.raises(UsageError, match="nobody can connect to"):
        demand_reachable(host, "--advertise")
