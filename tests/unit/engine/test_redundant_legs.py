"""Tests of outputs that stand in for each other, where a status tells of the past."""

from dataclasses import replace
from datetime import timedelta

import pytest

from reconciler.domain.change_ids import change_id
from reconciler.domain.changes import Call, Edit, Hold
from reconciler.domain.model import FlowState, Output, Region
from reconciler.domain.policies import Approval, Policies
from reconciler.engine.apply import Terms
from reconciler.engine.guard.facts import Mode
from reconciler.engine.plan import plan_for
from reconciler.engine.reconcile import PassOutcome, reconcile
from reconciler.ports.backend import Applied, EndStatus
from tests.builders import flow, found_flow, found_output, output
from tests.unit.engine.worlds import MeddledBackend, MemorySource, MemoryVault, PatientClock, finish, say, worldlet_of

pytestmark = pytest.mark.anyio

STALE_S = 2.0
"""How long a status tells of the time before an edit."""


class Lagging(MeddledBackend):
    """A backend whose outputs are off for a while after each edit, and which says so late."""

    def __init__(self, clock: PatientClock, *, back_after_s: float) -> None:
        super().__init__()
        self._clock = clock
        self._back_after_s = back_after_s
        self._edited_s: dict[str, float] = {}
        self.both_off = False

    async def apply(self, call: Call) -> Applied:
        """Make one call, and see whether it takes the last leg off air."""
        applied = await super().apply(call)
        if isinstance(call, Edit):
            self.both_off |= any(self._is_off(id_, lag_s=0.0) for id_ in self._edited_s)
            self._edited_s[call.found.id] = self._clock.monotonic_s()
        return applied

    async def status(self, region: Region, flow_id: str) -> tuple[EndStatus, ...]:
        """Return how the ends were a while ago."""
        return tuple(
            replace(end, state="Waiting", bitrate_bps=0)
            if self._is_off(end.id, lag_s=STALE_S)
            else replace(end, state="Connected", bitrate_bps=1_000_000)
            for end in await super().status(region, flow_id)
        )

    def _is_off(self, id_: str, *, lag_s: float) -> bool:
        edited_s = self._edited_s.get(id_)
        return edited_s is not None and lag_s <= self._clock.monotonic_s() - edited_s < self._back_after_s + lag_s


def leg(name: str, latency_ms: int) -> Output:
    """Return one of the outputs of a group."""
    made = output(name, latency_ms=latency_ms)
    return replace(made, care=replace(made.care, redundancy_group="pair"))


async def edited(backend: Lagging, clock: PatientClock) -> PassOutcome:
    """Return what came of the edits of both legs, which somebody approved."""
    small = worldlet_of(MemorySource(), backend, clock, MemoryVault())
    found = [found_output(leg(name, 120)) for name in ("one", "two")]
    backend.hold(found_flow(flow(), *found, state=FlowState.RUNNING))
    drawn = say(small, flow(), leg("one", 300), leg("two", 300))
    changes = (await plan_for(small.world, replace(drawn, mode=Mode.SAVED))).changes
    approvals = tuple(
        Approval(
            name="",
            resource=change.key,
            action=change.action,
            change=change_id(change),
            reason="they know",
            expires=clock.now() + timedelta(hours=1),
        )
        for change in changes
    )
    target = replace(drawn, policies=Policies(approvals=approvals))
    return await finish(small, reconcile(small.world, target, terms=Terms()))


async def test_a_leg_that_is_soon_back_lets_the_other_one_follow() -> None:
    """Both are edited in one pass, and never off at once, though the status tells of the past."""
    clock = PatientClock(auto=False)
    backend = Lagging(clock, back_after_s=2.0)

    outcome = await edited(backend, clock)

    assert len(outcome.done) == 2
    assert not backend.both_off


async def test_a_leg_that_is_still_off_holds_the_other_one_back() -> None:
    """It was told to be on air right after its edit; what counts is what is told a while later."""
    clock = PatientClock(auto=False)
    backend = Lagging(clock, back_after_s=60.0)

    outcome = await edited(backend, clock)

    assert [str(change.key) for change in outcome.done] == ["output/news/one"]
    assert [held.hold for held in outcome.left.blocked] == [Hold.REDUNDANCY]
    assert not backend.both_off
