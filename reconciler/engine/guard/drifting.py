"""Drift: what somebody else has changed, and whether it is put right."""

from collections.abc import Iterable, Iterator
from typing import Final

from reconciler.domain.changes import Action, Blocked, Change, Create, Delete, Edit, Hold, Sequence, Start, calls_of
from reconciler.domain.model import DriftMode, Flow, Output
from reconciler.domain.safety.judging import held_back
from reconciler.domain.safety.releases import approval_of, command_for
from reconciler.engine.guard.facts import Facts
from reconciler.engine.steps import Cause, Steps

_WHY: Final = {
    Cause.DRIFT: "somebody else has changed it since it was last in step with its manifest",
    Cause.UNKNOWN: "nobody remembers that it ever was in step, so its manifest or what is live may have changed",
}


class Drifting:
    """Tells drift from a new wish, and holds back what its manifest does not want put right."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps

    def is_drift(self, change: Change, facts: Facts) -> bool:
        """Return whether a change puts right what somebody else did."""
        return any(self._steps.cause(wanted, change) is Cause.DRIFT for wanted in _wanted(change, facts))

    def held(self, change: Change, facts: Facts) -> Blocked | None:
        """Return a change as held back where its manifest wants drift told and nothing else; None where it does not."""
        for wanted, cause in self._drifted(change, facts, DriftMode.WARN):
            left = "so it is left as it is until its manifest changes"
            why = f"{_what(wanted, change)}{_WHY[cause]}, and metadata.drift is warn, {left}"
            return held_back(change, Hold.DRIFT, f"{why}.", release=command_for(change))
        return None

    def waits_for_off_air(self, change: Change, facts: Facts) -> str:
        """Return why a change is to wait until what it touches is off air, "" where its manifest does not want that."""
        for wanted, cause in self._drifted(change, facts, DriftMode.CORRECT_WHEN_OFF_AIR):
            return f"{_what(wanted, change)}{_WHY[cause]}, and metadata.drift is correctWhenOffAir"
        return ""

    def _drifted(self, change: Change, facts: Facts, mode: DriftMode) -> Iterator[tuple[Flow | Output, Cause]]:
        """Yield what of this mode a change would put right, or may."""
        if approval_of(change, facts.policies) is not None:
            return
        for wanted in _wanted(change, facts):
            if wanted.care.drift is not mode:
                continue
            cause = self._steps.cause(wanted, change)
            if cause is Cause.DRIFT or (cause is Cause.UNKNOWN and not _is_new(change)):
                yield wanted, cause


def _wanted(change: Change, facts: Facts) -> Iterable[Flow | Output]:
    """Yield the manifests that a change brings what is live in step with."""
    keys = {call.key for call in calls_of(change) if not isinstance(call, Delete) and not _only_marks(call)}
    if change.action is Action.RECREATE:
        # What is made anew with its flow is not made anew for its own sake.
        keys = {change.key}
    elif isinstance(change, Sequence):
        # What is started again after an edit of its output was not changed by anybody itself.
        parts = {call.key for call in change.calls if isinstance(call, Create | Edit)}
        keys = parts or keys
    return [wanted for key in keys if (wanted := facts.wanted(key)) is not None]


def _is_new(change: Change) -> bool:
    """Return whether a change makes what is not there, or starts what was made just now."""
    return isinstance(change, Create) or (isinstance(change, Start) and change.found is None)


def _only_marks(call: Change) -> bool:
    return isinstance(call, Edit) and call.only_marks


def _what(wanted: Flow | Output, change: Change) -> str:
    return "" if wanted.key == change.key else f"{wanted.key} is a part of it: "
