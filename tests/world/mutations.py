"""Mutations of one field, each with the rule that it breaks and the place where that is told."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from tests.world.world import World, role_of

Path = tuple[str | int, ...]

GONE: Final = object()
"""As a value: the field is removed."""


@dataclass(frozen=True, kw_only=True)
class Mutation:
    """One field of one kind of document is given another value."""

    rule: str
    roles: tuple[str, ...]
    """Of the documents that it is tried on."""
    path: Path
    value: Any
    at: Path | None = None
    """Where it is told, when that is not the field itself."""
    on_key: bool = False
    """Whether the key is to blame."""

    def __str__(self) -> str:
        """Return a name for a report."""
        value = "gone" if self.value is GONE else str(self.value)[:20]
        return f"{self.rule} {self.roles[0]} {'.'.join(map(str, self.path))}={value}"

    def applied(self, world: World) -> Iterator[tuple[World, int]]:
        """
        Yield the world with one document spoilt, and the number of that document.

        It is the first and the last of each role: those of one role differ in numbers alone.
        """
        numbers: dict[str, list[int]] = {role: [] for role in self.roles}
        for number, document in enumerate(world.documents):
            numbers.get(role_of(document), []).append(number)
        for number in sorted({number for found in numbers.values() for number in (*found[:1], *found[-1:])}):
            spoilt = world.copy()
            _set(spoilt[number], self.path, self.value)
            yield spoilt, number


def _set(document: Any, path: Path, value: Any) -> None:
    *way, last = path
    for part in way:
        document = document[part]
    if value is GONE:
        del document[last]
    else:
        document[last] = value


_FLOWS: Final = ("listener", "caller", "rtmp", "rtmp_pull", "rtp", "rtsp")
_OUTPUTS: Final = ("srt_listener", "srt_caller", "rtmp_push", "rtmp_pull_out", "rtp_out", "rtsp_out", "link")
_SRT_OUTPUTS: Final = ("srt_listener", "srt_caller")
_SPEC: Final[Path] = ("spec",)
_IN: Final[Path] = ("spec", "input")
_IN_SRT: Final[Path] = ("spec", "input", "srt")
_SRT: Final[Path] = ("spec", "srt")
_PUSH: Final[Path] = ("spec", "rtmpPush", "destinations")
_RTP: Final[Path] = ("spec", "rtp", "destinations")
_LIST: Final[Path] = ("spec", "allowlist")
_IN_LIST: Final[Path] = ("spec", "input", "allowlist")


def _all() -> Iterator[Mutation]:
    for part in (
        _names,
        _kinds,
        _ranges,
        _forms,
        _misplaced,
        _headers,
        _excuses,
        _addresses,
        _lists,
        _srt_ends,
        _secrets,
        _far,
        _care,
    ):
        yield from part()
    yield from _between()


def _names() -> Iterator[Mutation]:
    yield Mutation(rule="SL101", roles=_FLOWS, path=("spec", "maxBandwith"), value="x", on_key=True)
    yield Mutation(rule="SL101", roles=_OUTPUTS, path=("spec", "flwo"), value="x", on_key=True)
    yield Mutation(rule="SL101", roles=_FLOWS, path=("status",), value="x", on_key=True)
    yield Mutation(rule="SL101", roles=_SRT_OUTPUTS, path=(*_SRT, "latncy"), value=1, on_key=True)
    yield Mutation(rule="SL101", roles=("rtmp_push",), path=(*_PUSH, 0, "key"), value="x", on_key=True)
    missing: tuple[tuple[tuple[str, ...], Path], ...] = (
        (_FLOWS, ("spec", "region")),
        (_OUTPUTS, ("spec", "protocol")),
        (("srt_caller",), (*_SRT, "destination", "port")),
        (("rtmp_push",), (*_PUSH, 0, "streamKey")),
        (("caller",), (*_IN_SRT, "encryption", "keyLength")),
        (("rtsp",), (*_IN, "rtsp", "credentials", "password")),
        (_FLOWS, ("metadata",)),
    )
    for roles, path in missing:
        yield Mutation(rule="SL102", roles=roles, path=path, value=GONE, at=path[:-1])


def _kinds() -> Iterator[Mutation]:
    yield Mutation(rule="SL103", roles=_FLOWS, path=("spec", "liveName"), value=24)
    yield Mutation(rule="SL103", roles=_SRT_OUTPUTS, path=(*_SRT, "latency"), value="200")
    yield Mutation(rule="SL103", roles=("rtp",), path=(*_IN, "rtp"), value=[])
    yield Mutation(rule="SL103", roles=_FLOWS, path=("spec", "description"), value=None)
    yield Mutation(rule="SL104", roles=_FLOWS, path=("spec", "maxBandwidth"), value="15M")
    yield Mutation(rule="SL104", roles=_FLOWS, path=("spec", "state"), value="on")
    yield Mutation(rule="SL104", roles=("listener",), path=(*_IN_SRT, "encryption", "keyLength"), value=128)


def _ranges() -> Iterator[Mutation]:
    yield Mutation(rule="SL105", roles=_SRT_OUTPUTS, path=(*_SRT, "latency"), value=3001)
    yield Mutation(rule="SL105", roles=("srt_listener", "rtmp_pull_out"), path=("spec", "maxConcurrent"), value=5)
    yield Mutation(rule="SL105", roles=("rtmp_push",), path=("spec", "rtmpPush", "chunkSize"), value=128)
    yield Mutation(rule="SL105", roles=("rtp",), path=(*_IN, "rtp", "idleTimeout"), value=999)
    yield Mutation(rule="SL105", roles=("srt_caller",), path=(*_SRT, "destination", "port"), value=0)
    yield Mutation(rule="SL105", roles=("rtmp_push",), path=_PUSH, value=[])


def _forms() -> Iterator[Mutation]:
    yield Mutation(rule="SL106", roles=_SRT_OUTPUTS, path=(*_SRT, "streamId"), value="two words")
    yield Mutation(rule="SL106", roles=("srt_caller",), path=(*_SRT, "destination", "host"), value="no host")


def _misplaced() -> Iterator[Mutation]:
    yield Mutation(rule="SL107", roles=("srt_caller",), path=_LIST, value=["203.0.113.0/28"], on_key=True)
    yield Mutation(rule="SL107", roles=("rtmp",), path=_IN_SRT, value={}, on_key=True)
    yield Mutation(rule="SL107", roles=("rtmp_push",), path=("spec", "maxConcurrent"), value=2, on_key=True)


def _headers() -> Iterator[Mutation]:
    yield Mutation(rule="SL108", roles=_OUTPUTS, path=("apiVersion",), value="v1")
    yield Mutation(rule="SL109", roles=_OUTPUTS, path=("kind",), value="output")
    yield Mutation(rule="SL111", roles=_OUTPUTS, path=("spec", "failover"), value=False, on_key=True)
    yield Mutation(rule="SL112", roles=_SRT_OUTPUTS, path=(*_SRT, "encryption", "passphrase"), value="hunter2hunter2")
    yield Mutation(rule="SL112", roles=("rtmp_push",), path=(*_PUSH, 0, "streamKey"), value="hunter2")
    yield Mutation(
        rule="SL112", roles=("rtsp",), path=(*_IN, "rtsp", "url"), value="rtsps://a:hunter2@source.example/1"
    )


def _care() -> Iterator[Mutation]:
    yield Mutation(rule="SL103", roles=_FLOWS, path=("metadata", "protect"), value="yes")
    yield Mutation(rule="SL104", roles=_FLOWS, path=("metadata", "drift"), value="warm")
    yield Mutation(rule="SL105", roles=_OUTPUTS, path=("metadata", "contacts"), value=[])
    yield Mutation(rule="SL106", roles=_OUTPUTS, path=("metadata", "redundancyGroup"), value="two words")
    yield Mutation(rule="SL107", roles=_FLOWS, path=("metadata", "redundancyGroup"), value="legs", on_key=True)
    yield Mutation(rule="SL409", roles=_OUTPUTS, path=("metadata", "redundancyGroup"), value="legs")


def _excuses() -> Iterator[Mutation]:
    for value in ("SL205", "SL104: why", "SL999: why"):
        path = ("metadata", "annotations")
        at = (*path, "reconciler/ignore")
        yield Mutation(rule="SL113", roles=_FLOWS, path=path, value={"reconciler/ignore": value}, at=at)
    annotations = {"reconciler/ignore": "SL204: none needed"}
    path = ("metadata", "annotations")
    yield Mutation(rule="SL114", roles=_OUTPUTS, path=path, value=annotations, at=(*path, "reconciler/ignore"))


def _addresses() -> Iterator[Mutation]:
    yield Mutation(rule="SL201", roles=("rtmp", "rtp", "rtsp"), path=("spec", "region"), value="ap-singapor")
    yield Mutation(rule="SL202", roles=("rtmp_push",), path=(*_PUSH, 0, "url"), value="https://platform.example/live")
    yield Mutation(rule="SL202", roles=("rtsp",), path=(*_IN, "rtsp", "url"), value="http://source.example/1")


def _lists() -> Iterator[Mutation]:
    for value, rule in (
        ("203.0.113.200", "SL203"),
        ("203.0.113.193/28", "SL204"),
        ("0.0.0.0/0", "SL210"),
        ("198.51.100.0/25", "SL211"),
    ):
        yield Mutation(rule=rule, roles=("listener", "rtmp", "rtp"), path=(*_IN_LIST, 0), value=value)
        yield Mutation(rule=rule, roles=("srt_listener", "rtmp_pull_out", "rtsp_out"), path=(*_LIST, 0), value=value)
    yield Mutation(rule="SL205", roles=("listener", "rtmp", "rtp"), path=_IN_LIST, value=GONE, at=_IN)
    yield Mutation(rule="SL205", roles=("srt_listener", "rtmp_pull_out", "rtsp_out"), path=_LIST, value=[])
    many = [f"203.0.113.{number}/32" for number in range(0, 22, 2)]
    yield Mutation(rule="SL212", roles=("listener", "rtmp", "rtp"), path=_IN_LIST, value=many)
    few = [f"203.0.113.{number}/32" for number in range(5)]
    yield Mutation(rule="SL213", roles=("srt_listener", "rtmp_pull_out", "rtsp_out"), path=_LIST, value=few)


def _srt_ends() -> Iterator[Mutation]:
    for value in ({"senderCountry": "DE", "ms": 100}, {"senderCountry": "SG", "ms": 100}):
        yield Mutation(
            rule="SL206", roles=("caller",), path=(*_IN_SRT, "latency"), value=value, at=(*_IN_SRT, "latency", "ms")
        )
    far = {"receiverCountry": "AU", "ms": 300}
    yield Mutation(rule="SL206", roles=_SRT_OUTPUTS, path=(*_SRT, "latency"), value=far, at=(*_SRT, "latency", "ms"))


def _secrets() -> Iterator[Mutation]:
    for reference, rule, key in (
        ({"env": "HOME"}, "SL207", "env"),
        ({"env": "TENCENTCLOUD_TOKEN"}, "SL207", "env"),
        ({"file": "../key"}, "SL208", "file"),
        ({"file": "/key"}, "SL208", "file"),
    ):
        path = (*_PUSH, 0, "streamKey")
        yield Mutation(rule=rule, roles=("rtmp_push",), path=path, value=reference, at=(*path, key))
        path = (*_SRT, "encryption", "passphrase")
        yield Mutation(rule=rule, roles=_SRT_OUTPUTS, path=path, value=reference, at=(*path, key))


def _far() -> Iterator[Mutation]:
    path = (*_SRT, "latency")
    nowhere = {"receiverCountry": "UK"}
    yield Mutation(rule="SL209", roles=_SRT_OUTPUTS, path=path, value=nowhere, at=(*path, "receiverCountry"))
    yield Mutation(rule="SL214", roles=_SRT_OUTPUTS, path=(*_SRT, "encryption"), value=GONE, at=_SRT)
    yield Mutation(rule="SL214", roles=("caller",), path=(*_IN_SRT, "encryption"), value=GONE, at=_IN_SRT)
    yield Mutation(rule="SL215", roles=(*_SRT_OUTPUTS, "link"), path=(*_SRT, "peerIdleTimeout"), value=1000)
    yield Mutation(rule="SL215", roles=("listener", "caller"), path=(*_IN_SRT, "peerIdleTimeout"), value=1000)
    for host in ("10.1.2.3", "127.0.0.1", "fd00::1", "239.1.1.1", "0.0.0.0"):  # noqa: S104 -- what is wrong
        yield Mutation(rule="SL216", roles=("srt_caller",), path=(*_SRT, "destination", "host"), value=host)
        yield Mutation(rule="SL216", roles=("rtp_out",), path=(*_RTP, 0, "host"), value=host)
        yield Mutation(rule="SL216", roles=("caller",), path=(*_IN_SRT, "source", "host"), value=host)
    yield Mutation(rule="SL216", roles=("rtsp",), path=(*_IN, "rtsp", "url"), value="rtsps://192.168.1.9/1")


def _between() -> Iterator[Mutation]:
    yield Mutation(rule="SL301", roles=("rtmp_push", "rtsp_out"), path=("spec", "flow"), value="nobody_at_all")
    yield Mutation(rule="SL301", roles=("link",), path=(*_SRT, "destination", "flow"), value="nobody_at_all")
    yield Mutation(rule="SL302", roles=("link",), path=(*_SRT, "destination", "flow"), value="FLOW_9")
    yield Mutation(rule="SL307", roles=("link",), path=(*_SRT, "destination", "flow"), value="flow_2")
    yield Mutation(rule="SL308", roles=("link",), path=(*_SRT, "latency"), value=1500)
    yield Mutation(rule="SL308", roles=("link",), path=(*_SRT, "encryption", "keyLength"), value=24)
    path = (*_SRT, "encryption", "passphrase")
    yield Mutation(rule="SL308", roles=("link",), path=path, value={"env": "STREAM_OTHER"})
    yield Mutation(rule="SL308", roles=("link",), path=(*_SRT, "encryption"), value=GONE, at=_SRT)


MUTATIONS: Final = tuple(_all())
