"""What an SRT engine is told, and what is made of what it tells."""

from typing import Any

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
    SrtFigures,
    TrackHealth,
    TrackKind,
)
from reconciler.relay.reach import Bounds

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

    order = order_of(
        FlowMedia(id="flow", input=INPUT, outputs=outputs), Bounds(denied=("192.0.2.9/32",), ports=(9000,))
    )

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
        "denied": ["192.0.2.9/32"],
        "denied_ports": [9000],
    }
    assert order["outputs"].keys() == {"out"}
    assert order["outputs"]["out"]["max_concurrent"] == 3
    assert order["tap"]


def test_a_flow_with_another_input_is_refused() -> None:
    """An SRT engine is never given what it cannot carry."""
    with pytest.raises(TypeError, match="SRT input"):
        order_of(
            FlowMedia(id="flow", input=InputMedia(id=EndId("in"), end=NotCarried(protocol="RTP")), outputs=()), Bounds()
        )


FIGURES: dict[str, Any] = {
    "latency_ms": 200,
    "rtt_ms": 0.5,
    "packets_sent": 10,
    "packets_received": 0,
    "send_lost": 1,
    "send_retransmitted": 2,
    "send_dropped": 3,
    "receive_lost": 0,
    "receive_retransmitted": 0,
    "receive_dropped": 0,
    "encrypted": True,
    "key_length": 16,
}
SESSION = {"id": "7", "peer": "192.0.2.1:4000", "connected_ms": 1500, "bytes": 1000, "srt": FIGURES}
TRACK = {"kind": "video", "pid": 256, "bitrate_bps": 900_000, "fps": 25.0}


def test_an_end_that_is_not_connected_says_why() -> None:
    """What the engine says in words is passed on."""
    told = {"connections": 3, "bytes": 0, "error": "the passphrase is not right", "sessions": []}

    health = health_of(told, {})

    assert health == EndHealth(state=EndState.WAITING, reconnections=2, last_error="the passphrase is not right")


def test_a_connected_end_shows_the_engines_figures() -> None:
    """All figures are the engine's own; those of an end are the worst or the sum of its connections'."""
    later = {**SESSION, "id": "8", "peer": "192.0.2.2:4000", "connected_ms": 500, "srt": {**FIGURES, "rtt_ms": 9.0}}
    told = {"connections": 2, "bytes": 2000, "error": "", "sessions": [SESSION, later], "tracks": [TRACK]}

    health = health_of(told, {"7": 1_000_000, "8": 2_000_000})

    assert (health.state, health.connected_ms, health.bitrate_bps, health.reconnections) == (
        EndState.CONNECTED,
        1500,
        3_000_000,
        1,
    )
    assert (health.peer, health.rtt_ms, health.packets, health.packets_lost) == ("192.0.2.1:4000", 9.0, 20, 2)
    assert (health.packets_retransmitted, health.packets_dropped, health.encrypted) == (4, 6, True)
    assert [session.id for session in health.sessions] == ["7", "8"]
    assert health.sessions[0].srt == SrtFigures(**FIGURES)
    assert health.tracks == (TrackHealth(kind=TrackKind.VIDEO, pid=256, bitrate_bps=900_000, fps=25.0),)


def test_a_connection_that_has_no_figures_yet_is_a_connection_all_the_same() -> None:
    """It may end between two questions."""
    bare = {name: value for name, value in SESSION.items() if name != "srt"}
    told = {"connections": 1, "bytes": 0, "error": "", "sessions": [bare]}

    health = health_of(told, {})

    assert (health.state, health.rtt_ms, health.encrypted) == (EndState.CONNECTED, None, None)
