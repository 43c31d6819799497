"""
Whom this relay never sends to, nor pulls from.

Asked of the address that is connected to, never of a name: what a name stands for can change between two questions.
"""

import ipaddress
import socket
from collections.abc import Iterable
from typing import Any, Final

DENIED: Final = "the destination is among those that this relay never sends to"
OWN: Final = "the destination is this relay itself: its API, or an end of this very flow"
_WRAPPING: Final = tuple(
    map(
        ipaddress.IPv6Network,
        (
            # What a gateway turns into IPv4: RFC 6052, section 2.1, RFC 8215, and RFC 2765, section 2.1.
            "64:ff9b::/96",
            "64:ff9b:1::/48",
            "::ffff:0:0:0/96",
            # What a host sent through a tunnel once: RFC 4291, section 2.5.5.1.
            "::/96",
        ),
    )
)
"""IPv6 addresses that stand for the IPv4 address in their last 32 bits."""
_OWN_MEANING: Final = frozenset(map(ipaddress.IPv6Address, ("::", "::1")))
"""Addresses in those networks that wrap nothing."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Networks = tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]


def refusal_of(spec: dict[str, Any], host: str, port: int) -> str:
    """
    Return why nothing is sent to an address; empty where something may be.

    `spec` holds what is `denied` (CIDRs), and the `denied_ports` of this machine, whatever its address is called.
    """
    if within(spec["denied"], host):
        return DENIED
    return OWN if port in spec.get("denied_ports", ()) and any(map(_is_here, faces(host))) else ""


def within(cidrs: list[str], host: str) -> bool:
    """Whether a host is within one of the CIDRs, by any of its faces."""
    return any(face in network for face in faces(host) for network in networks_of(cidrs))


def networks_of(cidrs: Iterable[str]) -> Networks:
    """Return the networks that CIDRs stand for, for who asks about them often."""
    return tuple(ipaddress.ip_network(cidr, strict=False) for cidr in cidrs)


def listed(networks: Networks, host: str) -> bool:
    """
    Whether a host is in an allowlist; an empty one has everybody in it.

    Unlike `within`, it looks at who a peer is and not at whom it could be: anybody can call itself an IPv6 address that
    wraps one of the list.
    """
    if not networks:
        return True
    try:
        address: Address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        # An IPv4 peer of a socket for both is nothing but that.
        address = address.ipv4_mapped or address
    return any(address in network for network in networks)


def faces(host: str) -> list[Address]:
    """Return an address, and the IPv4 address that an IPv6 one only wraps."""
    address = ipaddress.ip_address(host.partition("%")[0])
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    inner = address.ipv4_mapped or address.sixtofour
    if address not in _OWN_MEANING and any(address in network for network in _WRAPPING):
        inner = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    # An IPv4 peer of a socket for both is nothing but that.
    return [inner] if inner is not None and address.ipv4_mapped else [address, *([] if inner is None else [inner])]


def _is_here(address: Address) -> bool:
    """Whether it is an address of this machine: nobody else's can be bound."""
    if address.is_loopback or address.is_unspecified:
        return True
    family = socket.AF_INET if isinstance(address, ipaddress.IPv4Address) else socket.AF_INET6
    try:
        probe = socket.socket(family, socket.SOCK_DGRAM)
    except OSError:
        # No descriptor is left to ask with, and what is not known to be another's is not called.
        return True
    with probe:
        try:
            probe.bind((str(address), 0))
        except OSError:
            return False
    return True
