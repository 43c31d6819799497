"""Which found object is which desired one: by live name, else by our mark; a name found twice is never guessed."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from reconciler.domain.marks import Mark, Owner

Found = TypeVar("Found")
"""A found flow or output."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """How one object may be recognised."""

    live: Hashable
    """Its live name, and for a flow its region."""
    name: str
    """`metadata.name`, as our mark says it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match(Generic[Found]):
    """What was found for one desired object: nothing, one, or several."""

    candidates: tuple[Found, ...]

    @property
    def only(self) -> Found | None:
        """Return the one candidate; None when there is none, or several."""
        return self.candidates[0] if len(self.candidates) == 1 else None

    @property
    def is_ambiguous(self) -> bool:
        """Return whether several bear the name."""
        return len(self.candidates) > 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Matches(Generic[Found]):
    """The outcome of matching: one `Match` a desired object, in its order, and what nothing claims."""

    matched: tuple[Match[Found], ...]
    rest: tuple[Found, ...]


def ours(mark: Mark | None, owner: Owner) -> bool:
    """Return whether the mark is this owner's."""
    return mark is not None and mark.owner == owner


def match(
    wanted: Sequence[Identity],
    found: Iterable[Found],
    *,
    live_of: Callable[[Found], Hashable],
    marked_name_of: Callable[[Found], str | None],
) -> Matches[Found]:
    """
    Return what was found for each desired identity, and the rest.

    A live name counts before a mark, so that an object is recognised by what people see; the mark finds it again when
    its live name or its region is to change. `marked_name_of` returns None for what does not bear our mark.
    """
    everything = tuple(found)
    by_live = _grouped(everything, live_of)
    by_mark = _grouped(everything, marked_name_of)
    named = {id(item) for identity in wanted for item in by_live.get(identity.live, ())}
    matched: list[Match[Found]] = []
    claimed = set(named)
    for identity in wanted:
        candidates = by_live.get(identity.live, ())
        if not candidates:
            candidates = tuple(item for item in by_mark.get(identity.name, ()) if id(item) not in named)
        claimed.update(map(id, candidates))
        matched.append(Match(candidates=candidates))
    return Matches(matched=tuple(matched), rest=tuple(item for item in everything if id(item) not in claimed))


def _grouped(items: Iterable[Found], key_of: Callable[[Found], Hashable]) -> Mapping[Hashable, tuple[Found, ...]]:
    groups: dict[Hashable, tuple[Found, ...]] = {}
    for item in items:
        key = key_of(item)
        groups[key] = (*groups.get(key, ()), item)
    return groups
