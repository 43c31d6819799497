"""Guards of what a change disturbs beside what it names: siblings in a freeze, legs with new names, forged marks."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from reconciler.domain.change_ids import change_id
from reconciler.domain.changes import Call, Change, Edit, Hold
from reconciler.domain.marks import Mark, Owner
from reconciler.domain.model import Care, FlowKey, FlowState, Output, Region
from reconciler.domain.policies import Approval, Calendar, Move, OneOff, Policies, WindowKind
from reconciler.engine.apply import Terms
from reconciler.engine.plan import plan_for
from reconciler.engine.reconcile import reconcile
from reconciler.ports.backend import Applied, EndStatus
from tests.builders import flow, found_flow, found_output, output
from tests.unit.engine.airing import put_on_air
from tests.unit.engine.worlds import (
    MeddledBackend,
    MemorySource,
    MemoryVault,
    PatientClock,
    a_world,
    finish,
    say,
    worldlet_of,
)

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


class LateStatuses(MeddledBackend):
    """A backend whose status shows for three seconds more what was before an edit, after which nobody came back."""

    def __init__(self, clock: PatientClock) -> None:
        super().__init__()
        self._clock = clock
        self._edited_at_s: dict[str, float] = {}

    async def apply(self, call: Call) -> Applied:
        """Remember when an output was edited."""
        if isinstance(call, Edit):
            self._edited_at_s[call.found.id] = self._clock.monotonic_s()
        return await super().apply(call)

    async def status(self, region: Region, flow_id: str) -> tuple[EndStatus, ...]:
        """Forget what was connected to what was edited three seconds ago."""
        for id_, at_s in self._edited_at_s.items():
            if self._clock.monotonic_s() - at_s >= 3:
                self.statuses.pop(id_, None)
        return await super().status(region, flow_id)


async def test_a_status_that_is_late_does_not_let_the_second_leg_go() -> None:
    """Right after the first leg was changed its status tells nothing yet; both were approved, and one stays on air."""
    clock = PatientClock(auto=False)
    small = worldlet_of(MemorySource(), LateStatuses(clock), clock, MemoryVault())
    small.backend.hold(found_flow(flow(), found_output(leg("left")), found_output(leg("right"))))
    put_on_air(small, "id-left", "id-right")
    target = say(small, flow(), leg("left", latency_ms=400), leg("right", latency_ms=400))
    approvals = tuple(_approval(change) for change in (await plan_for(small.world, target)).changes)
    approved = replace(target, policies=Policies(approvals=approvals))

    outcome = await finish(small, reconcile(small.world, approved, terms=Terms()))

    assert (small.backend.latency_ms("left"), small.backend.latency_ms("right")) == (400, 120)
    assert [each.hold for each in outcome.left.blocked] == [Hold.REDUNDANCY]


def _approval(change: Change) -> Approval:
    return Approval(
        name="both",
        resource=change.key,
        action=change.action,
        change=change_id(change),
        reason="a new latency",
        expires=datetime(2027, 1, 1, tzinfo=UTC),
    )


@pytest.mark.parametrize("is_first", [True, False])
async def test_a_namesake_that_stands_still_proves_nothing(*, is_first: bool) -> None:
    """Somebody made an idle flow of the same name; it is ours that is looked at, and ours is on air."""
    small = a_world()
    ours = found_flow(flow(), found_output(output()))
    namesake = replace(found_flow(flow(state=FlowState.IDLE), owner=None), id="namesake")
    kept = [output(f"kept_{number}", of="other") for number in range(8)]
    both = (ours, namesake) if is_first else (namesake, ours)
    small.backend.hold(*both, found_flow(flow("other"), *map(found_output, kept)))
    put_on_air(small, "id-tower")

    outcome = await finish(small, reconcile(small.world, say(small, flow("other"), *kept), terms=Terms()))

    assert small.backend.sent == []
    assert [each.hold for each in outcome.left.blocked] == [Hold.ON_AIR]
