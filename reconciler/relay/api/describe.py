"""Flows as the API describes them: every field of the official models, null where it says nothing."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from reconciler.relay.api.outputs import allowed_inputs, allowed_outputs
from reconciler.relay.flows import End, Flow
from reconciler.relay.giving import INGEST_APP, PLAY_APP, listens
from reconciler.streamlink.wire import (
    DESCRIBE_FLOW,
    DESCRIBE_INPUT,
    DESCRIBE_OUTPUT,
    Profile,
    UrlType,
    WireProtocol,
)

_LABEL: Final = "relay"
"""Where the vendor names the carrier of an address."""
_MAINLAND_ONLY: Final = frozenset({"Region", "AllowedInputProtocols", "AllowedOutputProtocols"})

Json = dict[str, Any]


def describe_flow(flow: Flow, profile: Profile) -> Json:
    """Return a flow with all its ends."""
    fields = {
        "FlowId": flow.id,
        "FlowName": flow.name,
        "State": flow.state.value,
        "MaxBandwidth": flow.max_bandwidth_bps,
        "InputGroup": [describe_input(flow, end, profile) for end in flow.inputs],
        "OutputGroup": [describe_output(flow, end) for end in flow.outputs],
        "EventId": "",
        "Region": flow.region,
        "AllowedInputProtocols": list(allowed_inputs(output.protocol for output in flow.outputs)),
        "AllowedOutputProtocols": list(allowed_outputs(flow.input.protocol)) if flow.input is not None else [],
    }
    hidden = frozenset[str]() if profile is Profile.MAINLAND else _MAINLAND_ONLY
    return {name: fields[name] for name in DESCRIBE_FLOW if name not in hidden}


def describe_input(flow: Flow, end: End, profile: Profile) -> Json:
    """Return one input."""
    # Only the international product tells this one.
    names = DESCRIBE_INPUT if profile is Profile.MAINLAND else (*DESCRIBE_INPUT, "FailOverOption")
    return _with_nulls(names, {**end.asked, "InputId": end.id, **_ingest(flow, end)})


def describe_output(flow: Flow, end: End) -> Json:
    """Return one output."""
    fields = {
        **end.asked,
        "OutputId": end.id,
        "OutputAddressList": [{"Ip": flow.host}],
        "StreamUrls": [],
        "State": "ENABLED",
        **_playback(flow, end),
    }
    return _with_nulls(DESCRIBE_OUTPUT, fields)


def _with_nulls(names: tuple[str, ...], fields: Mapping[str, Any]) -> Json:
    return {name: fields.get(name) for name in names}


def _ingest(flow: Flow, end: End) -> Json:
    """Return where the input is pushed to; nothing for one that pulls by itself."""
    host = _bracketed(flow.host)
    match WireProtocol(end.protocol):
        case WireProtocol.RTMP:
            url = f"rtmp://{host}:{flow.rtmp_port}/{INGEST_APP}/{end.stream_key}"
            address = _address(flow.host, flow.rtmp_port)
            return {
                **_ingest_at(address, url),
                "RTMPSettings": {"AppName": INGEST_APP, "StreamKey": end.stream_key},
            }
        case WireProtocol.SRT if listens(end):
            return _ingest_at(_address(flow.host, end.port), _srt_url(host, end))
        case WireProtocol.RTP | WireProtocol.RIST as protocol:
            return _ingest_at(_address(flow.host, end.port), f"{protocol.lower()}://{host}:{end.port}")
        case _:
            return {"InputAddressList": [], "StreamUrls": []}


def _ingest_at(address: Json, url: str) -> Json:
    return {"InputAddressList": [address], "StreamUrls": [_url(url, UrlType.INGEST)]}


def _playback(flow: Flow, end: End) -> Json:
    """Return the settings that say where the output is pulled from, and those that Describe words in its own way."""
    host = _bracketed(flow.host)
    match WireProtocol(end.protocol):
        case WireProtocol.SRT:
            return _srt_output(flow, end, host)
        case WireProtocol.RTMP:
            return {"RTMPSettings": {"IdleTimeout": None, "ChunkSize": None, **end.asked["RTMPSettings"]}}
        case WireProtocol.RTMP_PULL:
            tc_url = f"rtmp://{host}:{flow.rtmp_port}/{PLAY_APP}"
            return {
                "RTMPPullSettings": {"ServerUrls": [{"TcUrl": tc_url, "StreamKey": end.stream_key}]},
                "StreamUrls": [_url(f"{tc_url}/{end.stream_key}", UrlType.PLAYBACK)],
            }
        case WireProtocol.RTSP_PULL:
            url = f"rtsp://{host}:{end.port}/{PLAY_APP}"
            return {
                "RTSPPullSettings": {"ServerUrls": [{"Url": url}]},
                "StreamUrls": [_url(url, UrlType.PLAYBACK)],
            }
        case WireProtocol.RIST:
            sources = [_address(flow.host, end.port)]
            return {
                "RISTSettings": {**end.asked["RISTSettings"], "SourceAddresses": sources},
                "StreamUrls": [_url(f"rist://{host}:{end.port}", UrlType.PLAYBACK)],
            }
        case _:
            return {}


def _srt_output(flow: Flow, end: End, host: str) -> Json:
    if not listens(end):
        return {"SRTSettings": {**end.asked["SRTSettings"], "SourceAddresses": []}}
    return {
        "SRTSettings": {**end.asked["SRTSettings"], "SourceAddresses": [_address(flow.host, end.port)]},
        "StreamUrls": [_url(_srt_url(host, end), UrlType.PLAYBACK)],
    }


def _srt_url(host: str, end: End) -> str:
    """Return how to call an SRT listener; the passphrase is never in it, for URLs end up in command lines."""
    srt = end.asked["SRTSettings"]
    stream_id = f"&streamid={quote(srt['StreamId'], safe='')}" if srt["StreamId"] else ""
    key_length = f"&pbkeylen={srt['PbKeyLen']}" if srt["PbKeyLen"] else ""
    return f"srt://{host}:{end.port}?mode=caller{stream_id}{key_length}"


def _address(host: str, port: int | None) -> Json:
    return {"Ip": host, "Port": port}


def _url(url: str, kind: UrlType) -> Json:
    return {"Label": _LABEL, "Url": url, "Type": kind.value}


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
