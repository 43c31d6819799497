"""Tests of `engine.loop`: a whole reconciler on a clock that the test moves."""

import asyncio
from dataclasses import replace

import pytest

from reconciler.domain.errors import BackendError, RejectedError
from reconciler.domain.model import FlowState, OutputKey
from reconciler.domain.orders import Given, Halt, Pause
from reconciler.engine.airing import STEP_S
from reconciler.engine.backoff import BASE_S
from tests.builders import flow, found_flow, output
from tests.unit.engine.broadcasts import receivers_call
from tests.unit.engine.loops import TIMING, running
from tests.unit.engine.worlds import BROKEN, Worldlet, a_world

pytestmark = pytest.mark.anyio


def given(small: Worldlet) -> Given:
    """Return who orders something now."""
    return Given(author="anna", reason="storm", at=small.clock.now(), until=None)


async def test_the_first_look_makes_the_backend_as_desired() -> None:
    """A start needs no event."""
    small = a_world()
    small.source.write("one", flow(), output())

    async with running(small) as run:
        assert small.backend.names() == {"news", "news/tower"}
        assert len(run.passes) == 1


async def test_a_hint_is_followed_after_quiet() -> None:
    """A change is live once the files have been quiet for the debounce, and not before."""
    small = a_world()
    small.source.write("one", flow(), output())

    async with running(small) as run:
        small.source.write("two", flow(), output(latency_ms=500))
        await run.pass_time(TIMING.debounce_s / 2)
        asked_early = small.backend.observed
        await run.pass_time(TIMING.debounce_s / 2)
        asked = small.backend.observed
        await run.prove()

        assert (asked_early, asked) == (1, 2)
        assert small.backend.latency_ms() == 500


async def test_restless_files_are_waited_for_only_so_long() -> None:
    """Hints that never pause for the debounce hold a pass back for the longest wait, and no longer."""
    small = a_world()
    small.source.write("one", flow(), output())

    async with running(small) as run:
        steps = int(TIMING.max_wait_s / (TIMING.debounce_s / 2)) - 2
        for number in range(steps):
            small.source.write(f"r{number}", flow(), output(latency_ms=200 + number))
            await run.pass_time(TIMING.debounce_s / 2)
        before = small.backend.observed
        for number in range(4):
            small.source.write(f"s{number}", flow(), output(latency_ms=400 + number))
            await run.pass_time(TIMING.debounce_s / 2)

        assert before == 1
        assert small.backend.observed == 2


async def test_without_a_wait_a_hint_is_followed_at_once() -> None:
    """Whoever wants no debounce gets none."""
    small = a_world()
    small.source.write("one", flow(), output())

    async with running(small, timing=replace(TIMING, max_wait_s=0)) as run:
        small.source.write("two", flow(), output(latency_ms=500))
        await run.pass_time(0)

        assert small.backend.observed == 2


async def test_a_lost_hint_is_found_by_the_rescan() -> None:
    """Events get lost; the timer finds what changed all the same."""
    small = a_world()
    small.source.write("one", flow(), output())

    async with running(small) as run:
        small.source.write("two", flow(), output(latency_ms=500), hint=False)
        await run.pass_time(TIMING.rescan_s)
        await run.prove()

        assert small.backend.latency_ms() == 500


async def test_a_rescan_of_an_unchanged_tree_asks_the_backend_nothing() -> None:
    """An idle loop costs a look at the files."""
    small = a_world()
    small.source.write("one", flow(), output())

    async with running(small) as run:
        observed = small.backend.observed
        await run.pass_time(3 * TIMING.rescan_s)

        assert small.backend.observed == observed


async def test_a_hint_without_a_change_asks_the_backend_nothing() -> None:
    """A file that was touched is no reason to pass."""
    small = a_world()
    small.source.write("one", flow(), output())

    async with running(small) as run:
        observed = small.backend.observed
        small.source.write("one", flow(), output())
        await run.settle()

        assert small.backend.observed == observed


async def test_what_was_deleted_by_hand_comes_back() -> None:
    """Drift is found and mended without any event."""
    small = a_world()
    small.source.write("one", flow(), output())

    async with running(small) as run:
        small.backend.drop_output()
        await run.pass_time(TIMING.observe_s)

        assert small.backend.names() == {"news", "news/tower"}


async def test_a_flow_stopped_by_hand_runs_again() -> None:
    """A hand-made stop is drift."""
    small = a_world()
    small.source.write("one", flow(), output())

    async with running(small) as run:
        small.backend.hold(found_flow(flow(), *small.backend.flow().outputs, state=FlowState.IDLE))
        small.backend.flows.pop(small.backend.flow().id)
        await run.pass_time(TIMING.observe_s)

        assert small.backend.flow().state is FlowState.RUNNING


async def test_a_broken_tree_changes_nothing_and_recovers() -> None:
    """Errors are told once with their places, nothing is changed, and a mended tree is taken."""
    small = a_world()
    small.source.write("one", flow(), output())

    async with running(small) as run:
        small.source.break_it("two")
        await run.settle()
        await run.pass_time(3 * TIMING.rescan_s)
        kept = small.backend.names()
        refused = run.events("tree.refused")
        small.source.write("three", flow(), output(latency_ms=500))
        await run.prove()

        assert kept == {"news", "news/tower"}
        assert [(event["findings"], event["last_good"]) for event in refused] == [([str(BROKEN)], "one")]
        assert small.backend.latency_ms() == 500


async def test_drift_is_mended_while_the_tree_is_broken() -> None:
    """The last good tree stays the target."""
    small = a_world()
    small.source.write("one", flow(), output())

    async with running(small) as run:
        small.source.break_it("two")
        await run.settle()
        small.backend.drop_output()
        await run.pass_time(TIMING.observe_s)

        assert small.backend.names() == {"news", "news/tower"}


async def test_a_loop_goes_on_with_the_target_of_the_one_before() -> None:
    """Settings that are read anew while the newest tree has errors lose no target: drift is put right on."""
    small = a_world()
    small.source.write("one", flow(), output())

    async with running(small) as run:
        board = run.loop.board
    small.source.break_it("two")
    async with running(small, board=board) as run:
        small.backend.drop_output()
        await run.pass_time(TIMING.observe_s)

        assert small.backend.names() == {"news", "news/tower"}
        assert [event["last_good"] for event in run.events("tree.refused")] == ["one"]
        assert run.loop.board.vitals().revision == "one"


async def test_what_another_loop_kept_to_gives_way_to_the_first_good_tree() -> None:
    """The new tree is read before anything is sent, and nothing of the old one comes back for a moment."""
    small = a_world()
    small.source.write("one", flow(), output())

    async with running(small) as run:
        board = run.loop.board
    small.source.write("two", flow(), output(latency_ms=500))
    async with running(small, board=board) as run:
        await run.prove()

        assert {one.revision for one in run.passes} == {"two"}
        assert small.backend.latency_ms() == 500


async def test_a_tree_that_is_broken_from_the_start_is_waited_for() -> None:
    """Without any good tree nothing is done, and the first good one is taken."""
    small = a_world()
    small.source.break_it("one")

    async with running(small) as run:
        await run.pass_time(TIMING.observe_s)
        asked = small.backend.observed
        small.source.write("two", flow(), output())
        await run.settle()

        assert asked == 0
        assert run.events("tree.refused")[0]["last_good"] is None
        assert small.backend.names() == {"news", "news/tower"}


async def test_an_unreadable_source_is_told_once_and_changes_nothing() -> None:
    """A checkout that vanished is no wish to delete everything."""
    small = a_world()
    small.source.write("one", flow(), output())

    async with running(small) as run:
        small.source.problem = "the folder is gone"
        await run.pass_time(3 * TIMING.rescan_s)
        during = small.backend.names()
        small.source.problem = ""
        small.source.write("two", flow(), output(latency_ms=500))
        await run.prove()

        assert during == {"news", "news/tower"}
        assert [event["why"] for event in run.events("tree.unreadable")] == ["the folder is gone"]
        assert small.backend.latency_ms() == 500


async def test_a_source_that_is_behind_is_told_once_and_its_tree_is_kept_to() -> None:
    """A commit that nobody trusts changes nothing; what stood before goes on being mended."""
    small = a_world()
    small.source.write("one", flow(), output())
    small.source.trouble = "commit b2 is not signed"

    async with running(small) as run:
        await run.pass_time(3 * TIMING.rescan_s)
        await run.prove()

        assert small.backend.names() == {"news", "news/tower"}
        assert [(event["revision"], event["why"]) for event in run.events("tree.behind")] == [
            ("one", "commit b2 is not signed")
        ]


async def test_a_source_that_is_always_whole_is_read_at_once() -> None:
    """Nobody waits for quiet where nothing can be half written: a hint is enough."""
    small = a_world()
    small.source.is_whole = True
    small.source.write("one", flow(), output())

    async with running(small) as run:
        await run.prove()
        asked = small.backend.observed
        small.source.write("two", flow(), output(latency_ms=500))
        await run.pass_time(0)

        assert small.backend.observed == asked + 1


async def test_a_new_revision_starts_the_back_off_anew() -> None:
    """Whoever mends a manifest does not wait for the pauses of the old one."""
    small = a_world()
    small.source.write("one", flow(), output())
    small.backend.fault = lambda call: RejectedError("no such host") if call.key == output().key else None

    async with running(small) as run:
        await run.pass_time(8 * BASE_S)
        small.backend.fault = lambda _: None
        small.source.write("two", flow(), output(latency_ms=500))
        await run.settle()

        assert small.backend.latency_ms() == 500
        assert not run.passes[-1].has_failed


async def test_a_failed_change_is_tried_again() -> None:
    """What failed is tried again after a pause, without an event."""
    small = a_world()
    small.source.write("one", flow(), output(), receivers_call("other"))
    refusals: list[BackendError] = [RejectedError("busy")]
    small.backend.fault = lambda call: refusals.pop() if refusals and call.key == output().key else None

    async with running(small) as run:
        before = small.backend.names()
        await run.pass_time(BASE_S)

        assert before == {"news", "news/other"}
        assert small.backend.names() == {"news", "news/other", "news/tower"}
        assert [event["why"] for event in run.events("change.failed")] == ["busy"]


async def test_a_stop_finishes_the_call_in_flight_and_sends_no_more() -> None:
    """A graceful stop leaves no call half done."""
    small = a_world()
    small.source.write("one", flow(), output())
    gate = small.backend.hanging = asyncio.Event()

    async with running(small) as run:
        run.loop.stop()
        gate.set()
        await run.pass_time(0)

        assert run.task.done()
        assert small.backend.names() == {"news"}
        assert {event["why"] for event in run.events("change.skipped")} == {"not sent, because the loop is stopping"}
        assert small.source.closed


async def test_a_new_revision_supersedes_a_failing_pass() -> None:
    """Once something failed, a hint ends the pass, so that the mended tree does not wait for the rest of it."""
    small = a_world()
    small.source.write("one", flow(), output("a"), output("b"))
    gate = small.backend.hanging = asyncio.Event()
    small.backend.fault = lambda call: RejectedError("no such host") if call.key == output("a").key else None

    async with running(small) as run:
        small.source.write("two", flow(), output("b"))
        gate.set()
        await run.pass_time(0)
        skipped = [event["resource"] for event in run.events("change.skipped")]
        await run.settle()

        assert skipped == ["output/news/b", "flow/news"]
        assert small.backend.names() == {"news", "news/b"}


async def test_what_is_ordered_during_a_pass_is_followed_right_after_it() -> None:
    """Whoever lifts a pause while a pass is under way does not wait for the next pass without a reason."""
    small = a_world()
    small.source.write("one", flow(), output())
    small.orders.give(Pause(resource=OutputKey("news", "tower"), given=given(small)))

    async with running(small) as run:
        gate = small.backend.hanging = asyncio.Event()
        small.source.write("two", flow(), output(), output("b"))
        await run.settle()
        passes = len(run.passes)
        small.orders.lift(Pause, OutputKey("news", "tower"))
        await run.pass_time(STEP_S)
        gate.set()
        await run.prove()

        assert len(run.passes) == passes + 2
        assert small.backend.names() == {"news", "news/tower", "news/b"}


async def test_an_order_ends_a_pass_that_fails_and_is_no_hint() -> None:
    """Once something failed, the rest waits for the pass by other orders; the source has said nothing."""
    small = a_world()
    small.source.write("one", flow(), output("a"), output("b"))
    gate = small.backend.hanging = asyncio.Event()
    small.backend.fault = lambda call: RejectedError("no such host") if call.key == output("a").key else None

    async with running(small) as run:
        small.orders.give(Pause(resource=OutputKey("news", "c"), given=given(small)))
        await run.pass_time(STEP_S)
        gate.set()
        await run.pass_time(0)
        why = {event["why"] for event in run.events("change.skipped")}

        assert why == {"not sent, because something has failed and something else was ordered meanwhile"}
        assert run.loop.board.vitals().hinted_at is None


async def test_an_order_does_not_wait_for_quiet() -> None:
    """Files that are being written hold back a look at them, and no order."""
    small = a_world()
    small.source.write("one", flow(), output())

    async with running(small, timing=replace(TIMING, debounce_s=5, max_wait_s=5)) as run:
        passes = len(run.passes)
        small.orders.give(Halt(given=given(small)))
        await run.pass_time(STEP_S)

        assert len(run.passes) == passes + 1
        assert run.loop.board.vitals().hinted_at is None


async def test_a_bug_is_told_and_not_swallowed() -> None:
    """What is no foreseen failure ends the loop, and the log names its kind alone."""
    small = a_world()
    small.source.trees["one"] = None
    small.source.current = "unknown"

    async with running(small) as run:
        assert isinstance(run.task.exception(), KeyError)
        assert [event["kind"] for event in run.events("loop.ended")] == ["KeyError"]


async def test_a_quiet_pass_is_told_to_the_curious_only() -> None:
    """A pass that finds nothing to do is logged below what people see."""
    small = a_world()
    small.source.write("one", flow(), output())

    async with running(small) as run:
        await run.pass_time(TIMING.observe_s)

        assert [event["log_level"] for event in run.events("reconcile.pass_finished")] == ["info", "debug"]


async def test_an_order_before_the_first_tree_waits_for_it_at_rest() -> None:
    """Nothing is known of what is wanted, so there is nothing to pass for, and nobody looks any more often."""
    small = a_world()
    small.source.problem = "the server is down"

    async with running(small) as run:
        small.orders.give(Pause(resource=OutputKey("news", "tower"), given=given(small)))
        await run.pass_time(3 * TIMING.rescan_s)
        looks = small.source.looks
        small.source.problem = ""
        small.source.write("one", flow(), output())
        await run.settle()

        assert looks <= 5
        assert "news" in small.backend.names()
        assert "news/tower" not in small.backend.names()
