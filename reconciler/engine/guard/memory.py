"""What the guard remembers, and the judgement of a plan that reads it."""

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from reconciler.domain.change_ids import change_id
from reconciler.domain.changes import Action, Blocked, Call, Change, Create, Delete, Hold, Plan, Sequence, Waiting
from reconciler.domain.model import Key, OutputKey, Unreadable, key_of
from reconciler.domain.policies import Policies
from reconciler.domain.safety.judging import held_back, judge
from reconciler.domain.safety.limits import Circumstances, Spent, edited, is_removal
from reconciler.domain.safety.reasons import with_reasons
from reconciler.domain.safety.releases import holding, signed_text
from reconciler.domain.safety.repeating import CORRECTIONS, WITHIN_S, Corrections
from reconciler.engine.guard.facts import Facts, Keeper, Mode
from reconciler.ports.journal import Settled
from reconciler.ports.source import Revision

if TYPE_CHECKING:
    from datetime import datetime

JUMP_S: Final = 60.0
"""By so much the clock on the wall may leave the one that never runs backwards between two passes."""
_READ_BACK: Final = 10_000
"""Calls that are read back from the journal at most: what was created within the settling time."""


class Memory:
    """What was sent, wanted, fought over and given up, since this process began."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._clock = keeper.clock
        self._limits = keeper.limits
        self._revision = Revision("")
        self._spent = Spent()
        self._corrections = Corrections()
        self._wanted_since: dict[tuple[Key, str], float] = {}
        self._given_up: set[tuple[Key, str]] = set()
        self._clocks: tuple[datetime, float] | None = None
        self._created_at: dict[Key, float] | None = None

    def judge(self, plan: Plan, facts: Facts) -> tuple[Plan, Facts]:
        """Return what of a plan may be sent as far as can be said now, and the facts with the releases that hold."""
        distrust = self._clock_jump()
        if facts.revision != self._revision:
            self._revision, self._spent, self._given_up = facts.revision, Spent(), set()
            # Who wants something else by now corrects nobody.
            self._corrections = Corrections()
        if not any(is_removal(change) or edited(change) for change in plan.changes) and _is_whole(facts):
            # They agree, but for what is new: what comes next is another difference.
            self._spent = Spent()
        known = replace(facts, policies=self._holding(facts.policies))
        around = Circumstances(
            desired=known.desired,
            actual=known.actual,
            owner=known.owner,
            policies=known.policies,
            spent=self._spent,
            limits=self._limits,
            distrust=distrust,
        )
        judged = self._remembered(judge(self._settling(plan), around), facts.mode)
        return with_reasons(judged, known.desired), known

    def done(self, change: Change) -> None:
        """Learn that a change was made, all of it."""
        self._spent = self._spent.with_done([change])
        self._corrections = self._corrections.with_done([change], now_s=self._clock.monotonic_s())

    def sent(self, call: Call) -> None:
        """Learn that a call was carried out, whatever becomes of the change that it is a part of."""
        if isinstance(call, Create):
            self._created()[call.key] = self._clock.monotonic_s()
        elif isinstance(call, Delete):
            self._created().pop(call.key, None)

    def unknown(self, call: Call) -> None:
        """Learn that nobody knows whether a call was carried out."""
        if isinstance(call, Create):
            self._created()[call.key] = self._clock.monotonic_s()

    def give_up(self, change: Change) -> None:
        """Remember that a twin came to nothing: it is not tried again before the manifests change."""
        self._given_up.add((change.key, change_id(change)))

    def _holding(self, policies: Policies) -> Policies:
        """Return what neither has expired nor lacks the signature that is asked for."""
        current = holding(policies, now=self._clock.now())
        verifier = self._keeper.verifier
        if not verifier.is_asked:
            return current
        signed = (each for each in current.approvals if verifier.signer(signed_text(each), each.signature) is not None)
        return replace(current, approvals=tuple(signed))

    def _clock_jump(self) -> str:
        now, now_s = self._clock.now(), self._clock.monotonic_s()
        before, self._clocks = self._clocks, (now, now_s)
        if before is None:
            return ""
        jump_s = (now - before[0]).total_seconds() - (now_s - before[1])
        if abs(jump_s) <= JUMP_S:
            return ""
        return (
            f"the clock of this machine jumped by {jump_s:+.0f} s since the last look, so nothing is deleted this time"
        )

    def _settling(self, plan: Plan) -> Plan:
        """Return the plan without what makes something that was made a moment ago: lists may be late."""
        young = {change.key: key for change in plan.changes if (key := self._young(change)) is not None}
        if not young:
            return plan
        waiting: list[Waiting] = []
        kept: list[Change] = []
        for change in plan.changes:
            # Where the flow itself is looked for, what is in it waits, too: there is nothing to send it to.
            of_flow = change.key.flow_key if isinstance(change.key, OutputKey) else change.key
            sought = young.get(of_flow) or (young.get(change.key) if self._young(change) else None)
            if sought is None:
                kept.append(change)
            else:
                waiting.append(Waiting(key=change.key, why=self._why_settling(sought)))
        return replace(plan, changes=tuple(kept), waiting=(*plan.waiting, *waiting))

    def _young(self, change: Change) -> Key | None:
        """Return what a change makes that was made within the settling time; also where it replaces something."""
        calls = change.calls if isinstance(change, Sequence) else (change,)
        made = (call.key for call in calls if isinstance(call, Create))
        return next((key for key in made if self._age_s(key) is not None), None)

    def _age_s(self, key: Key) -> float | None:
        """Return how long ago the resource was created, while that is within the settling time; else None."""
        at_s = self._created().get(key)
        age_s = None if at_s is None else self._clock.monotonic_s() - at_s
        return age_s if age_s is not None and age_s < self._limits.settling_s else None

    def _why_settling(self, key: Key) -> str:
        return (
            f"a create of {key} was sent {self._age_s(key) or 0:.0f} s ago, and lists may not show it yet; it is "
            f"looked for until {self._limits.settling_s:g} s are over, and only then made again"
        )

    def _created(self) -> dict[Key, float]:
        """Return when each resource was created last; what a former process did is read from the journal, once."""
        if self._created_at is None:
            self._created_at = self._created_before()
        return self._created_at

    def _created_before(self) -> dict[Key, float]:
        now, now_s = self._clock.now(), self._clock.monotonic_s()
        found: dict[Key, float] = {}
        gone: set[Key] = set()
        for written in self._keeper.journal.calls(limit=_READ_BACK):
            # What was written in the future was written before the clock was put back, nobody knows how long ago.
            age_s = max(0.0, (now - written.at).total_seconds())
            if age_s >= self._limits.settling_s:
                break
            key = key_of(written.intent.resource)
            is_create = written.intent.action == Action.CREATE and written.settled is not Settled.REFUSED
            if key is not None and written.intent.action == Action.DELETE and written.settled is Settled.DONE:
                # What was deleted after it was created is looked for no more.
                gone.add(key)
            if is_create and key is not None and key not in gone:
                found.setdefault(key, now_s - age_s)
        return found

    def _remembered(self, plan: Plan, mode: Mode) -> Plan:
        """Return the plan without what must be wanted again, is fought over, or was given up."""
        now_s = self._clock.monotonic_s()
        wanted = {(change.key, change_id(change)): now_s for change in plan.changes if is_removal(change)}
        self._wanted_since = {each: self._wanted_since.get(each, at_s) for each, at_s in wanted.items()}
        allowed: list[Change] = []
        blocked: list[Blocked] = []
        for change in plan.changes:
            held = self._given(change) or self._fought(change, now_s) or self._again(change, mode, now_s)
            if held is None:
                allowed.append(change)
            else:
                blocked.append(held)
        return replace(plan, changes=tuple(allowed), blocked=(*plan.blocked, *blocked))

    def _given(self, change: Change) -> Blocked | None:
        if not self._given_up or (change.key, change_id(change)) not in self._given_up:
            return None
        why = (
            f"what was to replace it did not deliver within {self._limits.twin_deadline_s:g} s, so it went and the old "
            "one stays; the next revision of the manifests tries again"
        )
        return held_back(change, Hold.GIVEN_UP, why)

    def _fought(self, change: Change, now_s: float) -> Blocked | None:
        fought = self._corrections.fought_over(change, now_s=now_s)
        if not fought:
            return None
        named = ", ".join(one.path for one in fought)
        why = (
            f"{named} was put right {CORRECTIONS} times within {WITHIN_S / 60:g} minutes, and each time somebody put "
            f"it back: a person in the console, or another reconciler that calls itself {self._keeper.owner!r}. "
            "It is left as it is until they agree with the manifests, or leave it alone for a while"
        )
        return held_back(change, Hold.FLIP_FLOP, why)

    def _again(self, change: Change, mode: Mode, now_s: float) -> Blocked | None:
        if mode is not Mode.LOOP or not is_removal(change):
            return None
        if now_s - self._wanted_since[change.key, change_id(change)] >= self._limits.delete_gap_s:
            return None
        why = f"it must still be wanted {self._limits.delete_gap_s:g} s later, before anything is deleted"
        return held_back(change, Hold.AGAIN, why)


def _is_whole(facts: Facts) -> bool:
    """Return whether every region could be read, so that nothing is missing from the difference."""
    return not any(isinstance(found, Unreadable) for found in facts.actual.regions.values())
