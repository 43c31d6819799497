"""The words of the API: products, protocols, modes, states."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

REQUEST_ID_HEADER: Final = "X-TC-RequestId"
"""Bears the id of a request where an answer has no body for it; of a relay alone."""


class Profile(StrEnum):
    """Which of the vendor's two products is spoken; they differ in a few fields."""

    MAINLAND = "mainland"
    INTERNATIONAL = "international"


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """How a profile is addressed."""

    service: str
    """In the credential scope."""
    version: str
    """X-TC-Version."""
    host: str
    home: str
    """A region that it has always had: where one is asked which regions there are."""


PRODUCTS: Final[Mapping[Profile, Product]] = {
    Profile.MAINLAND: Product(service="mps", version="2019-06-12", host="mps.tencentcloudapi.com", home="ap-guangzhou"),
    Profile.INTERNATIONAL: Product(
        service="mdc", version="2020-08-28", host="mdc.intl.tencentcloudapi.com", home="ap-singapore"
    ),
}

BOTH: Final = frozenset(Profile)
MAINLAND_ONLY: Final = frozenset({Profile.MAINLAND})


class WireProtocol(StrEnum):
    """A protocol in the API's words. Of manifests, RTMP_PUSH is `RTMP` here and RTSP is `RTSP_PULL`."""

    SRT = "SRT"
    RTP = "RTP"
    RTMP = "RTMP"
    RTMP_PULL = "RTMP_PULL"
    RTSP_PULL = "RTSP_PULL"
    RIST = "RIST"
    HLS_PULL = "HLS_PULL"


class Mode(StrEnum):
    """Which side of a connection an end is."""

    LISTENER = "LISTENER"
    CALLER = "CALLER"


class State(StrEnum):
    """Whether a flow runs."""

    IDLE = "IDLE"
    RUNNING = "RUNNING"


class EndState(StrEnum):
    """Whether an end of a flow has a peer."""

    CONNECTED = "Connected"
    WAITING = "Waiting"
    IDLE = "Idle"


class UrlType(StrEnum):
    """What a URL among `StreamUrls` is for."""

    PLAYBACK = "Playback"
    RELAY_DESTINATION = "RelayDestination"
    SOURCE_CAPTURE = "SourceCaptureUrl"
    INGEST = "IngestEndpoint"


MAX_BANDWIDTHS_BPS: Final = (10_000_000, 20_000_000, 50_000_000)
DEFAULT_PAGE_SIZE: Final = 10
"""Of DescribeStreamLinkFlows."""
ALLOWED_OUTPUTS: Final[Mapping[WireProtocol, tuple[WireProtocol, ...]]] = {
    WireProtocol.RTMP: (WireProtocol.RTMP, WireProtocol.RTMP_PULL),
    WireProtocol.RTMP_PULL: (WireProtocol.RTMP, WireProtocol.RTMP_PULL),
    WireProtocol.SRT: (WireProtocol.SRT, WireProtocol.RTMP),
    WireProtocol.RTP: (WireProtocol.RTP,),
    WireProtocol.RTSP_PULL: (WireProtocol.RTSP_PULL,),
}
"""Input protocol to the outputs it may feed. Source: the product's Output Management page; a test keeps it agreed."""
