"""Counting what a transport stream lost."""

import pytest

from reconciler.media.ts import PACKET_BYTES, ContinuityCounter


def packet(counter: int, *, pid: int = 256, announced: bool = False, payload: bool = True) -> bytes:
    """Return a packet with this continuity counter."""
    control = (0x10 if payload else 0) | (0x20 if announced else 0)
    adaptation = b"\x01\x80" if announced else b""
    head = bytes([0x47, pid >> 8, pid & 0xFF, control | counter]) + adaptation
    return head.ljust(PACKET_BYTES, b"\xff")


@pytest.mark.parametrize(
    ("packets", "errors"),
    [
        pytest.param([packet(n % 16) for n in range(40)], 0, id="in order, round and round"),
        pytest.param([packet(1), packet(3)], 1, id="one lost"),
        pytest.param([packet(1), packet(1), packet(2)], 0, id="the same packet twice"),
        pytest.param([packet(1), packet(1), packet(1)], 1, id="the same packet three times"),
        pytest.param([packet(1), packet(9, announced=True), packet(10)], 0, id="an announced jump"),
        pytest.param([packet(1), packet(7, payload=False), packet(2)], 0, id="no payload, no counting"),
        pytest.param([packet(1), packet(9, pid=0x1FFF), packet(2)], 0, id="stuffing has no counter"),
        pytest.param([packet(1), packet(5, pid=257), packet(2), packet(6, pid=257)], 0, id="each stream by itself"),
        pytest.param([packet(1), b"lost", packet(2)], 1, id="bytes between packets"),
    ],
)
def test_continuity_errors(packets: list[bytes], errors: int) -> None:
    """Each break in the continuity of a stream counts once, and nothing else does."""
    counter = ContinuityCounter()

    counter.feed(b"".join(packets))

    assert counter.errors == errors


@pytest.mark.parametrize("size", [1, 7, 187, 189, 1316])
def test_the_size_of_the_pieces_does_not_matter(size: int) -> None:
    """However the bytes arrive, the count is the same."""
    stream = b"".join(packet(n % 16) for n in (1, 2, 3, 5, 6, 9))
    counter = ContinuityCounter()

    for start in range(0, len(stream), size):
        counter.feed(stream[start : start + size])

    assert counter.errors == 2
