"""
Whom this relay never sends to, nor pulls from.

Asked of the address that is connected to, never of a name: what a name stands for can change between two questions.
"""

import ipaddress
import socket
from typing import Any, Final

DENIED: Final = "the destination is among those that this relay never sends to"
OWN: Final = "the destination is this relay itself: its API, or an end of this very flow"
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
"""IPv6 addresses that a gateway turns into the IPv4 address in their last 32 bits. Source: RFC 6052, section 2.1."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


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
    networks = [ipaddress.ip_network(cidr, strict=False) for cidr in cidrs]
    return any(face in network for face in faces(host) for network in networks)


def faces(host: str) -> list[Address]:
    """Return an address, and the IPv4 address that an IPv6 one only wraps."""
    address = ipaddress.ip_address(host.partition("%")[0])
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    inner = address.ipv4_mapped or address.sixtofour
    if address in _NAT64:
        inner = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    # An IPv4 peer of a socket for both is nothing but that.
    return [inner] if inner is not None and address.ipv4_mapped else [address, *([] if inner is None else [inner])]


def _is_here(address: Address) -> bool:
    """Whether it is an address of this machine: nobody else's can be bound."""
    if address.is_loopback or address.is_unspecified:
        return True
    family = socket.AF_INET if isinstance(address, ipaddress.IPv4Address) else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((str(address), 0))
        except OSError:
            return False
    return True
