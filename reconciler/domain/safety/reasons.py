"""Reasons: what is done only for the sake of another change, and not without it."""

from dataclasses import replace

from reconciler.domain.changes import Blocked, Change, Delete, Plan, Start, Stop
from reconciler.domain.model import Desired, FlowState, Key, OutputKey
from reconciler.domain.safety.judging import held_back


def with_reasons(plan: Plan, desired: Desired) -> Plan:
    """
    Return the plan without stops that were only for deletes which are held back.

    A flow that is wanted running stops where its last output goes. Where that one may not go, the stop would do to it
    what the hold is there to prevent.
    """
    running: set[Key] = {flow.key for flow in desired.flows if flow.spec.state is FlowState.RUNNING}
    staying: dict[Key, Blocked] = {
        held.key.flow_key: held
        for held in plan.blocked
        if isinstance(held.change, Delete) and isinstance(held.key, OutputKey)
    }
    allowed: list[Change] = []
    blocked: list[Blocked] = []
    for change in plan.changes:
        held = staying.get(change.key) if isinstance(change, Stop) and change.key in running else None
        if held is None:
            allowed.append(change)
        else:
            why = f"it would stop only because {held.key} goes, and that is held back"
            blocked.append(held_back(change, held.hold, why))
    return replace(plan, changes=tuple(allowed), blocked=(*plan.blocked, *blocked))


def start_in_vain(start: Start, held: Blocked) -> Blocked:
    """Return the start of a flow as held back, because it has no output: the one that it needs may not be made."""
    why = f"it has no output yet; {held.key} is to be made first, and that is held back: {held.why}"
    # Who approves of the start has not approved of the output: no command releases it.
    return Blocked(key=start.key, action=start.action, why=why, hold=held.hold)
