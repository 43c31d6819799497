"""Which networks an address or a name belongs to, as far as that can be told without asking anybody."""

import ipaddress
from functools import lru_cache
from typing import Final

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_PRIVATE: Final[tuple[Network, ...]] = tuple(
    map(
        ipaddress.ip_network,
        (
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.168.0.0/16",
            "::1/128",
            "fc00::/7",
            "fe80::/10",
        ),
    )
)
"""Networks that nothing of the internet reaches. Source: RFC 1918, 6598, 1122, 3927, 4193, 4291."""

_PRIVATE_SUFFIXES: Final = (".local", ".localhost", ".internal", ".lan", ".home.arpa", ".corp", ".home")
"""Endings of names that no public name has. Source: RFC 6761, 6762, 8375; ICANN's reserved names."""


def address_of(host: str) -> IPAddress | None:
    """Return the address that a host is written as; None for a name, and for an address of one machine's zone."""
    if host[-1:].isalpha() and ":" not in host:
        # A name, for certain; most hosts are, and asking the library costs thirty times as much.
        return None
    try:
        return ipaddress.ip_address(host) if "%" not in host else None
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def network_of(cidr: str) -> Network | None:
    """Return the network that a CIDR means, host bits forgiven; None when it is none."""
    try:
        return ipaddress.ip_network(cidr, strict=False) if "/" in cidr and "%" not in cidr else None
    except ValueError:
        return None


def is_private_network(network: Network) -> bool:
    """Return whether all of a network is private."""
    return any(holds(private, network) for private in _PRIVATE)


def is_private_host(host: str) -> bool:
    """Return whether a host can only be one of a private network."""
    address = address_of(host)
    if address is not None:
        return is_private_network(ipaddress.ip_network(address))
    name = host.rstrip(".").lower()
    return "." not in name or name.endswith(_PRIVATE_SUFFIXES)


def why_unreachable(host: str, *, from_cloud: bool) -> str:
    """Return why nothing can be sent to, or taken from, a host, in words; "" where that cannot be told."""
    address = address_of(host)
    if address is None:
        return "this machine alone" if from_cloud and host.rstrip(".").lower() == "localhost" else ""
    if address.is_unspecified:
        return "no address of anybody"
    if address.is_multicast or str(address) == "255.255.255.255":
        return "a multicast or broadcast address"
    return "a private address" if from_cloud and is_private_host(host) else ""


def within_others(networks: list[Network]) -> dict[int, Network]:
    """Return, by its number, each network that another one holds; of equal ones the later."""
    order = sorted(
        range(len(networks)),
        key=lambda index: (
            networks[index].version,
            int(networks[index].network_address),
            networks[index].prefixlen,
            index,
        ),
    )
    found: dict[int, Network] = {}
    widest: Network | None = None
    for index in order:
        network = networks[index]
        # In this order whatever holds a network comes before it.
        if widest is not None and holds(widest, network):
            found[index] = widest
        else:
            widest = network
    return found


def holds(network: Network, other: Network) -> bool:
    """Return whether all of another network is in this one."""
    return network.version == other.version and other.subnet_of(network)  # type: ignore[arg-type]  # of one version
