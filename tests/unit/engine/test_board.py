"""What the board says of a loop at work: conditions, since when, and how the loop is."""

from dataclasses import replace
from datetime import timedelta

import pytest

from reconciler.domain.conditions import Aspect, Transition, generation_of
from reconciler.domain.errors import RejectedError, UnavailableError
from reconciler.domain.model import FlowKey, Key, OutputKey, Region, RegionKey
from reconciler.domain.orders import Given, Halt, Pause
from reconciler.engine.airing import STEP_S
from reconciler.engine.board import MOST_KEPT, StatusBoard
from reconciler.engine.standing import FAILURES
from reconciler.ports.status import LaggedError, Phase
from tests.builders import LOCAL, flow, output
from tests.unit.engine.loops import TIMING, Running, running
from tests.unit.engine.worlds import MeddledBackend, Worldlet, a_world

pytestmark = pytest.mark.anyio

NEWS, TOWER = FlowKey("news"), OutputKey("news", "tower")
Row = tuple[str, str]


def rows(board: StatusBoard, key: Key = TOWER) -> dict[str, Row]:
    """Return the standing and reason of every condition of a resource."""
    return {
        str(aspect): (str(one.standing), str(one.reason)) for aspect, one in board.resources()[key].conditions.items()
    }


def given(small: Worldlet) -> Given:
    """Return who orders something now."""
    return Given(author="anna", reason="storm", at=small.clock.now(), until=None)


async def failing(run: Running, passes: int) -> None:
    """Let so many passes fail."""
    wanted = len(run.passes) + passes
    while len(run.passes) < wanted:
        await run.pass_time(1)


async def test_a_refused_tree_is_on_the_board_until_one_is_accepted() -> None:
    """Looks that find the same tree once more take nothing back, and neither does a source that is behind besides."""
    small = a_world()
    small.source.write("one", flow(), output())
    refused = "revision two has 1 error and changes nothing; one stays the target"

    async with running(small) as run:
        small.source.break_it("two")
        await run.pass_time(3 * TIMING.rescan_s)
        later = run.loop.board.vitals().trouble
        small.source.trouble = "the server does not answer"
        await run.pass_time(TIMING.rescan_s)
        behind = run.loop.board.vitals().trouble
        small.source.trouble = ""
        small.source.write("one", flow(), output())
        await run.prove()
        vitals = run.loop.board.vitals()

    assert (later, behind) == (refused, f"the server does not answer; {refused}")
    assert (vitals.trouble, vitals.seen, vitals.revision) == ("", "one", "one")


async def test_what_is_in_step_is_ready() -> None:
    """After a pass that did all, nothing goes on and nobody has to do anything."""
    small = a_world()
    small.source.write("one", flow(), output())

    async with running(small) as run:
        found = run.loop.board.resources()

        assert list(found) == [NEWS, TOWER]
        assert rows(run.loop.board) == {
            "Ready": ("True", "InStep"),
            "Reconciling": ("False", "Idle"),
            "Stalled": ("False", "InStep"),
            "Drifted": ("False", "InStep"),
        }
        assert found[TOWER].generation == generation_of(output())
        assert found[TOWER].revision == "one"


async def test_a_paused_resource_is_not_ready_and_not_stalled() -> None:
    """What somebody stopped on purpose calls nobody; its sibling is as it was, and it says who and why."""
    small = a_world()
    small.source.write("one", flow(), output(), output("north"))

    async with running(small) as run:
        before = run.loop.board.resources()[TOWER].conditions[Aspect.READY]
        small.orders.give(Pause(resource=TOWER, given=given(small)))
        small.source.write("two", flow(), output(latency_ms=500), output("north"))
        await run.prove()
        status = run.loop.board.resources()[TOWER]

        assert rows(run.loop.board)["Ready"] == ("False", "Paused")
        assert rows(run.loop.board)["Stalled"] == ("False", "Paused")
        assert rows(run.loop.board, OutputKey("news", "north"))["Ready"] == ("True", "InStep")
        assert status.pause is not None
        assert status.conditions[Aspect.READY].since > before.since
        assert "storm" in status.conditions[Aspect.READY].message


async def test_what_fails_again_and_again_is_stalled_until_it_is_mended() -> None:
    """After three passes somebody should look; the passes go on, and what comes right is told."""
    small = a_world()
    small.source.write("one", flow(), output())
    small.backend.fault = lambda call: RejectedError("no") if call.key == TOWER else None

    async with running(small) as run:
        early = rows(run.loop.board)
        await failing(run, FAILURES - 1)
        late, message = rows(run.loop.board), run.loop.board.resources()[TOWER].conditions[Aspect.STALLED].message
        small.backend.fault = lambda _: None
        await failing(run, 1)

        assert (early["Ready"], early["Stalled"]) == (("False", "Failed"), ("False", "Failed"))
        assert (late["Stalled"], late["Reconciling"]) == (("True", "Failed"), ("True", "Failed"))
        assert message.endswith(f"(in {FAILURES} passes in a row)")
        assert rows(run.loop.board)["Ready"] == ("True", "InStep")


async def test_a_condition_keeps_its_time_until_its_standing_changes() -> None:
    """Passes that find the same leave the time of the last transition."""
    small = a_world()
    small.source.write("one", flow(), output())

    async with running(small) as run:
        before = run.loop.board.resources()[TOWER].conditions[Aspect.READY].since
        await run.pass_time(3 * TIMING.observe_s)

        assert run.loop.board.resources()[TOWER].conditions[Aspect.READY].since == before


async def test_another_manifest_is_another_generation() -> None:
    """A condition says which manifest it was judged by; an equal one in another revision is the same."""
    small = a_world()
    small.source.write("one", flow(), output())

    async with running(small) as run:
        first = run.loop.board.resources()[TOWER]
        small.source.write("two", flow(), output())
        await run.prove()
        same = run.loop.board.resources()[TOWER]
        small.source.write("three", flow(), output(latency_ms=500))
        await run.prove()
        other = run.loop.board.resources()[TOWER]

        assert (first.generation, same.revision) == (same.generation, "two")
        assert other.generation == generation_of(output(latency_ms=500)) != first.generation
        # What is carried was looked at when there was another manifest.
        judged = [one for aspect, one in other.conditions.items() if aspect is not Aspect.ON_AIR]
        assert {one.generation for one in judged} == {other.generation}


async def test_what_is_gone_is_not_on_the_board() -> None:
    """A resource that was deleted has no status; one whose delete is held back has."""
    small = a_world()
    small.source.write("one", flow(), output(), output("north"), output("south"), output("east"), output("west"))

    async with running(small) as run:
        kept = [output(name) for name in ("north", "south", "east", "west")]
        small.source.write("two", flow(), *kept)
        await run.settle()
        held = rows(run.loop.board)
        await run.pass_time(TIMING.observe_s)

        assert held["Ready"] == ("False", "Blocked")
        assert held["Reconciling"] == ("True", "Blocked")
        assert TOWER not in run.loop.board.resources()


async def test_a_backend_that_cannot_be_read_leaves_what_was_known() -> None:
    """Nobody claims that an output is broken because a list could not be had; that is said of the loop."""
    small = a_world()
    small.source.write("one", flow(), output())

    async with running(small) as run:
        before = rows(run.loop.board)
        small.backend.unreadable[LOCAL] = UnavailableError("down", maybe_applied=False)
        await run.pass_time(TIMING.observe_s)
        vitals = run.loop.board.vitals()

        assert rows(run.loop.board) == before
        assert (vitals.failures >= 1, "down" in vitals.unreadable) == (True, True)


async def test_a_region_that_cannot_be_read_is_no_resource() -> None:
    """Nothing is wanted there, so nothing on the board can have a condition for it."""
    small = a_world(MeddledBackend(regions=("local", "far")))
    small.source.write("one", flow(), output())

    async with running(small) as run:
        small.backend.unreadable[Region("far")] = UnavailableError("down", maybe_applied=False)
        await run.pass_time(2 * TIMING.observe_s)

        assert RegionKey(Region("far")) in {item.key for item in run.passes[-1].left.blocked}
        assert list(run.loop.board.resources()) == [NEWS, TOWER]
        assert rows(run.loop.board)["Ready"] == ("True", "InStep")


async def test_the_vitals_say_how_the_loop_is() -> None:
    """Phase, target, last pass, next pass and how long something has waited to be sent."""
    small = a_world()
    small.source.write("one", flow(), output())
    small.backend.fault = lambda call: RejectedError("no") if call.key == TOWER else None

    async with running(small) as run:
        vitals = run.loop.board.vitals()
        waited_s = vitals.queue_age_s
        small.backend.fault = lambda _: None
        await failing(run, 1)
        after = run.loop.board.vitals()

        assert (vitals.phase, vitals.revision, vitals.seen, vitals.observes) == (Phase.RESTING, "one", "one", False)
        assert vitals.next_pass_s is not None
        assert vitals.failures == 1
        assert after.failures == 0
        assert after.queue_age_s == 0.0 <= waited_s
        assert after.passed_at == small.clock.now() - timedelta(seconds=after.phase_s)


async def test_a_refused_tree_is_a_trouble_of_the_source() -> None:
    """Whoever asks why the last commit is not there reads it, and which revision stays."""
    small = a_world()
    small.source.write("one", flow(), output())

    async with running(small) as run:
        small.source.break_it("two")
        await run.settle()
        broken = run.loop.board.vitals()
        await small.clock.advance(11)
        later = run.loop.board.vitals()
        small.source.write("three", flow(), output())
        await run.settle()

        assert (broken.revision, broken.seen) == ("one", "two")
        assert "revision two has 1 error and changes nothing; one stays" in broken.trouble
        assert later.trouble == broken.trouble
        assert run.loop.board.vitals().trouble == ""


async def test_a_halt_is_among_the_vitals() -> None:
    """Everybody who looks sees that nothing is written, and by whose order."""
    small = a_world()
    small.source.write("one", flow(), output())
    small.orders.give(Halt(given=given(small)))

    async with running(small) as run:
        halt = run.loop.board.vitals().halt

        assert halt is not None
        assert halt.given.author == "anna"
        assert rows(run.loop.board)["Ready"] == ("False", "Halted")


async def test_an_order_is_seen_and_followed_within_a_step_of_the_patrol() -> None:
    """Whoever presses the red button sees it on the board, and whoever lifts it waits for no timer."""
    small = a_world()
    small.source.write("one", flow(), output())

    async with running(small) as run:
        small.orders.give(Halt(given=given(small)))
        small.source.write("two", flow(), output(latency_ms=500))
        await run.pass_time(STEP_S)
        halted, held = run.loop.board.vitals().halt, rows(run.loop.board)["Ready"]
        small.orders.lift(Halt)
        await run.pass_time(STEP_S)
        await run.prove()

        assert halted is not None
        assert held == ("False", "Halted")
        assert run.loop.board.vitals().halt is None
        assert small.backend.latency_ms() == 500
        assert [(event["halted"], event["why"]) for event in run.events("orders.changed")] == [
            (True, "storm"),
            (False, ""),
        ]


async def test_who_observes_sees_what_is_planned() -> None:
    """Nothing is sent, and the board says what would be."""
    small = a_world()
    small.source.write("one", flow(), output())

    async with running(small, observes=True) as run:
        assert rows(run.loop.board)["Ready"] == ("False", "Planned")
        assert run.loop.board.vitals().observes


async def test_who_follows_is_told_of_transitions_alone() -> None:
    """One answer for each pass that changed something; a pass that found the same says nothing."""
    small = a_world()
    small.source.write("one", flow(), output())

    async with running(small) as run:
        with run.loop.board.follow() as following:
            await run.pass_time(3 * TIMING.observe_s)
            carried = await following.next()
            small.orders.give(Pause(resource=TOWER, given=given(small)))
            small.source.write("two", flow(), output(latency_ms=500))
            await run.prove()
            news = await following.next()

        assert {(one.resource, str(one.aspect), str(one.after.reason)) for one in news} == {
            ("output/news/tower", "Ready", "Paused"),
            ("output/news/tower", "Stalled", "Paused"),
        }
        assert {str(one.aspect) for one in carried} == {"OnAir"}
        assert all(one.before is not None for one in news)


async def test_who_is_too_slow_is_told_so() -> None:
    """Nothing grows without a bound for a reader who has gone to sleep."""
    small = a_world()
    small.source.write("one", flow(), output())

    async with running(small) as run:
        board = run.loop.board
        turned = Transition(resource="", before=None, after=board.resources()[TOWER].conditions[Aspect.READY])
        with board.follow() as following:
            for number in range(MOST_KEPT + 1):
                following.tell((replace(turned, resource=f"output/news/n{number}"),))
            with pytest.raises(LaggedError):
                await following.next()
