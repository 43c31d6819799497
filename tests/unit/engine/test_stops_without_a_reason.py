"""A flow that would stop only because its last output goes, and the output that may not go."""

from dataclasses import replace

import pytest

from reconciler.domain.changes import Hold
from reconciler.domain.marks import Mark
from reconciler.domain.model import FlowState
from reconciler.engine.apply import Terms
from reconciler.engine.guard.facts import Mode
from reconciler.engine.plan import plan_for
from reconciler.engine.reconcile import carry_out, reconcile
from tests.builders import US, flow, found_flow, found_output, output
from tests.unit.engine.worlds import a_world, finish, say

pytestmark = pytest.mark.anyio

NAMES = ("one", "two", "three", "four", "five")


async def test_a_tree_that_lost_its_outputs_stops_nothing() -> None:
    """The deletes are beyond the budget, so the flows that wait for their programme stay ready for it."""
    small = a_world()
    flows = [flow(name) for name in NAMES]
    for name, each in zip(NAMES, flows, strict=True):
        outputs = (output(f"{side}_{name}", of=name) for side in ("left", "right"))
        small.backend.hold(found_flow(each, *map(found_output, outputs)))

    outcome = await finish(small, reconcile(small.world, say(small, *flows), terms=Terms()))

    assert {small.backend.flow(name).state for name in NAMES} == {FlowState.RUNNING}
    assert len(outcome.left.blocked) == 3 * len(NAMES)


async def test_what_is_protected_is_not_silenced_either() -> None:
    """Who may not delete an output does not stop its flow for that."""
    small = a_world()
    kept = replace(found_output(output()), mark=Mark(owner=US, name="tower", protected=True))
    small.backend.hold(found_flow(flow(), kept))

    outcome = await finish(small, reconcile(small.world, say(small, flow(), mode=Mode.LOOP), terms=Terms()))

    assert small.backend.flow().state is FlowState.RUNNING
    assert {each.hold for each in outcome.left.blocked} == {Hold.PROTECTED}


async def test_a_delete_that_a_second_reading_doubts_stops_nothing() -> None:
    """The tree has the output back when it is read again."""
    small = a_world()
    small.backend.hold(found_flow(flow(), found_output(output())))
    target = say(small, flow())
    plan = await plan_for(small.world, target)
    small.source.write("put back", flow(), output())

    outcome = await finish(small, carry_out(small.world, target, plan, terms=Terms()))

    assert small.backend.flow().state is FlowState.RUNNING
    assert {each.hold for each in outcome.left.blocked} == {Hold.AGAIN}


async def test_where_one_of_two_outputs_stays_the_other_goes() -> None:
    """Then the flow has one left, and runs on."""
    small = a_world()
    kept = replace(found_output(output()), mark=Mark(owner=US, name="tower", protected=True))
    others = [output(name, of="other") for name in NAMES]
    small.backend.hold(found_flow(flow(), kept, found_output(output("old"))))
    small.backend.hold(found_flow(flow("other"), *map(found_output, others)))

    await finish(small, reconcile(small.world, say(small, flow(), flow("other"), *others), terms=Terms()))

    assert [each.live_name for each in small.backend.flow().outputs] == ["tower"]
    assert small.backend.flow().state is FlowState.RUNNING
