"""A flow that is not made for now: what needs it is held back with it, and nothing is sent that can only fail."""

from dataclasses import replace
from datetime import datetime

import pytest

from reconciler.domain.changes import Hold
from reconciler.domain.model import Care, Flow, FlowKey, Output
from reconciler.domain.policies import Calendar, OneOff, Policies, WindowKind
from reconciler.engine.apply import Terms
from reconciler.engine.guard.facts import Mode
from reconciler.engine.reconcile import PassOutcome, reconcile
from tests.builders import flow, output
from tests.unit.engine.worlds import Worldlet, a_world, finish, say

pytestmark = pytest.mark.anyio

FREEZE = Calendar(
    name="freeze",
    zone="UTC",
    labels=(("event", "cup"),),
    windows=(
        OneOff(
            kind=WindowKind.FREEZE,
            begins=datetime.fromisoformat("2025-12-01T00:00"),
            ends=datetime.fromisoformat("2026-02-01T00:00"),
        ),
    ),
)


async def passed(small: Worldlet, *resources: Flow | Output, policies: Policies | None = None) -> PassOutcome:
    """Return what became of one pass."""
    target = say(small, *resources, mode=Mode.ONCE)
    target = replace(target, policies=policies or Policies())
    return await finish(small, reconcile(small.world, target, terms=Terms()))


async def test_outputs_of_a_flow_that_looks_renamed_wait_with_it() -> None:
    """Neither the flow nor its output is made, and both say why."""
    small = a_world()
    await passed(small, flow(), output())
    small.backend.sent.clear()

    outcome = await passed(small, flow("sport"), output(of="sport"))

    assert small.backend.sent == []
    assert outcome.undone == ()
    held = {str(blocked.key): blocked for blocked in outcome.left.blocked}
    assert held["output/sport/tower"].hold is Hold.RENAME
    assert "flow/sport is to be made first" in held["output/sport/tower"].why


async def test_outputs_of_a_flow_in_a_freeze_wait_with_it() -> None:
    """The calendar is about the flow alone, by its label."""
    small = a_world()
    frozen = replace(flow(), care=Care(labels=(("event", "cup"),)))

    outcome = await passed(small, frozen, output(), policies=Policies(calendars=(FREEZE,)))

    assert small.backend.sent == []
    assert outcome.undone == ()
    assert {str(blocked.key) for blocked in outcome.left.blocked} == {"flow/news", "output/news/tower"}
    assert {blocked.hold for blocked in outcome.left.blocked} == {Hold.WINDOW}


async def test_outputs_of_a_flow_that_no_list_shows_yet_wait_with_it() -> None:
    """It was made a moment ago: it is looked for, and nothing is sent that needs it."""
    small = a_world()
    await passed(small, flow())
    hidden = dict(small.backend.flows)
    small.backend.flows.clear()
    small.backend.sent.clear()

    late = await passed(small, flow(), output())
    small.backend.flows.update(hidden)
    await passed(small, flow(), output())

    assert {str(waiting.key) for waiting in late.left.waiting} >= {"output/news/tower", str(FlowKey("news"))}
    assert late.undone == ()
    assert small.backend.sent == ["create output/news/tower", "start flow/news"]
