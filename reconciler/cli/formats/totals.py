"""The totals of a plan, the same in each form in which it is told."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

from reconciler.domain.changes import Action, Blocked, Failed, Hold, Plan, Waiting

MAY_STOP: Final = "Which edits this account takes while a flow runs is not known yet: at worst, an edit stops its flow."
"""What is said of a plan that may turn out to need more than it shows."""

IN_PROGRESS: Final = "in progress"
"""The word for a recreate whose new output is there, and does not deliver yet."""
Held = Blocked | Waiting | Failed


def held_of(plan: Plan) -> Mapping[str, tuple[Held, ...]]:
    """Return what is held back, by the word of a document for it."""
    return {"blocked": plan.blocked, "waiting": plan.waiting, "failed": plan.failed}


def told_of(plan: Plan) -> Mapping[str, tuple[Held, ...]]:
    """Return what is held back, by the word that people read: what stands beside its successor is in progress."""
    return {
        "blocked": tuple(item for item in plan.blocked if item.hold is not Hold.TWIN),
        IN_PROGRESS: tuple(item for item in plan.blocked if item.hold is Hold.TWIN),
        "waiting": plan.waiting,
        "failed": plan.failed,
    }


def windows_of(plan: Plan) -> Mapping[int, str]:
    """Return why a window would hold changes back if they were sent now, by the identity of each change."""
    return {id(item.change): item.why for item in plan.windows}


def counted(plan: Plan) -> str:
    """Return how many changes there are of each action, how much is held back, and what stays as it is."""
    counts = Counter(change.action for change in plan.changes)
    parts = [f"{counts[action]} to {action}" for action in Action if counts[action]]
    parts += [f"{len(plan.windows)} of them held back by a window now"] if plan.windows else []
    parts += [f"{len(held)} {word}" for word, held in told_of(plan).items() if held]
    return f"{', '.join(parts) or 'nothing to change'}; {plan.unchanged} unchanged."
