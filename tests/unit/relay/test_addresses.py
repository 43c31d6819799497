"""Ports are given once, in turn, and never one that somebody else has."""

import socket
from collections.abc import Iterator

import pytest

from reconciler.relay.addresses import Ports, PortsExhaustedError, Transport

HOST = "127.0.0.1"


@pytest.fixture
def taken() -> Iterator[int]:
    """Return a UDP port that another program holds."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((HOST, 0))
        yield other.getsockname()[1]


def test_a_port_that_another_program_has_is_skipped(taken: int) -> None:
    """Only what can be bound is given; TCP and UDP have numbers of their own."""
    ports = Ports(HOST, range(taken, taken + 1))

    with pytest.raises(PortsExhaustedError):
        ports.take(Transport.UDP)


def test_a_port_that_came_back_is_given_last() -> None:
    """Who still calls an old address does not soon find a stranger there."""
    ports = Ports(HOST, range(29_970, 29_973))
    first = ports.take(Transport.UDP)
    ports.give_back(Transport.UDP, first)

    rest = [ports.take(Transport.UDP) for _ in range(3)]

    assert rest[-1] == first
    assert len(set(rest)) == 3


def test_ports_given_before_a_restart_are_not_given_again() -> None:
    """What the catalogue remembers is taken, inside the range or not."""
    ports = Ports(HOST, range(29_960, 29_962))
    ports.remember(Transport.TCP, [29_960, 7])

    assert ports.take(Transport.TCP) == 29_961
    with pytest.raises(PortsExhaustedError):
        ports.take(Transport.TCP)


def test_an_address_that_is_not_of_this_machine_is_no_port_in_use() -> None:
    """A host that cannot be bound at all is a failure, and does not look like a full range."""
    ports = Ports("192.0.2.1", range(29_950, 29_951))

    with pytest.raises(OSError, match="assign"):
        ports.take(Transport.UDP)


def test_ports_of_ipv6() -> None:
    """The other loopback address has ports too."""
    assert Ports("::1", range(29_940, 29_945)).take(Transport.TCP) in range(29_940, 29_945)
