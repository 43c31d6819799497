"""How packets of a track reach a player: within its RTSP connection, or over UDP."""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import Final, Protocol

from reconciler.relay.programs.rtsp_words import Transport, frame

_SEND_BUFFER_BYTES: Final = 1 << 20
_REPORT_BYTES: Final = 2048
_TRIES: Final = 50
_MOST_REPORTS: Final = 32


class Way(Protocol):
    """One way for one track of one player."""

    told: str
    """What the player is told of it, as the header Transport has it."""

    def packet(self, packet: bytes) -> None:
        """Send a packet; one that cannot go now is lost, and nobody waits."""
        ...

    def report(self, packet: bytes) -> None:
        """Send a report on the packets."""
        ...

    def close(self) -> None:
        """Send nothing more."""
        ...


class Within:
    """Sends within the RTSP connection, whose owner watches what has not left yet."""

    def __init__(self, connection: asyncio.WriteTransport, wanted: Transport) -> None:
        self._connection = connection
        self._wanted = wanted
        self.told = f"RTP/AVP/TCP;unicast;interleaved={wanted.first}-{wanted.second}"

    def packet(self, packet: bytes) -> None:
        """Send a packet."""
        self._connection.write(frame(self._wanted.first, packet))

    def report(self, packet: bytes) -> None:
        """Send a report."""
        self._connection.write(frame(self._wanted.second, packet))

    def close(self) -> None:
        """Leave the connection to its owner."""


class Udp:
    """Sends to two ports of the player's host; what comes from there shows that it still listens."""

    def __init__(self, ours: str, theirs: str, wanted: Transport, *, heard: Callable[[], None]) -> None:
        """
        Open the sockets.

        Raises:
            OSError: there is no pair of ports.

        """
        self._heard = heard
        with contextlib.ExitStack() as opened:
            self._sockets = tuple(opened.enter_context(each) for each in _pair(ours))
            for each, port in zip(self._sockets, (wanted.first, wanted.second), strict=True):
                # Connected: the kernel passes on nothing from elsewhere.
                each.connect((theirs, port))
            opened.pop_all()
        for each in self._sockets:
            asyncio.get_running_loop().add_reader(each, self._read, each)
        port = self._sockets[0].getsockname()[1]
        self.told = f"RTP/AVP/UDP;unicast;client_port={wanted.first}-{wanted.second};server_port={port}-{port + 1}"

    def packet(self, packet: bytes) -> None:
        """Send a packet."""
        self._send(self._sockets[0], packet)

    def report(self, packet: bytes) -> None:
        """Send a report."""
        self._send(self._sockets[1], packet)

    def close(self) -> None:
        """Close the sockets."""
        for each in self._sockets:
            asyncio.get_running_loop().remove_reader(each)
            each.close()

    @staticmethod
    def _send(way: socket.socket, packet: bytes) -> None:
        # A player that is gone ends its RTSP connection: what the network says against a packet changes nothing.
        # It says so in place of sending the next one, so that one is sent again.
        for _ in range(2):
            with contextlib.suppress(OSError):
                way.send(packet)
                return

    def _read(self, way: socket.socket) -> None:
        with contextlib.suppress(OSError):
            for _ in range(_MOST_REPORTS):
                way.recv(_REPORT_BYTES)
                self._heard()


def _pair(host: str) -> tuple[socket.socket, socket.socket]:
    """Return sockets on an even port and the next, as RTP wants them."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for _ in range(_TRIES):
        with contextlib.ExitStack() as opened:
            first, second = (opened.enter_context(socket.socket(family, socket.SOCK_DGRAM)) for _ in range(2))
            first.bind((host, 0))
            port = first.getsockname()[1]
            with contextlib.suppress(OSError, OverflowError):
                if port % 2 == 0:
                    second.bind((host, port + 1))
                    for each in (first, second):
                        each.setblocking(False)
                        each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
                    opened.pop_all()
                    return first, second
    raise OSError("no pair of UDP ports is free")
