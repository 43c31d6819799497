"""Where probes receive from."""

from dataclasses import dataclass

from reconciler.domain.secrets import Secret
from reconciler.media.srt import SrtSocket


@dataclass(frozen=True, slots=True, kw_only=True)
class RtmpSource:
    """An RTMP address: we pull `url` + "/" + `stream_key`, or serve it so that an output can push to it."""

    listens: bool
    url: str
    """`rtmp://host:port/app`; where we listen, host is an address of this machine."""
    stream_key: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class RtpSocket:
    """Where an output sends RTP to: an address of this machine, and a port of ours."""

    host: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RtspAddress:
    """The whole RTSP URL that players pull; we pull over TCP."""

    url: Secret


ProbeSource = SrtSocket | RtmpSource | RtpSocket | RtspAddress
"""Where a probe receives from: it calls or listens, as the output wants."""


def transport_of(source: ProbeSource) -> str:
    """Return the protocol in which a probe receives, and what that runs over."""
    match source:
        case SrtSocket():
            return "SRT over UDP"
        case RtmpSource():
            return "RTMP over TCP"
        case RtpSocket():
            return "RTP over UDP"
        case RtspAddress():
            return "RTSP over TCP"
