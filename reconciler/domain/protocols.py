"""Protocols, which output an input may feed, and the ranges of their settings."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Protocol(StrEnum):
    """A protocol in the manifests' words; the API's words are in `streamlink`."""

    SRT = "SRT"
    RTMP = "RTMP"
    """Of an input: we are pushed to. Written on an output it is read as RTMP_PUSH."""
    RTMP_PUSH = "RTMP_PUSH"
    RTMP_PULL = "RTMP_PULL"
    RTP = "RTP"
    RTSP = "RTSP"


class SrtMode(StrEnum):
    """Which side of an SRT connection we are."""

    LISTENER = "listener"
    CALLER = "caller"


INPUT_PROTOCOLS: Final = frozenset({Protocol.SRT, Protocol.RTMP, Protocol.RTMP_PULL, Protocol.RTP, Protocol.RTSP})
OUTPUT_PROTOCOLS: Final = frozenset({Protocol.SRT, Protocol.RTMP_PUSH, Protocol.RTMP_PULL, Protocol.RTP, Protocol.RTSP})

ALLOWED_OUTPUTS: Final[Mapping[Protocol, frozenset[Protocol]]] = {
    Protocol.RTMP: frozenset({Protocol.RTMP_PUSH, Protocol.RTMP_PULL}),
    Protocol.RTMP_PULL: frozenset({Protocol.RTMP_PUSH, Protocol.RTMP_PULL}),
    Protocol.SRT: frozenset({Protocol.SRT, Protocol.RTMP_PUSH}),
    Protocol.RTP: frozenset({Protocol.RTP}),
    Protocol.RTSP: frozenset({Protocol.RTSP}),
}
"""Input protocol to the outputs it may feed. Source: the product's Output Management page."""

MAX_BANDWIDTHS_BPS: Final[Mapping[str, int]] = {"10M": 10_000_000, "20M": 20_000_000, "50M": 50_000_000}
"""`maxBandwidth` as written, to bits per second. Source: StreamLink API, CreateStreamLinkFlow."""
KEY_LENGTHS: Final = (16, 24, 32)
"""Bytes of an SRT key. Source: StreamLink API, PbKeyLen."""
PASSPHRASE_LENGTHS: Final = range(10, 80)
"""Characters of an SRT passphrase, ASCII. Source: StreamLink API, Passphrase."""
LATENCY_MS: Final = range(3001)
DEFAULT_LATENCY_MS: Final = 120
IDLE_TIMEOUT_MS: Final = range(1000, 10_001)
DEFAULT_IDLE_TIMEOUT_MS: Final = 5000
DEFAULT_MAX_CONCURRENT: Final = 4


def pulled(protocol: Protocol, mode: SrtMode | None) -> bool:
    """Return whether receivers call this output, so that an allowlist and a number of them apply."""
    if protocol is Protocol.SRT:
        return mode is SrtMode.LISTENER
    return protocol in {Protocol.RTMP_PULL, Protocol.RTSP}
