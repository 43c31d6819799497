"""What the guard remembers: creates, what a difference has used up, fights, what must be wanted twice, clocks."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from reconciler.domain.changes import Action, Call, Hold
from reconciler.domain.errors import RejectedError, UnavailableError
from reconciler.domain.model import Flow, FlowKey, FlowState, FoundFlow, FoundOutput
from reconciler.domain.policies import Limit
from reconciler.engine.guard import Guard
from reconciler.engine.guard.facts import Mode
from reconciler.engine.guard.memory import JUMP_S
from reconciler.engine.plan import plan_for
from reconciler.ports.journal import Intent, Settled
from tests.builders import flow, found_flow, found_output, output
from tests.unit.engine.broadcasts import approval, approved, held_change, holds, live, passed, put_on_air
from tests.unit.engine.worlds import Worldlet, a_world, keeper, lifted, restarted, say

pytestmark = pytest.mark.anyio

SETTLING_S = 30.0
DELETE_GAP_S = 10.0
FIGHT_S = 600.0


def lost(call: Call) -> UnavailableError | None:
    """Lose the answer of every create of an output."""
    is_create = call.action is Action.CREATE and call.key == output().key
    return UnavailableError("no answer", maybe_applied=True) if is_create else None


async def test_what_was_made_a_moment_ago_is_waited_for() -> None:
    """A list that does not show it yet is late, and nothing is made a second time."""
    small = a_world()
    small.backend.unlisted = {"tower"}
    await passed(small, say(small, flow(), output()))

    outcome = await passed(small, say(small, flow(), output()))

    assert small.backend.sent.count("create output/news/tower") == 1
    assert [(str(item.key), "0 s ago" in item.why) for item in outcome.left.waiting] == [("output/news/tower", True)]


async def test_what_is_missing_for_long_is_made_again() -> None:
    """After the settling time the list is believed: somebody deleted it."""
    small = a_world()
    await passed(small, say(small, flow(), output()))
    small.backend.drop_output()

    await small.clock.advance(SETTLING_S - 1)
    early = await passed(small, say(small, flow(), output()))
    await small.clock.advance(1)
    await passed(small, say(small, flow(), output()))

    assert [str(item.key) for item in early.left.waiting] == ["output/news/tower"]
    assert small.backend.names() == {"news", "news/tower"}


async def test_what_we_deleted_ourselves_is_not_waited_for() -> None:
    """A name that came, went by our own delete and is wanted again is made at once."""
    small = a_world()
    await passed(small, say(small, flow(), output(), output("mast")))
    await passed(small, say(small, flow(), output(), revision="without"))

    await passed(small, say(small, flow(), output(), output("mast"), revision="with"))

    assert small.backend.names() == {"news", "news/tower", "news/mast"}


async def test_a_restart_still_waits_for_what_was_made() -> None:
    """The journal tells the new process what the old one sent."""
    small = a_world()
    small.backend.unlisted = {"tower"}
    await passed(small, say(small, flow(), output()))
    await small.clock.advance(SETTLING_S / 2)

    outcome = await passed(restarted(small), say(small, flow(), output()))

    assert small.backend.sent.count("create output/news/tower") == 1
    assert [(str(item.key), "15 s ago" in item.why) for item in outcome.left.waiting] == [("output/news/tower", True)]


async def test_a_restart_waits_for_what_may_have_been_made() -> None:
    """An answer that was lost, or never journalled, says nothing about the call."""
    small = a_world()
    small.backend.hold(found_flow(flow(state=FlowState.IDLE)))
    small.backend.fault = lost
    await passed(small, say(small, flow(), output()))
    killed = Intent(
        pass_id="p", revision="r", resource="output/news/mast", action="create", change="c", live_name="mast"
    )
    small.world.journal.intend(killed)
    small.backend.fault = lambda _: None

    outcome = await passed(restarted(small), say(small, flow(), output(), output("mast")))

    assert sorted(str(item.key) for item in outcome.left.waiting) == ["output/news/mast", "output/news/tower"]
    assert [call for call in small.backend.sent if call.startswith("create")] == ["create output/news/tower"]


async def test_what_was_refused_is_not_waited_for() -> None:
    """It surely was not made, neither for this process nor for the next one."""
    small = a_world()
    small.backend.hold(found_flow(flow(state=FlowState.IDLE)))
    small.backend.fault = lambda _: RejectedError("busy")
    await passed(small, say(small, flow(), output()))
    small.backend.fault = lambda _: None

    await passed(restarted(small), say(small, flow(), output()))

    assert small.backend.names() == {"news", "news/tower"}


async def test_what_else_the_journal_holds_is_no_create() -> None:
    """Edits, old calls and addresses that nobody understands are passed over."""
    small = a_world()
    journal = small.world.journal
    create = Intent(
        pass_id="p", revision="r", resource="output/news/tower", action="create", change="c", live_name="tower"
    )
    journal.settle(journal.intend(create), Settled.DONE)
    await small.clock.advance(SETTLING_S)
    journal.intend(replace(create, action="edit"))
    journal.intend(replace(create, resource="something else"))

    await passed(restarted(small), say(small, flow(), output()))

    assert small.backend.names() == {"news", "news/tower"}


async def test_a_clock_that_was_set_back_forgets_no_create() -> None:
    """What the journal has from the future may have been made just now."""
    small = a_world()
    small.backend.unlisted = {"tower"}
    await passed(small, say(small, flow(), output()))
    small.clock.jumped_s = -3600.0

    outcome = await passed(restarted(small), say(small, flow(), output()))

    assert small.backend.sent.count("create output/news/tower") == 1
    assert [str(item.key) for item in outcome.left.waiting] == ["output/news/tower"]


def many(*, without: int = 0, state: FlowState = FlowState.IDLE) -> list[Flow]:
    """Return eight idle flows, or fewer."""
    return [flow(name, state=state) for name in "abcdefgh"[without:]]


def eight() -> Worldlet:
    """Return a world with eight idle flows of ours."""
    small = a_world()
    small.backend.hold(*(found_flow(each) for each in many()))
    return small


async def test_a_difference_may_delete_a_quarter() -> None:
    """Two of eight go, three of eight do not, and none of them is chosen."""
    two, three = eight(), eight()

    await passed(two, say(two, *many(without=2)))
    outcome = await passed(three, say(three, *many(without=3)))

    assert two.backend.names() == set("cdefgh")
    assert three.backend.names() == set("abcdefgh")
    assert {hold for _, hold in holds(outcome)} == {Hold.BUDGET}


async def test_a_budget_is_spent_over_passes() -> None:
    """What one pass deleted counts in the next, for the same revision; a new revision begins anew."""
    small = eight()
    target = say(small, *many(without=2))
    small.backend.fault = lambda call: RejectedError("busy") if call.key == FlowKey("b") else None
    await passed(small, target)
    small.backend.fault = lambda _: None
    small.backend.hold(found_flow(flow("stray", state=FlowState.IDLE)))

    outcome = await passed(small, target)
    held = small.backend.names()
    await passed(small, say(small, *many(without=2), revision="another"))

    assert held == set("bcdefgh") | {"stray"}
    assert sorted(holds(outcome)) == [("delete flow/b", Hold.BUDGET), ("delete flow/stray", Hold.BUDGET)]
    assert small.backend.names() == set("cdefgh")


async def test_what_agreed_in_between_begins_a_new_difference() -> None:
    """Two were deleted, all was well, and then somebody copies one of ours: that may go."""
    small = eight()
    target = say(small, *many(without=2))
    await passed(small, target)
    await passed(small, target)
    small.backend.hold(found_flow(flow("stray", state=FlowState.IDLE)))

    await passed(small, target)

    assert small.backend.names() == set("cdefgh")


async def test_a_delete_is_wanted_twice_by_the_loop() -> None:
    """The first pass that wants it deletes nothing; ten seconds later it goes."""
    small = eight()
    target = say(small, *many(without=1), mode=Mode.LOOP)

    first = await passed(small, target)
    await small.clock.advance(DELETE_GAP_S - 1)
    second = await passed(small, target)
    kept = small.backend.names()
    await small.clock.advance(1)
    await passed(small, target)

    assert holds(first) == holds(second) == [("delete flow/a", Hold.AGAIN)]
    assert first.continues_in_s == DELETE_GAP_S
    assert kept == set("abcdefgh")
    assert small.backend.names() == set("bcdefgh")


async def test_a_delete_that_was_not_wanted_in_between_begins_anew() -> None:
    """Wanted, not wanted, wanted again is wanted once."""
    small = eight()
    await passed(small, say(small, *many(without=1), mode=Mode.LOOP))
    await small.clock.advance(DELETE_GAP_S)
    await passed(small, say(small, *many(), mode=Mode.LOOP))

    outcome = await passed(small, say(small, *many(without=1), mode=Mode.LOOP))

    assert holds(outcome) == [("delete flow/a", Hold.AGAIN)]


async def test_an_edit_needs_to_be_wanted_once() -> None:
    """The loop puts drift right at the first look."""
    small = a_world()
    small.backend.hold(found_flow(flow(state=FlowState.IDLE), found_output(output())))

    await passed(small, say(small, flow(state=FlowState.IDLE), output(latency_ms=500), mode=Mode.LOOP))

    assert small.backend.latency_ms() == 500


@pytest.mark.parametrize("jump_s", [JUMP_S + 1, -JUMP_S - 1])
async def test_a_clock_that_jumped_deletes_nothing_for_once(jump_s: float) -> None:
    """It is said by how much, and the next look believes the clock again."""
    small = eight()
    await passed(small, say(small, *many()))
    small.clock.jumped_s = jump_s

    outcome = await passed(small, say(small, *many(without=1)))
    kept = small.backend.names()
    await passed(small, say(small, *many(without=1)))

    assert holds(outcome) == [("delete flow/a", Hold.TREE)]
    assert f"jumped by {jump_s:+.0f} s" in outcome.left.blocked[0].why
    assert kept == set("abcdefgh")
    assert small.backend.names() == set("bcdefgh")


async def test_a_clock_that_is_slewed_is_no_jump() -> None:
    """A minute is what clocks may be put right by."""
    small = eight()
    await passed(small, say(small, *many()))
    small.clock.jumped_s = JUMP_S

    await passed(small, say(small, *many(without=1)))

    assert small.backend.names() == set("bcdefgh")


def meddle(small: Worldlet, text: str) -> None:
    """Have somebody write a description by hand."""
    found = small.backend.flow()
    small.backend.flows[found.id] = replace(found, outputs=tuple(_described(each, text) for each in found.outputs))


def _described(found: FoundOutput, text: str) -> FoundOutput:
    assert found.spec is not None
    return replace(found, spec=replace(found.spec, description=text))


def turn(small: Worldlet, state: FlowState) -> None:
    """Have somebody start or stop the flow by hand."""
    found: FoundFlow = small.backend.flow()
    assert found.spec is not None
    small.backend.flows[found.id] = replace(found, state=state, spec=replace(found.spec, state=state))


async def test_a_property_that_somebody_else_keeps_changing_is_left_alone() -> None:
    """Three times it is put right; then it is said what, and who it may be; later it is tried again."""
    small = a_world()
    small.backend.hold(found_flow(flow(), found_output(output())))
    target = say(small, flow(), output())
    for number in range(3):
        meddle(small, f"by hand {number}")
        await passed(small, target)
    meddle(small, "again")

    outcome = await passed(small, target)
    left = live(small.backend, "tower").spec
    await small.clock.advance(FIGHT_S)
    await passed(small, target)

    assert left is not None
    assert left.description == "again"
    assert holds(outcome) == [("edit output/news/tower", Hold.FLIP_FLOP)]
    assert "description was put right 3 times within 10 minutes" in outcome.left.blocked[0].why
    assert "another reconciler that calls itself 'local'" in outcome.left.blocked[0].why
    assert live(small.backend, "tower") == found_output(output())


@pytest.mark.parametrize(
    ("wanted", "by_hand", "action"),
    [(FlowState.RUNNING, FlowState.IDLE, "start"), (FlowState.IDLE, FlowState.RUNNING, "stop")],
)
async def test_a_flow_that_somebody_else_keeps_turning_is_left_alone(
    wanted: FlowState, by_hand: FlowState, action: str
) -> None:
    """A fight over start and stop would put viewers on and off for ever."""
    small = a_world()
    small.backend.hold(found_flow(flow(state=wanted), found_output(output())))
    target = say(small, flow(state=wanted), output())
    for _ in range(3):
        turn(small, by_hand)
        await passed(small, target)

    turn(small, by_hand)
    outcome = await passed(small, target)

    assert small.backend.sent == [f"{action} flow/news"] * 3
    assert holds(outcome) == [(f"{action} flow/news", Hold.FLIP_FLOP)]


async def test_who_tunes_a_value_in_the_manifests_fights_nobody() -> None:
    """Each revision wants another value, and nobody puts any of them back."""
    small = a_world()
    small.backend.hold(found_flow(flow(), found_output(output())))

    for latency_ms in (200, 300, 400, 500, 600):
        await passed(small, say(small, flow(), output(latency_ms=latency_ms), revision=str(latency_ms)))

    assert small.backend.latency_ms() == 600


class Signed:
    """Knows one signature; implements `ports.signatures.Verifier`."""

    is_asked = True

    def signer(self, text: str, signature: str) -> str | None:
        """Return who signed."""
        return "anna" if signature == f"anna signed: {text.splitlines()[1]}" else None


async def test_where_approvers_are_named_only_their_approvals_count() -> None:
    """What nobody signed, or somebody else, releases nothing."""
    small = a_world()
    small.backend.hold(found_flow(flow(), found_output(output())))
    put_on_air(small.backend, "tower")
    strict = replace(keeper(small.backend, small.clock, small.world.journal), verifier=Signed())
    small.world = replace(small.world, guard=Guard(strict))
    target = say(small, flow(), output(latency_ms=500))
    change = held_change(await passed(small, target))

    unsigned = await passed(small, approved(target, approval(change)))
    forged = await passed(small, approved(target, approval(change, signature="anna signed: resource: flow/news")))
    signed = await passed(
        small, approved(target, approval(change, signature="anna signed: resource: output/news/tower"))
    )

    assert holds(unsigned) == holds(forged) == [("edit output/news/tower", Hold.ON_AIR)]
    told = "The approval looked_at is not signed by anybody whom guard.approvers names."
    assert unsigned.left.blocked[0].why.endswith(told)
    assert signed.left.blocked == ()
    assert small.backend.latency_ms() == 500


async def test_what_has_expired_is_gone_when_a_plan_is_judged() -> None:
    """An override of last year lifts nothing."""
    small = eight()
    target = say(small, *many(without=3), policies=lifted(Limit.BUDGET, until=datetime(2025, 12, 31, tzinfo=UTC)))
    late = say(small, *many(without=3), policies=lifted(Limit.BUDGET, until=datetime(2026, 12, 31, tzinfo=UTC)))

    expired, held = await plan_for(small.world, target), await plan_for(small.world, late)

    assert {hold for _, hold in holds(expired)} == {Hold.BUDGET}
    assert expired.blocked[0].why.endswith(
        "; the override Flow-delete lifted that, and expired at 2025-12-31 00:00 UTC"
    )
    assert len(held.changes) == 3


async def test_a_clock_that_is_set_back_revives_no_override() -> None:
    """Who gave it for tonight did not give it for another time."""
    small = eight()
    until = small.clock.now() + timedelta(hours=1)
    target = say(small, *many(without=3), policies=lifted(Limit.BUDGET, until=until))
    small.clock.jumped_s = 7200.0
    await plan_for(small.world, target)
    small.clock.jumped_s = 7200.0 - JUMP_S
    near = await plan_for(small.world, target)
    small.clock.jumped_s = 0.0
    await plan_for(small.world, target)

    back = await plan_for(small.world, target)
    anew = await plan_for(restarted(small).world, target)

    assert {hold for _, hold in holds(near)} == {hold for _, hold in holds(back)} == {Hold.BUDGET}
    assert len(anew.changes) == 3


async def test_a_clock_that_is_set_back_revives_no_approval() -> None:
    """It is asked for the latest time that was seen when the write comes, as when it is planned."""
    small = a_world()
    small.backend.hold(found_flow(flow(), found_output(output())))
    put_on_air(small.backend, "tower")
    target = say(small, flow(), output(latency_ms=500))
    change = held_change(await passed(small, target))
    released = approved(target, approval(change, expires=small.clock.now() + timedelta(hours=1)))
    small.clock.jumped_s = 7200.0
    late = await passed(small, released)
    small.clock.jumped_s = 0.0

    back = await passed(small, released)
    refused = small.backend.latency_ms()
    await passed(restarted(small), released)

    assert holds(late) == holds(back) == [("edit output/news/tower", Hold.ON_AIR)]
    assert (refused, small.backend.latency_ms()) == (120, 500)
