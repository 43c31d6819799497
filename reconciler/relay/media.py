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
class RtmpPull:
    """An RTMP address that we pull from, and what the flow's own server needs: the input of players and pushes."""

    url: str
    stream_key: Secret
    host: str
    """Address of the flow's RTMP server."""
    port: int
    """Port of the flow's RTMP server, where its outputs are played."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RtpReceive:
    """The UDP address where RTP is sent to us."""

    host: str
    port: int
    idle_timeout_ms: int = 5000
    """A source that is silent for so long is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RtpDestination:
    """Where RTP goes: a name or an address, and a port."""

    host: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RtpSend:
    """One or two destinations that get every packet, each on its own."""

    destinations: tuple[RtpDestination, ...]
    idle_timeout_ms: int = 5000
    """An output through which nothing went for so long is idle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RtspPull:
    """An RTSP address that we pull from."""

    url: str
    """Without user name and password."""
    username: str = ""
    password: Secret | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RtspServe:
    """The RTSP address where players pull: `rtsp://host:port/path`; each output has a port of its own."""

    host: str
    port: int
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotCarried:
    """An end whose protocol the engines do not carry; it is listed, kept and reported as such."""

    protocol: str


InputEnd = SrtEnd | RtmpIngest | RtmpPull | RtpReceive | RtspPull | NotCarried
OutputEnd = SrtEnd | RtmpPlay | RtmpPush | RtpSend | RtspServe | NotCarried
MediaEnd = InputEnd | OutputEnd


@dataclass(frozen=True, slots=True, kw_only=True)
class InputMedia:
    """The input of a running flow."""

    id: EndId
    end: InputEnd
    allowlist: tuple[str, ...] = ()
    """CIDRs that may publish; empty means everybody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputMedia:
    """One output of a running flow."""

    id: EndId
    end: OutputEnd
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


class TrackKind(StrEnum):
    """What an elementary stream holds."""

    VIDEO = "video"
    AUDIO = "audio"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackHealth:
    """One elementary stream that an end carries, over the last few seconds."""

    kind: TrackKind
    bitrate_bps: int = 0
    fps: float = 0.0
    """Frames (video) or frames of samples (audio) a second; 0 where the engine does not count them."""
    pid: int | None = None
    """In a transport stream."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SrtFigures:
    """What libsrt counts of one connection; counters run from its beginning."""

    latency_ms: int
    """As negotiated."""
    rtt_ms: float
    packets_sent: int = 0
    packets_received: int = 0
    send_lost: int = 0
    send_retransmitted: int = 0
    send_dropped: int = 0
    receive_lost: int = 0
    receive_retransmitted: int = 0
    receive_dropped: int = 0
    encrypted: bool = False
    """Whether keys were exchanged, not whether they were asked for."""
    key_length: int = 0
    """Bytes, as negotiated; 0 without encryption."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionHealth:
    """One connection of an end: a publisher, a receiver, a push."""

    id: str
    """Stays the same as long as the connection, over a restart of the control plane too."""
    peer: str
    """`ip:port` or `[ip]:port`; the port is left out where it is not known."""
    connected_ms: int
    bitrate_bps: int = 0
    bytes: int = 0
    """Media bytes since the connection began."""
    pipeline: int = 0
    """0, or 1 for the second destination of an output with two."""
    srt: SrtFigures | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndHealth:
    """What the engines know of one end now; all figures are theirs, none is made up."""

    state: EndState
    connected_ms: int = 0
    """How long the end has been connected, milliseconds; 0 when it is not."""
    bitrate_bps: int = 0
    """Media bits per second over the last few seconds, all sessions together."""
    reconnections: int = 0
    last_error: str = ""
    """Why it is not connected, or whom it refused last, in words, without secrets; empty when nothing is wrong."""
    peer: str = ""
    """Address of the peer, `ip:port`, when one is connected."""
    latency_ms: int | None = None
    rtt_ms: float | None = None
    packets: int | None = None
    packets_lost: int | None = None
    packets_retransmitted: int | None = None
    packets_dropped: int | None = None
    encrypted: bool | None = None
    sessions: tuple[SessionHealth, ...] = ()
    """Connections of this moment, the oldest first."""
    tracks: tuple[TrackHealth, ...] = ()
    """What the end carries; empty where the engine does not look into it."""


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
