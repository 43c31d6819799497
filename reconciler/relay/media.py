"""What the control plane asks of the engines, in values; and what it learns from them."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NewType, Protocol

from reconciler.domain.secrets import Secret

EndId = NewType("EndId", str)
"""Id of an input or output, as the API gives it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SrtEnd:
    """An SRT socket of ours: it listens on `host:port`, or calls `host:port`."""

    listens: bool
    host: str
    """Address bound by a listener; IP or name called by a caller."""
    port: int
    latency_ms: int
    peer_idle_timeout_ms: int
    stream_id: str = ""
    passphrase: Secret | None = None
    key_length: int = 0
    """Bytes: 16, 24 or 32 with a passphrase, 0 without."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RtmpIngest:
    """The RTMP address where a publisher pushes to us: `rtmp://host:port/app/stream_key`."""

    host: str
    port: int
    app: str
    stream_key: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class RtmpPlay:
    """The RTMP address where players pull, on the port of its flow's ingest: `rtmp://host:port/app/stream_key`."""

    app: str
    stream_key: Secret
    max_concurrent: int = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class RtmpDestination:
    """Where we push: the full URL is `url` + "/" + `stream_key`."""

    url: str
    stream_key: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class RtmpPush:
    """One or two independent pushes of the flow."""

    destinations: tuple[RtmpDestination, ...]
    chunk_size: int | None = None
    """Bytes, 4096..40960; the engine's own default when None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotCarried:
    """An end whose protocol the engines do not carry; it is listed, kept and reported as such."""

    protocol: str


MediaEnd = SrtEnd | RtmpIngest | RtmpPlay | RtmpPush | NotCarried


@dataclass(frozen=True, slots=True, kw_only=True)
class InputMedia:
    """The input of a running flow."""

    id: EndId
    end: SrtEnd | RtmpIngest | NotCarried
    allowlist: tuple[str, ...] = ()
    """CIDRs that may publish; empty means everybody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputMedia:
    """One output of a running flow."""

    id: EndId
    end: SrtEnd | RtmpPlay | RtmpPush | NotCarried
    allowlist: tuple[str, ...] = ()
    """CIDRs that may pull; empty means everybody."""
    max_concurrent: int = 4
    """Receivers served at once by an SRT listener or a pull output."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowMedia:
    """A running flow as the engines need it."""

    id: str
    input: InputMedia
    outputs: tuple[OutputMedia, ...]


class EndState(StrEnum):
    """State of one end, in the API's words."""

    CONNECTED = "Connected"
    WAITING = "Waiting"
    IDLE = "Idle"


@dataclass(frozen=True, slots=True, kw_only=True)
class EndHealth:
    """What the engines know of one end now; all figures are theirs, none is made up."""

    state: EndState
    connected_ms: int = 0
    """How long the end has been connected, milliseconds; 0 when it is not."""
    bitrate_bps: int = 0
    """Media bits per second over the last few seconds."""
    reconnections: int = 0
    last_error: str = ""
    """Why it is not connected, in words, without secrets; empty when nothing is known to be wrong."""
    peer: str = ""
    """Address of the peer, `ip:port`, when one is connected."""
    latency_ms: int | None = None
    rtt_ms: float | None = None
    packets: int | None = None
    packets_lost: int | None = None
    packets_retransmitted: int | None = None
    packets_dropped: int | None = None
    encrypted: bool | None = None


class Media(Protocol):
    """
    Carries flows. Level-based: each call says how a flow should be now.

    No call disturbs an end that is the same before and after it.
    """

    async def carry(self, flow: FlowMedia) -> None:
        """Make the engines carry this flow so; an end that cannot start reports it in `health` and is retried."""
        ...

    async def drop(self, flow_id: str) -> None:
        """End everything of this flow; unknown flows are fine."""
        ...

    async def health(self, flow_id: str) -> Mapping[EndId, EndHealth]:
        """Return the health of each end of a carried flow; empty for a flow that is not carried."""
        ...

    async def close(self) -> None:
        """End every engine and leave no process behind."""
        ...
