"""What the API reads back, as domain values. What manifests cannot say has no spec, and is never edited."""

import re
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import unquote, urlsplit, urlunsplit

from reconciler.domain import marks
from reconciler.domain.errors import GarbledError
from reconciler.domain.marks import Mark
from reconciler.domain.model import (
    Address,
    Credentials,
    Encryption,
    FlowSpec,
    FlowState,
    FoundFlow,
    FoundOutput,
    InputSettings,
    InputSpec,
    OutputSettings,
    OutputSpec,
    Region,
    RtmpAddress,
    RtmpPullSource,
    RtmpPush,
    Rtp,
    RtspSource,
    Srt,
)
from reconciler.domain.protocols import DEFAULT_IDLE_TIMEOUT_MS, DEFAULT_LATENCY_MS, Protocol, SrtMode, pulled
from reconciler.domain.secrets import HIDDEN, Hidden, Secret, SecretValue
from reconciler.streamlink.reading import Members
from reconciler.streamlink.translate import urls
from reconciler.streamlink.translate.words import INPUT_PROTOCOLS, MODES, OUTPUT_PROTOCOLS, STATES
from reconciler.streamlink.wire import Payload

MIXED_LATENCY_MS: Final = -1
"""What is read where the three latencies differ: no manifest says so, hence it is always drift, and put right."""


_WORD: Final = re.compile(r"[A-Z][A-Z0-9_]{0,31}")


class _BeyondManifestsError(Exception):
    """An object uses what manifests cannot say; the message goes on after "it" or "its input"."""


def flow(payload: Payload, region: Region) -> FoundFlow:
    """
    Return a flow as it was read.

    Args:
        payload: a DescribeFlow.
        region: where it was listed; that is where it lives, whatever region its input says.

    Raises:
        GarbledError: the payload is none of the API's.

    """
    found = Members(payload, "flow")
    inputs = found.objects("InputGroup")
    state = _state(found)
    spec, beyond = _flow_spec(found, inputs, region, state)
    return FoundFlow(
        id=_id(found, "FlowId"),
        region=region,
        live_name=found.text("FlowName"),
        mark=_mark(inputs),
        state=state,
        spec=spec,
        outputs=tuple(_output(output) for output in found.objects("OutputGroup")),
        allowed_outputs=frozenset(_known_outputs(found.texts("AllowedOutputProtocols"))),
        input_addresses=tuple(address for each in inputs for address in urls.input_addresses(each)),
        publish_urls=tuple(url for each in inputs for url in urls.publish_urls(each)),
        beyond=beyond,
    )


def mark_of(found: Members) -> Mark | None:
    """Return the mark of an input or output."""
    return marks.split(found.text("Description"))[1]


def state_of(payload: Payload) -> FlowState:
    """Return whether a flow runs."""
    return _state(Members(payload, "flow"))


def _state(found: Members) -> FlowState:
    word = found.text("State")
    if word.upper() not in STATES:
        raise GarbledError(f"The answer is outside the contract: a flow's state is {word[:32]!r}.", maybe_applied=False)
    return STATES[word.upper()]


def _id(found: Members, name: str) -> str:
    text = found.text(name)
    if not text:
        raise GarbledError(f"The answer is outside the contract: {name} is missing.", maybe_applied=False)
    return text


def _mark(inputs: tuple[Members, ...]) -> Mark | None:
    """Return the mark of a flow, which its input bears; a second input made by hand does not take it away."""
    return next((mark for mark in map(mark_of, inputs) if mark is not None), None)


def _known_outputs(words: tuple[str, ...]) -> Iterator[Protocol]:
    return (OUTPUT_PROTOCOLS[word.upper()] for word in words if word.upper() in OUTPUT_PROTOCOLS)


def _flow_spec(
    found: Members, inputs: tuple[Members, ...], region: Region, state: FlowState
) -> tuple[FlowSpec | None, str]:
    """Return what manifests can say of a flow; None, and why, where it is more than that."""
    if len(inputs) != 1:
        return None, f"it has {len(inputs)} inputs, and manifests describe flows with one"
    try:
        spec = _input_spec(inputs[0])
    except _BeyondManifestsError as error:
        return None, f"its input {error}"
    bandwidth_bps = found.number("MaxBandwidth", default=0)
    return FlowSpec(region=region, max_bandwidth_bps=bandwidth_bps, state=state, input=spec), _mixed(spec.settings)


def _input_spec(found: Members) -> InputSpec:
    protocol = _protocol(found, INPUT_PROTOCOLS)
    settings = _input_settings(found, protocol)
    calls = protocol in {Protocol.RTMP_PULL, Protocol.RTSP} or (
        isinstance(settings, Srt) and settings.mode is SrtMode.CALLER
    )
    return InputSpec(
        protocol=protocol,
        settings=settings,
        description=marks.split(found.text("Description"))[0],
        allowlist=None if calls else found.texts("AllowIpList"),
    )


def _input_settings(found: Members, protocol: Protocol) -> InputSettings:
    match protocol:
        case Protocol.SRT:
            srt = found.inner("SRTSettings")
            return _srt(srt, default=SrtMode.LISTENER, peers=srt.objects("SourceAddresses"))
        case Protocol.RTMP_PULL:
            source = _only(found.inner("RTMPPullSettings").objects("SourceAddresses"))
            return RtmpPullSource(source=_rtmp(source, "TcUrl"))
        case Protocol.RTP:
            return Rtp(idle_timeout_ms=_idle_timeout_ms(found.inner("RTPSettings"), "IdleTimeout"))
        case Protocol.RTSP:
            return _rtsp(_only(found.inner("RTSPPullSettings").objects("SourceAddresses")).text("Url"))
        case _:
            return None


def _output(found: Members) -> FoundOutput:
    spec, beyond = _output_spec(found)
    return FoundOutput(
        id=_id(found, "OutputId"),
        live_name=found.text("OutputName"),
        mark=mark_of(found),
        spec=spec,
        pull_urls=tuple(urls.pull_urls(found)),
        beyond=beyond,
    )


def _output_spec(found: Members) -> tuple[OutputSpec | None, str]:
    """Return what manifests can say of an output; None, and why, where it is more than that."""
    try:
        protocol = _protocol(found, OUTPUT_PROTOCOLS)
        settings = _output_settings(found, protocol)
    except _BeyondManifestsError as error:
        return None, f"it {error}"
    is_pulled = pulled(protocol, settings.mode if isinstance(settings, Srt) else None)
    spec = OutputSpec(
        region=Region(found.text("OutputRegion")),
        protocol=protocol,
        settings=settings,
        description=marks.split(found.text("Description"))[0],
        allowlist=found.texts("AllowIpList") if is_pulled else None,
        max_concurrent=(found.number("MaxConcurrent", default=0) or None) if is_pulled else None,
    )
    return spec, _mixed(settings)


def _mixed(settings: InputSettings | OutputSettings) -> str:
    if isinstance(settings, Srt) and settings.latency_ms == MIXED_LATENCY_MS:
        return "its Latency, RecvLatency and PeerLatency differ, and manifests have one number for all three"
    return ""


def _output_settings(found: Members, protocol: Protocol) -> OutputSettings:
    match protocol:
        case Protocol.SRT:
            srt = found.inner("SRTSettings")
            return _srt(srt, default=SrtMode.CALLER, peers=srt.objects("Destinations"))
        case Protocol.RTMP_PUSH:
            rtmp = found.inner("RTMPSettings")
            return RtmpPush(
                destinations=tuple(_rtmp(destination, "Url") for destination in rtmp.objects("Destinations")),
                chunk_size=rtmp.number("ChunkSize", default=0) or None,
            )
        case Protocol.RTP:
            rtp = found.inner("RTPSettings")
            return Rtp(
                destinations=tuple(map(_address, rtp.objects("Destinations"))),
                idle_timeout_ms=_idle_timeout_ms(rtp, "IdleTimeout"),
            )
        case _:
            return None


def _srt(found: Members, *, default: SrtMode, peers: tuple[Members, ...]) -> Srt:
    mode = MODES.get((found.text("Mode") or default).upper())
    if mode is None:
        raise _BeyondManifestsError("is over SRT in a mode that is neither listener nor caller")
    return Srt(
        mode=mode,
        latency_ms=_latency_ms(found),
        stream_id=found.text("StreamId"),
        peer_idle_timeout_ms=_idle_timeout_ms(found, "PeerIdleTimeout"),
        encryption=_encryption(found),
        peer=_address(_only(peers)) if mode is SrtMode.CALLER else None,
    )


def _latency_ms(found: Members) -> int:
    names = ("Latency", "RecvLatency", "PeerLatency")
    said = {found.number(name, default=0) for name in names if found.payload.get(name) is not None}
    if not said:
        return DEFAULT_LATENCY_MS
    return said.pop() if len(said) == 1 else MIXED_LATENCY_MS


def _idle_timeout_ms(found: Members, name: str) -> int:
    return found.number(name, default=0) or DEFAULT_IDLE_TIMEOUT_MS


def _encryption(found: Members) -> Encryption | None:
    key_length = found.number("PbKeyLen", default=0)
    passphrase = _secret(found.text("Passphrase"))
    # Who masks without looking shows stars where there is no passphrase: then the key length tells.
    if not key_length and isinstance(passphrase, Hidden):
        return None
    return Encryption(key_length=key_length, passphrase=passphrase)


def _secret(text: str) -> SecretValue:
    """Return a secret as it was read; the service may mask it, or leave it empty where there must be one."""
    return Secret(text) if text.strip("*") else HIDDEN


def _rtmp(found: Members, url: str) -> RtmpAddress:
    return RtmpAddress(url=found.text(url), stream_key=_secret(found.text("StreamKey")))


def _rtsp(url: str) -> RtspSource:
    """Return the source with its user name and password apart, which the API carries within the URL."""
    try:
        parts = urlsplit(url)
        userinfo, at, location = parts.netloc.rpartition("@")
    except ValueError:
        raise _BeyondManifestsError("pulls from what is no URL") from None
    if not at:
        return RtspSource(url=url)
    username, _, password = userinfo.partition(":")
    return RtspSource(
        url=urlunsplit(parts._replace(netloc=location)),
        credentials=Credentials(username=unquote(username), password=_secret(unquote(password))),
    )


def is_masked(url: str) -> bool:
    """Return whether a source's URL has a password that the service does not tell."""
    try:
        login = _rtsp(url).credentials
    except _BeyondManifestsError:
        return False
    return login is not None and isinstance(login.password, Hidden)


def _address(found: Members) -> Address:
    return Address(host=found.text("Ip"), port=found.number("Port", default=0))


def _only(found: tuple[Members, ...]) -> Members:
    if len(found) != 1:
        raise _BeyondManifestsError(f"has {len(found)} sources or destinations where manifests describe one")
    return found[0]


def _protocol(found: Members, known: Mapping[str, Protocol]) -> Protocol:
    word = found.text("Protocol").upper()
    if word not in known:
        shown = word if _WORD.fullmatch(word) else "that is unknown"
        raise _BeyondManifestsError(f"is of the protocol {shown}, which manifests do not have")
    return known[word]
