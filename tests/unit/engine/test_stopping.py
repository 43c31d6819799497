"""How a loop ends that was told to: reading ends at once, the call in flight within half a minute."""

import asyncio

import pytest

from reconciler.engine.loop import STOP_S
from reconciler.ports.journal import Settled
from reconciler.ports.status import Phase
from tests.builders import flow, output
from tests.unit.engine.loops import running
from tests.unit.engine.worlds import Worldlet, a_world

pytestmark = pytest.mark.anyio


class Deaf(asyncio.Event):
    """An event that nobody sets: whoever waits for it hangs."""


def settled(small: Worldlet) -> list[Settled | None]:
    """Return what the journal says of each call, the newest first."""
    return [written.settled for written in small.world.journal.calls()]


async def test_a_call_in_flight_is_finished() -> None:
    """What comes back within the time is written down as done; what came after it is not sent."""
    small = a_world()
    small.backend.hanging = asyncio.Event()
    small.source.write("one", flow(), output())

    async with running(small) as run:
        run.loop.stop()
        await run.pass_time(STOP_S / 2)
        waiting = (run.task.done(), run.loop.board.vitals().phase)
        small.backend.hanging.set()
        await run.pass_time(0)

        assert waiting == (False, Phase.STOPPING)
        assert run.task.done()
        assert small.backend.sent == ["create flow/news"]
        assert settled(small) == [Settled.DONE]


async def test_a_call_that_hangs_is_not_waited_for_longer() -> None:
    """After its half minute the loop ends; the journal has the call as open, and the next start looks for it."""
    small = a_world()
    small.backend.hanging = Deaf()
    small.source.write("one", flow(), output())

    async with running(small) as run:
        run.loop.stop()
        await run.pass_time(STOP_S - 1)
        early = run.task.done()
        await run.pass_time(1)

        assert (early, run.task.done()) == (False, True)
        assert settled(small) == [None]
        assert [one.change.action for one in run.passes[-1].undone] == ["create", "create", "start"]


async def test_a_reading_that_hangs_ends_at_once() -> None:
    """Nobody needs the end of a list; nothing was sent, so nothing is lost."""
    small = a_world()
    small.source.write("one", flow(), output())
    small.backend.listing = Deaf()

    async with running(small) as run:
        waiting = run.task.done()
        run.loop.stop()
        await run.pass_time(0)

        assert (waiting, run.task.done()) == (False, True)
        assert run.events("loop.stopped")
        assert small.backend.sent == []


async def test_a_source_that_hangs_ends_at_once() -> None:
    """A file system that does not answer holds up no stop."""
    small = a_world()
    small.source.reading = Deaf()

    async with running(small) as run:
        run.loop.stop()
        await run.pass_time(0)

        assert run.task.done()
        assert small.source.closed
