"""Addresses that are listened on, and the names under which the world reaches them."""

import ipaddress
import re
from typing import Final

from reconciler.domain.errors import UsageError

_LABEL: Final = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME: Final = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(\.{_LABEL})*")


def is_loopback(host: str) -> bool:
    """Return whether the host is an address of this machine that no network reaches."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_unspecified(host: str) -> bool:
    """Return whether the host stands for every address of this machine: 0.0.0.0 or ::."""
    return ipaddress.ip_address(host).is_unspecified


def demand_address(host: str, option: str) -> None:
    """
    Go on only with an address that a socket can be bound to.

    Raises:
        UsageError: it is a name, or nothing at all.

    """
    try:
        ipaddress.ip_address(host)
    except ValueError:
        raise UsageError(
            f"{option}: {host!r} is no address. What is listened on is an address of this machine, such as 127.0.0.1, "
            f"::1, or 0.0.0.0 for all of them; --advertise takes the name that is given out."
        ) from None


def demand_reachable(host: str, option: str) -> None:
    """
    Go on only with a name or address that others can connect to.

    Raises:
        UsageError: it is neither.

    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        # A name of numbers alone is a slip of an address.
        if _NAME.fullmatch(host) is None or not re.search("[A-Za-z]", host):
            raise UsageError(f"{option}: {host!r} is neither a name nor an address; give it without a port.") from None
        return
    if address.is_unspecified or address.is_multicast:
        raise UsageError(f"{option}: nobody can connect to {host}; give the name or address that others use.")
