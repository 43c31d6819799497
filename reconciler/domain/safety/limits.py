"""The numbers that safety keeps, and what one revision has done already."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Final

from reconciler.domain.changes import Action, Change, Delete, Edit, Stop, calls_of
from reconciler.domain.marks import Owner
from reconciler.domain.matching import ours
from reconciler.domain.model import Actual, Desired, Key
from reconciler.domain.policies import Policies

FEW: Final = 4
"""Below so many objects a share means nothing: then one may be deleted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The numbers; all but the two shares and the two deadlines are the product's promise, and no setting."""

    delete_share: float = 0.25
    """Of the objects that bear our mark, so many may be deleted by one difference."""
    edit_share: float = 0.5
    """So many may be edited."""
    floor_bps: int = 100_000
    """What carries no more is off air."""
    sample_gap_s: float = 5.0
    """Between the two samples that prove something to be off air, at least."""
    sample_age_s: float = 60.0
    """How old the first of them may be."""
    delete_gap_s: float = 10.0
    """Between the two passes of `run` that must want a delete, at least."""
    twin_deadline_s: float = 120.0
    """How long a twin may take until it delivers like the old one."""
    trial_s: float = 60.0
    """How long an output that was changed on air may take until it is on air again, while its source is."""
    settling_s: float = 30.0
    """How long what was created may be missing from a list."""


Counted = tuple[Key, str]
"""A live object: its resource, and its id. Copies that bear one mark are one resource, and count each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What was deleted and edited since the manifests and the backend last agreed."""

    deleted: frozenset[Counted] = frozenset()
    edited: frozenset[Counted] = frozenset()

    def with_done(self, changes: Iterable[Change]) -> "Spent":
        """Return it with what was done."""
        listed = tuple(changes)
        return Spent(
            deleted=self.deleted | {one for change in listed for one in deleted(change)},
            edited=self.edited | {one for change in listed for one in edited(change)},
        )


@dataclass(frozen=True, kw_only=True)
class Circumstances:
    """What a judgement reads besides the plan. Without slots, for what is derived from it is kept."""

    desired: Desired
    """The whole tree, resources whose secrets failed included."""
    actual: Actual
    owner: Owner
    policies: Policies = field(default_factory=Policies)
    """Those that hold now: neither expired nor, where that is asked, unsigned."""
    given: Policies = field(default_factory=Policies)
    """All of them."""
    now: datetime | None = None
    """By what they expire; None where nobody has a clock."""
    spent: Spent = field(default_factory=Spent)
    limits: Limits = field(default_factory=Limits)
    distrust: str = ""
    """Why nothing may be deleted whatever the manifests say, such as a clock that jumped; "" where nothing is wrong."""

    @cached_property
    def marked(self) -> AbstractSet[str]:
        """Return the ids of all objects that bear our mark."""
        found = {flow.id for flow in self.actual.flows() if ours(flow.mark, self.owner)}
        for flow in self.actual.flows():
            found.update([output.id for output in flow.outputs if ours(output.mark, self.owner)])
        return found


def removed(change: Change) -> tuple[Counted, ...]:
    """Return the live objects that a change removes."""
    return tuple((call.key, call.found.id) for call in calls_of(change) if isinstance(call, Delete))


def deleted(change: Change) -> tuple[Counted, ...]:
    """Return what is no more after a change; what is made anew is there, and counts as edited."""
    return () if change.action is Action.RECREATE else removed(change)


def edited(change: Change) -> tuple[Counted, ...]:
    """Return what a change edits, makes anew or stops."""
    if change.action is Action.RECREATE:
        return removed(change)
    found = [(call.key, call.found.id) for call in calls_of(change) if isinstance(call, Edit)]
    if isinstance(change, Stop) and change.found is not None:
        found.append((change.key, change.found.id))
    return tuple(found)


def is_removal(change: Change) -> bool:
    """Return whether a change removes anything."""
    return bool(removed(change))
