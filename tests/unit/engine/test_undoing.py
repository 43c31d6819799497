"""Tests of `engine.undoing`: a change that fails in the middle leaves on air what was on air."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from reconciler.domain.changes import Action, Call, Create, Edit
from reconciler.domain.errors import BackendError, RejectedError, UnavailableError
from reconciler.domain.impact import Capabilities, EditRules
from reconciler.domain.model import FlowKey, FlowState, Output, Region
from reconciler.domain.policies import Limit
from reconciler.engine.apply import Result
from reconciler.engine.plan import Target
from reconciler.engine.reconcile import PassOutcome
from tests.builders import flow, found_flow, found_output, output
from tests.unit.engine.broadcasts import passed
from tests.unit.engine.worlds import MeddledBackend, Worldlet, a_world, lifted, say

pytestmark = pytest.mark.anyio

AWAY = Region("eu-frankfurt")
BUSY = RejectedError("busy")
LOST = UnavailableError("no answer", maybe_applied=True)


class RuledBackend(MeddledBackend):
    """A backend with edit rules of some generation."""

    def __init__(self, rules: EditRules = EditRules.LIVE_2023) -> None:
        super().__init__(regions=("local", AWAY))
        self.rules = rules

    @property
    def capabilities(self) -> Capabilities:
        """Return the rules."""
        return Capabilities(rules=self.rules)


def a_flow(*outputs: Output, rules: EditRules = EditRules.LIVE_2023) -> Worldlet:
    """Return a world with a running flow of these outputs."""
    backend = RuledBackend(rules)
    backend.hold(found_flow(flow(), *map(found_output, outputs or (output(),))))
    return a_world(backend)


def fail(small: Worldlet, error: BackendError, when: Callable[[Call], bool], *, is_done: bool = False) -> None:
    """Have calls fail, before or after they were carried out."""
    if is_done:
        small.backend.lost = lambda call: error if when(call) else None
    else:
        small.backend.fault = lambda call: error if when(call) else None


def is_edit(call: Call) -> bool:
    """Return whether it edits."""
    return isinstance(call, Edit)


def why(outcome: PassOutcome) -> str:
    """Return why the one change of a pass failed."""
    (one,) = outcome.outcomes
    assert one.result is Result.FAILED
    return one.why


async def edited(small: Worldlet) -> PassOutcome:
    """Return what became of an edit that this account wants a stop for."""
    return await passed(small, say(small, flow(), output(latency_ms=500)))


async def test_a_flow_that_was_stopped_for_an_edit_is_started_when_that_is_refused() -> None:
    """It is on air again with what it had."""
    small = a_flow(rules=EditRules.CONSOLE_2022)
    fail(small, BUSY, is_edit)

    outcome = await edited(small)

    assert small.backend.sent == ["stop flow/news", "edit output/news/tower", "start flow/news"]
    assert small.backend.flow().state is FlowState.RUNNING
    assert why(outcome) == "busy; put back by a start of flow/news (after 1 of its 3 calls)"


async def test_an_edit_that_may_have_been_done_leaves_no_flow_stopped() -> None:
    """Whether it was or not, the flow goes on air again."""
    small = a_flow(rules=EditRules.CONSOLE_2022)
    fail(small, LOST, is_edit)

    await edited(small)

    assert small.backend.flow().state is FlowState.RUNNING


async def test_a_stop_that_may_have_been_done_is_taken_back() -> None:
    """A flow that is stopped, although nobody knows it, would be off air until somebody looks."""
    small = a_flow(rules=EditRules.CONSOLE_2022)
    fail(small, LOST, lambda call: call.action is Action.STOP, is_done=True)

    outcome = await edited(small)

    assert small.backend.sent == ["stop flow/news", "start flow/news"]
    assert small.backend.flow().state is FlowState.RUNNING
    assert why(outcome) == "no answer; put back by a start of flow/news"


async def test_a_stop_that_was_refused_needs_nothing_put_back() -> None:
    """Nothing has happened."""
    small = a_flow(rules=EditRules.CONSOLE_2022)
    fail(small, BUSY, lambda call: call.action is Action.STOP)

    outcome = await edited(small)

    assert small.backend.sent == ["stop flow/news"]
    assert why(outcome) == "busy"


async def test_what_cannot_be_put_back_is_said() -> None:
    """The worst is told in one sentence: what failed, and that putting it back failed, too."""
    small = a_flow(rules=EditRules.CONSOLE_2022)
    fail(small, BUSY, lambda call: call.action in {Action.EDIT, Action.START})

    outcome = await edited(small)

    assert why(outcome) == "busy; and to put it back failed: busy (after 1 of its 3 calls)"


async def recreated(small: Worldlet, *others: Output) -> PassOutcome:
    """Return what became of an output that has to be made anew in a break, for its far end takes one caller."""
    wanted = output()
    return await passed(small, say(small, flow(), replace(wanted, spec=replace(wanted.spec, region=AWAY)), *others))


def is_new(call: Call) -> bool:
    """Return whether it makes the output in its new region."""
    return isinstance(call, Create) and isinstance(call.wanted, Output) and call.wanted.spec.region == AWAY


async def test_an_old_output_is_made_again_when_the_new_one_is_refused() -> None:
    """There was a break, and after it there is what was there before."""
    small = a_flow(output(), output("mast"))
    before = small.backend.names()
    fail(small, BUSY, is_new)

    outcome = await recreated(small, output("mast"))

    assert small.backend.sent == [
        "delete output/news/tower",
        "create output/news/tower",
        "create output/news/tower",
    ]
    assert small.backend.names() == before
    assert "busy; put back by a create of output/news/tower" in why(outcome)


async def test_the_only_output_is_made_again_and_its_flow_started() -> None:
    """The flow had to stop, for it does not run without outputs; it runs again."""
    small = a_flow(output())
    fail(small, BUSY, is_new)

    await recreated(small)

    assert small.backend.names() == {"news", "news/tower"}
    assert small.backend.flow().state is FlowState.RUNNING


async def test_what_may_have_been_made_is_not_made_again() -> None:
    """Beside a new one that nobody knows of, the old one would be a second of its name; but the flow runs again."""
    small = a_flow(output())
    fail(small, LOST, is_new, is_done=True)

    await recreated(small)

    assert small.backend.sent.count("create output/news/tower") == 1
    assert small.backend.flow().state is FlowState.RUNNING


def in_another_region(small: Worldlet) -> Target:
    """Return a tree that wants the whole flow elsewhere."""
    return say(small, flow(region=AWAY), output(), policies=lifted(Limit.BUDGET))


async def flow_recreated(small: Worldlet) -> PassOutcome:
    """Return what became of a flow that is made anew elsewhere."""
    return await passed(small, in_another_region(small))


def is_of_new_flow(call: Call) -> bool:
    """Return whether it is a call in the other region."""
    return call.at.region == AWAY


async def test_a_flow_that_cannot_be_made_anew_leaves_no_twin() -> None:
    """The old one was never stopped, and the idle one beside it goes again."""
    small = a_flow(output())
    fail(small, BUSY, lambda call: isinstance(call, Create) and call.key == output().key)

    outcome = await flow_recreated(small)

    assert [flow.region for flow in small.backend.flows.values()] == ["local"]
    assert small.backend.flow().state is FlowState.RUNNING
    assert "stop flow/news" not in small.backend.sent
    assert "put back by a delete of flow/news" in why(outcome)


async def test_a_flow_of_which_nothing_was_made_takes_nothing_away() -> None:
    """The first call was refused: all is as it was."""
    small = a_flow(output())
    fail(small, BUSY, lambda call: isinstance(call, Create) and call.key == FlowKey("news"))

    outcome = await flow_recreated(small)

    assert small.backend.sent == ["create flow/news"]
    assert why(outcome) == "busy"


async def test_a_twin_of_a_flow_that_nobody_knows_of_is_left_to_the_next_look() -> None:
    """The answer was lost; what there is, is found by listing."""
    small = a_flow(output())
    fail(small, LOST, lambda call: isinstance(call, Create) and call.key == output().key, is_done=True)

    await flow_recreated(small)
    looked = sorted(flow.region for flow in small.backend.flows.values())
    small.backend.lost = lambda _: None
    await small.clock.advance(60)
    await flow_recreated(small)

    assert looked == ["eu-frankfurt", "local"]
    assert [(flow.region, flow.state) for flow in small.backend.flows.values()] == [(AWAY, FlowState.RUNNING)]


async def test_a_twin_that_somebody_uses_is_not_taken_away() -> None:
    """Whoever started it meanwhile keeps it; the next pass sees both."""
    small = a_flow(output())

    def start(call: Call) -> None:
        if isinstance(call, Create) and call.at.region == AWAY:
            twin = next(flow for flow in small.backend.flows.values() if flow.region == AWAY)
            small.backend.flows[twin.id] = replace(twin, state=FlowState.RUNNING)

    small.backend.then = start
    fail(small, BUSY, lambda call: isinstance(call, Create) and call.key == output().key)

    await flow_recreated(small)

    assert sorted(flow.region for flow in small.backend.flows.values()) == ["eu-frankfurt", "local"]


async def test_a_twin_of_which_no_status_tells_is_not_taken_away() -> None:
    """Nobody can say that it still stands still."""
    small = a_flow(output())

    def tell_nothing(call: Call) -> None:
        if isinstance(call, Create) and call.at.region == AWAY:
            twin = next(flow for flow in small.backend.flows.values() if flow.region == AWAY)
            small.backend.untold = {f"{twin.id}-input"}

    small.backend.then = tell_nothing
    fail(small, BUSY, lambda call: isinstance(call, Create) and call.key == output().key)

    outcome = await flow_recreated(small)

    assert sorted(flow.region for flow in small.backend.flows.values()) == ["eu-frankfurt", "local"]
    assert "so it stays" in why(outcome)


async def test_a_twin_that_cannot_be_looked_for_is_said() -> None:
    """The backend fails at the worst moment; the next pass finds what is there."""
    small = a_flow(output())

    def no_list(call: Call) -> None:
        if isinstance(call, Create) and call.at.region == AWAY:
            small.backend.unreadable[AWAY] = UnavailableError("no list today", maybe_applied=False)

    small.backend.then = no_list
    fail(small, BUSY, lambda call: isinstance(call, Create) and call.key == output().key)

    outcome = await flow_recreated(small)

    assert "what was made beside it could not be looked for: no list today" in why(outcome)


async def test_an_old_flow_runs_again_when_the_new_one_does_not_start() -> None:
    """The turn from one to the other failed: whoever was on air is on air again."""
    small = a_flow(output())
    fail(small, BUSY, lambda call: call.action is Action.START and call.at.region == AWAY)

    outcome = await flow_recreated(small)

    old = next(flow for flow in small.backend.flows.values() if flow.region != AWAY)
    assert old.state is FlowState.RUNNING
    assert "put back by a start of flow/news" in why(outcome)
