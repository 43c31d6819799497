"""What happens between a plan and its writes: people start flows, rename them, and windows open."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from reconciler.domain.changes import Action, Hold
from reconciler.domain.model import FlowState, OutputKey
from reconciler.domain.policies import Calendar, Limit, OneOff, Override, Policies, WindowKind
from reconciler.engine.apply import Terms
from reconciler.engine.plan import plan_for
from reconciler.engine.reconcile import carry_out, reconcile
from tests.builders import flow, found_flow, found_output, output
from tests.unit.engine.airing import output_id, put_on_air
from tests.unit.engine.worlds import Worldlet, a_world, finish, say

pytestmark = pytest.mark.anyio


def idle_flow(small: Worldlet) -> None:
    """Have an idle flow with an output, as if another pass had made it."""
    small.backend.hold(found_flow(flow(state=FlowState.IDLE), found_output(output())))


async def test_what_was_started_since_it_was_seen_is_guarded() -> None:
    """A plan that was made while the flow stood still disturbs nobody after somebody has started it."""
    small = a_world()
    idle_flow(small)
    target = say(small, flow(state=FlowState.IDLE), output(latency_ms=400))
    plan = await plan_for(small.world, target)
    found = small.backend.flow()
    small.backend.flows[found.id] = replace(found, state=FlowState.RUNNING)
    put_on_air(small, output_id(found))

    outcome = await finish(small, carry_out(small.world, target, plan, terms=Terms()))

    assert small.backend.latency_ms() == 120
    assert [(each.action, each.hold) for each in outcome.left.blocked] == [(Action.EDIT, Hold.ON_AIR)]


async def test_what_no_status_tells_of_does_not_stand_still() -> None:
    """A status without a single end says nothing of a flow that somebody may have started since it was read."""
    small = a_world()
    idle_flow(small)
    target = say(small, flow(state=FlowState.IDLE), output(latency_ms=400))
    plan = await plan_for(small.world, target)
    small.backend.untold = {"id-tower", f"{small.backend.flow().id}-input"}

    outcome = await finish(small, carry_out(small.world, target, plan, terms=Terms()))

    assert small.backend.latency_ms() == 120
    assert [(each.action, each.hold) for each in outcome.left.blocked] == [(Action.EDIT, Hold.ON_AIR)]
    assert "the status does not say whether output tower is on air" in outcome.left.blocked[0].why


async def test_what_still_stands_still_is_edited_at_once() -> None:
    """One look at its status is proof enough, and nobody waits for a second one."""
    small = a_world()
    idle_flow(small)
    target = say(small, flow(state=FlowState.IDLE), output(latency_ms=400))
    plan = await plan_for(small.world, target)

    outcome = await finish(small, carry_out(small.world, target, plan, terms=Terms()))

    assert small.backend.latency_ms() == 400
    assert outcome.left.blocked == ()
    assert small.clock.slept_s == []


async def test_what_has_another_name_since_is_not_taken_for_nothing() -> None:
    """A flow that somebody renamed between two readings is not there under its name, and is on air all the same."""
    small = a_world()
    small.backend.hold(found_flow(flow(), found_output(output()), found_output(output("old"))))
    put_on_air(small, "id-old")
    target = say(small, flow(), output())
    plan = await plan_for(small.world, target)
    found = small.backend.flow()
    small.backend.flows[found.id] = replace(found, live_name="by_hand")

    outcome = await finish(small, carry_out(small.world, target, plan, terms=Terms()))

    assert small.backend.names() == {"by_hand", "by_hand/tower", "by_hand/old"}
    assert Hold.UNREADABLE in {each.hold for each in outcome.left.blocked}


FREEZE = OneOff(
    kind=WindowKind.FREEZE,
    begins=datetime.fromisoformat("2026-01-01T00:00:03"),
    ends=datetime.fromisoformat("2026-01-02T00:00:00"),
)


async def test_a_window_that_opens_during_the_wait_for_proof_holds() -> None:
    """The second sample comes 5 s after the first, and the freeze after 3 s: the moment of the write counts."""
    small = a_world()
    small.backend.hold(found_flow(flow(), found_output(output())))
    calendar = Calendar(name="final", zone="UTC", windows=(FREEZE,))
    target = replace(say(small, flow(), output(latency_ms=400)), policies=Policies(calendars=(calendar,)))

    outcome = await finish(small, reconcile(small.world, target, terms=Terms()))

    assert small.backend.latency_ms() == 120
    assert [each.hold for each in outcome.left.blocked] == [Hold.WINDOW]


async def test_an_override_of_a_window_is_written_down_once() -> None:
    """However often the calendar is asked for one write, it is let pass once."""
    small = a_world()
    small.backend.hold(found_flow(flow(), found_output(output())))
    whole = replace(FREEZE, begins=datetime.fromisoformat("2025-12-31T00:00:00"))
    override = Override(
        name="agreed",
        of=OutputKey("news", "tower"),
        action=Action.EDIT,
        lifts=frozenset({Limit.WINDOW}),
        reason="the partner asked for it",
        expires=datetime(2026, 1, 2, tzinfo=UTC),
    )
    policies = Policies(calendars=(Calendar(name="final", zone="UTC", windows=(whole,)),), overrides=(override,))
    target = replace(say(small, flow(), output(latency_ms=400)), policies=policies)

    await finish(small, reconcile(small.world, target, terms=Terms()))

    assert small.backend.latency_ms() == 400
    assert [each.note.resource for each in small.world.journal.notes(kind="override.used")] == ["output/news/tower"]
