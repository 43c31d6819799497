"""Manifests as values of the JSON model: whole ones to start from, and what desired state looks like in them."""

from copy import deepcopy
from typing import Any

from reconciler.domain.model import (
    Address,
    Care,
    Credentials,
    Desired,
    Encryption,
    Flow,
    FlowLink,
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
from reconciler.domain.secrets import SecretRef, SecretValue

Json = dict[str, Any]

KEY = {"env": "STREAM_KEY"}
ENCRYPTION = {"keyLength": 16, "passphrase": KEY}
PLACE = {"host": "tower.example", "port": 9000}
PUSH = {"destinations": [{"url": "rtmp://cdn.example/live", "streamKey": KEY}]}

INPUTS: dict[str, Json] = {
    "SRT listener": {
        "protocol": "SRT",
        "allowlist": ["10.0.0.0/8"],
        "srt": {"mode": "listener", "latency": 120, "streamId": "a", "encryption": ENCRYPTION},
    },
    "SRT caller": {
        "protocol": "SRT",
        "srt": {"mode": "caller", "latency": {"senderCountry": "DE"}, "peerIdleTimeout": 5000, "source": PLACE},
    },
    "RTMP": {"protocol": "RTMP", "allowlist": "10.0.0.0/8;11.0.0.0/8"},
    "RTMP_PULL": {"protocol": "RTMP_PULL", "rtmpPull": {"url": "rtmps://cdn.example/live", "streamKey": KEY}},
    "RTP": {"protocol": "RTP", "allowlist": ["10.0.0.0/8"], "rtp": {"idleTimeout": 1000}},
    "RTSP": {
        "protocol": "RTSP",
        "rtsp": {"url": "rtsp://camera.example/1", "credentials": {"username": "u", "password": {"file": "camera"}}},
    },
}
"""An input of every sort, with all that it may say."""

OUTPUTS: dict[str, Json] = {
    "SRT listener": {
        "protocol": "SRT",
        "allowlist": ["10.0.0.0/8"],
        "maxConcurrent": 2,
        "srt": {"mode": "listener", "latency": {"receiverCountry": "DE", "ms": 1000}, "encryption": ENCRYPTION},
    },
    "SRT caller": {"protocol": "SRT", "srt": {"mode": "caller", "destination": PLACE, "streamId": "#!::r=a"}},
    "SRT link": {"protocol": "SRT", "srt": {"mode": "caller", "destination": {"flow": "other"}}},
    "RTMP": {"protocol": "RTMP", "rtmpPush": PUSH},
    "RTMP_PUSH": {"protocol": "RTMP_PUSH", "rtmpPush": {**PUSH, "chunkSize": 4096}},
    "RTMP_PULL": {"protocol": "RTMP_PULL", "allowlist": ["10.0.0.0/8"], "maxConcurrent": 4},
    "RTP": {"protocol": "RTP", "rtp": {"destinations": [PLACE, PLACE], "idleTimeout": 10_000}},
    "RTSP": {"protocol": "RTSP", "allowlist": ["10.0.0.0/8"]},
}
"""An output of every sort, with all that it may say."""


def flow(received: Json | None = None, /, *, name: str = "news", **spec: Any) -> Json:
    """Return a flow's document."""
    return {
        "apiVersion": "reconciler/v1",
        "kind": "Flow",
        "metadata": {"name": name},
        "spec": {"region": "ap-singapore", "state": "idle", "input": deepcopy(received or INPUTS["RTMP"]), **spec},
    }


def output(sent: Json | None = None, /, *, name: str = "tower", of: str = "news", **spec: Any) -> Json:
    """Return an output's document."""
    return {
        "apiVersion": "reconciler/v1",
        "kind": "Output",
        "metadata": {"name": name},
        "spec": {"flow": of, **deepcopy(sent or OUTPUTS["RTMP_PULL"]), **spec},
    }


def policy(kind: str, spec: Json, *, name: str = "one") -> Json:
    """Return the document of a kind that says how changes are made."""
    return {"apiVersion": "reconciler/v1", "kind": kind, "metadata": {"name": name}, "spec": deepcopy(spec)}


SIGNATURE = "-----BEGIN SSH SIGNATURE-----\nU1NIU0lHAAAAAQ==\n-----END SSH SIGNATURE-----\n"
POLICIES: dict[str, Json] = {
    "Approval": {
        "resource": "output/news/tower",
        "action": "delete",
        "change": "3f9ac1d2e4b5",
        "reason": "the partner left on Friday",
        "expires": "2026-11-28T18:00:00Z",
        "signature": SIGNATURE,
    },
    "Override": {
        "kind": "Output",
        "action": "edit",
        "lifts": ["budget", "tree", "window"],
        "reason": "all keys are changed",
        "expires": "2026-11-28T18:00:00.5+01:00",
    },
    "Calendar": {
        "zone": "Europe/Berlin",
        "outside": "no-disruptive",
        "flows": ["news"],
        "labels": {"event": "cup_final"},
        "longestOverrunMinutes": 60,
        "windows": [
            {"kind": "freeze", "from": "2026-11-28T19:00", "to": "2026-11-28T23:00", "overrun": True},
            {
                "kind": "normal",
                "every": ["sat", "sun"],
                "from": "18:00",
                "to": "01:30",
                "since": "2026-11-01",
                "until": "2027-01-31",
            },
        ],
    },
    "Move": {"from": "output/news/old", "to": "output/news/tower"},
}
"""Of each kind what its spec may say."""

CARE: Json = {"labels": {"a": "b"}, "annotations": {"c": "d"}, "contacts": ["tower@example", "+49 1"], "protect": True}


def _cared(document: Json, **more: Json | str) -> Json:
    return {**document, "metadata": {**document["metadata"], **CARE, **more}}


EVERY: dict[str, Json] = {
    **{f"input {name}": flow(received, description="d", liveName="l") for name, received in INPUTS.items()},
    **{f"output {name}": output(sent, description="d", region="local") for name, sent in OUTPUTS.items()},
    "flow with care": _cared(flow(), drift="warn"),
    "output with care": _cared(output(), redundancyGroup="legs", drift="correctWhenOffAir"),
    **{kind: policy(kind, spec) for kind, spec in POLICIES.items()},
}
"""Documents that use every property there is."""


def documents_of(desired: Desired) -> list[Json]:
    """Return the documents that say what is desired, every default written out."""
    return [*map(flow_of, desired.flows), *map(output_of, desired.outputs)]


def flow_of(one: Flow) -> Json:
    """Return the document of a flow."""
    spec = one.spec
    received: Json = {"protocol": str(spec.input.protocol), **_settings(spec.input.settings, peer="source")}
    if spec.input.allowlist is not None:
        received["allowlist"] = list(spec.input.allowlist)
    document = flow(
        received,
        name=one.key.name,
        region=spec.region,
        state=str(spec.state),
        maxBandwidth=f"{spec.max_bandwidth_bps // 1_000_000}M",
        description=spec.input.description,
        liveName=one.live_name,
    )
    document["metadata"] |= _care(one.care)
    return document


def output_of(one: Output) -> Json:
    """Return the document of an output."""
    spec = one.spec
    sent: Json = {"protocol": str(spec.protocol), **_settings(spec.settings, peer="destination")}
    if spec.allowlist is not None:
        sent["allowlist"] = list(spec.allowlist)
    if spec.max_concurrent is not None:
        sent["maxConcurrent"] = spec.max_concurrent
    said = {"region": spec.region, "description": spec.description, "liveName": one.live_name}
    document = output(sent, name=one.key.name, of=one.key.flow, **said)
    document["metadata"] |= _care(one.care)
    return document


def _care(care: Care) -> Json:
    said: Json = {
        "contacts": list(care.contacts),
        "protect": care.protected,
        "redundancyGroup": care.redundancy_group,
        "labels": dict(care.labels),
        "drift": str(care.drift),
    }
    return {name: value for name, value in said.items() if value}


def _settings(settings: InputSettings | OutputSettings, *, peer: str) -> Json:
    match settings:
        case Srt():
            return {"srt": _srt(settings, peer)}
        case RtmpPush(destinations=destinations, chunk_size=chunk_size):
            push: Json = {"destinations": list(map(_rtmp, destinations))}
            return {"rtmpPush": push if chunk_size is None else {**push, "chunkSize": chunk_size}}
        case RtmpPullSource(source=source):
            return {"rtmpPull": _rtmp(source)}
        case Rtp(destinations=places, idle_timeout_ms=idle_timeout_ms):
            said: Json = {"destinations": list(map(_peer, places))} if peer == "destination" else {}
            return {"rtp": {**said, "idleTimeout": idle_timeout_ms}}
        case RtspSource(url=url, credentials=credentials):
            return {"rtsp": {"url": url, **_login(credentials)}}
        case None:
            return {}


def _srt(srt: Srt, peer: str) -> Json:
    said: Json = {
        "mode": str(srt.mode),
        "latency": srt.latency_ms,
        "streamId": srt.stream_id,
        "peerIdleTimeout": srt.peer_idle_timeout_ms,
    }
    if srt.encryption is not None:
        said["encryption"] = _encryption(srt.encryption)
    if srt.peer is not None:
        said[peer] = _peer(srt.peer)
    return said


def _encryption(encryption: Encryption) -> Json:
    return {"keyLength": encryption.key_length, "passphrase": _secret(encryption.passphrase)}


def _peer(peer: Address | FlowLink) -> Json:
    return {"flow": peer.flow.name} if isinstance(peer, FlowLink) else {"host": peer.host, "port": peer.port}


def _rtmp(address: RtmpAddress) -> Json:
    return {"url": address.url, "streamKey": _secret(address.stream_key)}


def _login(credentials: Credentials | None) -> Json:
    if credentials is None:
        return {}
    return {"credentials": {"username": credentials.username, "password": _secret(credentials.password)}}


def _secret(secret: SecretValue) -> Json:
    assert isinstance(secret, SecretRef)
    return {str(secret.source): secret.name, "version": secret.version}
