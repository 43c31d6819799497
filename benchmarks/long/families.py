"""The families of rows: an input, and every kind of output that it may feed, kept under a receiver."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from benchmarks.stage.account import (
    HERE,
    latency,
    output,
    push,
    rtp,
    rtp_source,
    rtsp_source,
    secured,
    source,
    srt_caller,
    srt_listener,
)
from benchmarks.stage.relay import Json

LATENCY_MS: Final = 500
PASSPHRASE: Final = secrets.token_hex(16)
SETTINGS: Final = {**secured(PASSPHRASE, 32), **latency(LATENCY_MS)}
"""Of every SRT end of the shows."""
_PORTS: Final = {"touched": 41_000, "control": 41_100}
"""Where kept outputs call, by flow."""


@dataclass(frozen=True, slots=True)
class Family:
    """Rows that share an engine."""

    name: str
    source: Callable[[str], Json]
    """The input of a flow."""
    kept: Callable[[str], list[Json]]
    """The kept outputs of a flow."""


def _kept_srt(flow: str) -> list[Json]:
    port = _PORTS[flow]
    return [
        srt_listener("listener", **SETTINGS),
        srt_caller("caller", port, **SETTINGS),
        push("push", (f"rtmp://{HERE}:{port + 1}/live", "kept")),
    ]


def _kept_rtmp(flow: str) -> list[Json]:
    return [output("players", "RTMP_PULL"), push("push", (f"rtmp://{HERE}:{_PORTS[flow] + 2}/live", "kept"))]


def _kept_rtp(flow: str) -> list[Json]:
    return [rtp("destination", (HERE, _PORTS[flow] + 4))]


FAMILIES: Final = (
    Family("SRT", lambda _: source("SRT", SRTSettings={"Mode": "LISTENER", **SETTINGS}), _kept_srt),
    Family("RTMP", lambda _: source("RTMP"), _kept_rtmp),
    Family("RTP", lambda _: rtp_source(), _kept_rtp),
    Family("RTSP", lambda flow: rtsp_source(_PORTS[flow] + 5), lambda _: [output("players", "RTSP_PULL")]),
)
"""Each is asked by the name of a flow: `touched`, or `control`."""
