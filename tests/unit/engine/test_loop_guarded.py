"""Tests of `engine.loop`: what waits for a few seconds, and what is never sent."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from reconciler.domain.changes import Call, Create, Hold
from reconciler.domain.model import FlowState, Region
from reconciler.domain.policies import Limit, Policies
from reconciler.engine.loop import Loop, Timing, Watcher
from reconciler.engine.reconcile import TWIN_LOOK_S, PassOutcome
from tests.builders import flow, found_flow, found_output, output
from tests.unit.engine.broadcasts import approval, holds, put_on_air, receivers_call
from tests.unit.engine.worlds import Worldlet, a_world, lifted

pytestmark = pytest.mark.anyio

TIMING = Timing(debounce_s=0.1, max_wait_s=2.0, rescan_s=10.0, observe_s=60.0)
DELETE_GAP_S = 10.0
IDLE = FlowState.IDLE


@asynccontextmanager
async def running(small: Worldlet, *, observes: bool = False) -> AsyncIterator[list[PassOutcome]]:
    """Lend the passes of a loop that has taken its first look, and stop it afterwards."""
    passes: list[PassOutcome] = []
    loop = Loop(small.world, TIMING, Watcher(jitter=lambda: 0.5, on_pass=passes.append), observes=observes)
    task = asyncio.create_task(loop.run())
    await small.clock.advance(0)
    yield passes
    loop.stop()
    while not task.done():
        await small.clock.advance(1)


async def test_a_delete_takes_two_passes_ten_seconds_apart() -> None:
    """The second pass does not wait for the minute in which drift is looked for."""
    small = a_world()
    small.backend.hold(*(found_flow(flow(name, state=IDLE)) for name in "abcd"))
    small.source.write("one", *(flow(name, state=IDLE) for name in "abc"))

    async with running(small) as passes:
        await small.clock.advance(DELETE_GAP_S - 0.1)
        before = small.backend.names()
        await small.clock.advance(0.1)

        assert before == set("abcd")
        assert small.backend.names() == set("abc")
        assert [holds(one) for one in passes] == [[("delete flow/d", Hold.AGAIN)], []]


async def test_a_tree_that_was_broken_for_a_moment_deletes_nothing() -> None:
    """Half a checkout is followed by the whole one within ten seconds, and nothing was lost."""
    small = a_world()
    small.backend.hold(*(found_flow(flow(name, state=IDLE)) for name in "abcd"))
    small.source.write("half", *(flow(name, state=IDLE) for name in "abc"))

    async with running(small):
        small.source.write("whole", *(flow(name, state=IDLE) for name in "abcd"))
        await small.clock.advance(5 * DELETE_GAP_S)

        assert small.backend.sent == []


async def test_a_twin_is_looked_at_every_two_seconds() -> None:
    """Once it is there, the loop does not wait for the minute either."""
    small = a_world()
    small.backend.hold(found_flow(flow(), found_output(receivers_call()), found_output(output("mast"))))
    put_on_air(small.backend, "tower")
    wanted = (flow(), receivers_call(region=Region("eu-frankfurt")), output("mast"))
    small.source.write("moved", *wanted)

    def receivers_move(call: Call) -> None:
        if isinstance(call, Create):
            put_on_air(small.backend, call.wanted.live_name)

    small.backend.then = receivers_move
    async with running(small) as passes:
        await small.clock.advance(DELETE_GAP_S)
        held = passes[-1].left.blocked[0].change
        assert held is not None
        small.source.write("approved", *wanted, policies=Policies(approvals=(approval(held),)))
        await small.clock.advance(TIMING.debounce_s)
        made = small.backend.names()
        await small.clock.advance(TWIN_LOOK_S)

        assert made == {"news", "news/tower", "news/tower_t", "news/mast"}
        assert small.backend.names() == {"news", "news/tower_t", "news/mast"}


async def test_an_observing_loop_sends_nothing_ever() -> None:
    """Not for hours, whatever is missing, surplus or different, and whatever was lifted."""
    small = a_world()
    small.backend.hold(found_flow(flow(), found_output(output())), found_flow(flow("surplus")))
    small.source.write("one", flow(latency_ms=900), output("new"), policies=lifted(*Limit))

    async with running(small, observes=True) as passes:
        await small.clock.advance(600)
        small.source.write("two", flow("another"))
        await small.clock.advance(600)

        assert small.backend.sent == []
        assert len(passes) > 15
        assert all(one.outcomes == () for one in passes)
        assert passes[0].left.changes
