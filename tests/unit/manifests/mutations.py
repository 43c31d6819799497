"""Slips: every way to spoil a document by one edit."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any, Final

from reconciler.domain.documents import Path

ODD: Final[tuple[Any, ...]] = (
    None, True, 0, -1, 1.0, 1.5, 16, 120.0, 999_999, "", "x", "SRT", "caller", "listener", "a b", "x\n", "é", "x" * 600,
    "10M", "running", "DE", "ap-singapore", "rtmp://x/a", "10.0.0.0/8", [], ["x"], [1], {}, {"x": 1},
    {"env": "STREAM_X"}, {"file": "x"}, {"env": "A", "file": "b"}, {"flow": "f"}, {"receiverCountry": "DE"},
    "output/news/tower", "mon", ["mon", "mon"], ["day"], "2026-11-28T18:00:00Z", "2026-11-28T18:00", "18:00", "24:00",
    "3f9ac1d2e4b5", "\u202e", {"host": "h", "port": 1}, {"host": "h", "port": 1, "flow": "f"},
    [{"host": "h", "port": 70_000}],
)  # fmt: skip
"""Values that fit some property, or nearly."""

KEYS: Final = (
    "x", "failover", "allowlist", "maxConcurrent", "srt", "rtp", "rtsp", "rtmpPush", "rtmpPull", "destination",
    "source", "protect", "contacts", "flow", "version", "liveName", "latency", "redundancyGroup", "resource", "kind",
    "every", "since", "drift",
)  # fmt: skip
"""Keys that belong somewhere, but rarely where they are put."""


def mutants(document: Any) -> Iterator[Any]:
    """Return every document that one slip makes of this one: a value replaced, a key removed, a key added."""
    for path in paths(document):
        for odd in ODD:
            if path:
                yield edited(document, path, odd)
        if path and isinstance(path[-1], str):
            yield edited(document, path)
        if isinstance(at(document, path), dict):
            for key in KEYS:
                yield edited(document, (*path, key), {"mode": "caller"})
                yield edited(document, (*path, key), None)


def paths(value: Any, path: Path = ()) -> Iterator[Path]:
    """Return the path of every value."""
    yield path
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from paths(child, (*path, key))


def at(value: Any, path: Path) -> Any:
    """Return the value at a path."""
    for part in path:
        value = value[part]
    return value


def edited(document: Any, path: Path, *replacement: Any) -> Any:
    """Return a copy with another value at the path, or with none."""
    copy = deepcopy(document)
    parent = at(copy, path[:-1])
    if replacement:
        parent[path[-1]] = deepcopy(replacement[0])
    else:
        del parent[path[-1]]
    return copy
