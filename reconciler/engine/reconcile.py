"""Reconcile: one level-based pass, from what is desired to what became of it."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Final

import structlog

from reconciler.domain.change_ids import change_id
from reconciler.domain.changes import Action, Blocked, Change, Failed, Hold, Plan, Sequence, calls_of
from reconciler.domain.errors import BackendError, CredentialsRefusedError
from reconciler.domain.model import Key
from reconciler.domain.safety.judging import as_of_now, held_back
from reconciler.domain.safety.limits import Counted, Limits, is_removal, removed
from reconciler.domain.safety.reasons import with_reasons
from reconciler.domain.standing_still import narrowed
from reconciler.engine.apply import Execution, Outcome, Result, Terms, execute, left_beside
from reconciler.engine.cutting import CutError, unless
from reconciler.engine.guard.facts import Mode
from reconciler.engine.plan import Target, pass_id, plan_for, read_tree
from reconciler.engine.settling import settle_what_is_open
from reconciler.engine.world import World
from reconciler.ports.source import Revision

MAX_ROUNDS: Final = 3
"""How often one pass plans: an output that calls a new flow waits for the address that creating that flow brings."""
PASS_TIMEOUT_S: Final = 900.0
"""How long one pass goes on sending; the rest is left to the next, which sees afresh what is there."""
TWIN_LOOK_S: Final = 2.0
"""Between two looks at what replaces something and does not deliver yet."""

_REMOVING: Final = frozenset({Action.DELETE, Action.RECREATE, Action.STOP})
_SOON: Final = {Hold.AGAIN: Limits().delete_gap_s, Hold.TWIN: TWIN_LOOK_S}
"""What holds a change back for a few seconds alone, and for how many."""
_Place = tuple[Key, Action, bool | tuple[Counted, ...]]
"""
What tells the changes of a plan apart.

Of a flow one edit is sent live, and another one standing still; of copies that bear one mark each has a delete.
"""
_NO_STOP: Final = (
    "; the flow was not stopped for it, because what somebody looked at is a change while it runs. Say in "
    "backend.editRules which rules this account keeps, plan again, and look at the stop"
)
_SECOND_LOOK: Final = frozenset({Mode.ONCE, Mode.SHOWN})


@dataclass(frozen=True, slots=True, kw_only=True)
class PassOutcome:
    """What a pass did, and what it left undone."""

    revision: Revision
    outcomes: tuple[Outcome, ...]
    left: Plan
    """The last plan of the pass without its changes: what is blocked, waiting, failed, and in step."""
    refused: CredentialsRefusedError | None
    """Set when the account stopped accepting us in the middle."""
    duration_s: float

    @property
    def done(self) -> tuple[Change, ...]:
        """Return the changes that were made."""
        return tuple(one.change for one in self.outcomes if one.result is Result.DONE and not one.is_half)

    @property
    def undone(self) -> tuple[Outcome, ...]:
        """Return the changes that failed or were not sent."""
        return tuple(outcome for outcome in self.outcomes if outcome.result is not Result.DONE)

    @property
    def has_failed(self) -> bool:
        """Return whether the same pass is worth another try soon."""
        return bool(self.undone or self.left.failed or self.left.waiting or self.refused)

    @property
    def continues_in_s(self) -> float | None:
        """Return how soon the next pass is due, where something is held back for a few seconds alone; else None."""
        waits = [_SOON[blocked.hold] for blocked in self.left.blocked if blocked.hold in _SOON]
        if any(outcome.is_half for outcome in self.outcomes):
            waits.append(TWIN_LOOK_S)
        return min(waits, default=None)


@contextlib.contextmanager
def passing(world: World, target: Target) -> Iterator[Target]:
    """Lend a target as one pass has it: with the pass's id, which every event within bears, as it does the revision."""
    numbered = replace(target, pass_id=pass_id(world.clock))
    named = {"pass_id": numbered.pass_id, "revision": str(numbered.revision)}
    with structlog.contextvars.bound_contextvars(**named), world.telemetry.span("pass", **named):
        yield numbered


async def reconcile(world: World, target: Target, *, terms: Terms) -> PassOutcome:
    """
    Return what became of one pass: observe, plan, guard, apply.

    Raises:
        BackendError: the backend could not be read; nothing was sent.
        CutError: the terms said to stop while it was read; nothing was sent.

    """
    started_s = world.clock.monotonic_s()
    plan = await unless(terms.stop, plan_for(world, target))
    if target.mode is Mode.OBSERVE:
        seen = as_of_now(await world.guard.foresee(plan))
        return PassOutcome(revision=target.revision, outcomes=(), left=seen, refused=None, duration_s=0.0)
    outcome = await carry_out(world, target, plan, terms=terms)
    return replace(outcome, duration_s=world.clock.monotonic_s() - started_s)


async def carry_out(world: World, target: Target, plan: Plan, *, terms: Terms) -> PassOutcome:
    """
    Return what became of a plan that was made before, and of what had to wait for its changes.

    What waited is planned again once something was done; those later rounds remove nothing, and touch nothing but
    the flows that waited, so that nobody gets more than was shown. What is made anew beside an old output is looked
    at until it delivers, or is given up; the loop does that pass by pass.

    Raises:
        BackendError: the backend could not be read a second time before the first delete; nothing was sent.

    """
    return await _Carrying(world, target, terms).run(plan)


class _Carrying:
    """One plan being carried out, round by round."""

    def __init__(self, world: World, target: Target, terms: Terms) -> None:
        self._world = world
        self._target = target
        self._started_s = world.clock.monotonic_s()
        self._terms = replace(terms, hold=self._hold)
        self._asked = terms.hold
        self._outcomes: dict[_Place, Outcome] = {}
        self._refused: CredentialsRefusedError | None = None

    async def run(self, plan: Plan) -> PassOutcome:
        """Send the plan, and what follows from it."""
        settle_what_is_open(self._world)
        plan = await self._looked_at_again(plan)
        left = plan
        rules = self._world.backend.capabilities.rules
        progressed = await self._round(plan)
        if self._world.backend.capabilities.rules is not rules:
            progressed = await self._try_stopped(plan) or progressed
        for _ in range(MAX_ROUNDS - 1):
            if not (left.waiting and progressed) or self._refused or self._hold():
                break
            again = await self._planned_again()
            if isinstance(again, str):
                left = _unread(left, again)
                break
            left = _only_what_waited(again, left)
            progressed = await self._round(left)
        if self._target.mode is not Mode.LOOP:
            await self._see_twins_through()
            self._leave_twins()
        self._world.guard.keep()
        held = [outcome.held for outcome in self._outcomes.values() if outcome.held is not None]
        return PassOutcome(
            revision=self._target.revision,
            outcomes=tuple(one for one in self._outcomes.values() if one.result is not Result.BLOCKED),
            left=replace(left, changes=(), blocked=(*left.blocked, *held)),
            refused=self._refused,
            duration_s=self._world.clock.monotonic_s() - self._started_s,
        )

    async def _round(self, plan: Plan) -> bool:
        """Send a plan, and return whether anything was done."""
        await self._world.guard.prepare(plan)
        execution = await execute(plan, self._world, terms=self._terms)
        # What failed in one round and is done in the next is done.
        self._outcomes.update(_by_change(execution))
        self._refused = execution.refused or self._refused
        return execution.progressed

    async def _planned_again(self) -> Plan | str:
        """
        Return the plan for what is there by now; or why it cannot be read, which is "" where nobody waited for it.

        What was done is done: the pass goes on to tell of it.
        """
        try:
            return await unless(self._terms.cut, plan_for(self._world, self._target))
        except CutError:
            return ""
        except BackendError as error:
            if isinstance(error, CredentialsRefusedError):
                self._refused = error
            return f"the backend could not be read again after something was sent: {error}"

    async def _looked_at_again(self, plan: Plan) -> Plan:
        """Return the plan without removals that a second reading does not ask for."""
        removals = [change for change in plan.changes if is_removal(change)]
        if not removals or self._target.mode not in _SECOND_LOOK:
            return plan
        tree = await read_tree(self._world)
        again = await plan_for(self._world, self._target)
        confirmed = {change_id(change) for change in again.changes if tree.revision == self._target.revision}
        doubted = [change for change in removals if change_id(change) not in confirmed]
        blocked = [_doubted(change) for change in doubted]
        kept = tuple(change for change in plan.changes if change not in doubted)
        return with_reasons(replace(plan, changes=kept, blocked=(*plan.blocked, *blocked)), self._target.desired)

    async def _try_stopped(self, sent: Plan) -> bool:
        """
        Do what was refused while its flow runs, by the rules that the refusal taught and as the guard allows.

        Whatever else the flow needs is left to the next plan: nobody has looked at it, or read it a second time.
        """
        refused = {key.flow_key for key, *_ in self._failed()}
        if self._refused or self._hold():
            return False
        plan = await self._planned_again()
        if isinstance(plan, str):
            for place, one in self._failed().items():
                self._outcomes[place] = replace(one, why="; ".join(filter(None, (one.why, plan))))
            return False
        looked_at = {(call.key, call.action) for change in sent.changes for call in calls_of(change)}
        rest = tuple(narrow for one in plan.changes if one.key in refused and (narrow := _still(one, looked_at)))
        if self._target.mode is Mode.SAVED:
            self._tell_what_wants_a_stop(rest)
            return False
        progressed = await self._round(replace(plan, changes=rest))
        done = [one.change for one in self._outcomes.values() if one.change in rest and one.result is Result.DONE]
        # What failed live was done standing still; or, where it is about the flow itself, it was at least tried again.
        made = {(call.key, call.action) for change in done for call in calls_of(change)}
        again = {(one.key, one.action, False) for one in rest}
        for place in self._failed():
            if place[:2] in made or place in again:
                del self._outcomes[place]
        return progressed

    def _tell_what_wants_a_stop(self, rest: Iterable[Sequence]) -> None:
        """Tell of what failed live that nobody has looked at the stop which it wants: they looked at a live change."""
        wanted = {(call.key, call.action) for change in rest for call in change.calls}
        for place, outcome in self._failed().items():
            if place[:2] in wanted:
                self._outcomes[place] = replace(outcome, why=f"{outcome.why}{_NO_STOP}")

    def _failed(self) -> Mapping[_Place, Outcome]:
        return {place: one for place, one in self._outcomes.items() if one.result is Result.FAILED}

    async def _see_twins_through(self) -> None:
        """Look at what is half done until it is done or given up."""
        while keys := {outcome.change.key for outcome in self._outcomes.values() if _goes_on(outcome)}:
            if self._refused or self._hold():
                return
            try:
                await unless(self._terms.cut, self._world.clock.sleep(TWIN_LOOK_S))
            except CutError:
                return
            plan = await self._planned_again()
            if isinstance(plan, str):
                # Most of it is done, and told of; whoever cannot be asked now is asked again.
                continue
            rest = tuple(one for one in plan.changes if one.key in keys and one.action is Action.RECREATE)
            if rest:
                await self._round(replace(plan, changes=rest))
            elif not _is_unclear(plan, keys):
                self._outcomes.update(_ended(plan, keys, self._outcomes))

    def _leave_twins(self) -> None:
        """Tell of what is half done that it stays so for now: nobody looks at it any more."""
        why = "not sent, because the account no longer accepts us" if self._refused else self._hold()
        for place, outcome in self._outcomes.items():
            if _goes_on(outcome) and isinstance(outcome.change, Sequence) and outcome.change.twin is not None:
                self._outcomes[place] = left_beside(outcome.change, outcome.change.twin, why)

    def _hold(self) -> str:
        if self._world.clock.monotonic_s() - self._started_s > PASS_TIMEOUT_S:
            return f"not sent, because the pass has gone on for more than {PASS_TIMEOUT_S:g} s"
        return self._asked()


def _still(change: Change, looked_at: AbstractSet[tuple[Key, Action]]) -> Sequence | None:
    """Return what is left of a change for which its flow stands still; None of any other."""
    return narrowed(change, looked_at) if isinstance(change, Sequence) and change.action is Action.EDIT else None


def _goes_on(outcome: Outcome) -> bool:
    return outcome.is_half or (outcome.held is not None and outcome.held.hold is Hold.TWIN)


def _is_unclear(plan: Plan, keys: AbstractSet[Key]) -> bool:
    """Return whether a plan cannot say what there is of these resources: a list is late, or cannot be read."""
    flows: set[object] = {key.flow_key for key in keys}
    late = [waiting.key for waiting in plan.waiting]
    lost = [failed.key for failed in plan.failed]
    unread = {blocked.key for blocked in plan.blocked if blocked.hold is Hold.UNREADABLE}
    return not flows.isdisjoint({*(key.flow_key for key in (*late, *lost)), *unread})


def _ended(plan: Plan, keys: AbstractSet[Key], outcomes: Mapping[_Place, Outcome]) -> dict[_Place, Outcome]:
    """Return the outcomes of recreates that a plan has no call for any more: held back as a whole, else done."""
    held: dict[object, Blocked] = {one.key: one for one in plan.blocked}
    ended: dict[_Place, Outcome] = {}
    for place, outcome in outcomes.items():
        if place[0] in keys and _goes_on(outcome):
            why = held.get(place[0]) or held.get(place[0].flow_key)
            result = Result.DONE if why is None else Result.BLOCKED
            ended[place] = replace(outcome, result=result, held=why, is_half=False)
    return ended


def _doubted(change: Change) -> Blocked:
    return held_back(change, Hold.AGAIN, "a second reading right before it did not ask for it any more; plan again")


def _by_change(execution: Execution) -> dict[_Place, Outcome]:
    return {_place(outcome.change): outcome for outcome in execution.outcomes}


def _place(change: Change) -> _Place:
    one = removed(change) if change.action is Action.DELETE else isinstance(change, Sequence)
    return change.key, change.action, one


def _unread(plan: Plan, why: str) -> Plan:
    """Return the plan with what waits as what could not be planned, where it is known why not."""
    if not why:
        return plan
    failed = (Failed(key=waiting.key, why=f"{waiting.why}; {why}. The next pass tells") for waiting in plan.waiting)
    return replace(plan, waiting=(), failed=(*plan.failed, *failed))


def _only_what_waited(plan: Plan, before: Plan) -> Plan:
    flows = {waiting.key.flow_key for waiting in before.waiting}
    changes = (change for change in plan.changes if change.key.flow_key in flows and not _takes_away(change))
    return replace(plan, changes=tuple(changes))


def _takes_away(change: Change) -> bool:
    # What stands still together is called an edit, and may delete something all the same.
    return change.action in _REMOVING or is_removal(change)
