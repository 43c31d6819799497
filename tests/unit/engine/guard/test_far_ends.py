"""Nothing is sent to where an output on air sends, unless that one goes or somebody approved."""

from dataclasses import replace
from typing import Final

import pytest

from reconciler.domain.changes import Create, Delete, Hold
from reconciler.domain.errors import UnavailableError
from reconciler.domain.impact import Impact
from reconciler.domain.model import Address, Flow, FlowState, Output, Srt
from reconciler.domain.protocols import SrtMode
from reconciler.engine.apply import Result, Terms, execute
from reconciler.engine.guard.facts import Mode
from reconciler.engine.plan import plan_for
from tests.builders import flow, found_flow, found_output, output
from tests.unit.engine.broadcasts import (
    GAP_S,
    approval,
    approved,
    held_change,
    holds,
    live,
    passed,
    put_on_air,
    receivers_call,
    take_off_air,
)
from tests.unit.engine.worlds import Worldlet, a_world, finish, say

pytestmark = pytest.mark.anyio

TAKEN = ("create output/sport/taker", Hold.FAR_END)


def sending(name: str, host: str = "tower.example", *, of: str = "news", latency_ms: int = 120) -> Output:
    """Return an output that calls a host."""
    wanted = output(name, of=of)
    settings = Srt(mode=SrtMode.CALLER, peer=Address(host, 9000), latency_ms=latency_ms)
    return replace(wanted, spec=replace(wanted.spec, settings=settings))


def a_holder_on_air(*also: Output, state: FlowState = FlowState.RUNNING) -> Worldlet:
    """Return a world with an output on air, and another flow with these outputs beside one that receivers call."""
    small = a_world()
    small.backend.hold(found_flow(flow(), found_output(sending("holder")), found_output(receivers_call("mast"))))
    outputs = (*also, receivers_call("radio", of="sport"))
    small.backend.hold(found_flow(flow("sport", state=state), *map(found_output, outputs)))
    put_on_air(small.backend, "input", "holder")
    return small


TREE: Final[tuple[Flow | Output, ...]] = (
    flow(),
    sending("holder"),
    receivers_call("mast"),
    flow("sport"),
    receivers_call("radio", of="sport"),
)
TAKER = sending("taker", of="sport")


async def test_a_create_is_held_back_and_the_rest_goes_on() -> None:
    """The words say who is there, and what releases it; what sends elsewhere is made."""
    small = a_holder_on_air()

    outcome = await passed(small, say(small, *TREE, TAKER, sending("other", "b.example", of="sport")))

    assert holds(outcome) == [TAKEN]
    (held,) = outcome.left.blocked
    assert "in news, output holder is on air (Connected, 5.0 Mb/s)" in held.why
    assert held.release.startswith("reconciler apply --approve output/sport/taker:create:")
    assert small.backend.sent == ["create output/sport/other"]


async def test_an_edit_that_is_held_back_keeps_its_far_end() -> None:
    """The holder was to go away, and is on air: whoever was to come after it waits."""
    small = a_holder_on_air()

    outcome = await passed(small, say(small, *TREE, sending("holder", "b.example"), sending("taker"), mode=Mode.LOOP))

    assert set(holds(outcome)) >= {("edit output/news/holder", Hold.ON_AIR), ("create output/news/taker", Hold.FAR_END)}
    assert small.backend.sent == []


async def test_an_edit_is_held_back() -> None:
    """It would move to where another one is, and all that it would disturb is said."""
    small = a_holder_on_air(sending("taker", "b.example", of="sport"))
    put_on_air(small.backend, "taker", of="sport")

    outcome = await passed(small, say(small, *TREE, TAKER))

    assert holds(outcome) == [("edit output/sport/taker", Hold.FAR_END)]
    assert "output holder is on air" in outcome.left.blocked[0].why
    assert (
        "Besides, output taker is on air (Connected, 5.0 Mb/s), and viewers would notice" in outcome.left.blocked[0].why
    )
    assert small.backend.sent == []


async def test_a_recreate_is_held_back() -> None:
    """No twin is made there either."""
    small = a_holder_on_air(receivers_call("taker", of="sport"))

    outcome = await passed(small, say(small, *TREE, TAKER))

    assert holds(outcome) == [("recreate output/sport/taker", Hold.FAR_END)]
    assert small.backend.sent == []


async def test_a_start_is_held_back() -> None:
    """What stands still and would send there when it runs."""
    small = a_holder_on_air(TAKER, state=FlowState.IDLE)

    outcome = await passed(small, say(small, *TREE, TAKER))

    assert holds(outcome) == [("start flow/sport", Hold.FAR_END)]
    assert small.backend.flow("sport").state is FlowState.IDLE


async def test_a_flow_is_not_started_without_outputs() -> None:
    """A new flow whose only output may not be made is made and stands still; it goes on as soon as that is free."""
    small = a_holder_on_air()
    tree = (*TREE, flow("new"), sending("first", of="new"))

    before = await passed(small, say(small, *tree))
    again = await passed(small, say(small, *tree))
    take_off_air(small.backend)
    after = await passed(small, say(small, *tree))

    assert (
        holds(before)
        == holds(again)
        == [
            ("create output/new/first", Hold.FAR_END),
            ("start flow/new", Hold.FAR_END),
        ]
    )
    assert "output/new/first is to be made first" in before.left.blocked[1].why
    assert "--approve" not in before.left.blocked[1].why
    assert not after.left.blocked
    assert small.backend.flow("new").state is FlowState.RUNNING


async def test_a_new_flow_starts_with_the_outputs_that_it_may_have() -> None:
    """In whatever order they come."""
    small = a_holder_on_air()
    tree = (*TREE, flow("new"), *(sending(name, f"{name}.example", of="new") for name in ("a", "z")))

    outcome = await passed(small, say(small, *tree, sending("mid", of="new")))

    assert holds(outcome) == [("create output/new/mid", Hold.FAR_END)]
    assert small.backend.flow("new").state is FlowState.RUNNING


async def test_who_is_proven_off_air_is_no_hindrance() -> None:
    """It takes two looks, as any proof does."""
    small = a_holder_on_air()
    take_off_air(small.backend)

    outcome = await passed(small, say(small, *TREE, TAKER))

    assert not outcome.left.blocked
    assert small.backend.sent == ["create output/sport/taker"]
    assert GAP_S <= small.clock.monotonic_s() <= GAP_S + 1


async def test_who_cannot_be_asked_may_be_on_air() -> None:
    """Nobody can see that nobody is cut."""
    small = a_holder_on_air()
    small.backend.unwell = {"news"}

    outcome = await passed(small, say(small, *TREE, TAKER))

    assert holds(outcome) == [TAKEN]
    assert "news cannot be asked whether output holder is on air" in outcome.left.blocked[0].why


async def test_what_stands_still_and_is_to_stay_so_is_changed() -> None:
    """It sends to nobody."""
    small = a_holder_on_air(state=FlowState.IDLE)
    target = say(small, *TREE[:3], flow("sport", state=FlowState.IDLE), TREE[4], TAKER)

    outcome = await passed(small, target)

    assert not outcome.left.blocked
    assert small.backend.sent == ["create output/sport/taker"]


async def test_an_approval_releases_it_and_is_written_down_once() -> None:
    """As with what is on air; of what is disturbed in two ways as well."""
    small = a_holder_on_air(sending("mover", "c.example", of="sport"))
    put_on_air(small.backend, "mover", of="sport")
    target = say(small, *TREE, TAKER, sending("mover", of="sport"))
    held = [one.change for one in (await passed(small, target)).left.blocked]

    outcome = await passed(small, approved(target, *(approval(change) for change in held if change is not None)))

    assert not outcome.left.blocked
    assert sorted(small.backend.sent) == ["create output/sport/taker", "edit output/sport/mover"]
    used = small.world.journal.notes(kind="approval.used")
    assert sorted(one.note.resource for one in used) == ["output/sport/mover", "output/sport/taker"]


async def test_an_approved_start_is_of_these_outputs() -> None:
    """Another output in the flow makes it another change."""
    small = a_holder_on_air(TAKER, state=FlowState.IDLE)
    target = say(small, *TREE, TAKER)
    held = held_change(await passed(small, target))

    small.backend.hold(
        found_flow(flow("sport", state=FlowState.IDLE), *map(found_output, (TAKER, sending("more", of="sport"))))
    )
    other = await passed(small, approved(say(small, *TREE[:4], TAKER, sending("more", of="sport")), approval(held)))

    assert holds(other) == [("start flow/sport", Hold.FAR_END)]


@pytest.mark.parametrize("name", ["a_taker", "z_taker"])
@pytest.mark.parametrize("of", ["news", "alpha", "sport"])
async def test_whoever_comes_goes_after_whoever_goes(name: str, of: str) -> None:
    """In one run, wherever the two are: the approved move of the one on air first, and then the new one."""
    small = a_holder_on_air()
    small.backend.hold(found_flow(flow("alpha"), found_output(receivers_call("beta", of="alpha"))))
    taker = sending(name, of=of)
    beside = (flow("alpha"), receivers_call("beta", of="alpha"))
    target = say(small, *TREE[:1], *TREE[2:], *beside, sending("holder", "b.example"), taker)
    plan = await plan_for(small.world, target)
    (move,) = (change for change in plan.changes if change.key == sending("holder").key)

    outcome = await passed(small, approved(target, approval(move)))

    assert not outcome.left.blocked
    assert small.backend.sent == ["edit output/news/holder", f"create {taker.key}"]


async def test_the_plan_foresees_it() -> None:
    """By one look; not where who is there goes by an approved change."""
    small = a_holder_on_air()
    target = say(small, *TREE[:1], *TREE[2:], sending("holder", "b.example"), TAKER)
    plan = await plan_for(small.world, target)
    (move,) = (change for change in plan.changes if change.key == sending("holder").key)

    held = await small.world.guard.foresee(plan)
    released = approved(target, approval(move))
    seen = await small.world.guard.foresee(await plan_for(small.world, released))

    assert sorted(holds(held)) == [TAKEN, ("edit output/news/holder", Hold.ON_AIR)]
    assert [str(change.key) for change in seen.changes] == ["output/news/holder", "output/sport/taker"]
    assert not seen.blocked


async def test_nobody_is_looked_at_where_nothing_is_taken() -> None:
    """Neither a status nor time is asked for."""
    small = a_holder_on_air()
    small.backend.unwell = {"news", "sport"}

    outcome = await passed(small, say(small, *TREE, sending("other", "b.example", of="sport")))

    assert [one.result for one in outcome.outcomes] == [Result.DONE]
    assert small.clock.monotonic_s() == 0


async def test_a_move_that_may_have_been_made_frees_nothing() -> None:
    """The answer to the approved delete was lost: who was there may be there."""
    small = a_holder_on_air()
    target = say(small, *TREE[:1], *TREE[2:], TAKER, mode=Mode.ONCE)
    plan = await plan_for(small.world, target)
    (leave,) = (change for change in plan.changes if change.key == sending("holder").key)
    small.backend.fault = lambda call: (
        UnavailableError("no answer", maybe_applied=True) if call.key == sending("holder").key else None
    )

    outcome = await passed(small, approved(target, approval(leave)))

    assert holds(outcome) == [TAKEN]


@pytest.mark.parametrize(("host", "hold"), [("tower.example", Hold.FAR_END), ("b.example", None)])
async def test_what_was_put_back_is_there_again(host: str, hold: Hold | None) -> None:
    """The old one was deleted to be made anew, and what was made in its place may be itself."""
    small = a_holder_on_air()
    plan = await plan_for(small.world, say(small, *TREE, TAKER))
    at, found = plan.changes[0].at, live(small.backend, "holder")
    key = sending("holder").key
    guard = small.world.guard
    guard.sent(Delete(key=key, at=replace(at, live_name="news"), found=found, impact=Impact.INTERRUPT))
    guard.sent(Create(key=key, at=replace(at, live_name="news"), wanted=sending("holder", host)))

    execution = await finish(small, execute(plan, small.world, terms=Terms()))

    (one,) = execution.outcomes
    assert (one.held and one.held.hold) == hold
    assert small.backend.sent == ([] if hold else ["create output/sport/taker"])
