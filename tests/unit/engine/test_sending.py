"""Tests of `engine.sending`: what the journal has of a call, whenever this process dies."""

import asyncio
from dataclasses import replace

import pytest

from reconciler.domain.change_ids import change_id
from reconciler.domain.changes import Action, Create, FlowAt, Start
from reconciler.domain.errors import BackendError, RejectedError, UnavailableError, WrongStateError
from reconciler.domain.model import Flow, FlowKey, Output
from reconciler.engine.sending import CALL_TIMEOUT_S
from reconciler.ports.journal import Settled, Written
from tests.builders import LOCAL, flow
from tests.unit.engine.worlds import Worldlet, a_world, run_plan

pytestmark = pytest.mark.anyio

AT = FlowAt(LOCAL, "news")


def create(wanted: Flow | Output) -> Create:
    """Return the create of a resource."""
    return Create(key=wanted.key, at=AT, wanted=wanted)


def only_call(small: Worldlet) -> Written:
    """Return the one call that the journal has."""
    (written,) = small.world.journal.calls()
    return written


async def test_a_call_is_written_down_before_it_leaves() -> None:
    """Whoever dies while it is under way leaves behind what it was, and that nobody knows what came of it."""
    small = a_world()
    small.backend.hanging = asyncio.Event()
    change = create(replace(flow(), live_name="Evening news"))

    running = asyncio.ensure_future(run_plan(small, change))
    await small.clock.advance(0)
    under_way = only_call(small)
    small.backend.hanging.set()
    await running

    assert (under_way.settled, under_way.duration_s) == (None, None)
    assert under_way.intent.resource == "flow/news"
    assert under_way.intent.action == Action.CREATE
    assert under_way.intent.live_name == "Evening news"
    assert under_way.intent.change == change_id(change)
    assert under_way.intent.revision == "drawn"


async def test_what_came_of_it_is_written_down_after_it() -> None:
    """With the backend's own name of the call, and how long it took."""
    small = a_world()
    small.backend.pause = lambda: small.clock.sleep(2)

    execution = await run_plan(small, create(flow()))

    written = only_call(small)
    assert (written.settled, written.duration_s) == (Settled.DONE, 2.0)
    assert written.request_id == execution.outcomes[0].request_ids[0]


@pytest.mark.parametrize(
    ("error", "settled"),
    [
        pytest.param(RejectedError("no such host", request_id="r-7"), Settled.REFUSED, id="it was refused"),
        pytest.param(
            UnavailableError("no connection", maybe_applied=False, request_id="r-7"),
            Settled.REFUSED,
            id="it never left",
        ),
        pytest.param(
            UnavailableError("no answer", maybe_applied=True, request_id="r-7"), Settled.UNKNOWN, id="nobody knows"
        ),
    ],
)
async def test_a_failure_is_settled_as_what_is_known(error: BackendError, settled: Settled) -> None:
    """Only what may have been carried out is unknown."""
    small = a_world()
    small.backend.fault = lambda _: error

    await run_plan(small, create(flow()))

    written = only_call(small)
    assert (written.settled, written.why, written.request_id) == (settled, str(error), "r-7")


async def test_a_call_without_an_answer_is_unknown() -> None:
    """The deadline says nothing about what the backend does with it."""
    small = a_world()
    small.backend.hanging = asyncio.Event()

    await run_plan(small, create(flow()))

    written = only_call(small)
    assert (written.settled, written.duration_s) == (Settled.UNKNOWN, CALL_TIMEOUT_S)
    assert small.world.journal.unsettled() == (written,)


async def test_what_the_state_of_a_flow_teaches_is_noted() -> None:
    """Which edit rules hold by now stands in the journal, with the refusal that taught them."""
    small = a_world()
    small.backend.fault = lambda _: WrongStateError("not while it runs")

    await run_plan(small, create(flow()))

    (noted,) = small.world.journal.notes(kind="fields.learnt")
    assert (noted.note.resource, noted.note.why) == ("flow/news", "not while it runs")
    assert noted.note.fields == {"rules": "live-2023"}


async def test_a_start_makes_nothing() -> None:
    """Only what a create makes has a live name in the journal."""
    small = a_world()
    small.backend.fault = lambda _: RejectedError("no outputs")

    await run_plan(small, Start(key=FlowKey("news"), at=AT))

    assert only_call(small).intent.live_name == ""
