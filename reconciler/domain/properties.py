"""A flow or an output as a flat list of properties, under the names that manifests use."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import assert_never

from reconciler.domain.model import (
    Encryption,
    Flow,
    FlowSpec,
    InputSettings,
    Output,
    OutputSettings,
    OutputSpec,
    RtmpAddress,
    RtmpPullSource,
    RtmpPush,
    Rtp,
    RtspSource,
    Srt,
)
from reconciler.domain.secrets import Hidden, Secret, SecretRef

PropertyValue = str | int | tuple[str, ...] | Secret | SecretRef | Hidden | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PropertyChange:
    """One property that differs; a secret among them shows as `***`."""

    path: str
    """Path below `spec`, such as `srt.latency`."""
    found: PropertyValue
    wanted: PropertyValue
    """None when the property goes."""


def of_flow(live_name: str, spec: FlowSpec) -> dict[str, PropertyValue]:
    """Return what is compared of a flow, but for its state: starting and stopping are changes of their own."""
    found: dict[str, PropertyValue] = {
        "liveName": live_name,
        "region": spec.region,
        "maxBandwidth": f"{spec.max_bandwidth_bps // 1_000_000}M",
        "description": spec.input.description,
        "input.protocol": str(spec.input.protocol),
    }
    if spec.input.allowlist is not None:
        found["input.allowlist"] = spec.input.allowlist
    found.update((f"input.{path}", value) for path, value in _settings(spec.input.settings, peer="source"))
    return found


def of_output(live_name: str, spec: OutputSpec) -> dict[str, PropertyValue]:
    """Return what is compared of an output."""
    found: dict[str, PropertyValue] = {
        "liveName": live_name,
        "region": spec.region,
        "protocol": str(spec.protocol),
        "description": spec.description,
    }
    if spec.allowlist is not None:
        found["allowlist"] = spec.allowlist
    if spec.max_concurrent is not None:
        found["maxConcurrent"] = spec.max_concurrent
    found.update(_settings(spec.settings, peer="destination"))
    return found


def of(resource: Flow | Output) -> dict[str, PropertyValue]:
    """Return what is compared of a desired resource."""
    if isinstance(resource, Flow):
        return of_flow(resource.live_name, resource.spec)
    return of_output(resource.live_name, resource.spec)


_UNMANAGED_WHEN_ABSENT = frozenset({"rtmpPush.chunkSize", "allowlist", "maxConcurrent", "input.allowlist"})
"""Properties that are left to the backend when the manifest does not say."""


def differences(
    wanted: Mapping[str, PropertyValue], found: Mapping[str, PropertyValue], *, new_secrets: bool
) -> tuple[PropertyChange, ...]:
    """
    Return the properties that differ, in the order of their paths.

    Args:
        wanted: what the manifest says.
        found: what the backend has.
        new_secrets: whether the versions of the secrets say that masked ones have new values.
    """
    return tuple(
        PropertyChange(path=path, found=found.get(path), wanted=wanted.get(path))
        for path in sorted(wanted.keys() | found.keys())
        if not (path not in wanted and path in _UNMANAGED_WHEN_ABSENT)
        and not _same(wanted.get(path), found.get(path), new_secrets=new_secrets)
    )


def _same(wanted: PropertyValue, found: PropertyValue, *, new_secrets: bool) -> bool:
    if isinstance(found, Hidden) and isinstance(wanted, Secret | SecretRef):
        return not new_secrets
    if isinstance(wanted, tuple) and isinstance(found, tuple):
        # An allowlist is a set; a backend that lists it in another order has not drifted.
        return sorted(wanted) == sorted(found)
    return wanted == found


def _settings(settings: InputSettings | OutputSettings, *, peer: str) -> Iterator[tuple[str, PropertyValue]]:
    match settings:
        case None:
            return iter(())
        case Srt():
            return _srt(settings, peer=peer)
        case RtmpPush():
            return _rtmp_push(settings)
        case RtmpPullSource():
            return _rtmp("rtmpPull", settings.source)
        case Rtp():
            return _rtp(settings)
        case RtspSource():
            return _rtsp(settings)
        case _:
            assert_never(settings)


def _srt(srt: Srt, *, peer: str) -> Iterator[tuple[str, PropertyValue]]:
    yield "srt.mode", str(srt.mode)
    yield "srt.latency", srt.latency_ms
    yield "srt.streamId", srt.stream_id
    yield "srt.peerIdleTimeout", srt.peer_idle_timeout_ms
    if srt.peer is not None:
        yield f"srt.{peer}", str(srt.peer)
    if srt.encryption is not None:
        yield from _encryption(srt.encryption)


def _encryption(encryption: Encryption) -> Iterator[tuple[str, PropertyValue]]:
    yield "srt.encryption.keyLength", encryption.key_length
    yield "srt.encryption.passphrase", encryption.passphrase


def _rtmp(path: str, address: RtmpAddress) -> Iterator[tuple[str, PropertyValue]]:
    yield f"{path}.url", address.url
    yield f"{path}.streamKey", address.stream_key


def _rtmp_push(push: RtmpPush) -> Iterator[tuple[str, PropertyValue]]:
    for index, destination in enumerate(push.destinations):
        yield from _rtmp(f"rtmpPush.destinations[{index}]", destination)
    if push.chunk_size is not None:
        yield "rtmpPush.chunkSize", push.chunk_size


def _rtp(rtp: Rtp) -> Iterator[tuple[str, PropertyValue]]:
    for index, address in enumerate(rtp.destinations):
        yield f"rtp.destinations[{index}]", str(address)
    yield "rtp.idleTimeout", rtp.idle_timeout_ms


def _rtsp(source: RtspSource) -> Iterator[tuple[str, PropertyValue]]:
    yield "rtsp.url", source.url
    if source.credentials is not None:
        yield "rtsp.credentials.username", source.credentials.username
        yield "rtsp.credentials.password", source.credentials.password
