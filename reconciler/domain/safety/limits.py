"""The numbers that safety keeps, and what one revision has done already."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from reconciler.domain.changes import Action, Change, Delete, Edit, Sequence
from reconciler.domain.marks import Owner
from reconciler.domain.matching import ours
from reconciler.domain.model import Actual, Desired, FlowKey, Key, OutputKey
from reconciler.domain.policies import Policies

FEW: Final = 4
"""Below so many objects a share means nothing: then one may be deleted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The numbers; all but the two shares and the deadline are the product's promise, and no setting."""

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
    settling_s: float = 30.0
    """How long what was created may be missing from a list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What was deleted and edited since the manifests and the backend last agreed."""

    deleted: frozenset[Key] = frozenset()
    edited: frozenset[Key] = frozenset()

    def with_done(self, changes: Iterable[Change]) -> "Spent":
        """Return it with what was done."""
        listed = tuple(changes)
        return Spent(
            deleted=self.deleted | {key for change in listed for key in deleted(change)},
            edited=self.edited | {key for change in listed for key in edited(change)},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What a judgement reads besides the plan."""

    desired: Desired
    """The whole tree, resources whose secrets failed included."""
    actual: Actual
    owner: Owner
    policies: Policies = field(default_factory=Policies)
    """Those that hold now: neither expired nor, where that is asked, unsigned."""
    spent: Spent = field(default_factory=Spent)
    limits: Limits = field(default_factory=Limits)
    distrust: str = ""
    """Why nothing may be deleted whatever the manifests say, such as a clock that jumped; "" where nothing is wrong."""

    def marked(self) -> Iterator[str]:
        """Yield the id of each object that bears our mark."""
        for flow in self.actual.flows():
            if ours(flow.mark, self.owner):
                yield flow.id
            yield from (output.id for output in flow.outputs if ours(output.mark, self.owner))

    def live(self) -> Iterator[Key]:
        """Yield the resource of each object that bears our mark."""
        for flow in self.actual.flows():
            if flow.mark is None or not ours(flow.mark, self.owner):
                continue
            yield FlowKey(flow.mark.name)
            for output in flow.outputs:
                if output.mark is not None and ours(output.mark, self.owner):
                    yield OutputKey(flow.mark.name, output.mark.name)


def removed(change: Change) -> tuple[Key, ...]:
    """Return the resources of which a change removes the live object."""
    calls = change.calls if isinstance(change, Sequence) else (change,)
    return tuple(call.key for call in calls if isinstance(call, Delete))


def deleted(change: Change) -> tuple[Key, ...]:
    """Return the resources that are no more after a change; what is made anew is there, and counts as edited."""
    return () if change.action is Action.RECREATE else removed(change)


def edited(change: Change) -> tuple[Key, ...]:
    """Return the resources that a change edits, makes anew or stops."""
    if change.action is Action.RECREATE:
        return removed(change)
    if isinstance(change, Sequence):
        return tuple(call.key for call in change.calls if isinstance(call, Edit))
    return (change.key,) if change.action in {Action.EDIT, Action.STOP} else ()


def is_removal(change: Change) -> bool:
    """Return whether a change removes anything."""
    return bool(removed(change))
