"""Which hosts are this machine."""

import ipaddress
import socket


def own_address(host: str) -> str | None:
    """
    Return the number of an address of this machine; None where a host is another one.

    A name counts as another one, but for `localhost`: whom it means is not looked up.
    """
    if host == "localhost":
        return "127.0.0.1"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    if address.is_loopback:
        return host
    if address.is_unspecified or address.is_multicast:
        return None
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((host, 0))
        except OSError:
            return None
    return host
