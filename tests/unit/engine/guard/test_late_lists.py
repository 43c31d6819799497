"""Late lists: what was made a moment ago is made no second time, under whatever name and however long a list took."""

from dataclasses import replace

import pytest

from reconciler.domain.changes import Create, Delete, FlowAt
from reconciler.domain.impact import Impact
from reconciler.domain.model import FlowKey, FlowState, FoundFlow, Region
from reconciler.domain.policies import Move, Policies
from reconciler.engine.plan import plan_for
from reconciler.ports.journal import Intent, Settled
from tests.builders import LOCAL, flow, found_flow, found_output, output
from tests.unit.engine.broadcasts import passed
from tests.unit.engine.worlds import (
    MeddledBackend,
    MemorySource,
    MemoryVault,
    PatientClock,
    Worldlet,
    a_world,
    say,
    worldlet_of,
)

pytestmark = pytest.mark.anyio

AWAY = Region("eu-frankfurt")
SETTLING_S = 30.0
CREATE = Intent(pass_id="p", revision="r", resource="output/news/tower", action="create", change="c", live_name="tower")


def sent(small: Worldlet, what: str) -> int:
    """Return how often a call was sent."""
    return small.backend.sent.count(what)


async def test_another_live_name_makes_nothing_a_second_time() -> None:
    """What is wanted under another live name now may be there under the one of before."""
    small = a_world()
    small.backend.unlisted = {"news"}
    await passed(small, say(small, flow(), output()))

    await passed(small, say(small, flow(live_name="City News"), output(), revision="renamed"))

    assert sent(small, "create flow/news") == 1


async def test_a_move_makes_nothing_a_second_time() -> None:
    """What has another name by a Move may be there under the mark of before, with all its outputs."""
    small = a_world()
    small.backend.unlisted = {"news"}
    await passed(small, say(small, flow(), output()))
    target = say(small, flow("city"), output(of="city"), revision="moved")
    moves = (Move(name="move", before=FlowKey("news"), now=FlowKey("city")),)

    outcome = await passed(small, replace(target, policies=Policies(moves=moves)))

    assert sent(small, "create flow/city") == 0
    assert sorted(str(item.key) for item in outcome.left.waiting) == ["flow/city", "output/city/tower"]


class SlowBackend(MeddledBackend):
    """A backend whose list takes long: it shows what was there when it was asked for."""

    def __init__(self, clock: PatientClock) -> None:
        super().__init__()
        self.clock = clock
        self.takes_s = 0.0

    async def observe(self, region: Region) -> tuple[FoundFlow, ...]:
        """Return the flows of a while ago."""
        listed = await super().observe(region)
        if self.takes_s:
            await self.clock.sleep(self.takes_s)
        return listed


async def test_what_counts_is_when_a_list_was_asked_for() -> None:
    """A list that takes half a minute to read is as old as its beginning, and so may be late still."""
    clock = PatientClock(auto=False)
    backend = SlowBackend(clock)
    source = MemorySource()
    small = worldlet_of(source, backend, clock, MemoryVault())
    backend.unlisted = {"tower"}
    await passed(small, say(small, flow(), output()))
    backend.takes_s = SETTLING_S + 1

    await passed(small, say(small, flow(), output()))

    assert sent(small, "create output/news/tower") == 1


async def test_a_create_that_took_long_is_waited_for_from_its_end() -> None:
    """The journal knows when a call began and how long it took; it may have been carried out at the last moment."""
    small = a_world()
    small.backend.hold(found_flow(flow(state=FlowState.IDLE)))
    number = small.world.journal.intend(CREATE)
    await small.clock.advance(SETTLING_S)
    small.world.journal.settle(number, Settled.UNKNOWN, duration_s=SETTLING_S)

    outcome = await passed(small, say(small, flow(), output()))

    assert [str(item.key) for item in outcome.left.waiting] == ["output/news/tower"]
    assert sent(small, "create output/news/tower") == 0


async def test_what_somebody_else_made_there_is_not_what_is_looked_for() -> None:
    """An output without our mark in a flow of ours does not end the waiting for our own."""
    small = a_world()
    by_hand = found_output(output("by_hand"), owner=None)
    small.backend.hold(found_flow(flow(state=FlowState.IDLE), by_hand))
    small.world.journal.settle(small.world.journal.intend(CREATE), Settled.UNKNOWN, duration_s=1.0)

    outcome = await passed(small, say(small, flow(), output()))

    assert [str(item.key) for item in outcome.left.waiting] == ["output/news/tower"]
    assert sent(small, "create output/news/tower") == 0


async def test_the_delete_of_the_old_one_does_not_end_the_waiting_for_the_new_one() -> None:
    """A flow that moves to another region bears its name there, too; a late list makes no third one."""
    small = a_world()
    small.backend.hold(found_flow(flow(), found_output(output())))
    seen = await plan_for(small.world, say(small, flow(), output()))
    at, away = FlowAt(LOCAL, "news"), FlowAt(AWAY, "news")
    moved = flow(region=AWAY)
    small.world.guard.sent(Create(key=moved.key, at=away, wanted=moved))
    small.world.guard.sent(Delete(key=moved.key, at=at, found=small.backend.flow(), impact=Impact.NONE))
    small.backend.flows.clear()

    plan = await plan_for(small.world, say(small, flow(), output(), revision="again"))

    assert seen.is_empty
    assert [str(item.key) for item in plan.waiting] == ["flow/news", "output/news/tower"]


@pytest.mark.parametrize(("change", "made_again"), [("c", 0), ("another", 1)])
async def test_after_a_restart_a_delete_ends_the_waiting_for_what_another_change_made(
    change: str, made_again: int
) -> None:
    """What the same change deleted is the old one, and what it made in its place is there."""
    small = a_world()
    small.backend.hold(found_flow(flow(state=FlowState.IDLE)))
    journal = small.world.journal
    journal.settle(journal.intend(CREATE), Settled.DONE)
    journal.settle(journal.intend(replace(CREATE, action="delete", change=change)), Settled.DONE)

    await passed(small, say(small, flow(), output()))

    assert sent(small, "create output/news/tower") == made_again


async def test_what_the_journal_has_from_long_ago_is_over() -> None:
    """Nothing is waited for that any list must show by now."""
    small = a_world()
    small.backend.hold(found_flow(flow(state=FlowState.IDLE)))
    small.world.journal.intend(CREATE)
    await small.clock.advance(3600)

    await passed(small, say(small, flow(), output()))

    assert sent(small, "create output/news/tower") == 1
