"""
Who may hold a connection, when there are more who want one than there is room.

Whoever has proven to be somebody, by a signed request or a token on that connection, stays. Of the others the oldest
goes, and of that network which holds most: however many connections a stranger opens, it is their own that make room.
"""

import contextlib
import ipaddress
import socket
from typing import Final

PROVEN: Final = "proven"
"""In the state of a request's scope: what to call once the connection has shown whose it is."""
_V6_SITE: Final = 64
"""Bits of an IPv6 address that are one site's; the rest anybody there may choose for every connection anew."""


class Connection:
    """One TCP connection, from the moment that it was accepted."""

    def __init__(self, accepted: socket.socket, address: str) -> None:
        self.socket: Final = accepted
        self.site: Final = _site(address)
        """From which network it comes."""
        self.is_proven: bool = False
        """Whether a request on it has shown who sends it."""

    def prove(self) -> None:
        """Note that it is no stranger's."""
        self.is_proven = True

    def cut(self) -> None:
        """End it, in whatever state it is; who serves it finds it at its end."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)


class Connections:
    """All that are open; those that were cut leave when whoever serves them says so."""

    def __init__(self, most: int) -> None:
        self.turned_away = 0
        """Connections that were cut or not let in for want of room, so far."""
        self._most = most
        self._open: dict[Connection, None] = {}

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._open)

    def admit(self, connection: Connection) -> bool:
        """Count a new one in, at the cost of another where there is no room; return whether it was let in."""
        if len(self._open) >= self._most and not self.make_room(wanted_by=connection.site):
            self.turned_away += 1
            return False
        self._open[connection] = None
        return True

    def make_room(self, wanted_by: str = "") -> bool:
        """Cut one that has proven nothing; return whether there was one."""
        strangers: dict[str, list[Connection]] = {wanted_by: []}
        for connection in self._open:
            if not connection.is_proven:
                strangers.setdefault(connection.site, []).append(connection)
        # Among equals the newcomer's own network pays, for it stands first.
        oldest = max(strangers.values(), key=len)[:1]
        for connection in oldest:
            self.turned_away += 1
            self.left(connection)
            connection.cut()
        return bool(oldest)

    def left(self, connection: Connection) -> None:
        """Count one out."""
        self._open.pop(connection, None)

    def cut_all(self) -> None:
        """End all that are open."""
        for connection in tuple(self._open):
            connection.cut()


def _site(address: str) -> str:
    """Return the network that an address counts as."""
    host = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(host, ipaddress.IPv4Address):
        return str(host)
    if host.ipv4_mapped is not None:
        return str(host.ipv4_mapped)
    return str(ipaddress.ip_network((host, _V6_SITE), strict=False))
