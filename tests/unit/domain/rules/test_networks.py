"""What can be told of addresses without asking anybody."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.domain.rules.networks import (
    Network,
    holds,
    is_private_host,
    network_of,
    why_unreachable,
    within_others,
)


@pytest.mark.parametrize(
    ("host", "is_private"),
    [
        ("10.1.2.3", True),
        ("192.168.0.1", True),
        ("100.64.0.1", True),
        ("fd00::1", True),
        ("::1", True),
        ("encoder", True),
        ("encoder.local", True),
        ("studio.internal.", True),
        ("203.0.113.7", False),
        ("2001:db8::1", False),
        ("tower.example", False),
        ("local.example", False),
    ],
)
def test_who_can_only_be_private(host: str, *, is_private: bool) -> None:
    """By number, or by a name that no public name has; documentation's networks count as public."""
    assert is_private_host(host) is is_private


@pytest.mark.parametrize(
    ("host", "from_cloud", "from_here"),
    [
        ("tower.example", "", ""),
        ("203.0.113.7", "", ""),
        ("192.168.1.1", "a private address", ""),
        ("localhost", "this machine alone", ""),
        ("0.0.0.0", "no address of anybody", "no address of anybody"),  # noqa: S104 -- what is tried
        ("::", "no address of anybody", "no address of anybody"),
        ("239.1.1.1", "a multicast or broadcast address", "a multicast or broadcast address"),
        ("255.255.255.255", "a multicast or broadcast address", "a multicast or broadcast address"),
    ],
)
def test_what_cannot_be_reached(host: str, from_cloud: str, from_here: str) -> None:
    """From a cloud region, and from a relay on this machine."""
    assert why_unreachable(host, from_cloud=True) == from_cloud
    assert why_unreachable(host, from_cloud=False) == from_here


@pytest.mark.parametrize("cidr", ["10.0.0.1", "10.0.0.0/33", "fe80::%eth0/64", "/8", ""])
def test_what_is_no_network(cidr: str) -> None:
    """Without a length, with a wrong one, or of one machine's zone."""
    assert network_of(cidr) is None


NETWORKS = st.lists(
    st.one_of(
        st.builds(
            lambda address, length: ipaddress.ip_network((address, length), strict=False),
            st.integers(0, 0xFF) | st.integers(0, 0xFFFFFFFF),
            st.integers(0, 32),
        ),
        st.builds(
            lambda address, length: ipaddress.ip_network((ipaddress.IPv6Address(address), length), strict=False),
            st.integers(0, 0xFF),
            st.integers(100, 128),
        ),
    ),
    max_size=12,
)


@given(NETWORKS)
def test_what_is_within_others(networks: list[Network]) -> None:
    """Just those that another one holds; of equal ones all but the first."""
    expected = {
        index
        for index, network in enumerate(networks)
        if any(
            holds(other, network) and (other != network or before < index)
            for before, other in enumerate(networks)
            if before != index
        )
    }

    found = within_others(networks)

    assert found.keys() == expected
    assert all(holds(wider, networks[index]) for index, wider in found.items())
