"""Guards of what a change disturbs beside what it names: siblings in a freeze, legs with new names, forged marks."""

from dataclasses import replace
from datetime import datetime

import pytest

from reconciler.domain.changes import Hold
from reconciler.domain.marks import Mark, Owner
from reconciler.domain.model import Care, FlowKey, FlowState, Output
from reconciler.domain.policies import Calendar, Move, OneOff, Policies, WindowKind
from reconciler.engine.apply import Terms
from reconciler.engine.reconcile import reconcile
from tests.builders import flow, found_flow, found_output, output
from tests.unit.engine.airing import put_on_air
from tests.unit.engine.worlds import a_world, finish, say

pytestmark = pytest.mark.anyio


FINAL = (("event", "final"),)
FREEZE = Calendar(
    name="final",
    zone="UTC",
    labels=FINAL,
    windows=(
        OneOff(
            kind=WindowKind.FREEZE,
            begins=datetime.fromisoformat("2026-01-01T00:00:00"),
            ends=datetime.fromisoformat("2026-01-02T00:00:00"),
        ),
    ),
)


async def test_a_freeze_of_an_output_holds_what_stops_its_flow() -> None:
    """The flow bears no label, and the output of the final is off air for the moment; it is not stopped for that."""
    small = a_world()
    small.backend.hold(found_flow(flow(), found_output(output()), found_output(output("other"))))
    final = replace(output(), care=Care(labels=FINAL))
    target = say(small, flow(state=FlowState.IDLE), final, output("other"))

    outcome = await finish(
        small, reconcile(small.world, replace(target, policies=Policies(calendars=(FREEZE,))), terms=Terms())
    )

    assert small.backend.flow().state is FlowState.RUNNING
    assert [each.hold for each in outcome.left.blocked] == [Hold.WINDOW]


async def test_a_freeze_of_an_output_lets_its_sibling_go_on() -> None:
    """An edit that disturbs no other output is none of the final's business."""
    small = a_world()
    small.backend.hold(found_flow(flow(), found_output(output()), found_output(output("other"))))
    final = replace(output(), care=Care(labels=FINAL))
    target = say(small, flow(), final, output("other", latency_ms=400))

    await finish(small, reconcile(small.world, replace(target, policies=Policies(calendars=(FREEZE,))), terms=Terms()))

    assert small.backend.latency_ms("other") == 400


def leg(name: str, *, of: str = "news", latency_ms: int = 120) -> Output:
    """Return one of two outputs that stand in for each other."""
    return replace(output(name, of=of, latency_ms=latency_ms), care=Care(redundancy_group="both"))


async def test_a_leg_with_another_name_by_now_is_a_leg() -> None:
    """A Move gives the flow another name, and its only leg on air is edited no sooner for that, approval or not."""
    small = a_world()
    small.backend.hold(found_flow(flow(), found_output(leg("left")), found_output(leg("right"))))
    put_on_air(small, "id-left")
    move = Move(name="renamed", before=FlowKey("news"), now=FlowKey("sport"))
    wanted = (flow("sport", live_name="news"), leg("left", of="sport", latency_ms=400), leg("right", of="sport"))
    target = replace(say(small, *wanted), policies=Policies(moves=(move,)))

    outcome = await finish(small, reconcile(small.world, target, terms=Terms()))

    held = {str(each.key): each.hold for each in outcome.left.blocked}
    assert held["output/sport/left"] is Hold.REDUNDANCY


async def test_a_strangers_flow_stands_in_for_nothing() -> None:
    """An output with our mark in a flow that is kept by somebody else is no other leg."""
    small = a_world()
    small.backend.hold(found_flow(flow(), found_output(leg("left")), found_output(leg("right"))))
    theirs = replace(found_output(leg("right")), id="forged", live_name="forged")
    strange = replace(found_flow(flow("theirs"), theirs), mark=Mark(owner=Owner("them"), name="news"))
    small.backend.hold(strange)
    put_on_air(small, "id-left", "forged")

    outcome = await finish(
        small, reconcile(small.world, say(small, flow(), leg("left", latency_ms=400), leg("right")), terms=Terms())
    )

    assert [each.hold for each in outcome.left.blocked] == [Hold.REDUNDANCY]
