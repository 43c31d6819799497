"""What the RTP engine counts and whom it lets in, packet by packet."""

import struct

import pytest

from reconciler.relay.programs.reach import listed, networks_of
from reconciler.relay.programs.rtp_source import Source

SPEC = {"host": "::", "port": 5000, "idle_timeout_ms": 1000, "allowlist": ["192.0.2.0/24"]}


def packet(sequence: int) -> memoryview:
    """Return an RTP packet."""
    return memoryview(struct.pack("!BBHII", 0x80, 33, sequence, 0, 7) + bytes(188))


@pytest.mark.parametrize(
    ("sequences", "lost"),
    [
        ([1, 2, 3], 0),
        ([1, 2, 5], 2),
        pytest.param([1, 3, 2, 4, 5], 0, id="out of order"),
        pytest.param([65_535, 0, 1], 0, id="around the end"),
        pytest.param([1, 2, 30_000, 30_001], 0, id="a source that began anew"),
    ],
)
def test_packets_that_are_missing_are_counted(sequences: list[int], lost: int) -> None:
    """A late packet is no lost one, and a jump is no loss of thousands."""
    source = Source(SPEC)

    for sequence in sequences:
        source.count(packet(sequence), 1.0)

    assert (source.lost, source.packets) == (lost, len(sequences))


def test_an_ipv4_sender_to_an_ipv6_socket_is_known_by_its_ipv4_address() -> None:
    """The kernel hands it over in IPv6 clothes."""
    allowed = networks_of(["192.0.2.0/24"])

    assert listed(allowed, "::ffff:192.0.2.7")
    assert not listed(allowed, "::ffff:198.51.100.7")


@pytest.mark.parametrize("host", ["2002:c000:207::1", "64:ff9b::c000:207", "::192.0.2.7"])
def test_an_ipv6_sender_is_not_the_ipv4_address_that_its_own_could_mean(host: str) -> None:
    """Anybody can choose an address that holds one of the allowlist."""
    source = Source(SPEC)

    assert not source.admits((host, 1), 0.0)
    assert source.admits(("::ffff:192.0.2.7", 1), 0.0)


def test_one_sender_holds_the_input_until_it_is_silent() -> None:
    """A second one is dropped and told meanwhile, and let in once the first has gone."""
    source = Source(SPEC)

    verdicts = [
        source.admits(("192.0.2.1", 1), 0.0),
        source.admits(("192.0.2.2", 1), 0.5),
        source.admits(("198.51.100.1", 1), 0.6),
    ]
    told = source.error
    source.settle(2.0)
    later = source.admits(("192.0.2.2", 1), 2.0)

    assert verdicts == [True, False, False]
    assert "not in the allowlist" in told
    assert (later, source.sender, source.error) == (True, "192.0.2.2:1", "")
