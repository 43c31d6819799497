"""What the guard remembers from pass to pass and from process to process, and what it forgets."""

from datetime import UTC, datetime

import pytest

from reconciler.domain.changes import Action, Hold
from reconciler.domain.errors import UnavailableError
from reconciler.domain.model import Flow, FlowState, Output, Region
from reconciler.engine.apply import Result, Terms
from reconciler.engine.guard.facts import Mode
from reconciler.engine.reconcile import PassOutcome, reconcile
from tests.builders import LOCAL, flow, found_flow, found_output, output
from tests.unit.engine.worlds import (
    MeddledBackend,
    MemorySource,
    MemoryVault,
    PatientClock,
    Remains,
    Worldlet,
    a_world,
    finish,
    say,
    worldlet_of,
)

pytestmark = pytest.mark.anyio

AWAY = Region("eu-frankfurt")
DOWN = UnavailableError("it does not answer", maybe_applied=False)


class TwoRegions(MeddledBackend):
    """A backend that serves two."""

    async def regions(self) -> tuple[Region, ...]:
        """Return both."""
        return (AWAY, LOCAL)


async def a_pass(small: Worldlet, *resources: Flow | Output, revision: str = "one") -> PassOutcome:
    """Return what became of a pass."""
    target = say(small, *resources, revision=revision, mode=Mode.ONCE)
    return await finish(small, reconcile(small.world, target, terms=Terms()))


async def test_a_region_that_comes_and_goes_adds_nothing_to_the_budget() -> None:
    """Four of sixteen may go, and four of the four beside them not for that: the difference is eight of twenty."""
    near = [flow(f"near_{number}", state=FlowState.IDLE) for number in range(16)]
    away = [flow(f"away_{number}", state=FlowState.IDLE, region=AWAY) for number in range(4)]
    small = worldlet_of(MemorySource(), TwoRegions(), PatientClock(auto=False), MemoryVault())
    small.backend.hold(*map(found_flow, (*near, *away)))
    small.backend.unreadable[AWAY] = DOWN

    first = await a_pass(small, *near[4:])
    await a_pass(small, *near[4:])
    del small.backend.unreadable[AWAY]
    later = await a_pass(small, *near[4:])

    assert [each.action for each in first.done] == [Action.DELETE] * 4
    assert [each.hold for each in later.left.blocked] == [Hold.BUDGET] * 4
    assert len(small.backend.flows) == 16


async def test_a_clock_that_was_put_back_makes_nothing_twice() -> None:
    """What the journal says was created in the future was created a moment ago; the list may still be late."""
    small = a_world()
    await a_pass(small, flow(), output())
    small.backend.flows.clear()
    earlier = PatientClock(auto=False, start=datetime(2025, 12, 31, tzinfo=UTC))
    restarted = worldlet_of(
        small.source,
        small.backend,
        earlier,
        small.vault,
        remains=Remains(journal=small.world.journal, orders=small.orders),
    )
    sent = list(small.backend.sent)

    target = say(restarted, flow(), output(), flow("fresh"))
    outcome = await finish(restarted, reconcile(restarted.world, target, terms=Terms()))

    assert small.backend.sent == [*sent, "create flow/fresh"]
    assert {str(each.key) for each in outcome.left.waiting} == {"flow/news", "output/news/tower"}


async def test_people_who_try_values_fight_nobody() -> None:
    """Every revision that wants another value gets it, however many there are in ten minutes."""
    small = a_world()
    small.backend.hold(found_flow(flow(), found_output(output())))

    outcomes = [
        await a_pass(small, flow(), output(latency_ms=latency_ms), revision=f"with {latency_ms}")
        for latency_ms in (200, 300, 400, 500, 600)
    ]

    assert [one.result for each in outcomes for one in each.outcomes] == [Result.DONE] * 5


async def test_who_is_put_wrong_again_and_again_stops() -> None:
    """Of one revision the fourth correction within ten minutes is none of drift."""
    small = a_world()
    small.backend.hold(found_flow(flow(), found_output(output())))

    for _ in range(3):
        await a_pass(small, flow(), output(latency_ms=400))
        small.backend.hold(found_flow(flow(), found_output(output())))
    outcome = await a_pass(small, flow(), output(latency_ms=400))

    assert [each.hold for each in outcome.left.blocked] == [Hold.FLIP_FLOP]


async def test_what_comes_back_again_and_again_is_left_there() -> None:
    """Another reconciler with our owner and another tree makes what this one deletes; the fourth time it stays."""
    small = a_world()
    kept = [output(f"kept_{number}") for number in range(8)]
    both = found_flow(flow(), found_output(output()), *map(found_output, kept))

    for _ in range(3):
        small.backend.hold(both)
        await a_pass(small, flow(), *kept)
        assert "news/tower" not in small.backend.names()
    small.backend.hold(both)
    outcome = await a_pass(small, flow(), *kept)

    assert "news/tower" in small.backend.names()
    assert [each.hold for each in outcome.left.blocked] == [Hold.FLIP_FLOP]


async def test_what_was_deleted_since_it_was_created_is_made_at_once() -> None:
    """A process that starts anew reads both from the journal, and looks for nothing that it took away itself."""
    small = a_world()
    kept = [output(f"kept_{number}") for number in range(8)]
    await a_pass(small, flow(), output(), *kept)
    await a_pass(small, flow(), *kept, revision="without")
    restarted = worldlet_of(
        small.source,
        small.backend,
        small.clock,
        small.vault,
        remains=Remains(journal=small.world.journal, orders=small.orders),
    )

    await a_pass(restarted, flow(), output(), *kept, revision="with")

    assert "news/tower" in small.backend.names()
