"""What an SRT engine is told, and what is made of what it tells."""

import pytest

from reconciler.domain.secrets import Secret
from reconciler.relay.engines.srt import health_of, order_of
from reconciler.relay.media import (
    EndHealth,
    EndId,
    EndState,
    FlowMedia,
    InputMedia,
    NotCarried,
    OutputMedia,
    RtmpDestination,
    RtmpPush,
    SrtEnd,
)

SRT = SrtEnd(
    listens=True,
    host="127.0.0.1",
    port=9000,
    latency_ms=200,
    peer_idle_timeout_ms=3000,
    stream_id="x",
    passphrase=Secret("canary-phrase"),
    key_length=16,
)
INPUT = InputMedia(id=EndId("in"), end=SRT, allowlist=("192.0.2.0/24",))
PUSH = OutputMedia(
    id=EndId("push"), end=RtmpPush(destinations=(RtmpDestination(url="rtmp://h/app", stream_key=Secret("key")),))
)


def test_an_order_says_all_of_a_flow_that_the_engine_carries() -> None:
    """SRT ends are told whole; pushes want a tap, and what is not carried is left out."""
    outputs = (
        OutputMedia(id=EndId("out"), end=SRT, max_concurrent=3),
        OutputMedia(id=EndId("rist"), end=NotCarried(protocol="RIST")),
        PUSH,
    )

    order = order_of(FlowMedia(id="flow", input=INPUT, outputs=outputs))

    assert order["input"] == {
        "listens": True,
        "host": "127.0.0.1",
        "port": 9000,
        "latency_ms": 200,
        "peer_idle_timeout_ms": 3000,
        "stream_id": "x",
        "passphrase": "canary-phrase",
        "key_length": 16,
        "allowlist": ["192.0.2.0/24"],
        "max_concurrent": 1,
    }
    assert order["outputs"].keys() == {"out"}
    assert order["outputs"]["out"]["max_concurrent"] == 3
    assert order["tap"]


def test_a_flow_with_another_input_is_refused() -> None:
    """An SRT engine is never given what it cannot carry."""
    with pytest.raises(TypeError, match="SRT input"):
        order_of(FlowMedia(id="flow", input=InputMedia(id=EndId("in"), end=NotCarried(protocol="RTP")), outputs=()))


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"complaint": "Failed to authenticate: Incorrect passphrase"}, "the passphrase is not right"),
        ({"error": "a caller from 192.0.2.1 was refused"}, "a caller from 192.0.2.1 was refused"),
        ({}, ""),
    ],
)
def test_an_end_that_is_not_connected_says_why(told: dict[str, str], reason: str) -> None:
    """The element's complaint is put in words; what the engine says in words is passed on."""
    health = health_of({"connected": False, "connections": 3, **told}, bitrate_bps=0, encrypted=True)

    assert health == EndHealth(state=EndState.WAITING, reconnections=2, last_error=reason)


def test_a_connected_end_shows_the_engines_figures() -> None:
    """All figures are the engine's own."""
    figures = {
        "latency_ms": 200,
        "rtt_ms": 0.5,
        "packets": 10,
        "packets_lost": 1,
        "packets_retransmitted": 2,
        "packets_dropped": 3,
    }
    told = {"connected": True, "connected_ms": 1500, "connections": 1, "peer": "192.0.2.1:5000", **figures}

    health = health_of(told, bitrate_bps=5000, encrypted=True)

    assert health == EndHealth(
        state=EndState.CONNECTED,
        connected_ms=1500,
        bitrate_bps=5000,
        peer="192.0.2.1:5000",
        encrypted=True,
        latency_ms=200,
        rtt_ms=0.5,
        packets=10,
        packets_lost=1,
        packets_retransmitted=2,
        packets_dropped=3,
    )
