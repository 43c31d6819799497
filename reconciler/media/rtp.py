"""RTP as a receiver sees it: what is missing from a run of packets, and datagrams on a port of this machine."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

TRANSPORT_STREAM: Final = 33
"""Payload type of MPEG transport streams. Source: RFC 3551, 6."""
_HEADER_BYTES: Final = 12
_VERSION: Final = 2
_SEQUENCES: Final = 1 << 16
_HALF: Final = _SEQUENCES // 2
_RTCP: Final = range(64, 96)
"""Payload types that RTCP packets seem to have. Source: RFC 5761, 4."""
_RECEIVE_BUFFER_BYTES: Final = 8 << 20
_MOST_WAITING: Final = 20_000
_MOST_SOURCES: Final = 64
"""Sources that are told apart; beyond them all are new ones."""


@dataclass(frozen=True, slots=True)
class Packet:
    """An RTP packet, taken apart."""

    payload_type: int
    sequence: int
    source: int
    """Who sends it, its SSRC."""
    payload: bytes


def packet(datagram: bytes) -> Packet | None:
    """Return what a datagram holds; None where that is no RTP packet with a whole header."""
    if len(datagram) < _HEADER_BYTES or datagram[0] >> 6 != _VERSION or datagram[1] & 0x7F in _RTCP:
        return None
    start = _HEADER_BYTES + 4 * (datagram[0] & 0x0F)
    if datagram[0] & 0x10:
        start += 4 + 4 * int.from_bytes(datagram[start + 2 : start + 4], "big")
    end = len(datagram) - (datagram[-1] if datagram[0] & 0x20 else 0)
    if start > end:
        return None
    source = int.from_bytes(datagram[8:12], "big")
    return Packet(datagram[1] & 0x7F, int.from_bytes(datagram[2:4], "big"), source, datagram[start:end])


@dataclass(slots=True)
class SequenceCounter:
    """
    Counts gaps in the sequence numbers of each source; a packet that comes late, or twice, is one as well.

    A source with another SSRC begins anew: it is a new sender, and not a gap of the old one.
    """

    gaps: int = 0
    _next: dict[int, int] = field(default_factory=dict)

    def feed(self, packet: Packet) -> None:
        """Take the next packet."""
        expected = self._next.get(packet.source)
        ahead = 0 if expected is None else (packet.sequence - expected) % _SEQUENCES
        if ahead:
            self.gaps += 1
        if expected is None and len(self._next) >= _MOST_SOURCES:
            self._next.clear()
        if ahead < _HALF:
            self._next[packet.source] = (packet.sequence + 1) % _SEQUENCES


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.waiting: asyncio.Queue[bytes] = asyncio.Queue(_MOST_WAITING)

    def datagram_received(self, data: bytes, _source: object) -> None:
        with contextlib.suppress(asyncio.QueueFull):
            self.waiting.put_nowait(data)


@asynccontextmanager
async def datagrams(host: str, port: int) -> AsyncIterator[asyncio.Queue[bytes]]:
    """
    Lend what arrives at a port of this machine; the newest are lost where nobody takes them.

    Raises:
        OSError: the port is in use.

    """
    endpoint = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    endpoint.setblocking(False)
    endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
    try:
        endpoint.bind((host, port))
    except OSError:
        endpoint.close()
        raise
    transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(_Datagrams, sock=endpoint)
    try:
        yield protocol.waiting
    finally:
        transport.close()
