"""What the guard remembers, and the judgement of a plan that reads it."""

from dataclasses import replace
from datetime import datetime
from typing import Final

from reconciler.domain.change_ids import change_id
from reconciler.domain.changes import (
    Blocked,
    Call,
    Change,
    Create,
    Delete,
    FlowAt,
    Hold,
    Plan,
    Start,
    Stop,
    twin_there,
)
from reconciler.domain.errors import BackendError
from reconciler.domain.model import (
    FlowState,
    FoundFlow,
    Key,
    Output,
    OutputKey,
)
from reconciler.domain.policies import Policies
from reconciler.domain.safety.far_ends import Ends, ends_after
from reconciler.domain.safety.judging import Lifted, held_back, judge, lifted
from reconciler.domain.safety.limits import Circumstances, Spent, edited, is_removal
from reconciler.domain.safety.reasons import with_reasons
from reconciler.domain.safety.releases import holding, signed_text
from reconciler.domain.safety.repeating import CORRECTIONS, WITHIN_S, Corrections
from reconciler.domain.targets import far_ends
from reconciler.engine.guard.drifting import Drifting
from reconciler.engine.guard.facts import Facts, Keeper, Mode
from reconciler.engine.guard.failures import Failures
from reconciler.engine.guard.late_lists import LateLists, Place, place_of
from reconciler.engine.steps import Steps
from reconciler.ports.source import Revision

JUMP_S: Final = 60.0
"""By so much the clock on the wall may leave the one that never runs backwards between two passes."""


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
        self._failures = Failures(keeper.journal)
        self.steps: Final = Steps(keeper.journal)
        self.drifting: Final = Drifting(self.steps)
        self._lifted: tuple[Lifted, ...] = ()
        self._clocks: tuple[datetime, float] | None = None
        self._latest = keeper.clock.now()
        self._late = LateLists(keeper)
        self._gone: dict[str, Key] = {}
        """What was deleted since all was observed, by its id; the last one last."""
        self._stopped: set[FlowAt] = set()
        self._made_since: set[Place] = set()
        self.moved: dict[str, Ends] = {}
        """Where outputs that were edited or deleted since then send, or what was made for them does."""

    def judge(self, plan: Plan, facts: Facts) -> tuple[Plan, Facts]:
        """Return what of a plan may be sent as far as can be said now, and the facts with the releases that hold."""
        distrust = self._clock_jump()
        self._gone, self._stopped, self._made_since, self.moved = {}, set(), set(), {}
        if facts.revision != self._revision:
            self._revision, self._spent, self._given_up = facts.revision, Spent(), set()
            # Who wants something else by now corrects nobody.
            self._corrections = Corrections()
        if not any(is_removal(change) or edited(change) for change in plan.changes) and facts.actual.is_whole:
            # They agree, but for what is new: what comes next is another difference.
            self._spent = Spent()
        known = replace(facts, policies=self._holding(facts.policies), given=facts.policies)
        around = Circumstances(
            desired=known.desired,
            actual=known.actual,
            owner=known.owner,
            policies=known.policies,
            given=known.given,
            now=self._latest,
            spent=self._spent,
            limits=self._limits,
            distrust=distrust,
        )
        if facts.actual.is_whole:
            self.steps.learn(plan, facts.desired, facts.revision)
        settled = self._late.without_late(plan, known)
        self._lifted = lifted(settled, around)
        judged = self._remembered(judge(settled, around), known)
        return with_reasons(judged, known.desired), known

    def sent(self, call: Call, *, is_certain: bool = True) -> None:
        """Learn that a call was carried out, or may have been."""
        self.steps.sent(call, is_certain=is_certain)
        if is_certain:
            self.moved |= ends_after(call)
        if isinstance(call, Create) and isinstance(call.wanted, Output):
            # It may be the old one that was put back.
            before = next((id_ for id_, key in reversed(self._gone.items()) if key == call.key), None)
            if before is not None:
                self.moved[before] = far_ends(call.wanted.spec)
        if isinstance(call, Create):
            self._late.created(call)
            self._made_since.add(place_of(call))
        elif isinstance(call, Delete):
            self._late.deleted(call)
            self._gone[call.found.id] = call.key
        elif isinstance(call, Stop):
            self._stopped.add(call.at)
        elif isinstance(call, Start):
            self._stopped.discard(call.at)

    def as_now(self, flow: FoundFlow) -> FoundFlow:
        """Return a flow as it is after what was sent since it was observed: without what went, idle when stopped."""
        is_stopped = FlowAt(flow.region, flow.live_name) in self._stopped
        outputs = tuple(output for output in flow.outputs if output.id not in self._gone)
        return replace(flow, outputs=outputs, state=FlowState.IDLE if is_stopped else flow.state)

    def made_in(self, at: FlowAt) -> int:
        """Return how many outputs were made in a flow since it was observed."""
        return sum(isinstance(key, OutputKey) and place == at for key, place, _ in self._made_since)

    def lifted(self, change: Change) -> tuple[Lifted, ...]:
        """Return what lets a change pass although it goes beyond a limit, as it was judged last."""
        if not self._lifted:
            return ()
        wanted = (change.key, change_id(change))
        return tuple(one for one in self._lifted if (one.change.key, change_id(one.change)) == wanted)

    def done(self, change: Change, facts: Facts) -> None:
        """Learn that a change was made."""
        self.steps.done(change, facts.desired, facts.revision)
        self._spent = self._spent.with_done([change])
        self.half_done(change)

    def half_done(self, change: Change) -> None:
        """Learn that what replaces something was made beside it: that puts right what differs, and nothing has gone."""
        self._corrections = self._corrections.with_done([change], now_s=self._clock.monotonic_s())

    def give_up(self, change: Change) -> None:
        """Remember that a twin came to nothing: it is not tried again before the manifests change."""
        self._given_up.add((change.key, change_id(change)))

    def failed(self, change: Change, error: BackendError, facts: Facts) -> None:
        """Learn that a change failed after it had stopped or deleted something, which is put back."""
        self._failures.learn(change, error, facts)

    def latest(self) -> datetime:
        """Return the latest time that this process has seen: a clock that is set back revives nothing that expired."""
        self._latest = max(self._latest, self._clock.now())
        return self._latest

    def _holding(self, policies: Policies) -> Policies:
        """Return what neither has expired nor lacks the signature that is asked for."""
        current = holding(policies, now=self.latest())
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

    def _remembered(self, plan: Plan, facts: Facts) -> Plan:
        """Return the plan without what must be wanted again, is fought over, or was given up."""
        failed = self._failures.held(plan, facts)
        now_s = self._clock.monotonic_s()
        wanted = {(change.key, change_id(change)): now_s for change in plan.changes if is_removal(change)}
        self._wanted_since = {each: self._wanted_since.get(each, at_s) for each, at_s in wanted.items()}
        allowed: list[Change] = []
        blocked: list[Blocked] = []
        for change in plan.changes:
            held = failed.get(id(change)) or self._given(change) or self.drifting.held(change, facts)
            held = held or self._fought(change, now_s) or self._again(change, facts.mode, now_s)
            if held is None:
                allowed.append(change)
            else:
                blocked.append(held)
        return replace(plan, changes=tuple(allowed), blocked=(*plan.blocked, *blocked))

    def _given(self, change: Change) -> Blocked | None:
        if not self._given_up or (change.key, change_id(change)) not in self._given_up:
            return None
        if twin_there(change) is not None:
            # It is there: to take it away failed, or may have. It has not gone before a reading shows none.
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
