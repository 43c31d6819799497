"""Which conditions are problems, and of what grade. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from reconciler.domain.conditions import Aspect, Reason, Standing, Transition
from reconciler.notifying.notices import Grade, cut

MOST_TEXT: Final = 300
"""Characters that are kept of what a condition says: it ends with a command where there is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is wrong with one subject."""

    grade: Grade
    reason: str
    text: str
    since: datetime
    """In UTC."""
    of: str = ""
    """Of what it is, where the same of another is another problem: a revision; "" else."""

    def is_same(self, other: "Problem | None") -> bool:
        """Return whether whoever knows the other has nothing to learn."""
        return other is not None and (self.grade, self.reason, self.of) == (other.grade, other.reason, other.of)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a transition says of its subject."""

    problem: Problem | None
    """None where nothing is wrong with it."""
    text: str = ""
    """What it says, for people."""


READY_PROBLEMS: Final = frozenset(
    {Reason.BLOCKED, Reason.FAILED, Reason.WAITING, Reason.UNCLEAR, Reason.PUT_BACK, Reason.UNREADABLE}
)
"""Others are what people have asked for (a pause, a pin), or pass by themselves, or something else is told for them."""
DARK: Final = frozenset({Reason.DARK, Reason.NO_SOURCE})
"""Off air although its flow runs; a flow that does not run is off air because somebody wants it so."""
BAD_STANDING: Final[Mapping[Aspect, tuple[Standing, Grade]]] = {
    Aspect.STALLED: (Standing.TRUE, Grade.CRITICAL),
    Aspect.DRIFTED: (Standing.TRUE, Grade.WARNING),
}


def judge(transition: Transition, *, was_on_air: bool) -> Verdict | None:
    """
    Return what a transition says; None where it says nothing.

    Args:
        transition: the transition.
        was_on_air: of `OnAir`, whether the resource has been on air before: what waits for its first picture is none
            that was cut.

    """
    after = transition.after
    text = cut(after.message, MOST_TEXT)
    grade = _grade(transition, was_on_air=was_on_air)
    if grade is not None:
        return Verdict(problem=Problem(grade=grade, reason=str(after.reason), text=text, since=after.since), text=text)
    if after.standing is Standing.UNKNOWN or after.aspect is Aspect.RECONCILING:
        return None
    return Verdict(problem=None, text=text)


def _grade(transition: Transition, *, was_on_air: bool) -> Grade | None:
    after = transition.after
    match after.aspect:
        case Aspect.READY:
            is_bad = after.standing is not Standing.TRUE and after.reason in READY_PROBLEMS
            return Grade.WARNING if is_bad else None
        case Aspect.ON_AIR:
            is_bad = was_on_air and after.standing is Standing.FALSE and after.reason in DARK
            return Grade.CRITICAL if is_bad else None
        case Aspect.STALLED | Aspect.DRIFTED:
            bad, grade = BAD_STANDING[after.aspect]
            return grade if after.standing is bad else None
        case Aspect.RECONCILING:
            return None
