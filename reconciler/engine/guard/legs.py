"""Legs: whether outputs that stand in for each other are on air, so that one of them may be changed."""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet

from reconciler.domain.changes import Blocked, Change, Hold
from reconciler.domain.model import OutputKey
from reconciler.domain.safety.judging import held_back
from reconciler.domain.safety.limits import Limits
from reconciler.engine.guard.facts import Facts, Look

Touched = Mapping[str, AbstractSet[OutputKey]]
"""The redundant outputs that a change may disturb, by their groups."""


def alone(change: Change, touched: Touched, facts: Facts, look: Look, limits: Limits) -> Blocked | None:
    """Hold a change of redundant outputs back while nothing stands in for them."""
    for group, keys in touched.items():
        if not _carry(keys, facts, look, limits, unless_read=True):
            continue
        if not _carry(facts.legs.others(group, keys), facts, look, limits, unless_read=False):
            why = (
                f"no other output of the redundancy group {group} is on air now, and one of them must be while "
                "another is changed"
            )
            return held_back(change, Hold.REDUNDANCY, why)
    return None


def stands_in(touched: Touched, facts: Facts, look: Look, limits: Limits) -> bool:
    """Return whether something that is redundant is on air and would be changed while another leg is on air."""
    return any(
        _carry(keys, facts, look, limits, unless_read=True)
        and _carry(facts.legs.others(group, keys), facts, look, limits, unless_read=False)
        for group, keys in touched.items()
    )


def _carry(keys: Iterable[OutputKey], facts: Facts, look: Look, limits: Limits, *, unless_read: bool) -> bool:
    """Return whether one of the outputs is on air; what cannot be read counts as `unless_read` says."""
    for key in keys:
        for flow, output in facts.live_of(key):
            sample = look.get(flow.id)
            end = None if sample is None else sample.ends.get(output.id)
            if unless_read if end is None else end.carries(limits):
                return True
    return False
