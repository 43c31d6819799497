"""What people's orders beside git hold back: everything, or what they paused and whatever would take that away."""

from collections.abc import Iterable
from dataclasses import replace

from reconciler.domain.changes import Blocked, Change, Delete, Hold, Plan, Stop, calls_of
from reconciler.domain.model import FlowKey, Key
from reconciler.domain.order_words import halted, paused
from reconciler.domain.orders import Orders
from reconciler.domain.safety.judging import held_back
from reconciler.engine.guard.facts import Facts


def without_ordered(plan: Plan, facts: Facts, orders: Orders) -> Plan:
    """Return the plan with what orders hold back moved from its changes to `blocked`."""
    if orders.halt is None and not orders.pauses:
        return plan
    held = {id(change): one for change in plan.changes if (one := held_by(change, facts, orders)) is not None}
    changes = tuple(change for change in plan.changes if id(change) not in held)
    return replace(plan, changes=changes, blocked=(*plan.blocked, *held.values()))


def held_by(change: Change, facts: Facts, orders: Orders) -> Blocked | None:
    """Return a change as held back by an order; None where none is about it."""
    if orders.halt is not None:
        return held_back(change, Hold.HALTED, halted(orders.halt))
    for key in _touched(change, facts):
        if (pause := orders.pause_of(key)) is not None:
            return held_back(change, Hold.PAUSED, paused(pause, change.key))
    return None


def _touched(change: Change, facts: Facts) -> Iterable[Key]:
    """Yield what a change writes to, and what it takes away: whoever stops a flow stops its outputs."""
    yield change.key
    for call in calls_of(change):
        yield call.key
        if isinstance(call, Stop | Delete) and isinstance(call.key, FlowKey):
            yield from facts.outputs_in(call.key)
