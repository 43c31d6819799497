"""Which found object is which desired one: by live name, else by our mark; a name found twice is never guessed."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from reconciler.domain.marks import Mark, Owner
from reconciler.domain.model import FoundFlow, FoundOutput

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
    """What was found for one desired object: nothing, one, one and its twin, or several."""

    candidates: tuple[Found, ...]
    """Without the twin."""
    twin: Found | None = None
    """What was made to take the place of the only candidate."""

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


def is_twin(mark: Mark | None) -> bool:
    """Return whether a mark says that its object was made beside another one: of a pair, just one says so."""
    return mark is not None and mark.twin


def said_of(found: FoundFlow | FoundOutput) -> tuple[object, ...]:
    """Return all of an object that an edit replaces: two that are equal in it are one to whoever edits them."""
    if isinstance(found, FoundFlow):
        return found.live_name, None if found.spec is None else found.spec.input
    return found.live_name, found.spec


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading(Generic[Found]):
    """How what was found is read."""

    live_of: Callable[[Found], Hashable]
    """Its live name, as `Identity.live` has it."""
    name_of: Callable[[Found], str | None]
    """The manifest's name in its mark; None for what does not bear our mark."""
    is_twin: Callable[[Found], bool]
    """Whether its mark says that it stands beside something that it replaces."""


def match(wanted: Sequence[Identity], found: Iterable[Found], reading: Reading[Found]) -> Matches[Found]:
    """
    Return what was found for each desired identity, and the rest.

    An object is recognised by its live name, which is what people see, or by its mark, so that it is found again when
    its live name or its region is to change. What bears the name twice is ambiguous, but for a pair of ours in which
    one is the other's twin.
    """
    everything = tuple(found)
    by_live = _grouped(everything, reading.live_of)
    by_mark = _grouped(everything, reading.name_of)
    named = {id(item) for identity in wanted for item in by_live.get(identity.live, ())}
    matched: list[Match[Found]] = []
    claimed = set(named)
    for identity in wanted:
        marked = [item for item in by_mark.get(identity.name, ()) if id(item) not in named]
        candidates = (*by_live.get(identity.live, ()), *marked)
        claimed.update(map(id, candidates))
        matched.append(_paired(identity, candidates, reading))
    return Matches(matched=tuple(matched), rest=tuple(item for item in everything if id(item) not in claimed))


def _paired(identity: Identity, candidates: tuple[Found, ...], reading: Reading[Found]) -> Match[Found]:
    """Return the candidates; of a pair that bears our mark for this name, the twin apart."""
    if len(candidates) != len(("old", "new")):
        return Match(candidates=candidates)
    is_pair = all(reading.name_of(item) == identity.name for item in candidates)
    twins = [item for item in candidates if reading.is_twin(item)] if is_pair else []
    if len(twins) != 1:
        return Match(candidates=candidates)
    (twin,) = twins
    return Match(candidates=tuple(item for item in candidates if item is not twin), twin=twin)


def _grouped(items: Iterable[Found], key_of: Callable[[Found], Hashable]) -> Mapping[Hashable, tuple[Found, ...]]:
    groups: dict[Hashable, tuple[Found, ...]] = {}
    for item in items:
        key = key_of(item)
        # Nearly always it is the only one.
        groups[key] = (*groups[key], item) if key in groups else (item,)
    return groups
