"""Domain values as requests. Every setting is sent, also where it is the default: no default of theirs is relied on."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from reconciler.domain import marks
from reconciler.domain.errors import RejectedError, SecretUnavailableError, UnresolvedLinkError
from reconciler.domain.marks import Mark
from reconciler.domain.model import (
    Address,
    Flow,
    FlowLink,
    InputSpec,
    Output,
    OutputSpec,
    RtmpAddress,
    RtmpPullSource,
    RtmpPush,
    Rtp,
    RtspSource,
    Srt,
)
from reconciler.domain.secrets import Secret, SecretRef, SecretValue
from reconciler.streamlink.translate.words import INPUT_WORDS, MODE_WORDS, NO_FEC, OUTPUT_WORDS

Request = dict[str, Any]
"""A JSON object to be sent."""


def create_flow(flow: Flow, mark: Mark) -> Request:
    """Return the request that makes a flow with its input."""
    made = {"InputName": flow.key.name, **managed_input(flow.spec.input, mark)}
    return {"FlowName": flow.live_name, "MaxBandwidth": flow.spec.max_bandwidth_bps, "InputGroup": [made]}


def create_output(flow_id: str, output: Output, mark: Mark) -> Request:
    """Return the request that makes an output."""
    made = {"OutputRegion": output.spec.region, **managed_output(output, mark)}
    return {"FlowId": flow_id, "Output": made}


def managed_input(spec: InputSpec, mark: Mark) -> Request:
    """Return the members of an input that manifests manage."""
    return {
        "Protocol": INPUT_WORDS[spec.protocol].value,
        "Description": marks.join(spec.description, mark),
        **_allowlist(spec.allowlist),
        **_input_settings(spec),
    }


def managed_output(output: Output, mark: Mark) -> Request:
    """Return the members of an output that manifests manage, but for its region, which is fixed when it is made."""
    spec = output.spec
    concurrent = {} if spec.max_concurrent is None else {"MaxConcurrent": spec.max_concurrent}
    return {
        "OutputName": output.live_name,
        "Protocol": OUTPUT_WORDS[spec.protocol].value,
        "Description": marks.join(spec.description, mark),
        **_allowlist(spec.allowlist),
        **concurrent,
        **_output_settings(spec),
    }


def _allowlist(allowlist: tuple[str, ...] | None) -> Request:
    """Return the allowlist; an empty one is sent too, for it lets everybody in where there was one before."""
    return {} if allowlist is None else {"AllowIpList": list(allowlist)}


def _input_settings(spec: InputSpec) -> Request:
    match spec.settings:
        case Srt() as srt:
            return {"SRTSettings": _srt(srt, peers="SourceAddresses")}
        case RtmpPullSource(source=source):
            return {"RTMPPullSettings": {"SourceAddresses": [_rtmp(source, "TcUrl")]}}
        case Rtp(idle_timeout_ms=idle_timeout_ms):
            return {"RTPSettings": {"FEC": NO_FEC, "IdleTimeout": idle_timeout_ms}}
        case RtspSource() as source:
            return {"RTSPPullSettings": {"SourceAddresses": [{"Url": _rtsp(source)}]}}
        case None:
            return {}


def _output_settings(spec: OutputSpec) -> Request:
    match spec.settings:
        case Srt() as srt:
            return {"SRTSettings": _srt(srt, peers="Destinations")}
        case RtmpPush(destinations=destinations, chunk_size=chunk_size):
            sized = {} if chunk_size is None else {"ChunkSize": chunk_size}
            return {"RTMPSettings": {"Destinations": [_rtmp(each, "Url") for each in destinations], **sized}}
        case Rtp(destinations=addresses, idle_timeout_ms=idle_timeout_ms):
            sent_to = [_address(address) for address in addresses]
            return {"RTPSettings": {"Destinations": sent_to, "FEC": NO_FEC, "IdleTimeout": idle_timeout_ms}}
        case None:
            return {}


def _srt(srt: Srt, *, peers: str) -> Request:
    encryption = srt.encryption
    if isinstance(srt.peer, FlowLink):
        raise UnresolvedLinkError(f"an output calls {srt.peer}, whose address was not looked up")
    return {
        "Mode": MODE_WORDS[srt.mode].value,
        "StreamId": srt.stream_id,
        # Their defaults differ by source, and which one wins is not documented: all three say the same.
        "Latency": srt.latency_ms,
        "RecvLatency": srt.latency_ms,
        "PeerLatency": srt.latency_ms,
        "PeerIdleTimeout": srt.peer_idle_timeout_ms,
        "Passphrase": "" if encryption is None else _revealed(encryption.passphrase),
        "PbKeyLen": 0 if encryption is None else encryption.key_length,
        peers: [] if srt.peer is None else [_address(srt.peer)],
    }


def _address(address: Address) -> Request:
    return {"Ip": address.host, "Port": address.port}


def _rtmp(address: RtmpAddress, url: str) -> Request:
    return {url: address.url, "StreamKey": _revealed(address.stream_key)}


def _rtsp(source: RtspSource) -> str:
    if source.credentials is None:
        return source.url
    user = quote(source.credentials.username, safe="")
    password = quote(_revealed(source.credentials.password), safe="")
    parts = urlsplit(source.url)
    return urlunsplit(parts._replace(netloc=f"{user}:{password}@{parts.netloc}"))


def _revealed(secret: SecretValue) -> str:
    match secret:
        case Secret():
            return secret.reveal()
        case SecretRef():
            raise SecretUnavailableError(secret, "it was not looked up before the call")
        case _:
            raise RejectedError("A secret that the backend does not tell cannot be sent to it again.")


def merged(kept: Mapping[str, Any], managed: Mapping[str, Any]) -> Request:
    """Return what is there, with the managed members in place of theirs; objects are merged, lists are replaced."""
    result: Request = dict(kept)
    for name, value in managed.items():
        found = result.get(name)
        result[name] = merged(found, value) if isinstance(found, Mapping) and isinstance(value, Mapping) else value
    return result
