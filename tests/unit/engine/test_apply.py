"""Tests of `engine.apply`."""

import asyncio
import itertools

import pytest

from reconciler.domain.changes import Action, Call, Create, Delete, FlowAt, Sequence, Start, Stop
from reconciler.domain.errors import BackendError, CredentialsRefusedError, RejectedError, UnavailableError
from reconciler.domain.impact import Impact
from reconciler.domain.model import Flow, FlowKey, Output, OutputKey
from reconciler.engine.apply import FLOWS_AT_ONCE, Execution, Outcome, Result, Terms
from reconciler.engine.sending import CALL_TIMEOUT_S
from tests.builders import LOCAL, flow, found_flow, found_output, output
from tests.unit.engine.airing import output_id, put_on_air
from tests.unit.engine.worlds import Worldlet, a_world, run_plan

pytestmark = pytest.mark.anyio

AT = FlowAt(LOCAL, "news")


def create(wanted: Flow | Output, at: FlowAt = AT) -> Create:
    """Return the create of a resource."""
    return Create(key=wanted.key, at=at, wanted=wanted)


def start(name: str = "news") -> Start:
    """Return the start of a flow."""
    return Start(key=FlowKey(name), at=FlowAt(LOCAL, name))


def stop(name: str = "news") -> Stop:
    """Return the stop of a flow."""
    return Stop(key=FlowKey(name), at=FlowAt(LOCAL, name))


def results(execution: Execution) -> list[Result]:
    """Return what became of each change."""
    return [outcome.result for outcome in execution.outcomes]


def fail_on(small: Worldlet, text: str, error: BackendError) -> None:
    """Have the backend refuse the call whose `action key` is `text`."""
    small.backend.fault = lambda call: error if f"{call.action} {call.key}" == text else None


async def test_all_is_done_in_order() -> None:
    """A flow comes into being before its outputs, and starts after them."""
    small = a_world()

    execution = await run_plan(small, create(flow()), create(output()), start())

    assert results(execution) == [Result.DONE] * 3
    assert small.backend.sent == ["create flow/news", "create output/news/tower", "start flow/news"]
    assert small.backend.names() == {"news", "news/tower"}
    assert all(outcome.request_ids for outcome in execution.outcomes)


async def test_stops_and_deletes_of_every_flow_come_first() -> None:
    """What frees names, keys and ports is sent before anything that may need them."""
    small = a_world()
    old, new = flow("old"), flow("new")
    small.backend.hold(found_flow(old))

    await run_plan(small, create(new, FlowAt(LOCAL, "new")), stop("old"))

    assert small.backend.sent == ["stop flow/old", "create flow/new"]


async def test_a_delete_behind_a_create_stays_behind_it() -> None:
    """The last output of a running flow goes only after its successor was made."""
    small = a_world()
    gone = found_output(output("old"))
    small.backend.hold(found_flow(flow(), gone))
    delete = Delete(key=OutputKey("news", "old"), at=AT, found=gone, impact=Impact.INTERRUPT)

    await run_plan(small, create(output("new")), delete)

    assert small.backend.sent == ["create output/news/new", "delete output/news/old"]


async def test_one_failure_takes_no_sibling_with_it() -> None:
    """An output that is refused leaves the other outputs and the start alone."""
    small = a_world()
    small.backend.hold(found_flow(flow()))
    fail_on(small, "create output/news/a", RejectedError("no such host"))

    execution = await run_plan(small, create(output("a")), create(output("b")), start())

    assert results(execution) == [Result.FAILED, Result.DONE, Result.DONE]
    assert execution.outcomes[0].why == "no such host"
    assert execution.progressed


async def test_outputs_of_a_flow_that_failed_are_not_sent() -> None:
    """An output is reported as not sent because of its flow, and other flows go on."""
    small = a_world()
    fail_on(small, "create flow/news", RejectedError("no bandwidth left"))

    execution = await run_plan(small, create(flow()), create(output()), create(flow("b"), FlowAt(LOCAL, "b")))

    assert results(execution) == [Result.FAILED, Result.SKIPPED, Result.DONE]
    assert execution.outcomes[1].why == "not sent, because the create of flow/news failed"
    assert small.backend.names() == {"b"}


async def test_an_unknown_outcome_holds_that_flow_only() -> None:
    """After a call that may have been carried out, its flow is left alone until it was observed again."""
    small = a_world()
    small.backend.hold(found_flow(flow()), found_flow(flow("other")))
    fail_on(small, "create output/news/a", UnavailableError("no answer", maybe_applied=True))

    other = create(output("c", of="other"), FlowAt(LOCAL, "other"))
    execution = await run_plan(small, create(output("a")), create(output("b")), other)

    assert results(execution) == [Result.FAILED, Result.SKIPPED, Result.DONE]
    assert "may or may not have been done" in execution.outcomes[1].why


async def test_a_call_that_surely_was_not_done_holds_nothing() -> None:
    """A call that never left says nothing about the next one."""
    small = a_world()
    small.backend.hold(found_flow(flow()))
    fail_on(small, "create output/news/a", UnavailableError("no connection", maybe_applied=False))

    execution = await run_plan(small, create(output("a")), create(output("b")))

    assert results(execution) == [Result.FAILED, Result.DONE]


async def test_refused_credentials_end_the_rest() -> None:
    """Once the account does not accept us, nothing else is sent anywhere."""
    small = a_world()
    small.backend.hold(found_flow(flow()))
    refusal = CredentialsRefusedError("the key was revoked")
    fail_on(small, "stop flow/news", refusal)

    execution = await run_plan(small, stop(), create(flow("b"), FlowAt(LOCAL, "b")))

    assert execution.refused is refusal
    assert results(execution) == [Result.FAILED, Result.SKIPPED]
    assert not execution.progressed


async def test_a_sequence_ends_with_its_first_failure() -> None:
    """A recreate that fails halfway says how far it came, and its flow is left alone."""
    small = a_world()
    old = found_flow(flow())
    small.backend.hold(old)
    calls: tuple[Call, ...] = (stop(), Delete(key=old_key(), at=AT, found=old, impact=Impact.NONE), create(flow()))
    sequence = Sequence(
        key=old_key(), at=AT, action=Action.RECREATE, calls=calls, differences=(), impact=Impact.RECREATE, why="region"
    )
    fail_on(small, "create flow/news", RejectedError("the account is full"))

    execution = await run_plan(small, sequence, create(output()))

    assert results(execution) == [Result.FAILED, Result.SKIPPED]
    assert execution.outcomes[0].why == "the account is full (after 2 of its 3 calls)"
    assert len(execution.outcomes[0].request_ids) == 2


def old_key() -> FlowKey:
    """Return the key of the flow that is made anew."""
    return FlowKey("news")


async def test_a_sequence_that_is_held_midway_has_failed() -> None:
    """A hold between the calls of one change leaves it half done, and that is told as a failure."""
    small = a_world()
    old = found_flow(flow())
    small.backend.hold(old)
    calls: tuple[Call, ...] = (stop(), Delete(key=old_key(), at=AT, found=old, impact=Impact.NONE))
    sequence = Sequence(
        key=old_key(), at=AT, action=Action.DELETE, calls=calls, differences=(), impact=Impact.INTERRUPT, why="gone"
    )
    terms = Terms(hold=lambda: "stopping" if small.backend.sent else "")

    execution = await run_plan(small, sequence, terms=terms)

    assert results(execution) == [Result.FAILED]
    assert execution.outcomes[0].why == "stopping (after 1 of its 2 calls)"


async def test_a_first_call_to_another_flow_is_looked_at_by_itself() -> None:
    """The permission was about the flow that the change is known by; somebody comes on air in the other one since."""
    small = a_world()
    small.backend.hold(found_flow(flow()))
    small.backend.hold(found_flow(flow(live_name="old"), found_output(output())))
    old = small.backend.flow("old")
    stop_old = Stop(key=old_key(), at=FlowAt(LOCAL, "old"), found=old)
    sequence = Sequence(
        key=old_key(),
        at=AT,
        action=Action.RECREATE,
        calls=(stop_old, start()),
        differences=(),
        impact=Impact.NONE,
        why="the new one takes its place",
    )
    asked = itertools.count()

    def comes_on_air() -> str:
        """Have a viewer there once the change is permitted, and hold nothing."""
        if next(asked):
            put_on_air(small, output_id(old))
        return ""

    execution = await run_plan(small, sequence, terms=Terms(hold=comes_on_air))

    assert results(execution) == [Result.BLOCKED]
    assert "output tower is on air" in execution.outcomes[0].why
    assert small.backend.sent == []


async def test_a_silent_call_ends_at_its_deadline() -> None:
    """A call without an answer ends, and counts as one that may have been carried out."""
    small = a_world()
    small.backend.hanging = asyncio.Event()
    running = asyncio.create_task(run_plan(small, create(flow()), create(output())))

    await small.clock.advance(CALL_TIMEOUT_S)

    execution = await running
    assert results(execution) == [Result.FAILED, Result.SKIPPED]
    assert "it may have been done" in execution.outcomes[0].why


async def test_a_hold_lets_the_call_in_flight_finish() -> None:
    """Whoever stops waits for the call in flight, and nothing is sent after it."""
    small = a_world()
    small.backend.hanging = asyncio.Event()
    held: list[str] = []
    terms = Terms(hold=lambda: "stopping" if held else "")
    running = asyncio.create_task(run_plan(small, create(flow()), create(output()), terms=terms))
    await small.clock.advance(1)

    held.append("now")
    small.backend.hanging.set()

    assert results(await running) == [Result.DONE, Result.SKIPPED]
    assert small.backend.names() == {"news"}


async def test_flows_go_on_side_by_side_within_a_bound() -> None:
    """Flows do not wait for each other, but only so many are worked on at once."""
    small = a_world()
    small.backend.hanging = asyncio.Event()
    names = [f"f{number:02}" for number in range(FLOWS_AT_ONCE + 4)]
    changes = [create(flow(name), FlowAt(LOCAL, name)) for name in names]
    running = asyncio.create_task(run_plan(small, *changes))
    await small.clock.advance(1)

    small.backend.hanging.set()
    execution = await running

    assert results(execution) == [Result.DONE] * len(names)
    assert small.backend.most_at_once == FLOWS_AT_ONCE


async def test_outcomes_are_told_as_they_come_and_kept_in_the_plans_order() -> None:
    """Progress is told at once; the result is in the order of the plan."""
    small = a_world()
    small.backend.hold(found_flow(flow("old")))
    told: list[Outcome] = []

    execution = await run_plan(
        small, create(flow("new"), FlowAt(LOCAL, "new")), stop("old"), terms=Terms(on_outcome=told.append)
    )

    assert [str(outcome.change.key) for outcome in told] == ["flow/old", "flow/new"]
    assert [str(outcome.change.key) for outcome in execution.outcomes] == ["flow/new", "flow/old"]


async def test_a_change_is_told_when_it_begins_and_when_it_has_ended() -> None:
    """What is in flight is what has begun and not ended; what is not sent never begins."""
    small = a_world()
    fail_on(small, "create flow/news", RejectedError("no bandwidth left"))
    told: list[str] = []
    terms = Terms(
        on_begin=lambda change: told.append(f"{change.action} {change.key}"),
        on_outcome=lambda outcome: told.append(str(outcome.result)),
    )

    await run_plan(small, create(flow()), create(output()), terms=terms)

    assert told == ["create flow/news", "failed", "skipped"]


async def test_a_change_of_many_calls_begins_once() -> None:
    """A recreate is one thing in flight, however many calls it takes."""
    small = a_world()
    old = found_flow(flow())
    small.backend.hold(old)
    calls: tuple[Call, ...] = (stop(), Delete(key=old_key(), at=AT, found=old, impact=Impact.NONE))
    sequence = Sequence(
        key=old_key(), at=AT, action=Action.DELETE, calls=calls, differences=(), impact=Impact.INTERRUPT, why="gone"
    )
    began: list[Action] = []

    execution = await run_plan(small, sequence, terms=Terms(on_begin=lambda change: began.append(change.action)))

    assert results(execution) == [Result.DONE]
    assert began == [Action.DELETE]


async def test_a_call_that_nobody_waited_for_is_unknown() -> None:
    """Who stops waiting says that he does not know, of every call in flight; nothing else is sent."""
    small = a_world()
    small.backend.hanging = asyncio.Event()
    cut = asyncio.Event()
    terms = Terms(hold=lambda: "interrupted" if cut.is_set() else "", cut=cut)
    other = create(flow("b"), FlowAt(LOCAL, "b"))
    running = asyncio.create_task(run_plan(small, create(flow()), create(output()), other, terms=terms))
    await small.clock.advance(1)

    cut.set()
    execution = await running

    assert results(execution) == [Result.UNKNOWN, Result.SKIPPED, Result.UNKNOWN]
    assert "it may have been done" in execution.outcomes[0].why
    assert small.backend.at_once == 0
