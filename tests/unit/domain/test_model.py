"""Flows, outputs and their addresses."""

import pytest

from reconciler.domain.model import Address, FlowKey, OutputKey, Region, RegionKey, key_of
from reconciler.domain.protocols import Protocol, SrtMode, pulled


def test_keys_read_as_addresses() -> None:
    """Verbs, messages and approvals use one form."""
    assert (str(FlowKey("news")), str(OutputKey("news", "tower"))) == ("flow/news", "output/news/tower")
    assert OutputKey("news", "tower").flow_key == FlowKey("news")


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("10.0.0.1", False), ("a.b", False)],
)
def test_loopback_is_known_by_number_and_name(host: str, expected: bool) -> None:  # noqa: FBT001 -- a column.
    """Only an address on this machine is loopback; a name is not looked up."""
    assert Address(host, 1).is_loopback is expected


@pytest.mark.parametrize(
    ("protocol", "mode", "expected"),
    [
        (Protocol.SRT, SrtMode.LISTENER, True),
        (Protocol.SRT, SrtMode.CALLER, False),
        (Protocol.RTMP_PULL, None, True),
        (Protocol.RTSP, None, True),
        (Protocol.RTMP_PUSH, None, False),
        (Protocol.RTP, None, False),
    ],
)
def test_receivers_call_the_outputs_that_are_pulled(
    protocol: Protocol,
    mode: SrtMode | None,
    expected: bool,  # noqa: FBT001 -- a column.
) -> None:
    """An allowlist and a number of receivers apply to these alone."""
    assert pulled(protocol, mode) is expected


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("flow/news", FlowKey("news")),
        ("output/news/tower", OutputKey("news", "tower")),
        ("flow/", None),
        ("output/news/", None),
        ("output//tower", None),
        ("flow/news/tower", None),
        ("news", None),
    ],
)
def test_an_address_names_a_resource(address: str, key: FlowKey | OutputKey | None) -> None:
    """As `str` says it of a key; anything else names nothing."""
    assert key_of(address) == key
    assert key is None or str(key) == address


def test_a_region_has_an_address_that_nothing_takes() -> None:
    """People see it in plans."""
    assert str(RegionKey(Region("local"))) == "region/local"
    assert key_of("region/local") is None
