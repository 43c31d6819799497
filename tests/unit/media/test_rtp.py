"""RTP as a receiver sees it."""

import asyncio
import socket
import struct

import pytest

from reconciler.media.rtp import Packet, SequenceCounter, datagrams, packet


def rtp(sequence: int, *, first: int = 0x80, kind: int = 33, source: int = 7, rest: bytes = b"media") -> bytes:
    """Return a datagram."""
    return struct.pack("!BBHII", first, kind, sequence % 65_536, 0, source) + rest


@pytest.mark.parametrize(
    ("datagram", "payload"),
    [
        pytest.param(rtp(1), b"media", id="plain"),
        pytest.param(rtp(1, kind=0x80 | 33), b"media", id="with a mark"),
        pytest.param(rtp(1, first=0x82, rest=bytes(8) + b"media"), b"media", id="two contributing sources"),
        pytest.param(rtp(1, first=0x90, rest=b"\0\0\0\1" + bytes(4) + b"media"), b"media", id="an extension"),
        pytest.param(rtp(1, first=0xA0, rest=b"media\0\0\3"), b"media", id="padding"),
    ],
)
def test_the_payload_is_found(datagram: bytes, payload: bytes) -> None:
    """Whatever stands before and behind it."""
    assert packet(datagram) == Packet(33, 1, 7, payload)


@pytest.mark.parametrize(
    "datagram",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(rtp(1)[:11], id="too short"),
        pytest.param(rtp(1, first=0x40), id="another version"),
        pytest.param(rtp(1, kind=200), id="a report"),
        pytest.param(rtp(1, first=0x8F), id="sources that are not there"),
        pytest.param(rtp(1, first=0xA0, rest=b"\xff"), id="more padding than there is"),
    ],
)
def test_what_is_no_packet_is_passed_over(datagram: bytes) -> None:
    """Nothing is read beyond its end."""
    assert packet(datagram) is None


@pytest.mark.parametrize(
    ("sequences", "gaps"),
    [
        ([1, 2, 3], 0),
        ([1, 2, 5, 6], 1),
        pytest.param([65_534, 65_535, 0, 1], 0, id="around the end"),
        pytest.param([1, 3, 2, 4], 2, id="out of order"),
        pytest.param([1, 2, 2, 3], 1, id="twice"),
    ],
)
def test_gaps_are_counted(sequences: list[int], gaps: int) -> None:
    """Once where they begin, however long they are."""
    counter = SequenceCounter()

    for sequence in sequences:
        counter.feed(Packet(33, sequence, 7, b""))

    assert counter.gaps == gaps


def test_sources_are_counted_apart() -> None:
    """Sound and picture have numbers of their own, and a new sender begins anew; of hundreds none is remembered."""
    counter = SequenceCounter()

    for sequence in range(3):
        for source in range(3):
            counter.feed(Packet(33, 1000 * source + sequence, source, b""))
    for source in range(500):
        counter.feed(Packet(33, source, 10 + source, b""))

    assert counter.gaps == 0


@pytest.mark.anyio
async def test_what_arrives_at_a_port_is_lent() -> None:
    """And a port in use says so."""
    with socket.socket(type=socket.SOCK_DGRAM) as sender:
        sender.bind(("127.0.0.1", 0))
        taken = sender.getsockname()[1]
        with pytest.raises(OSError, match="in use"):
            async with datagrams("127.0.0.1", taken):
                pass
        sender.close()

        async with asyncio.timeout(5), datagrams("127.0.0.1", taken) as arriving:
            with socket.socket(type=socket.SOCK_DGRAM) as other:
                other.sendto(b"media", ("127.0.0.1", taken))
            got = await arriving.get()

    assert got == b"media"
