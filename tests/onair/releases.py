"""Approvals, overrides and calendars of histories: the right ones, and those that look like it."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

from reconciler.domain.change_ids import change_id
from reconciler.domain.changes import Action, Change, Plan, Sequence
from reconciler.domain.impact import Impact
from reconciler.domain.model import FlowKey, OutputKey, ResourceKind
from reconciler.domain.policies import Approval, Calendar, Limit, OneOff, Override, Policies, WindowKind
from tests.onair.stage import Meaning

LONG: Final = timedelta(days=1)
_LIFTED: Final = frozenset({Limit.BUDGET, Limit.TREE})


@dataclass
class Book:
    """What was approved: the documents, and what each of them means."""

    policies: Policies = field(default_factory=Policies)
    meant: dict[str, tuple[Meaning, datetime]] = field(default_factory=dict)
    """By the name of the document; those that release nothing are not in it."""
    count: int = 0

    def approves(self, change: Change, *, now: datetime) -> bool:
        """Return whether somebody approved of just this, and the approval has not expired."""
        meaning = Meaning.of(change)
        held = {approval.name for approval in self.policies.approvals}
        return any(meaning == meant and now < until for name, (meant, until) in self.meant.items() if name in held)

    def approve(self, change: Change, *, until: datetime) -> None:
        """Write the approval that fits."""
        self.meant[self._write(_fitting(change), until)] = (Meaning.of(change), until)

    def draw(self, plan: Plan, rng: Random, *, now: datetime) -> None:
        """Write approvals about some of the changes of a plan; half of them release nothing, or not for long."""
        changes = [*plan.changes, *(held.change for held in plan.blocked if held.change is not None)]
        felt = [change for change in changes if change.impact is not Impact.NONE]
        for change in felt:
            # What is made anew beside the old one takes a while, and is worth watching.
            is_long = isinstance(change, Sequence) and change.twin is not None
            chance = rng.random() * (0.45 if is_long else 1)
            if chance < 0.4:
                self.approve(change, until=now + LONG)
            elif chance < 0.55:
                self.approve(change, until=now + timedelta(seconds=rng.uniform(0, 9)))
            elif chance < 0.65:
                self.approve(change, until=now - timedelta(seconds=rng.uniform(0, 60)))
            elif chance < 0.85:
                self._write(_unfit(change, rng.choice(felt), rng), now + LONG)

    def draw_limits(self, rng: Random, *, now: datetime) -> None:
        """Write, or tear up, the documents that lift limits and those that say when."""
        lifted = [_override(kind, action, now) for kind in ResourceKind for action in Action if rng.random() < 0.9]
        windows = [replace(each, lifts=each.lifts | {Limit.WINDOW}) if rng.random() < 0.3 else each for each in lifted]
        calendars = (_calendar(rng, now),) if rng.random() < 0.15 else ()
        self.policies = replace(self.policies, overrides=tuple(windows), calendars=calendars)

    def lift_all(self, *, now: datetime) -> None:
        """Lift every limit, and take the calendars away."""
        lifted = tuple(_override(kind, action, now) for kind in ResourceKind for action in Action)
        self.policies = replace(self.policies, overrides=lifted, calendars=())

    def _write(self, fields: dict[str, Any], until: datetime) -> str:
        self.count += 1
        approval = Approval(name=f"a{self.count}", reason="seen", expires=until, **fields)
        self.policies = replace(self.policies, approvals=(*self.policies.approvals, approval))
        return approval.name


def _override(kind: ResourceKind, action: Action, now: datetime) -> Override:
    return Override(
        name=f"lift_{kind}_{action}",
        of=kind,
        action=action,
        lifts=_LIFTED,
        reason="it is a history",
        expires=now + LONG,
    )


def _fitting(change: Change) -> dict[str, Any]:
    return {"resource": change.key, "action": change.action, "change": change_id(change)}


def _unfit(change: Change, other: Change, rng: Random) -> dict[str, Any]:
    """Return what is nearly an approval of a change."""
    fitting = _fitting(change)
    match rng.randrange(3):
        case 0:
            return fitting | {"change": "0123456789ab" if other.key == change.key else change_id(other)}
        case 1:
            key = OutputKey("other", "alpha") if isinstance(change.key, OutputKey) else FlowKey("other")
            return fitting | {"resource": key if other.key == change.key else other.key}
        case _:
            return fitting | {"action": rng.choice([action for action in Action if action is not change.action])}


def _calendar(rng: Random, now: datetime) -> Calendar:
    kind = rng.choice(list(WindowKind))
    begins = now.replace(tzinfo=None) + timedelta(seconds=rng.uniform(-20, 20))
    window = OneOff(kind=kind, begins=begins, ends=begins + timedelta(seconds=30), overruns=rng.random() < 0.5)
    return Calendar(name="show", zone="UTC", windows=(window,))
