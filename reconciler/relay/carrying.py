"""A flow of the catalogue as the engines need it."""

from collections.abc import Mapping
from typing import Any

from reconciler.domain.secrets import Secret
from reconciler.relay.flows import End, Flow
from reconciler.relay.giving import INGEST_APP, PLAY_APP, listens
from reconciler.relay.media import (
    EndId,
    FlowMedia,
    InputMedia,
    NotCarried,
    OutputMedia,
    RtmpDestination,
    RtmpIngest,
    RtmpPlay,
    RtmpPush,
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


def _input_end(flow: Flow, end: End) -> SrtEnd | RtmpIngest | NotCarried:
    match WireProtocol(end.protocol):
        case WireProtocol.SRT if listens(end):
            return _srt_listener(flow, end)
        case WireProtocol.RTMP if flow.rtmp_port is not None and end.stream_key is not None:
            return RtmpIngest(host=flow.host, port=flow.rtmp_port, app=INGEST_APP, stream_key=Secret(end.stream_key))
        case _:
            return NotCarried(protocol=end.protocol)


def _output_end(flow: Flow, end: End) -> SrtEnd | RtmpPlay | RtmpPush | NotCarried:
    match WireProtocol(end.protocol):
        case WireProtocol.SRT if listens(end):
            return _srt_listener(flow, end)
        case WireProtocol.SRT:
            destination = end.asked["SRTSettings"]["Destinations"][0]
            return _srt_end(end.asked["SRTSettings"], listens=False, host=destination["Ip"], port=destination["Port"])
        case WireProtocol.RTMP:
            return _rtmp_push(end.asked["RTMPSettings"])
        case WireProtocol.RTMP_PULL if end.stream_key is not None:
            return RtmpPlay(app=PLAY_APP, stream_key=Secret(end.stream_key), max_concurrent=end.asked["MaxConcurrent"])
        case _:
            return NotCarried(protocol=end.protocol)


def _srt_listener(flow: Flow, end: End) -> SrtEnd | NotCarried:
    if end.port is None:
        return NotCarried(protocol=end.protocol)
    return _srt_end(end.asked["SRTSettings"], listens=True, host=flow.host, port=end.port)


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


def _rtmp_push(rtmp: Mapping[str, Any]) -> RtmpPush:
    return RtmpPush(
        destinations=tuple(
            RtmpDestination(url=destination["Url"], stream_key=Secret(destination["StreamKey"]))
            for destination in rtmp["Destinations"]
        ),
        chunk_size=rtmp.get("ChunkSize"),
    )
