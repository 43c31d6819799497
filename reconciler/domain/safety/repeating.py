"""Flip-flops: the same property put right again and again, because somebody else puts it wrong again and again."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from reconciler.domain.changes import Action, Change, Edit, Sequence, calls_of
from reconciler.domain.model import Key
from reconciler.domain.properties import PropertyChange

CORRECTIONS: Final = 3
"""Of one property, after which nobody corrects it any more."""
WITHIN_S: Final = 600.0
"""Seconds in which so many corrections are a fight, and no drift."""

EXISTENCE: Final = "existence"
"""Stands for the property that an object is there at all."""

_Spot = tuple[Key, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrections:
    """When each property was put right."""

    at_s: Mapping[_Spot, tuple[float, ...]] = field(default_factory=lambda: MappingProxyType({}))

    def with_done(self, changes: Iterable[Change], *, now_s: float) -> "Corrections":
        """Return them with what was put right just now; what is older than a fight lasts is forgotten."""
        fresh = {spot: kept for spot, times in self.at_s.items() if (kept := _recent(times, now_s))}
        for change in changes:
            for key, path in _spots(change):
                fresh[key, path] = (*fresh.get((key, path), ()), now_s)
        return Corrections(at_s=fresh)

    def fought_over(self, change: Change, *, now_s: float) -> tuple[PropertyChange, ...]:
        """Return the properties of a change that were put right too often to do it again."""
        return tuple(
            one
            for key, one in _properties(change)
            if len(_recent(self.at_s.get((key, one.path), ()), now_s)) >= CORRECTIONS
        )


def _recent(times: tuple[float, ...], now_s: float) -> tuple[float, ...]:
    return tuple(at_s for at_s in times if now_s - at_s < WITHIN_S)


def _spots(change: Change) -> Iterator[_Spot]:
    return ((key, one.path) for key, one in _properties(change))


def _properties(change: Change) -> Iterator[tuple[Key, PropertyChange]]:
    for call in calls_of(change):
        if isinstance(call, Edit):
            yield from ((call.key, one) for one in call.differences)
    if isinstance(change, Sequence):
        # What is made anew is put right, too, and at a higher price.
        yield from ((change.key, one) for one in change.differences)
    if change.action in {Action.START, Action.STOP}:
        wanted, found = ("running", "idle") if change.action is Action.START else ("idle", "running")
        yield change.key, PropertyChange(path="state", found=found, wanted=wanted)
    if change.action is Action.DELETE:
        # Two of one owner with two trees: what one makes the other deletes. To make it again and again cuts nobody off.
        yield change.key, PropertyChange(path=EXISTENCE, found="there", wanted=None)
