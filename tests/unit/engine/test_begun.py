"""What our own calls leave half done: it is brought to an end, and is no drift."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from reconciler.domain.changes import Call, Delete, FlowAt, Hold, Start, Stop
from reconciler.domain.errors import BackendError, UnavailableError
from reconciler.domain.impact import EditRules, Impact
from reconciler.domain.model import DriftMode, FlowState
from reconciler.domain.orders import Given, Halt
from reconciler.ports.journal import Intent, Settled
from tests.builders import LOCAL, output
from tests.unit.engine.loops import TIMING, Running, running
from tests.unit.engine.test_board import rows
from tests.unit.engine.test_drift import kept, tower
from tests.unit.engine.worlds import Worldlet, a_world, restarted

pytestmark = pytest.mark.anyio

LONG_S = 5 * TIMING.observe_s


def strict() -> Worldlet:
    """Return a world in which an edit of an output stops its flow, which only tells of drift."""
    small = a_world()
    small.backend.rules = EditRules.STRICT_2021
    small.source.write("one", kept(DriftMode.WARN), output())
    return small


def unanswered(kind: type[Call], *, maybe_applied: bool = False) -> Callable[[Call], BackendError | None]:
    """Return what refuses every call of a kind."""
    error = UnavailableError("503", maybe_applied=maybe_applied)
    return lambda call: error if isinstance(call, kind) else None


def stop_by_hand(small: Worldlet) -> None:
    """Stop the flow in the console."""
    found = small.backend.flow()
    small.backend.flows[found.id] = replace(found, state=FlowState.IDLE)


def begin(small: Worldlet, action: str, settled: Settled | None = None) -> None:
    """Write down a call on the flow as a process does that is killed right behind it."""
    intent = Intent(pass_id="p", revision="two", resource="flow/news", action=action, change="c")
    number = small.world.journal.intend(intent)
    if settled is not None:
        small.world.journal.settle(number, settled)


async def holds(run: Running) -> set[Hold]:
    """Return by what something is held back after a while."""
    await run.pass_time(LONG_S)
    return {item.hold for item in run.passes[-1].left.blocked}


async def test_what_a_halt_cut_in_two_is_started_again() -> None:
    """Stop, the red button, edit, start: the flow was stopped by nobody but us."""
    small = strict()

    async with running(small) as run:
        halt = Halt(given=Given(author="a", reason="r", at=small.clock.now(), until=None))
        small.backend.then = lambda call: small.orders.give(halt) if isinstance(call, Stop) else None
        small.source.write("two", kept(DriftMode.WARN), output(latency_ms=500))
        await run.prove()
        halted, told = small.backend.flow().state, rows(run.loop.board)["Drifted"]
        small.orders.lift(Halt)
        held = await holds(run)

        assert (halted, told[0]) == (FlowState.IDLE, "False")
        assert held == set()
        assert (small.backend.flow().state, small.backend.latency_ms()) == (FlowState.RUNNING, 500)


@pytest.mark.parametrize("maybe_applied", [False, True])
async def test_what_the_backend_would_not_start_again_is_started_later(*, maybe_applied: bool) -> None:
    """The start failed, and what was to put it back failed as well."""
    small = strict()

    async with running(small) as run:
        small.backend.fault = unanswered(Start, maybe_applied=maybe_applied)
        small.source.write("two", kept(DriftMode.WARN), output(latency_ms=500))
        await run.prove()
        small.backend.fault = lambda _: None
        held = await holds(run)

        assert held == set()
        assert small.backend.flow().state is FlowState.RUNNING


@pytest.mark.parametrize("settled", [None, Settled.DONE, Settled.UNKNOWN])
async def test_what_a_crash_cut_in_two_is_started_again(settled: Settled | None) -> None:
    """The journal says that the last call on the flow was our own stop."""
    small = strict()
    async with running(small):
        pass
    begin(small, "stop", settled)
    stop_by_hand(small)

    async with running(restarted(small)) as run:
        held = await holds(run)

        assert held == set()
        assert small.backend.flow().state is FlowState.RUNNING


async def test_what_was_refused_stopped_nothing() -> None:
    """A stop that the backend did not do leaves it to somebody else to have done it."""
    small = strict()
    async with running(small):
        pass
    begin(small, "stop", Settled.REFUSED)
    stop_by_hand(small)

    async with running(restarted(small)) as run:
        assert await holds(run) == {Hold.DRIFT}


@pytest.mark.parametrize("is_restarted", [False, True])
async def test_what_was_in_step_since_our_own_stop_has_drifted(*, is_restarted: bool) -> None:
    """Once our own start was seen to hold, who stops the flow is somebody else, also after a restart."""
    small = strict()
    async with running(small) as run:
        await run.pass_time(TIMING.observe_s)
        # Its answer is lost: for all that the journal knows, the stop was the last certain call.
        small.backend.lost = unanswered(Start, maybe_applied=True)
        small.source.write("two", kept(DriftMode.WARN), output(latency_ms=500))
        await run.pass_time(LONG_S)
        small.backend.lost = lambda _: None
        await run.pass_time(LONG_S)
        ran = small.backend.flow().state
        if not is_restarted:
            stop_by_hand(small)
            assert await holds(run) == {Hold.DRIFT}
    stop_by_hand(small)
    async with running(restarted(small)) as run:
        assert await holds(run) == {Hold.DRIFT}

    assert ran is FlowState.RUNNING


@pytest.mark.parametrize("is_restarted", [False, True])
async def test_a_new_flow_whose_first_start_failed_is_started(*, is_restarted: bool) -> None:
    """What is new is made whatever its mode, and a flow is made when it runs."""
    small = a_world()
    small.source.write("one", kept(DriftMode.WARN), output())
    small.backend.fault = unanswered(Start)
    async with running(small) as run:
        small.backend.fault = lambda _: None
        if not is_restarted:
            await run.pass_time(LONG_S)
    async with running(restarted(small)) as run:
        held = await holds(run)

    assert held == set()
    assert small.backend.flow().state is FlowState.RUNNING


async def test_what_we_deleted_and_could_not_make_anew_is_made() -> None:
    """A flow that is made anew takes its outputs along: one that is missing afterwards was deleted by us."""
    small = a_world()
    small.source.write("one", kept(DriftMode.CORRECT), tower(DriftMode.WARN))
    async with running(small) as run:
        (found,) = small.backend.flow().outputs
        call = Delete(key=tower(DriftMode.WARN).key, at=FlowAt(LOCAL, "news"), found=found, impact=Impact.NONE)
        small.world.guard.sent(call)
        small.backend.drop_output()
        held = await holds(run)

        assert held == set()
        assert small.backend.names() == {"news", "news/tower"}


async def test_an_edit_by_hand_while_we_had_it_stopped_is_drift() -> None:
    """Our own stop explains that the flow stands still, and nothing else about it."""
    small = strict()
    async with running(small) as run:
        small.backend.fault = unanswered(Start)
        small.source.write("two", kept(DriftMode.WARN), output(latency_ms=500))
        await run.prove()
        found = small.backend.flow()
        assert found.spec is not None
        changed = replace(found.spec, max_bandwidth_bps=found.spec.max_bandwidth_bps * 2)
        small.backend.flows[found.id] = replace(found, spec=changed)
        small.backend.fault = lambda _: None
        held = await holds(run)

        assert held == {Hold.DRIFT}
        spec = small.backend.flow().spec
        assert spec is not None
        assert spec.max_bandwidth_bps == changed.max_bandwidth_bps
