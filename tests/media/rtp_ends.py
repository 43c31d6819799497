"""Who sends RTP in tests, and who receives it and counts sequence numbers."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

PACKET_BYTES = 1328


@dataclass
class Counted(asyncio.DatagramProtocol):
    """A receiver: how many packets came, and how often the sequence had a gap."""

    packets: int = 0
    gaps: int = 0
    senders: set[tuple[str, int]] = field(default_factory=set)
    """From where they came."""
    _last: int | None = field(default=None)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Count a packet."""
        (sequence,) = struct.unpack_from("!H", data, 2)
        if self._last is not None and sequence != (self._last + 1) % 65536:
            self.gaps += 1
        self._last = sequence
        self.senders.add(addr[:2])
        self.packets += 1


@asynccontextmanager
async def receiving(port: int) -> AsyncIterator[Counted]:
    """Receive on a port meanwhile."""
    loop = asyncio.get_running_loop()
    transport, counted = await loop.create_datagram_endpoint(Counted, local_addr=("127.0.0.1", port))
    try:
        yield counted
    finally:
        transport.close()


@asynccontextmanager
async def sending(port: int, *, source: str = "127.0.0.1") -> AsyncIterator[None]:
    """Send numbered packets meanwhile, 500 a second, from this address."""
    with socket.socket(type=socket.SOCK_DGRAM) as sender:
        sender.bind((source, 0))
        task = asyncio.create_task(_send(sender, port))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})


async def _send(sender: socket.socket, port: int) -> None:
    number = 0
    while True:
        for _ in range(5):
            header = struct.pack("!BBHII", 0x80, 96, number % 65536, number * 90, 7)
            sender.sendto(header + bytes(PACKET_BYTES - len(header)), ("127.0.0.1", port))
            number += 1
        await asyncio.sleep(0.01)
