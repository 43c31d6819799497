"""What people order beside git, and what the engine still writes."""

from dataclasses import replace
from datetime import timedelta

import pytest

from reconciler.domain.changes import Action, Hold
from reconciler.domain.impact import EditRules
from reconciler.domain.model import FlowKey, FlowState, Key, OutputKey
from reconciler.domain.orders import Given, Halt, Orders, Pause
from reconciler.domain.policies import Limit
from reconciler.engine.apply import Result, Terms
from reconciler.engine.guard.facts import Mode
from reconciler.engine.plan import plan_for
from reconciler.engine.reconcile import PassOutcome, reconcile
from reconciler.ports.orders import NoOrders
from tests.builders import flow, output
from tests.unit.engine.worlds import Worldlet, a_world, finish, lifted, restarted, say

pytestmark = pytest.mark.anyio

NEWS, TOWER = FlowKey("news"), OutputKey("news", "tower")


def given(small: Worldlet, *, span: timedelta | None = None) -> Given:
    """Return who orders something now."""
    now = small.clock.now()
    return Given(author="anna@studio", reason="storm", at=now, until=None if span is None else now + span)


def pause(small: Worldlet, key: Key, *, span: timedelta | None = None) -> None:
    """Pause a resource."""
    small.orders.give(Pause(resource=key, given=given(small, span=span)))


def press(small: Worldlet, halt: Halt) -> None:
    """Stop all writes."""
    small.orders.give(halt)


async def passed(small: Worldlet, *, terms: Terms | None = None) -> PassOutcome:
    """Return what became of a pass for a flow with an output, whose latency is another one by now."""
    target = say(small, flow(), output(latency_ms=500), output("north"), mode=Mode.ONCE)
    return await finish(small, reconcile(small.world, target, terms=terms or Terms()))


async def made(small: Worldlet) -> None:
    """Have a flow with an output on the backend."""
    target = say(small, flow(), output(), mode=Mode.ONCE)
    await finish(small, reconcile(small.world, target, terms=Terms()))


async def test_nothing_is_written_while_all_writes_are_stopped() -> None:
    """A halt holds back every change with who ordered it and why, and says what lifts it."""
    small = a_world()
    small.orders.give(Halt(given=given(small)))

    outcome = await passed(small)

    assert small.backend.names() == set()
    assert {item.hold for item in outcome.left.blocked} == {Hold.HALTED}
    assert "by anna@studio" in outcome.left.blocked[0].why
    assert outcome.left.blocked[0].why.endswith("storm. `reconciler resume --all` lifts that")


async def test_a_halt_ends_a_pass_between_two_calls() -> None:
    """What is pressed in the middle of a pass stops its next call, and nothing is put back."""
    small = a_world()

    def press(_: object) -> None:
        small.orders.give(Halt(given=given(small)))

    outcome = await passed(small, terms=Terms(on_outcome=press))

    assert len(small.backend.names()) == 1
    assert {item.hold for item in outcome.left.blocked} == {Hold.HALTED}
    assert outcome.undone == ()


async def test_a_halt_stops_a_change_that_was_begun() -> None:
    """Not even what was stopped for an edit is started again: whoever stops all writes means all, and is told so."""
    small = a_world()
    await made(small)
    small.backend.rules = EditRules.STRICT_2021
    small.backend.then = lambda call: press(small, Halt(given=given(small))) if call.action is Action.STOP else None

    target = say(small, flow(latency_ms=300), output(), mode=Mode.ONCE)
    outcome = await finish(small, reconcile(small.world, target, terms=Terms()))

    assert small.backend.flow().state is FlowState.IDLE
    assert [item.hold for item in outcome.left.blocked] == [Hold.HALTED]
    assert outcome.left.blocked[0].why.endswith("(after 1 of its 3 calls)")


async def test_a_halt_lasts_through_a_restart_and_until_it_is_lifted() -> None:
    """A process that is started again finds it, and goes on once it is lifted."""
    small = a_world()
    small.orders.give(Halt(given=given(small)))
    again = restarted(small)

    held = await passed(again)
    again.orders.lift(Halt)
    done = await passed(again)

    assert (len(held.done), len(held.left.blocked)) == (0, len(done.done))
    assert again.backend.names() == {"news", "news/tower", "news/north"}


@pytest.mark.parametrize(
    ("paused", "latency_ms", "names"),
    [
        pytest.param(TOWER, 120, {"news", "news/tower", "news/north"}, id="one output: its sibling goes on"),
        pytest.param(NEWS, 120, {"news", "news/tower"}, id="a flow: all of it"),
        pytest.param(OutputKey("news", "north"), 500, {"news", "news/tower"}, id="what is not made yet"),
        pytest.param(FlowKey("sport"), 500, {"news", "news/tower", "news/north"}, id="another flow"),
    ],
)
async def test_a_pause_holds_back_what_it_is_about(paused: Key, latency_ms: int, names: set[str]) -> None:
    """A paused resource stays as it is; everything else is made as its manifest says."""
    small = a_world()
    await made(small)
    pause(small, paused)

    outcome = await passed(small)

    assert small.backend.latency_ms() == latency_ms
    assert small.backend.names() == names
    assert {item.hold for item in outcome.left.blocked} <= {Hold.PAUSED}


async def test_what_would_take_a_paused_output_away_waits_with_it() -> None:
    """Neither the flow's stop nor its delete takes a paused output off the backend."""
    small = a_world()
    await made(small)
    pause(small, TOWER)

    idle = say(small, flow(state=FlowState.IDLE), output(), mode=Mode.ONCE)
    stopped = await finish(small, reconcile(small.world, idle, terms=Terms()))
    nothing = say(small, mode=Mode.ONCE, policies=lifted(Limit.TREE, Limit.BUDGET))
    gone = await finish(small, reconcile(small.world, nothing, terms=Terms()))

    assert [(str(item.key), item.hold) for item in stopped.left.blocked] == [("flow/news", Hold.PAUSED)]
    assert {item.hold for item in gone.left.blocked} == {Hold.PAUSED}
    assert "output/news/tower is paused" in gone.left.blocked[0].why
    assert small.backend.names() == {"news", "news/tower"}


async def test_a_pause_ends_by_itself() -> None:
    """After its span the resource is as its manifest says, though nobody resumed it."""
    small = a_world()
    await made(small)
    pause(small, TOWER, span=timedelta(hours=1))

    await passed(small)
    before = small.backend.latency_ms()
    await small.clock.advance(3600)
    await passed(small)

    assert (before, small.backend.latency_ms()) == (120, 500)


async def test_a_pause_finishes_what_was_begun() -> None:
    """Unlike a halt, it does not leave a flow stopped that was stopped for an edit."""
    small = a_world()
    await made(small)
    target = say(small, flow(latency_ms=300), output(), mode=Mode.ONCE)
    small.backend.rules = EditRules.STRICT_2021
    small.backend.then = lambda call: pause(small, NEWS) if call.action is Action.STOP else None

    await finish(small, reconcile(small.world, target, terms=Terms()))

    assert "stop flow/news" in small.backend.sent
    assert small.backend.flow().state is FlowState.RUNNING


async def test_a_plan_shows_what_is_paused() -> None:
    """Whoever plans sees the pause before anything is applied."""
    small = a_world()
    await made(small)
    pause(small, TOWER)

    plan = await plan_for(small.world, say(small, flow(), output(latency_ms=500), mode=Mode.SHOWN))

    assert [(item.hold, str(item.key)) for item in plan.blocked] == [(Hold.PAUSED, "output/news/tower")]
    assert replace(plan, blocked=()).is_empty


async def test_what_a_halt_holds_back_has_not_failed() -> None:
    """A halted pass is no reason to try again sooner and sooner."""
    small = a_world()
    small.orders.give(Halt(given=given(small)))

    outcome = await passed(small)

    assert not outcome.has_failed
    assert all(one.result is not Result.FAILED for one in outcome.outcomes)


def test_where_nobody_can_order_anything_nothing_is_kept() -> None:
    """A guard without a book writes as manifests say, whatever it is told."""
    book = NoOrders()
    book.give(Halt(given=Given(author="anna", reason="storm", at=a_world().clock.now(), until=None)))

    assert book.read() == Orders()
    assert book.lift(Halt) is None
