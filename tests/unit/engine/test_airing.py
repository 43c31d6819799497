"""The patrol: what is carried, of whom it is known, and that a large account costs no more than a small one."""

import asyncio
from dataclasses import replace

import pytest

from reconciler.domain.marks import Owner
from reconciler.domain.model import Care, DriftMode, FlowKey, FlowState, OutputKey
from reconciler.engine.airing import FLOWS_A_STEP, FORGOTTEN_S, SORT_WITHIN_S, STEP_S
from tests.builders import flow, found_flow, output
from tests.unit.engine.loops import TIMING, running
from tests.unit.engine.test_board import rows
from tests.unit.engine.test_trials import OFF, ON, carry
from tests.unit.engine.worlds import Worldlet, a_world

pytestmark = pytest.mark.anyio

NEWS, TOWER = FlowKey("news"), OutputKey("news", "tower")


def asked(small: Worldlet) -> int:
    """Return how many flows were asked how they are since this was asked last."""
    count, small.backend.looked_at[:] = len(small.backend.looked_at), []
    return count


@pytest.mark.parametrize(
    ("source", "tower", "flow_is", "tower_is"),
    [
        pytest.param(ON, ON, ("True", "Delivering"), ("True", "Delivering"), id="all is well"),
        pytest.param(ON, OFF, ("True", "Delivering"), ("False", "Dark"), id="the receiver is gone"),
        pytest.param(OFF, OFF, ("False", "Dark"), ("False", "NoSource"), id="nobody publishes"),
    ],
)
async def test_what_is_carried_is_on_the_board(
    source: int, tower: int, flow_is: tuple[str, str], tower_is: tuple[str, str]
) -> None:
    """Within a step of a small account, with the bitrate; an output is not blamed for its source."""
    small = a_world()
    small.source.write("one", flow(), output())

    async with running(small) as run:
        await run.pass_time(TIMING.observe_s)
        carry(small, source=source, tower=tower)
        await run.pass_time(STEP_S)
        board = run.loop.board

        assert (rows(board, NEWS)["OnAir"], rows(board)["OnAir"]) == (flow_is, tower_is)
        assert board.resources()[TOWER].bitrate_bps == tower
        assert board.resources()[TOWER].looked_at == small.clock.now()


async def test_what_stands_still_is_idle_and_not_asked() -> None:
    """A flow that is to be idle costs no call."""
    small = a_world()
    small.source.write("one", flow(state=FlowState.IDLE), output())

    async with running(small) as run:
        await run.pass_time(TIMING.observe_s)
        asked(small)
        await run.pass_time(10 * STEP_S)

        assert rows(run.loop.board)["OnAir"] == ("False", "Idle")
        assert asked(small) == 0


async def test_what_is_not_ours_is_not_asked() -> None:
    """Nor is it on the board."""
    small = a_world()
    small.backend.hold(found_flow(flow("theirs"), owner=Owner("others")), found_flow(flow("nobodys"), owner=None))
    small.source.write("one", flow(), output())

    async with running(small) as run:
        await run.pass_time(TIMING.observe_s)
        small.backend.looked_at.clear()
        await run.pass_time(10 * STEP_S)

        assert set(small.backend.looked_at) == {small.backend.flow().id}
        assert list(run.loop.board.resources()) == [NEWS, TOWER]


async def test_a_large_account_is_asked_in_turn() -> None:
    """So many flows a step and no more, each of them once before any of them again."""
    small = a_world()
    names = [f"f{number}" for number in range(3 * FLOWS_A_STEP)]
    small.source.write("one", *(flow(name) for name in names), *(output(of=name) for name in names))

    async with running(small) as run:
        await run.pass_time(TIMING.observe_s)
        asked(small)
        steps = []
        for _ in range(3):
            await run.pass_time(STEP_S)
            steps.append(list(small.backend.looked_at))
            asked(small)

        assert [len(step) for step in steps] == [FLOWS_A_STEP] * 3
        assert len({name for step in steps for name in step}) == len(names)


async def test_what_cannot_be_looked_at_is_not_known_after_a_while() -> None:
    """One status that could not be had says nothing; after ten minutes nobody claims to know."""
    small = a_world()
    small.source.write("one", flow(), output())

    async with running(small) as run:
        await run.pass_time(TIMING.observe_s)
        carry(small, source=ON, tower=ON)
        await run.pass_time(STEP_S)
        small.backend.unwell.add("news")
        await run.pass_time(FORGOTTEN_S / 2)
        early = rows(run.loop.board)["OnAir"]
        await run.pass_time(FORGOTTEN_S)

        assert early == ("True", "Delivering")
        assert rows(run.loop.board)["OnAir"] == ("Unknown", "NotLooked")


async def test_a_bug_of_the_patrol_ends_the_loop() -> None:
    """It is told as any other, and not swallowed: nobody believes a board that nobody writes."""
    small = a_world()
    small.source.write("one", flow(), output())

    async with running(small) as run:
        small.backend.wild = KeyError("nobody foresaw this")
        await run.pass_time(TIMING.observe_s + 2 * TIMING.rescan_s)
        small.backend.wild = None

        assert run.task.done()
        with pytest.raises(KeyError, match="nobody foresaw this"):
            run.task.result()


async def test_nobody_is_sorted_while_a_change_is_on_its_way() -> None:
    """What a pass has read is learnt once it is over: until then whoever was known is looked at."""
    small = a_world()
    sport = replace(flow("sport"), care=Care(drift=DriftMode.WARN))
    small.source.write("one", flow(), output(), sport, output(of="sport"))

    async with running(small) as run:
        await run.pass_time(TIMING.observe_s)
        small.backend.hold(replace(small.backend.flow("sport"), state=FlowState.IDLE))
        small.backend.hanging = asyncio.Event()
        small.source.write("two", flow(), output(), output("mast"), sport, output(of="sport"))
        await run.pass_time(4 * STEP_S)
        meanwhile = rows(run.loop.board, FlowKey("sport"))["OnAir"]
        small.backend.hanging.set()
        await run.pass_time(2 * STEP_S)

        assert meanwhile == ("False", "Dark")
        assert rows(run.loop.board, FlowKey("sport"))["OnAir"] == ("False", "Idle")


async def test_a_pass_without_an_end_keeps_nobody_from_being_sorted() -> None:
    """What it has read is learnt within half a minute; and so is what the next one reads, however late that is."""
    small = a_world()
    sport = replace(flow("sport"), care=Care(drift=DriftMode.WARN))
    small.source.write("one", flow(), output(), sport, output(of="sport"))

    async with running(small) as run:
        await run.pass_time(TIMING.observe_s)
        small.backend.hanging = asyncio.Event()
        seen, made = [], [output()]
        for state in (FlowState.IDLE, FlowState.RUNNING):
            small.backend.hold(replace(small.backend.flow("sport"), state=state))
            made.append(output(state.lower()))
            small.source.write(state, flow(), *made, sport, output(of="sport"))
            await run.pass_time(SORT_WITHIN_S - STEP_S)
            early = rows(run.loop.board, FlowKey("sport"))["OnAir"][1]
            await run.pass_time(2 * STEP_S)
            seen.append((early, rows(run.loop.board, FlowKey("sport"))["OnAir"][1]))
            # The call in flight comes through, and the next pass follows at once.
            small.backend.hanging.set()
            small.backend.hanging = asyncio.Event()

        assert seen == [("Dark", "Idle"), ("Idle", "Dark")]
        small.backend.hanging.set()


async def test_a_reading_that_shows_nothing_new_proves_what_is_known() -> None:
    """What stands still was looked at as late as the last pass, though nothing of it has changed."""
    small = a_world()
    small.source.write("one", flow(state=FlowState.IDLE), output())

    async with running(small) as run:
        await run.pass_time(TIMING.observe_s + STEP_S)
        before = run.loop.board.resources()[TOWER].looked_at
        await run.pass_time(TIMING.observe_s)
        after = run.loop.board.resources()[TOWER].looked_at

        assert before is not None
        assert after is not None
        assert (after - before).total_seconds() == TIMING.observe_s
