"""A document that does not fit its schema, without what does not fit: the rest of it can be looked at all the same."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from reconciler.domain.documents import Fault, Path
from reconciler.domain.rules.catalogue import OPEN_ALLOWLIST, TOO_FEW_PLACES, UNENCRYPTED

_OF_ABSENCE: Final = (OPEN_ALLOWLIST, TOO_FEW_PLACES, UNENCRYPTED)
"""Rules about what a document does not say."""


def pruned(value: Any, faults: Sequence[Fault]) -> Any:
    """Return a copy of a document without the values, and the keys, that these faults are at."""
    return _without(value, (), set(_gone(faults)))


def apart_from(faults: Sequence[Fault], spoilt: Sequence[Fault]) -> Sequence[Fault]:
    """
    Return the faults that have nothing to do with those of a schema.

    They are neither above nor below them, nor about something that is missing where something was left out: it may be
    just what was meant.
    """
    if not faults or not spoilt:
        return faults
    gone = tuple(_gone(spoilt))
    may_lack = any(path[:1] == ("spec",) for path in gone)
    return [
        fault
        for fault in faults
        if not any(_touch(fault.path, path) for path in gone) and not (may_lack and fault.rule in _OF_ABSENCE)
    ]


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
