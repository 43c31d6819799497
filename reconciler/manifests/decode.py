"""From documents that fit their schema to the domain's values, every default filled in."""

from collections.abc import Mapping
from typing import Any, Final

from reconciler.domain.documents import NO_CARE, Distance, FlowDraft, OutputDraft
from reconciler.domain.model import (
    Address,
    Care,
    Credentials,
    DriftMode,
    Encryption,
    Flow,
    FlowKey,
    FlowLink,
    FlowSpec,
    FlowState,
    InputSettings,
    InputSpec,
    OutputKey,
    OutputSettings,
    Region,
    RtmpAddress,
    RtmpPullSource,
    RtmpPush,
    Rtp,
    RtspSource,
    Srt,
)
from reconciler.domain.protocols import (
    DEFAULT_IDLE_TIMEOUT_MS,
    DEFAULT_LATENCY_MS,
    DEFAULT_MAX_CONCURRENT,
    MAX_BANDWIDTHS_BPS,
    Protocol,
    SrtMode,
    pulled,
)
from reconciler.domain.rules.allowlists import entries
from reconciler.domain.secrets import SecretRef, SecretSource

Written = Mapping[str, Any]
"""A mapping that fits its schema, so that its values need no further look."""

_DEFAULT_BANDWIDTH: Final = "10M"

# Looking a member up by its word costs a seventh of calling its class, and a large tree does it fifty thousand times.
_PROTOCOLS: Final[Mapping[str, Protocol]] = {protocol.value: protocol for protocol in Protocol}
_MODES: Final[Mapping[str, SrtMode]] = {mode.value: mode for mode in SrtMode}
_STATES: Final[Mapping[str, FlowState]] = {state.value: state for state in FlowState}


def flow(document: Written) -> FlowDraft:
    """Return the flow that a document of kind Flow describes."""
    name, spec = document["metadata"]["name"], document["spec"]
    region = Region(spec["region"])
    written: Written = spec["input"]
    protocol = input_protocol(written)
    distance = distance_of(written.get("srt", {}).get("latency"), "senderCountry")
    input_spec = InputSpec(
        protocol=protocol,
        settings=_input_settings(protocol, written, distance, region),
        description=spec.get("description", ""),
        allowlist=entries(written.get("allowlist", ())) if takes_allowlist(protocol, written) else None,
    )
    return FlowDraft(
        flow=Flow(
            key=FlowKey(name),
            live_name=spec.get("liveName", name),
            spec=FlowSpec(
                region=region,
                max_bandwidth_bps=MAX_BANDWIDTHS_BPS[spec.get("maxBandwidth", _DEFAULT_BANDWIDTH)],
                state=_STATES[spec.get("state", FlowState.RUNNING)],
                input=input_spec,
            ),
            care=_care(document["metadata"]),
        ),
        distance=distance,
    )


def output(document: Written) -> OutputDraft:
    """Return the output that a document of kind Output describes."""
    name, spec = document["metadata"]["name"], document["spec"]
    protocol = output_protocol(spec)
    srt: Written = spec.get("srt", {})
    is_pulled = is_pulled_from(protocol, spec)
    return OutputDraft(
        key=OutputKey(spec["flow"], name),
        live_name=spec.get("liveName", name),
        region=Region(spec["region"]) if "region" in spec else None,
        protocol=protocol,
        settings=_output_settings(protocol, spec),
        distance=distance_of(srt.get("latency"), "receiverCountry"),
        description=spec.get("description", ""),
        allowlist=entries(spec.get("allowlist", ())) if is_pulled else None,
        max_concurrent=int(spec.get("maxConcurrent", DEFAULT_MAX_CONCURRENT)) if is_pulled else None,
        care=_care(document["metadata"]),
    )


def _care(metadata: Written) -> Care:
    # Nearly every resource has a name and no more.
    if len(metadata) == 1:
        return NO_CARE
    return Care(
        contacts=tuple(metadata.get("contacts", ())),
        protected=metadata.get("protect", False),
        redundancy_group=metadata.get("redundancyGroup", ""),
        labels=tuple(sorted(metadata.get("labels", {}).items())),
        drift=DriftMode(metadata.get("drift", DriftMode.CORRECT)),
    )


def output_protocol(spec: Written) -> Protocol:
    """Return the protocol of an output's spec; RTMP means RTMP_PUSH there."""
    written = _PROTOCOLS[spec["protocol"]]
    return Protocol.RTMP_PUSH if written is Protocol.RTMP else written


def input_protocol(written: Written) -> Protocol:
    """Return the protocol of a flow's input."""
    return _PROTOCOLS[written["protocol"]]


def is_pulled_from(protocol: Protocol, spec: Written) -> bool:
    """Return whether receivers call this output."""
    return pulled(protocol, _MODES[spec["srt"]["mode"]] if "srt" in spec else None)


def takes_allowlist(protocol: Protocol, written: Written) -> bool:
    """Return whether publishers connect to this input, so that an allowlist applies."""
    if protocol is Protocol.SRT:
        return bool(written.get("srt", {}).get("mode", SrtMode.LISTENER) == SrtMode.LISTENER)
    return protocol in {Protocol.RTMP, Protocol.RTP}


def distance_of(latency: Any, country: str) -> Distance | None:
    """Return the distance that a latency speaks of, None when it is a number or absent."""
    if not isinstance(latency, dict):
        return None
    stated = latency.get("ms")
    return Distance(country=latency[country], latency_ms=int(stated) if stated is not None else None)


def _input_settings(protocol: Protocol, written: Written, distance: Distance | None, region: Region) -> InputSettings:
    match protocol:
        case Protocol.SRT:
            srt = written.get("srt", {})
            latency_ms = distance.latency_from(region) if distance is not None else None
            return _srt(srt, "source", latency_ms=latency_ms)
        case Protocol.RTMP_PULL:
            return RtmpPullSource(source=_rtmp_address(written["rtmpPull"]))
        case Protocol.RTP:
            return Rtp(idle_timeout_ms=_idle_timeout_ms(written.get("rtp", {}), "idleTimeout"))
        case Protocol.RTSP:
            return _rtsp(written["rtsp"])
        case _:
            return None


def _output_settings(protocol: Protocol, spec: Written) -> OutputSettings:
    match protocol:
        case Protocol.SRT:
            return _srt(spec["srt"], "destination")
        case Protocol.RTMP_PUSH:
            push = spec["rtmpPush"]
            return RtmpPush(
                destinations=tuple(map(_rtmp_address, push["destinations"])),
                chunk_size=int(push["chunkSize"]) if "chunkSize" in push else None,
            )
        case Protocol.RTP:
            rtp = spec["rtp"]
            return Rtp(
                destinations=tuple(map(_address, rtp["destinations"])),
                idle_timeout_ms=_idle_timeout_ms(rtp, "idleTimeout"),
            )
        case _:
            return None


def _srt(srt: Written, peer: str, *, latency_ms: int | None = None) -> Srt:
    """Return SRT settings; a latency by country is left at the default until the region is known."""
    if latency_ms is None:
        written = srt.get("latency", DEFAULT_LATENCY_MS)
        latency_ms = DEFAULT_LATENCY_MS if isinstance(written, dict) else int(written)
    return Srt(
        mode=_MODES[srt.get("mode", SrtMode.LISTENER)],
        latency_ms=latency_ms,
        stream_id=srt.get("streamId", ""),
        peer_idle_timeout_ms=_idle_timeout_ms(srt, "peerIdleTimeout"),
        encryption=_encryption(srt["encryption"]) if "encryption" in srt else None,
        peer=_peer(srt[peer]) if peer in srt else None,
    )


def _idle_timeout_ms(written: Written, name: str) -> int:
    return int(written.get(name, DEFAULT_IDLE_TIMEOUT_MS))


def _encryption(written: Written) -> Encryption:
    return Encryption(key_length=int(written["keyLength"]), passphrase=_secret(written["passphrase"]))


def _peer(written: Written) -> Address | FlowLink:
    return FlowLink(FlowKey(written["flow"])) if "flow" in written else _address(written)


def _address(written: Written) -> Address:
    return Address(written["host"], int(written["port"]))


def _rtmp_address(written: Written) -> RtmpAddress:
    return RtmpAddress(url=written["url"], stream_key=_secret(written["streamKey"]))


def _rtsp(written: Written) -> RtspSource:
    credentials = written.get("credentials")
    if credentials is None:
        return RtspSource(url=written["url"])
    login = Credentials(username=credentials["username"], password=_secret(credentials["password"]))
    return RtspSource(url=written["url"], credentials=login)


def _secret(written: Written) -> SecretRef:
    source = SecretSource.ENV if "env" in written else SecretSource.FILE
    return SecretRef(source=source, name=written[source], version=int(written.get("version", 0)))
