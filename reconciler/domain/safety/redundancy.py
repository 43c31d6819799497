"""Redundancy: outputs that stand in for each other are changed one at a time, and only while another one is on air."""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from reconciler.domain.changes import Change, Create, Sequence, Start
from reconciler.domain.impact import Impact
from reconciler.domain.model import Desired, FlowKey, Key, OutputKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Legs:
    """The outputs of every redundancy group."""

    by_group: Mapping[str, AbstractSet[OutputKey]]

    @classmethod
    def of(cls, desired: Desired) -> "Legs":
        """Return the legs that the manifests name."""
        found: dict[str, set[OutputKey]] = {}
        for output in desired.outputs:
            if output.care.redundancy_group:
                found.setdefault(output.care.redundancy_group, set()).add(output.key)
        return cls(by_group=found)

    def touched_by(self, change: Change, *, is_felt: bool = False) -> Mapping[str, AbstractSet[OutputKey]]:
        """
        Return the legs that a change touches, by their groups; sorted, so that locks are taken in one order.

        Args:
            change: to be made.
            is_felt: whether viewers may notice it although its impact is none: of a flow that stood still then.

        """
        keys = set(_touched(change, is_felt=is_felt))
        if not keys:
            return {}
        touched = {
            group: {leg for leg in legs if leg in keys or leg.flow_key in keys}
            for group, legs in sorted(self.by_group.items())
        }
        return {group: legs for group, legs in touched.items() if legs}

    def others(self, group: str, touched: Iterable[OutputKey]) -> AbstractSet[OutputKey]:
        """Return the legs of a group that stand in for these."""
        return self.by_group[group] - set(touched)


def _touched(change: Change, *, is_felt: bool) -> Iterable[Key]:
    """Return what a change does something to; a flow stands for all of its outputs."""
    is_unfelt = isinstance(change.key, FlowKey) and change.impact is Impact.NONE and not is_felt
    if isinstance(change, Create | Start) or is_unfelt:
        return ()
    if isinstance(change, Sequence):
        # Where a flow stops around a change of one output, its other outputs stop, too.
        return (change.key, *(call.key for call in change.calls))
    return (change.key,)
