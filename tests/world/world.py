"""A world of 20 flows and 80 outputs in which no rule is broken: every protocol, every mode, links between flows."""

import json
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

import yaml

Json = dict[str, Any]

FLOWS: Final = 20
OUTPUTS: Final = 80
SEPARATOR: Final = "---\n"
_INPUTS: Final = (
    "listener", "listener", "rtmp", "rtp", "rtsp", "caller", "listener", "rtmp_pull", "rtmp", "listener",
    "listener", "rtmp", "rtp", "rtsp", "caller", "listener", "rtmp_pull", "rtmp", "listener", "listener",
)  # fmt: skip
_REGIONS: Final = ("ap-singapore", "eu-frankfurt", "na-ashburn", "ap-tokyo")


@dataclass
class World:
    """Documents, in the order of their files."""

    documents: list[Json] = field(default_factory=list)

    def copy(self) -> "World":
        """Return a world that can be spoilt."""
        return World(deepcopy(self.documents))

    def text(self) -> str:
        """Return the manifests as one file."""
        return SEPARATOR.join(map(text_of, self.documents))

    def number_of(self, kind: str, fits: str) -> int:
        """Return the number of the first document of a kind whose role is that."""
        return next(number for number, one in enumerate(self.documents) if one["kind"] == kind and role_of(one) == fits)

    def __getitem__(self, number: int) -> Json:
        return self.documents[number]


def sound() -> World:
    """Return the world."""
    return World(list(_documents()))


def text_of(document: Json) -> str:
    """Return the manifest of one document, without what separates it from others."""
    return _dumped(json.dumps(document))


@cache
def _dumped(document: str) -> str:
    # Nearly all documents of nearly all worlds are those of the sound one.
    return yaml.safe_dump(json.loads(document), sort_keys=False, width=10_000)


def role_of(document: Json) -> str:
    """Return what a document is for, by its label."""
    role: str = document["metadata"]["labels"]["role"]
    return role


def _documents() -> Iterator[Json]:
    for number, kind in enumerate(_INPUTS):
        yield _flow(number, kind)
        for place, (role, spec) in enumerate(_outputs(number, kind)):
            yield _document("Output", f"output_{place}", role, {"flow": f"flow_{number}", **spec})


def _document(kind: str, name: str, role: str, spec: Json) -> Json:
    metadata = {"name": name, "labels": {"role": role}}
    return {"apiVersion": "reconciler/v1", "kind": kind, "metadata": metadata, "spec": spec}


def _flow(number: int, kind: str) -> Json:
    received: Json = {"protocol": {"listener": "SRT", "caller": "SRT"}.get(kind, kind.upper())}
    host = f"source-{number}.example"
    match kind:
        case "listener":
            received |= {"allowlist": _allowlist(number), "srt": {"mode": "listener", **_srt("IN", number)}}
        case "caller":
            received["srt"] = {"mode": "caller", "source": {"host": host, "port": 9000}, **_srt("IN", number)}
        case "rtmp_pull":
            received["rtmpPull"] = {"url": f"rtmps://{host}/live", "streamKey": {"env": f"STREAM_PULL_{number}"}}
        case "rtsp":
            login = {"username": "viewer", "password": {"file": f"camera_{number}"}}
            received["rtsp"] = {"url": f"rtsps://{host}/1", "credentials": login}
        case "rtp":
            received |= {"allowlist": _allowlist(number), "rtp": {"idleTimeout": 4000}}
        case _:
            received["allowlist"] = _allowlist(number)
    spec = {
        "region": _REGIONS[number % len(_REGIONS)],
        "maxBandwidth": "20M",
        "state": "running",
        "description": f"programme {number}",
        "liveName": f"Programme {number}",
        "input": received,
    }
    return _document("Flow", f"flow_{number}", kind, spec)


def _outputs(number: int, kind: str) -> Iterator[tuple[str, Json]]:
    match kind:
        case "listener" | "caller":
            yield "srt_listener", _srt_listener(number)
            yield "srt_caller", _srt_caller(number)
            yield "rtmp_push", _push(number, 1)
            # Every fourth calls the next listener: links, and none of them in a circle.
            yield _link(number) if number in {0, 6, 9} else ("rtmp_push", _push(number, 2))
        case "rtmp" | "rtmp_pull":
            yield "rtmp_pull_out", _pull(number, 0)
            yield "rtmp_push", _push(number, 1)
            yield "rtmp_push", _push(number, 2)
            yield "rtmp_pull_out", _pull(number, 3)
        case "rtp":
            for place in range(4):
                yield "rtp_out", _rtp(number, place)
        case _:
            for place in range(4):
                yield "rtsp_out", {"protocol": "RTSP", "allowlist": _allowlist(place), "maxConcurrent": 2}


def _srt(what: str, number: int) -> Json:
    return {
        "latency": 1000,
        "peerIdleTimeout": 5000,
        "streamId": f"#!::r=flow_{number},m=publish",
        "encryption": {"keyLength": 16, "passphrase": {"env": f"STREAM_{what}_{number}"}},
    }


def _allowlist(number: int) -> list[str]:
    return [f"203.0.113.{number % 8 * 16}/28", "198.51.100.0/24"]


def _srt_listener(number: int) -> Json:
    settings = {"mode": "listener", **_srt("OUT", number)}
    return {"protocol": "SRT", "srt": settings, "allowlist": _allowlist(number), "maxConcurrent": 4}


def _srt_caller(number: int) -> Json:
    settings = {"mode": "caller", "destination": {"host": f"tower-{number}.example", "port": 9000}}
    return {"protocol": "SRT", "region": "eu-frankfurt", "srt": {**settings, **_srt("TOWER", number)}}


def _link(number: int) -> tuple[str, Json]:
    target = next(later for later in range(number + 1, FLOWS) if _INPUTS[later] == "listener")
    settings = {"mode": "caller", "destination": {"flow": f"flow_{target}"}, **_srt("IN", target)}
    return "link", {"protocol": "SRT", "srt": settings}


def _push(number: int, place: int) -> Json:
    destinations = [
        {"url": f"rtmps://platform-{place}-{leg}.example/live", "streamKey": {"env": f"STREAM_PUSH_{number}"}}
        for leg in range(place)
    ]
    return {"protocol": "RTMP_PUSH", "rtmpPush": {"destinations": destinations, "chunkSize": 4096}}


def _pull(number: int, place: int) -> Json:
    return {"protocol": "RTMP_PULL", "allowlist": _allowlist(number + place), "maxConcurrent": 4}


def _rtp(number: int, place: int) -> Json:
    hosts = [{"host": f"decoder-{number}-{place}-{leg}.example", "port": 5004} for leg in range(1 + place % 2)]
    return {"protocol": "RTP", "rtp": {"destinations": hosts, "idleTimeout": 3000}}
