"""A flow of the catalogue as the engines need it."""

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import unquote, urlsplit, urlunsplit

from reconciler.domain.secrets import Secret
from reconciler.relay.flows import End, Flow
from reconciler.relay.giving import INGEST_APP, PLAY_APP, listens
from reconciler.relay.media import (
    EndId,
    FlowMedia,
    InputEnd,
    InputMedia,
    NotCarried,
    OutputEnd,
    OutputMedia,
    RtmpDestination,
    RtmpIngest,
    RtmpPlay,
    RtmpPull,
    RtmpPush,
    RtpDestination,
    RtpReceive,
    RtpSend,
    RtspPull,
    RtspServe,
    SrtEnd,
)
from reconciler.streamlink.wire import WireProtocol


def as_media(flow: Flow, source: End) -> FlowMedia:
    """Return what the engines are told of a flow with this input."""
    return FlowMedia(
        id=flow.id,
        input=InputMedia(
            id=EndId(source.id),
            end=_input_end(flow, source),
            allowlist=tuple(source.asked["AllowIpList"]),
        ),
        outputs=tuple(
            OutputMedia(
                id=EndId(output.id),
                end=_output_end(flow, output),
                allowlist=tuple(output.asked["AllowIpList"]),
                max_concurrent=output.asked["MaxConcurrent"],
            )
            for output in flow.outputs
        ),
    )


def _input_end(flow: Flow, end: End) -> InputEnd:
    make = _INPUTS.get(WireProtocol(end.protocol))
    return NotCarried(protocol=end.protocol) if make is None else make(flow, end)


def _output_end(flow: Flow, end: End) -> OutputEnd:
    make = _OUTPUTS.get(WireProtocol(end.protocol))
    return NotCarried(protocol=end.protocol) if make is None else make(flow, end)


def _rtmp_ingest(flow: Flow, end: End) -> RtmpIngest:
    return RtmpIngest(
        host=flow.host, port=_given(flow.rtmp_port), app=INGEST_APP, stream_key=Secret(end.stream_key or "")
    )


def _rtmp_pull(flow: Flow, end: End) -> RtmpPull:
    (source,) = end.asked["RTMPPullSettings"]["SourceAddresses"]
    return RtmpPull(
        url=source["TcUrl"],
        stream_key=Secret(source["StreamKey"]),
        host=flow.host,
        port=_given(flow.rtmp_port),
    )


def _rtmp_play(_flow: Flow, end: End) -> RtmpPlay:
    key = Secret(end.stream_key or "")
    return RtmpPlay(app=PLAY_APP, stream_key=key, max_concurrent=end.asked["MaxConcurrent"])


def _srt_input(flow: Flow, end: End) -> SrtEnd:
    return _srt(flow, end, called="SourceAddresses")


def _srt_output(flow: Flow, end: End) -> SrtEnd:
    return _srt(flow, end, called="Destinations")


def _srt(flow: Flow, end: End, *, called: str) -> SrtEnd:
    srt = end.asked["SRTSettings"]
    if listens(end):
        return _srt_end(srt, listens=True, host=flow.host, port=_given(end.port))
    (peer,) = srt[called]
    return _srt_end(srt, listens=False, host=peer["Ip"], port=peer["Port"])


def _given(port: int | None) -> int:
    """Return a port that the giver has given: it gives before anything is carried."""
    if port is None:
        raise ValueError("an end without its port is to be carried")
    return port


def _srt_end(srt: Mapping[str, Any], *, listens: bool, host: str, port: int) -> SrtEnd:
    return SrtEnd(
        listens=listens,
        host=host,
        port=port,
        # Which of the three wins where they differ is not documented; the longest buffer loses no packet.
        latency_ms=max(srt["Latency"], srt["RecvLatency"], srt["PeerLatency"]),
        peer_idle_timeout_ms=srt["PeerIdleTimeout"],
        stream_id=srt["StreamId"],
        passphrase=Secret(srt["Passphrase"]) if srt["Passphrase"] else None,
        key_length=srt["PbKeyLen"],
    )


def _rtmp_push(_flow: Flow, end: End) -> RtmpPush:
    rtmp = end.asked["RTMPSettings"]
    return RtmpPush(
        destinations=tuple(
            RtmpDestination(url=destination["Url"], stream_key=Secret(destination["StreamKey"]))
            for destination in rtmp["Destinations"]
        ),
        chunk_size=rtmp.get("ChunkSize"),
    )


def _rtp_receive(flow: Flow, end: End) -> RtpReceive:
    idle_timeout_ms = end.asked["RTPSettings"]["IdleTimeout"]
    return RtpReceive(host=flow.host, port=_given(end.port), idle_timeout_ms=idle_timeout_ms)


def _rtp_send(_flow: Flow, end: End) -> RtpSend:
    rtp = end.asked["RTPSettings"]
    return RtpSend(
        destinations=tuple(
            RtpDestination(host=destination["Ip"], port=destination["Port"]) for destination in rtp["Destinations"]
        ),
        idle_timeout_ms=rtp["IdleTimeout"],
    )


def _rtsp_pull(_flow: Flow, end: End) -> RtspPull:
    """Return the source of an RTSP input; the API has no other place for user name and password than the URL."""
    (source,) = end.asked["RTSPPullSettings"]["SourceAddresses"]
    parts = urlsplit(source["Url"])
    userinfo, _, location = parts.netloc.rpartition("@")
    username, _, password = userinfo.partition(":")
    return RtspPull(
        url=urlunsplit(parts._replace(netloc=location)),
        username=unquote(username),
        password=Secret(unquote(password)) if password else None,
    )


def _rtsp_serve(flow: Flow, end: End) -> RtspServe:
    return RtspServe(host=flow.host, port=_given(end.port), path=PLAY_APP)


_INPUTS: Final[Mapping[WireProtocol, Callable[[Flow, End], InputEnd]]] = {
    WireProtocol.SRT: _srt_input,
    WireProtocol.RTMP: _rtmp_ingest,
    WireProtocol.RTMP_PULL: _rtmp_pull,
    WireProtocol.RTP: _rtp_receive,
    WireProtocol.RTSP_PULL: _rtsp_pull,
}
_OUTPUTS: Final[Mapping[WireProtocol, Callable[[Flow, End], OutputEnd]]] = {
    WireProtocol.SRT: _srt_output,
    WireProtocol.RTMP: _rtmp_push,
    WireProtocol.RTMP_PULL: _rtmp_play,
    WireProtocol.RTP: _rtp_send,
    WireProtocol.RTSP_PULL: _rtsp_serve,
}
"""What is not here (RIST, HLS_PULL) is kept and described, and not carried."""
