"""A document that does not fit its schema, without what does not fit: the rest of it can be looked at all the same."""

from collections.abc import Iterator, Sequence
from typing import Any

from reconciler.domain.documents import Fault, Path


def pruned(value: Any, faults: Sequence[Fault]) -> Any:
    """Return a copy of a document without the values, and the keys, that these faults are at."""
    return _without(value, (), set(_gone(faults)))


def apart_from(faults: Sequence[Fault], spoilt: Sequence[Fault]) -> Sequence[Fault]:
    """Return the faults that have nothing to do with those of a schema: neither above nor below them."""
    if not faults or not spoilt:
        return faults
    gone = tuple(_gone(spoilt))
    return [fault for fault in faults if not any(_touch(fault.path, path) for path in gone)]


def _gone(faults: Sequence[Fault]) -> Iterator[Path]:
    """Yield the paths that are left out; a list goes as a whole, for else its members would have other numbers."""
    for fault in faults:
        numbers = [depth for depth, part in enumerate(fault.path) if isinstance(part, int)]
        yield fault.path[: numbers[0]] if numbers else fault.path


def _touch(one: Path, other: Path) -> bool:
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


def _without(value: Any, path: Path, gone: set[Path]) -> Any:
    if not isinstance(value, dict):
        return value
    return {key: _without(child, (*path, key), gone) for key, child in value.items() if (*path, key) not in gone}
