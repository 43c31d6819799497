"""Who released what is on air: what an approval lets pass, and what it does not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from reconciler.domain.changes import Call, Hold
from reconciler.domain.impact import EditRules
from reconciler.domain.model import FlowState
from reconciler.domain.policies import Limit
from reconciler.engine.apply import Terms
from reconciler.engine.guard import Guard
from reconciler.engine.guard.facts import Mode
from reconciler.engine.plan import plan_for
from reconciler.engine.reconcile import carry_out, reconcile
from reconciler.ports.journal import Noted
from tests.builders import flow, found_output, output
from tests.unit.engine.broadcasts import (
    EDIT,
    GAP_S,
    approval,
    approved,
    held_change,
    holds,
    on_the_air,
    passed,
    put_on_air,
    receivers_call,
)
from tests.unit.engine.worlds import Worldlet, finish, keeper, lifted, say

pytestmark = pytest.mark.anyio


def notes(small: Worldlet, kind: str) -> tuple[Noted, ...]:
    """Return what the journal was told of this kind."""
    return small.world.journal.notes(kind=kind)


async def test_the_command_that_releases_is_about_the_same_manifests_and_state() -> None:
    """Pasted as it is it works: in what a plan foresees, and in what is refused right before the write."""
    small = on_the_air("tower")
    asked = replace(keeper(small.backend, small.clock, small.world.journal), apply="reconciler --state s apply site")
    world = replace(small.world, guard=Guard(asked))
    target = say(small, flow(), output(latency_ms=500), output("mast"))

    foreseen = await world.guard.foresee(await plan_for(world, target))
    outcome = await finish(small, reconcile(world, target, terms=Terms()))

    for item in (*foreseen.blocked, *outcome.left.blocked):
        assert item.release.startswith("reconciler --state s apply site --approve output/news/tower:edit:")
    assert len(foreseen.blocked) == len(outcome.left.blocked) == 1


async def test_an_approval_releases_what_it_names_and_is_noted() -> None:
    """The change goes although it is on air; who let it pass stands in the journal."""
    small = on_the_air("tower")
    target = say(small, flow(), output(latency_ms=500), output("mast"))
    change = held_change(await passed(small, target))

    outcome = await passed(small, approved(target, approval(change)))

    assert small.backend.latency_ms() == 500
    assert outcome.left.blocked == ()
    (noted,) = notes(small, "approval.used")
    assert (noted.note.resource, noted.note.why) == ("output/news/tower", "the partner knows")
    assert noted.note.fields["change"] == approval(change).change


async def test_approving_one_thing_never_releases_another() -> None:
    """Neither another resource, nor another action, nor another value."""
    small = on_the_air("tower", "mast")
    first = say(small, flow(), output(latency_ms=500), output("mast"))
    change = held_change(await passed(small, first))

    other_value = await passed(
        small, approved(say(small, flow(), output(latency_ms=501), output("mast")), approval(change))
    )
    other_action = await passed(small, approved(say(small, flow(), output("mast")), approval(change)))
    other_resource = await passed(
        small, approved(say(small, flow(), output(), output("mast", latency_ms=500)), approval(change))
    )

    assert holds(other_value) == [EDIT]
    assert holds(other_action) == [("delete output/news/tower", Hold.ON_AIR)]
    assert holds(other_resource) == [("edit output/news/mast", Hold.ON_AIR)]
    assert small.backend.sent == []


async def test_what_is_on_air_names_the_approvals_that_do_not_release_it() -> None:
    """At the write and in a plan: of another change, or of another time."""
    small = on_the_air("tower")
    target = say(small, flow(), output(latency_ms=500), output("mast"))
    change = held_change(await passed(small, target))
    other = replace(approval(change), name="older", change="0" * 12)
    late = approval(change, expires=datetime(2025, 12, 31, tzinfo=UTC))
    target = approved(target, other, late)

    outcome = await passed(small, target)
    seen = await small.world.guard.foresee(await plan_for(small.world, target))

    told = (
        f"(reconnect). The approval older names change 000000000000, and this one is {late.change}. "
        "The approval looked_at expired at 2025-12-31 00:00 UTC."
    )
    assert outcome.left.blocked[0].why.endswith(told)
    assert seen.blocked[0].why.endswith(told)


async def test_an_approval_does_not_care_for_other_changes_and_revisions() -> None:
    """What was approved stays so while other people commit other things."""
    small = on_the_air("tower")
    change = held_change(await passed(small, say(small, flow(), output(latency_ms=500), output("mast"))))

    await passed(
        small,
        approved(
            say(small, flow(), output(latency_ms=500), output("mast", latency_ms=700), revision="next"),
            approval(change),
        ),
    )

    assert (small.backend.latency_ms(), small.backend.latency_ms("mast")) == (500, 700)


@pytest.mark.parametrize(
    ("after_s", "latency_ms"),
    [
        pytest.param(GAP_S - 1, 120, id="it has expired when the write comes"),
        pytest.param(GAP_S + 10, 500, id="it still holds"),
    ],
)
async def test_an_approval_may_expire_between_plan_and_write(after_s: float, latency_ms: int) -> None:
    """What counts is the moment of the write."""
    small = on_the_air()
    target = say(small, flow(), output(latency_ms=500), output("mast"))
    (change,) = (await plan_for(small.world, target)).changes
    expires = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=after_s)
    target = approved(target, approval(change, expires=expires))
    plan = await plan_for(small.world, target)
    await small.world.guard.prepare(plan)
    await small.clock.advance(GAP_S)

    put_on_air(small.backend, "tower")
    await finish(small, carry_out(small.world, target, plan, terms=Terms()))

    assert small.backend.latency_ms() == latency_ms


def add_by_hand(small: Worldlet, name: str) -> None:
    """Have somebody make an output in the flow, and go on air with it."""
    found = small.backend.flow()
    guest = replace(found_output(output(name)), mark=None)
    small.backend.hold(replace(found, outputs=(*found.outputs, guest)))
    put_on_air(small.backend, name)


@pytest.mark.parametrize(
    ("names", "words"), [(("guest",), "an output was made"), (("guest", "other"), "2 outputs were made")]
)
async def test_an_approved_stop_takes_nothing_along_that_was_made_since(names: tuple[str, ...], words: str) -> None:
    """Who agreed that two outputs go off air did not agree that more do; the next plan asks for them, too."""
    small = on_the_air("tower")
    target = say(small, flow(state=FlowState.IDLE), output(), output("mast"))
    target = approved(target, approval(held_change(await passed(small, target))))
    plan = await plan_for(small.world, target)
    for name in names:
        add_by_hand(small, name)

    outcome = await finish(small, carry_out(small.world, target, plan, terms=Terms()))
    again = await passed(small, target)

    assert holds(outcome) == [("stop flow/news", Hold.AGAIN)]
    assert words in outcome.left.blocked[0].why
    assert holds(again) == [("stop flow/news", Hold.ON_AIR)]
    assert small.backend.sent == []
    assert notes(small, "approval.used") == ()


async def test_an_approved_stop_between_calls_takes_nothing_along_that_was_made_since() -> None:
    """A guest came while the successor of the flow was made: the old one stays, and the successor goes again."""
    small = on_the_air("tower")
    roomy = replace(flow(), spec=replace(flow().spec, max_bandwidth_bps=20_000_000))
    target = say(small, roomy, output(), output("mast"), mode=Mode.SAVED, policies=lifted(Limit.BUDGET))
    change = held_change(await passed(small, target))
    target = replace(target, policies=replace(target.policies, approvals=(approval(change),)))

    def come(call: Call) -> None:
        if call.key == output().key:
            add_by_hand(small, "guest")

    small.backend.then = come

    outcome = await passed(small, target)

    assert holds(outcome) == [("recreate flow/news", Hold.AGAIN)]
    assert small.backend.names() == {"news", "news/tower", "news/mast", "news/guest"}
    assert small.backend.flow().state is FlowState.RUNNING


@pytest.mark.parametrize("guests", [0, 1])
async def test_what_a_pass_made_itself_is_no_reason_to_ask_again(guests: int) -> None:
    """An output that is made live just before the approved stop of its flow was in the same plan; a guest was not."""
    small = on_the_air("tower")
    small.backend.then = lambda _: add_by_hand(small, "guest") if guests and len(small.backend.sent) == 1 else None
    small.backend.rules = EditRules.CONSOLE_2022
    target = say(small, flow(), output(latency_ms=500), output("mast"), mode=Mode.SAVED)
    target = approved(target, approval(held_change(await passed(small, target))))
    more = say(small, flow(), output(latency_ms=500), output("mast"), receivers_call("new"), mode=Mode.SAVED)

    outcome = await passed(small, replace(more, policies=target.policies))

    assert holds(outcome) == [("edit flow/news", Hold.AGAIN)] * guests
    assert small.backend.latency_ms() == (120 if guests else 500)
    assert small.backend.sent[0] == "create output/news/new"
