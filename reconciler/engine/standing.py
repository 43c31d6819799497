"""Standing: what a pass says of each resource that is not plainly in step, in the words of conditions."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from reconciler.domain.changes import Blocked, Change, Failed, Hold, Waiting
from reconciler.domain.conditions import Aspect, Reason, Standing
from reconciler.domain.model import Key, RegionKey
from reconciler.domain.order_words import BY_ITSELF, pinned
from reconciler.domain.orders import Orders, Trial
from reconciler.domain.safety.releases import whole
from reconciler.engine.apply import Outcome, Result
from reconciler.engine.reconcile import PassOutcome

FAILURES: Final = 3
"""Passes in a row in which the same thing failed, after which somebody should look."""

_BY_PEOPLE: Final = {Hold.HALTED: Reason.HALTED, Hold.PAUSED: Reason.PAUSED, Hold.UNREADABLE: Reason.UNREADABLE}
_SOON: Final = frozenset({Hold.AGAIN, Hold.TWIN})
"""What goes on within seconds."""
_PASSES: Final = frozenset({*_SOON, *_BY_PEOPLE, Hold.ON_AIR, Hold.FAR_END, Hold.WINDOW, Hold.REDUNDANCY})
"""What may go on although nobody does anything about it, or was stopped by somebody who knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What one pass says of one resource."""

    reason: Reason
    """Why it is not as its manifest says."""
    message: str
    goes_on: bool = False
    """Whether the next passes go on with it."""
    is_stuck: bool = False
    """Whether somebody has to do something."""


@dataclass(frozen=True, slots=True)
class Stand:
    """One condition as a pass says it, without its time."""

    standing: Standing
    reason: Reason
    message: str = ""


IN_STEP: Final[Mapping[Aspect, Stand]] = {
    Aspect.READY: Stand(Standing.TRUE, Reason.IN_STEP),
    Aspect.RECONCILING: Stand(Standing.FALSE, Reason.IDLE),
    Aspect.STALLED: Stand(Standing.FALSE, Reason.IN_STEP),
    Aspect.DRIFTED: Stand(Standing.FALSE, Reason.IN_STEP),
}
"""What holds of a resource of which a pass says nothing."""


def stands(said: Said, *, has_drifted: bool) -> Mapping[Aspect, Stand]:
    """Return the conditions of a resource that is not in step."""
    yes = Stand(Standing.TRUE, said.reason, said.message)
    return {
        Aspect.READY: Stand(Standing.FALSE, said.reason, said.message),
        Aspect.RECONCILING: yes if said.goes_on else IN_STEP[Aspect.RECONCILING],
        Aspect.STALLED: yes if said.is_stuck else Stand(Standing.FALSE, said.reason),
        Aspect.DRIFTED: Stand(Standing.TRUE, Reason.DRIFT, said.message) if has_drifted else IN_STEP[Aspect.DRIFTED],
    }


def on_trial(trial: Trial) -> Mapping[Aspect, Stand]:
    """Return the conditions of a resource that is in step, and has to be on air again."""
    return {**IN_STEP, Aspect.RECONCILING: Stand(Standing.TRUE, Reason.ON_TRIAL, trial.given.reason)}


def said_of(outcome: PassOutcome, orders: Orders, failures: Mapping[Key, int]) -> dict[Key, Said]:
    """
    Return what a pass says of each resource that is not as its manifest says; the rest is in step.

    Args:
        outcome: what became of the pass.
        orders: that held when it ended.
        failures: in how many passes in a row before this one each resource failed.

    """
    said = {pin.resource: _of_pin(pin.given.author, pinned(pin)) for pin in orders.pins}
    for key, one in _all(outcome, failures):
        # What was told first is what happened; what is left of the plan comes after it.
        known = said.get(key)
        if known is None or known.reason in {Reason.PINNED, Reason.PUT_BACK} or (one.is_stuck and not known.is_stuck):
            said[key] = one
    return said


def _all(outcome: PassOutcome, failures: Mapping[Key, int]) -> Iterator[tuple[Key, Said]]:
    for one in outcome.outcomes:
        if (said := _of_outcome(one, failures.get(one.change.key, 0))) is not None:
            yield one.change.key, said
    for failed in outcome.left.failed:
        yield failed.key, _of_failure(failed, failures.get(failed.key, 0))
    for blocked in outcome.left.blocked:
        if not isinstance(blocked.key, RegionKey):
            yield blocked.key, _of_blocked(blocked)
    for waiting in outcome.left.waiting:
        yield waiting.key, _of_waiting(waiting)
    for change in outcome.left.changes:
        yield change.key, _of_planned(change)


def _of_pin(author: str, words: str) -> Said:
    if author == BY_ITSELF:
        return Said(reason=Reason.PUT_BACK, message=words, is_stuck=True)
    return Said(reason=Reason.PINNED, message=words)


def _of_outcome(outcome: Outcome, failures: int) -> Said | None:
    match outcome.result:
        case Result.FAILED:
            return _stuck_after(Reason.FAILED, outcome.why, failures)
        case Result.SKIPPED:
            return Said(reason=Reason.SKIPPED, message=outcome.why, goes_on=True)
        case Result.UNKNOWN:
            return Said(reason=Reason.UNCLEAR, message=outcome.why, goes_on=True)
        case Result.DONE if outcome.is_half:
            words = "what replaces it was made beside it, and is looked at until it delivers"
            return Said(reason=Reason.UNCLEAR, message=words, goes_on=True)
        case _:
            return None


def _of_failure(failed: Failed, failures: int) -> Said:
    return _stuck_after(Reason.FAILED, failed.why, failures)


def _stuck_after(reason: Reason, why: str, failures: int) -> Said:
    is_stuck = failures + 1 >= FAILURES
    words = f"{why} (in {failures + 1} passes in a row)" if failures else why
    return Said(reason=reason, message=words, goes_on=True, is_stuck=is_stuck)


def _of_blocked(blocked: Blocked) -> Said:
    return Said(
        reason=_BY_PEOPLE.get(blocked.hold, Reason.BLOCKED),
        message=whole(blocked),
        goes_on=blocked.hold in _SOON,
        is_stuck=blocked.hold not in _PASSES,
    )


def _of_waiting(waiting: Waiting) -> Said:
    return Said(reason=Reason.WAITING, message=waiting.why, goes_on=True)


def _of_planned(change: Change) -> Said:
    return Said(reason=Reason.PLANNED, message=f"{change.action}: {change.why}; nothing is sent here")
