"""Reconcile: one level-based pass, from what is desired to what became of it."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Final

from reconciler.domain.changes import Action, Change, Plan
from reconciler.domain.errors import CredentialsRefusedError
from reconciler.domain.model import Desired, FlowKey, Key
from reconciler.engine.apply import Execution, Outcome, Result, Terms, execute, flow_key
from reconciler.engine.cutting import CutError, unless
from reconciler.engine.plan import plan_for
from reconciler.engine.world import World
from reconciler.ports.source import Revision

MAX_ROUNDS: Final = 3
"""How often one pass plans: an output that calls a new flow waits for the address that creating that flow brings."""
PASS_TIMEOUT_S: Final = 900.0
"""How long one pass goes on sending; the rest is left to the next, which sees afresh what is there."""

_REMOVING: Final = frozenset({Action.DELETE, Action.RECREATE, Action.STOP})


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a pass is to reach, and under whose eyes."""

    revision: Revision
    desired: Desired
    """The whole tree, secrets unresolved."""
    automatic: bool = False
    """Whether nobody has looked at the plan; the brake is tighter then."""
    deleted_flows: AbstractSet[Key] = frozenset()
    """Flows that were already deleted for this revision."""


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
        return tuple(outcome.change for outcome in self.outcomes if outcome.result is Result.DONE)

    @property
    def undone(self) -> tuple[Outcome, ...]:
        """Return the changes that failed or were not sent."""
        return tuple(outcome for outcome in self.outcomes if outcome.result is not Result.DONE)

    @property
    def has_failed(self) -> bool:
        """Return whether the same pass is worth another try soon."""
        return bool(self.undone or self.left.failed or self.left.waiting or self.refused)

    @property
    def deleted_flows(self) -> frozenset[Key]:
        """Return the flows whose delete was begun; one that failed halfway counts as deleted."""
        return frozenset(
            outcome.change.key
            for outcome in self.outcomes
            if isinstance(outcome.change.key, FlowKey)
            and outcome.change.action is Action.DELETE
            and outcome.result is not Result.SKIPPED
        )


async def reconcile(world: World, target: Target, *, terms: Terms) -> PassOutcome:
    """
    Return what became of one pass: observe, plan, brake, apply.

    Raises:
        BackendError: the backend could not be read; nothing was sent.

    """
    started_s = world.clock.monotonic_s()
    plan = await _plan(world, target)
    outcome = await carry_out(world, target, plan, terms=terms)
    return replace(outcome, duration_s=world.clock.monotonic_s() - started_s)


async def carry_out(world: World, target: Target, plan: Plan, *, terms: Terms) -> PassOutcome:
    """
    Return what became of a plan that was made before, and of what had to wait for its changes.

    What waited is planned again once something was done; those later rounds remove nothing, and touch nothing but
    the flows that waited, so that nobody gets more than was shown.

    Raises:
        BackendError: the backend could not be read again.

    """
    started_s = world.clock.monotonic_s()
    bounded = replace(terms, hold=lambda: _hold(world, started_s, terms))
    outcomes: dict[tuple[Key, Action], Outcome] = {}
    execution = await execute(plan, world.backend, clock=world.clock, terms=bounded)
    outcomes.update(_by_change(execution))
    for _ in range(MAX_ROUNDS - 1):
        if not (plan.waiting and execution.progressed) or execution.refused or bounded.hold():
            break
        try:
            plan = _only_what_waited(await unless(bounded.cut, _plan(world, target)), plan)
        except CutError:
            break
        execution = await execute(plan, world.backend, clock=world.clock, terms=bounded)
        # What failed in one round and is done in the next is done.
        outcomes.update(_by_change(execution))
    return PassOutcome(
        revision=target.revision,
        outcomes=tuple(outcomes.values()),
        left=replace(plan, changes=()),
        refused=execution.refused,
        duration_s=world.clock.monotonic_s() - started_s,
    )


def _by_change(execution: Execution) -> dict[tuple[Key, Action], Outcome]:
    return {(outcome.change.key, outcome.change.action): outcome for outcome in execution.outcomes}


async def _plan(world: World, target: Target) -> Plan:
    return await plan_for(world, target.desired, deleted_flows=target.deleted_flows, automatic=target.automatic)


def _hold(world: World, started_s: float, terms: Terms) -> str:
    if world.clock.monotonic_s() - started_s > PASS_TIMEOUT_S:
        return f"not sent, because the pass has gone on for more than {PASS_TIMEOUT_S:g} s"
    return terms.hold()


def _only_what_waited(plan: Plan, before: Plan) -> Plan:
    flows = {flow_key(waiting.key) for waiting in before.waiting}
    changes = (change for change in plan.changes if flow_key(change.key) in flows and change.action not in _REMOVING)
    return replace(plan, changes=tuple(changes))
