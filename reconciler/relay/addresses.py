"""Ports for the addresses that the relay hands out, each given to one end until that end is deleted."""

import errno
import socket
from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from reconciler.domain.errors import EnvironmentFailedError

DEFAULT_PORTS: Final = range(20_000, 30_000)
"""Below the range from which Linux takes ports for outgoing connections (32768 on), so the two never meet."""


class Transport(StrEnum):
    """What a port belongs to; the same number may be taken once in each."""

    UDP = "udp"
    TCP = "tcp"


class PortsExhaustedError(Exception):
    """Every port of the range is given away or in use by another program; the message is for whoever asked for one."""

    def __init__(self, transport: Transport, ports: range) -> None:
        super().__init__(
            f"Every {transport.upper()} port of {shown(ports)}, the range of this relay, is given away or in use by "
            f"another program. Delete what is not needed, or start it with a larger range: --ports FIRST-LAST."
        )


class Ports:
    """
    Gives ports of a range, in turn.

    In turn and not the lowest: an address that was just taken back is the last to be given to somebody else, so a
    receiver that still calls it does not find a stranger's stream there.
    """

    def __init__(self, host: str, ports: range = DEFAULT_PORTS) -> None:
        self._host = host
        self._ports = ports
        self._given: dict[Transport, set[int]] = {transport: set() for transport in Transport}
        self._position = 0

    def remember(self, transport: Transport, given: Iterable[int]) -> None:
        """Keep ports that were given away before the relay was started."""
        self._given[transport].update(given)
        inside = [port for port in self._given[transport] if port in self._ports]
        if inside:
            self._position = max(self._position, self._ports.index(max(inside)) + 1)

    def take(self, transport: Transport) -> int:
        """
        Give a port that nobody has.

        Raises:
            PortsExhaustedError: there is none.

        """
        for step in range(len(self._ports)):
            index = (self._position + step) % len(self._ports)
            port = self._ports[index]
            if port not in self._given[transport] and _is_free(self._host, port, transport):
                self._position = index + 1
                self._given[transport].add(port)
                return port
        raise PortsExhaustedError(transport, self._ports)

    def reserve(self, transport: Transport, port: int) -> bool:
        """Never give this port; return whether that is so, which it is not where somebody has it already."""
        if port in self._given[transport]:
            return False
        self._given[transport].add(port)
        return True

    def give_back(self, transport: Transport, port: int) -> None:
        """Take a port back from a deleted end."""
        self._given[transport].discard(port)


def demand_local(host: str, option: str) -> None:
    """
    Go on only with an address that this machine has.

    Raises:
        EnvironmentFailedError: it has not.

    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as tried:
            tried.bind((host, 0))
    except OSError as error:
        raise EnvironmentFailedError(
            f"{option}: nothing can listen on {host}: {error.strerror}. `ip -brief address` lists what this machine "
            f"has."
        ) from error


def shown(ports: range) -> str:
    """Return a range as people write it, its last port included."""
    return f"{ports.start}-{ports.stop - 1}"


def _is_free(host: str, port: int, transport: Transport) -> bool:
    """Try the port: another program on this machine may hold it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    kind = socket.SOCK_DGRAM if transport is Transport.UDP else socket.SOCK_STREAM
    with socket.socket(family, kind) as tried:
        if transport is Transport.TCP:
            # A connection that has just ended keeps the port busy for a listener that does not ask for it so.
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((host, port))
        except OSError as error:
            if error.errno in {errno.EADDRINUSE, errno.EACCES}:
                return False
            raise
    return True
