"""Manifests as text: block style for people, and quotes wherever some reader of YAML could take text for more."""

from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any, Final

import yaml

from reconciler.domain.findings import fit
from reconciler.domain.model import (
    Address,
    Care,
    DriftMode,
    Flow,
    FlowLink,
    FlowState,
    InputSettings,
    Output,
    OutputSettings,
    RtmpAddress,
    RtmpPullSource,
    RtmpPush,
    Rtp,
    RtspSource,
    Srt,
)
from reconciler.domain.naming import LONGEST
from reconciler.domain.policies import Approval
from reconciler.domain.protocols import (
    DEFAULT_IDLE_TIMEOUT_MS,
    DEFAULT_LATENCY_MS,
    DEFAULT_MAX_CONCURRENT,
    MAX_BANDWIDTHS_BPS,
    SrtMode,
)
from reconciler.domain.secrets import SecretRef, SecretValue
from reconciler.manifests.scalars import resolved

MODELINE: Final = "# yaml-language-server: $schema=../schemas/v1/manifest.json"
"""Tells editors what completes and checks the file."""
_API_VERSION: Final = "reconciler/v1"
_DEFAULT_BANDWIDTH: Final = "10M"
_MOST_IN_LINE: Final = 3
"""Networks of an allowlist that are written side by side."""
_ENDLESS: Final = 2**31
"""Columns of a line: nothing is folded, so that a value stands as it is."""

Mapped = dict[str, Any]


class _Inline(dict[str, Any]):
    """A small mapping that is written in one line."""


class _InlineList(list[Any]):
    """A short list that is written in one line."""


class _Quoted(str):
    """Text that is quoted whatever it looks like."""

    __slots__ = ()


class _Lines(str):
    """Text of several lines, which stand as they are."""

    __slots__ = ()


class ManifestWriter:
    """Writes manifests; implements `ports.writer.Writer`."""

    def document(self, resource: Flow | Output, *, region: str = "") -> str:
        """Return one document, without what is default."""
        return _dumped(_flow(resource) if isinstance(resource, Flow) else _output(resource, region))

    def approval(self, approval: Approval) -> str:
        """Return one document; its name is made of what it is about, and so tells it apart from every other."""
        return _dumped(_approval(approval))

    def file(self, documents: Sequence[str], *, head: Sequence[str]) -> str:
        """Return documents as one file, under lines of comment; whatever is in these is text."""
        comments = [MODELINE, *(f"# {fit(line)}".rstrip() for line in head)]
        return "\n".join(comments) + "\n" + "---\n".join(documents)


def _approval(approval: Approval) -> Mapped:
    tail = f"_{approval.action}_{approval.change}"
    name = f"{approval.resource.name[: LONGEST - len(tail)]}{tail}"
    # Some ids look like numbers, and a reader may not know that these are none: all of them are quoted.
    spec: Mapped = {
        "resource": str(approval.resource),
        "action": str(approval.action),
        "change": _Quoted(approval.change),
        "reason": _Quoted(approval.reason),
        "expires": _Quoted(f"{approval.expires.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"),
    }
    if approval.signature:
        spec["signature"] = _Lines(approval.signature)
    return {"apiVersion": _API_VERSION, "kind": "Approval", "metadata": _Inline(name=name), "spec": spec}


def _flow(flow: Flow) -> Mapped:
    spec = flow.spec
    words = {bits: word for word, bits in MAX_BANDWIDTHS_BPS.items()}
    bandwidth = words.get(spec.max_bandwidth_bps, str(spec.max_bandwidth_bps))
    return _whole(
        "Flow",
        flow.key.name,
        flow.care,
        {
            "region": str(spec.region),
            **_unless("maxBandwidth", bandwidth, _DEFAULT_BANDWIDTH),
            **_unless("state", str(spec.state), str(FlowState.RUNNING)),
            **_unless("description", spec.input.description, ""),
            **_unless("liveName", flow.live_name, flow.key.name),
            "input": {
                "protocol": str(spec.input.protocol),
                **_allowlist(spec.input.allowlist),
                **_input_settings(spec.input.settings),
            },
        },
    )


def _output(output: Output, region: str) -> Mapped:
    spec = output.spec
    return _whole(
        "Output",
        output.key.name,
        output.care,
        {
            "flow": output.key.flow,
            **_unless("region", str(spec.region), region),
            "protocol": str(spec.protocol),
            **_unless("description", spec.description, ""),
            **_unless("liveName", output.live_name, output.key.name),
            **_allowlist(spec.allowlist),
            **(
                {}
                if spec.max_concurrent is None
                else _unless("maxConcurrent", spec.max_concurrent, DEFAULT_MAX_CONCURRENT)
            ),
            **_output_settings(spec.settings),
        },
    )


def _whole(kind: str, name: str, care: Care, spec: Mapped) -> Mapped:
    metadata: Mapped = {"name": name}
    if care.labels:
        metadata["labels"] = dict(care.labels)
    if care.contacts:
        metadata["contacts"] = list(care.contacts)
    metadata |= _unless("protect", care.protected, default=False)
    metadata |= _unless("redundancyGroup", care.redundancy_group, "")
    metadata |= _unless("drift", str(care.drift), str(DriftMode.CORRECT))
    return {"apiVersion": _API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}


def _unless(name: str, value: str | int, default: str | int) -> Mapped:
    return {} if value == default else {name: value}


def _allowlist(allowlist: tuple[str, ...] | None) -> Mapped:
    if not allowlist:
        return {}
    return {"allowlist": _InlineList(allowlist) if len(allowlist) <= _MOST_IN_LINE else list(allowlist)}


def _input_settings(settings: InputSettings) -> Mapped:
    match settings:
        case Srt():
            written = _unless("mode", str(settings.mode), str(SrtMode.LISTENER)) | _srt(settings, peer="source")
            return {"srt": written} if written else {}
        case RtmpPullSource(source=source):
            return {"rtmpPull": _rtmp(source)}
        case Rtp(idle_timeout_ms=idle_timeout_ms):
            written = _idle_timeout("idleTimeout", idle_timeout_ms)
            return {"rtp": written} if written else {}
        case RtspSource():
            return {"rtsp": _rtsp(settings)}
        case None:
            return {}


def _output_settings(settings: OutputSettings) -> Mapped:
    match settings:
        case Srt():
            return {"srt": {"mode": str(settings.mode), **_srt(settings, peer="destination")}}
        case RtmpPush(destinations=destinations, chunk_size=chunk_size):
            sized = {} if chunk_size is None else {"chunkSize": chunk_size}
            return {"rtmpPush": {"destinations": [_rtmp(one) for one in destinations], **sized}}
        case Rtp(destinations=addresses, idle_timeout_ms=idle_timeout_ms):
            sent_to = [_address(one) for one in addresses]
            return {"rtp": {"destinations": sent_to, **_idle_timeout("idleTimeout", idle_timeout_ms)}}
        case None:
            return {}


def _srt(srt: Srt, *, peer: str) -> Mapped:
    written: Mapped = {}
    if srt.peer is not None:
        written[peer] = _address(srt.peer)
    written |= _unless("latency", srt.latency_ms, DEFAULT_LATENCY_MS)
    written |= _unless("streamId", srt.stream_id, "")
    written |= _idle_timeout("peerIdleTimeout", srt.peer_idle_timeout_ms)
    if srt.encryption is not None:
        key_length, passphrase = srt.encryption.key_length, _secret(srt.encryption.passphrase)
        written["encryption"] = {"keyLength": key_length, "passphrase": passphrase}
    return written


def _idle_timeout(name: str, milliseconds: int) -> Mapped:
    return _unless(name, milliseconds, DEFAULT_IDLE_TIMEOUT_MS)


def _address(peer: Address | FlowLink) -> Mapped:
    return _Inline(flow=peer.flow.name) if isinstance(peer, FlowLink) else _Inline(host=peer.host, port=peer.port)


def _rtmp(address: RtmpAddress) -> Mapped:
    return {"url": address.url, "streamKey": _secret(address.stream_key)}


def _rtsp(source: RtspSource) -> Mapped:
    login = source.credentials
    if login is None:
        return {"url": source.url}
    return {"url": source.url, "credentials": {"username": login.username, "password": _secret(login.password)}}


def _secret(secret: SecretValue) -> Mapped:
    if not isinstance(secret, SecretRef):
        msg = "A manifest holds references to secrets, and nothing else of them."
        raise TypeError(msg)
    return _Inline({str(secret.source): secret.name, **_unless("version", secret.version, 0)})


class _Dumper(yaml.SafeDumper):
    """The emitter of PyYAML, with the styles of our manifests. No value is in a document twice: there is no anchor."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    """Quote what the library, which knows YAML 1.1, would leave plain and a reader of YAML 1.2 takes for a number."""
    is_text = isinstance(resolved(value), str) and value.isprintable()
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=None if is_text else '"')


def _inline(dumper: yaml.SafeDumper, value: Mapping[str, Any]) -> yaml.MappingNode:
    return dumper.represent_mapping("tag:yaml.org,2002:map", value.items(), flow_style=True)


def _inline_list(dumper: yaml.SafeDumper, value: Sequence[Any]) -> yaml.SequenceNode:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=True)


def _quoted(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", str(value), style='"')


def _lines(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", str(value), style="|")


_Dumper.add_representer(str, _text)
_Dumper.add_representer(_Quoted, _quoted)
_Dumper.add_representer(_Lines, _lines)
_Dumper.add_representer(_Inline, _inline)
_Dumper.add_representer(_InlineList, _inline_list)


def _dumped(document: Mapped) -> str:
    text: str = yaml.dump(
        document, Dumper=_Dumper, sort_keys=False, default_flow_style=False, allow_unicode=True, width=_ENDLESS
    )
    return text
