"""The families of rows: an input, and every kind of output that it may feed, kept under a receiver."""

import secrets
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final, Protocol

from benchmarks.stage.account import (
    HERE,
    latency,
    output,
    push,
    rtp,
    rtp_source,
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


class Source(Protocol):
    """Returns an input; what it needs around it lives as long as the stack."""

    async def __call__(self, stack: AsyncExitStack, /) -> Json:
        """Return what the API is asked for."""
        ...


@dataclass(frozen=True, slots=True)
class Family:
    """Rows that share an engine."""

    name: str
    source: Source
    kept: Callable[[str], list[Json]]
    """The kept outputs of a flow, `touched` or `control`."""


async def _srt(_stack: AsyncExitStack) -> Json:
    return source("SRT", SRTSettings={"Mode": "LISTENER", **SETTINGS})


async def _rtmp(_stack: AsyncExitStack) -> Json:
    return source("RTMP")


async def _rtp(_stack: AsyncExitStack) -> Json:
    return rtp_source()


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
    Family("SRT", _srt, _kept_srt),
    Family("RTMP", _rtmp, _kept_rtmp),
    Family("RTP", _rtp, _kept_rtp),
)
