"""What may be written right now: proof that something is off air, and what a preview tells of it."""

import asyncio
from dataclasses import replace

import pytest

from reconciler.domain.changes import Action, Hold
from reconciler.domain.effects import effect
from reconciler.domain.errors import RejectedError
from reconciler.domain.model import FlowState
from reconciler.domain.safety.limits import Limits
from reconciler.engine.apply import Result, Terms
from reconciler.engine.guard import Guard
from reconciler.engine.plan import plan_for
from reconciler.engine.reconcile import carry_out, reconcile
from tests.builders import flow, found_flow, found_output, output
from tests.unit.engine.broadcasts import (
    BITRATE_BPS,
    EDIT,
    GAP_S,
    approval,
    approved,
    holds,
    on_the_air,
    passed,
    put_on_air,
    receivers_call,
    take_off_air,
)
from tests.unit.engine.worlds import a_world, finish, keeper, say

pytestmark = pytest.mark.anyio


async def test_what_is_off_air_is_proven_by_two_samples() -> None:
    """A running output that carries nothing is edited once that was seen twice, five seconds apart."""
    small = on_the_air()

    outcome = await passed(small, say(small, flow(), output(latency_ms=500), output("mast")))

    assert small.backend.latency_ms() == 500
    assert outcome.left.blocked == ()
    assert GAP_S <= small.clock.monotonic_s() <= GAP_S + 1


async def test_what_stands_still_needs_no_second_sample() -> None:
    """A flow that says that it is idle, and was idle when it was listed, is off air at once."""
    small = a_world()
    small.backend.hold(found_flow(flow(state=FlowState.IDLE), found_output(output()), found_output(output("mast"))))

    outcome = await passed(small, say(small, flow(state=FlowState.IDLE), output()))

    assert [str(change.key) for change in outcome.done] == ["output/news/mast"]
    assert small.clock.monotonic_s() == 0


async def test_what_is_on_air_is_blocked_and_the_rest_goes_on() -> None:
    """The one command that releases it is said; its sibling off air is edited."""
    small = on_the_air("tower")

    outcome = await passed(small, say(small, flow(), output(latency_ms=500), output("mast", latency_ms=500)))

    assert (small.backend.latency_ms(), small.backend.latency_ms("mast")) == (120, 500)
    assert holds(outcome) == [EDIT]
    (held,) = outcome.left.blocked
    assert held.why == "output tower is on air (Connected, 5.0 Mb/s), and viewers would notice (reconnect)."
    assert held.release.startswith("reconciler apply --approve output/news/tower:edit:")
    assert not outcome.undone


@pytest.mark.parametrize(
    ("bitrate_bps", "connected", "latency_ms"),
    [
        pytest.param(100_001, True, 120, id="above the floor"),
        pytest.param(100_000, True, 500, id="at the floor"),
        pytest.param(BITRATE_BPS, False, 500, id="with nobody at the other end"),
    ],
)
async def test_what_counts_as_on_air(bitrate_bps: int, latency_ms: int, *, connected: bool) -> None:
    """Somebody is connected and gets more than the floor."""
    small = on_the_air()
    put_on_air(small.backend, "tower", bitrate_bps=bitrate_bps, connected=connected)

    await passed(small, say(small, flow(), output(latency_ms=500), output("mast")))

    assert small.backend.latency_ms() == latency_ms


async def test_a_status_that_cannot_be_read_proves_nothing() -> None:
    """What nobody can see may be on air."""
    small = on_the_air()
    small.backend.unwell = {"news"}

    outcome = await passed(small, say(small, flow(), output(latency_ms=500), output("mast")))

    assert small.backend.latency_ms() == 120
    assert holds(outcome) == [EDIT]


async def test_an_end_that_no_sample_tells_of_proves_nothing() -> None:
    """A status without the output in it says nothing of it."""
    small = on_the_air()
    put_on_air(small.backend, "tower", connected=False)
    (said,) = small.backend.statuses.values()
    small.backend.statuses[said.id] = replace(said, id="somebody else's", bitrate_bps=0)

    outcome = await passed(small, say(small, flow(), output(latency_ms=500), output("mast")))

    assert holds(outcome) == [EDIT]


async def test_who_goes_on_air_between_plan_and_write_is_not_cut() -> None:
    """The last sample is from right before the write, and it counts."""
    small = on_the_air()
    target = say(small, flow(), output(latency_ms=500), output("mast"))
    plan = await plan_for(small.world, target)
    await small.world.guard.prepare(plan)
    await small.clock.advance(GAP_S)

    put_on_air(small.backend, "tower")
    outcome = await finish(small, carry_out(small.world, target, plan, terms=Terms()))

    assert holds(outcome) == [EDIT]
    assert small.backend.sent == []


async def test_who_goes_on_air_between_the_samples_is_not_cut() -> None:
    """One sample that shows nothing is no proof."""
    small = on_the_air()
    target = say(small, flow(), output(latency_ms=500), output("mast"))
    running = asyncio.ensure_future(reconcile(small.world, target, terms=Terms()))
    await small.clock.advance(GAP_S / 2)

    put_on_air(small.backend, "tower")
    await small.clock.advance(GAP_S)

    assert holds(await running) == [EDIT]
    assert small.backend.sent == []


async def test_a_first_sample_that_is_too_old_proves_nothing() -> None:
    """Whatever was there in between, nobody saw it: so it takes two new ones."""
    small = on_the_air()
    target = say(small, flow(), output(latency_ms=500), output("mast"))
    await small.world.guard.prepare(await plan_for(small.world, target))
    await small.clock.advance(Limits().sample_age_s + 1)

    began_s = small.clock.monotonic_s()
    await passed(small, target)

    assert small.backend.latency_ms() == 500
    assert small.clock.monotonic_s() - began_s >= GAP_S


async def test_the_delete_of_a_flow_waits_for_every_output_of_it() -> None:
    """Whoever deletes a flow disturbs its input and all of its outputs."""
    small = on_the_air("mast")
    small.backend.hold(*(found_flow(flow(name)) for name in ("a", "b", "c", "d", "e", "f", "g", "h", "i")))
    kept = [flow(name) for name in ("a", "b", "c", "d", "e", "f", "g", "h", "i")]

    outcome = await passed(small, say(small, *kept))

    assert ("delete flow/news", Hold.ON_AIR) in holds(outcome)
    assert "output mast is on air" in next(held.why for held in outcome.left.blocked if held.hold is Hold.ON_AIR)
    assert small.backend.flow().state is FlowState.RUNNING


async def test_an_input_is_on_air_too() -> None:
    """To stop a flow whose publisher sends is noticed, with or without receivers."""
    small = on_the_air("input")

    outcome = await passed(small, say(small, flow(state=FlowState.IDLE), output(), output("mast")))

    assert holds(outcome) == [("stop flow/news", Hold.ON_AIR)]
    assert "the input is on air" in outcome.left.blocked[0].why


async def test_what_a_pass_did_itself_is_not_taken_for_on_air() -> None:
    """An output that went a moment ago is in no sample, and the next change of the flow does not wait for it."""
    small = on_the_air()
    small.backend.hold(found_flow(flow("other"), found_output(output(of="other"))))

    outcome = await passed(small, say(small, flow(latency_ms=300), output(), flow("other"), output(of="other")))

    assert [(str(change.action), str(change.key)) for change in outcome.done] == [
        ("delete", "output/news/mast"),
        ("edit", "flow/news"),
    ]
    assert outcome.left.blocked == ()


async def test_a_preview_tells_what_is_on_air() -> None:
    """One sample suffices to say what would be held back, and how many are connected."""
    small = on_the_air("tower")
    target = say(small, flow(), output(latency_ms=500), output("mast", latency_ms=500))
    plan = await plan_for(small.world, target)

    seen = await small.world.guard.foresee(plan)
    released = await small.world.guard.foresee(await plan_for(small.world, approved(target, approval(plan.changes[1]))))

    assert holds(seen) == [EDIT]
    assert [str(change.key) for change in seen.changes] == ["output/news/mast"]
    assert seen.watched[small.backend.flow().outputs[0].id] == 1
    assert seen.watched[small.backend.flow().outputs[1].id] == 0
    assert len(released.changes) == 2
    assert small.backend.sent == []


async def test_a_preview_tells_whom_the_approval_of_a_likely_rename_would_cut() -> None:
    """The reason says that it is on air, before the command that would cut it; what is off air has no such word."""
    small = on_the_air("tower")
    target = say(small, flow(), output("desk"), output("mast"))

    seen = await small.world.guard.foresee(await plan_for(small.world, target))
    take_off_air(small.backend)
    quiet = await small.world.guard.foresee(await plan_for(small.world, target))

    (goes,) = [held for held in seen.blocked if held.action is Action.DELETE]
    assert goes.hold is Hold.RENAME
    assert goes.why.startswith(
        "output tower is on air (Connected, 5.0 Mb/s), and viewers would notice (interrupt). Besides, it looks like"
    )
    assert goes.change is not None
    assert effect(goes.change, seen.watched) == "goes off air: 1 receiver"
    assert effect(goes.change, quiet.watched) == "goes off air: nobody"
    assert not any("is on air" in held.why.partition("Besides")[0] for held in quiet.blocked)


@pytest.mark.parametrize("hold", [Hold.BUDGET, Hold.PROTECTED])
async def test_a_preview_counts_who_receives_what_is_held_back(hold: Hold) -> None:
    """By whatever that is: one status, and the count of those ends alone."""
    small = a_world()
    every = [replace(found_output(output(name)), id=f"id-{name}") for name in ("tower", "mast", "kept")]
    if hold is Hold.PROTECTED:
        every = [every[2], *(replace(each, mark=replace(each.mark, protected=True)) for each in every[:2] if each.mark)]
    small.backend.hold(found_flow(flow(), *every))
    put_on_air(small.backend, "tower", "kept")

    seen = await small.world.guard.foresee(await plan_for(small.world, say(small, flow(), output("kept"))))

    assert holds(seen) == [(f"delete output/news/{name}", hold) for name in ("mast", "tower")]
    assert seen.watched == {"id-tower": 1, "id-mast": 0}


async def test_a_preview_of_what_cannot_be_read_blocks_nothing_yet() -> None:
    """Whether it is on air is asked at the write; nobody is counted."""
    small = on_the_air()
    small.backend.unwell = {"news"}
    plan = await plan_for(small.world, say(small, flow(), output(latency_ms=500), output("mast")))

    seen = await small.world.guard.foresee(plan)

    assert len(seen.changes) == 1
    assert seen.watched == {}


async def test_who_cannot_be_counted_is_one() -> None:
    """Somebody is connected, and nobody can say how many."""
    small = on_the_air("tower")
    small.backend.uncounted = True
    plan = await plan_for(small.world, say(small, flow(), output(latency_ms=500), output("mast")))

    seen = await small.world.guard.foresee(plan)

    assert seen.watched[small.backend.flow().outputs[0].id] == 1


async def test_what_is_new_disturbs_nobody() -> None:
    """A new flow, and a new output beside one on air, go at once."""
    small = on_the_air("tower", "input")

    outcome = await passed(small, say(small, flow(), output(), output("mast"), receivers_call("new"), flow("b")))

    assert [change.action for change in outcome.done] == [Action.CREATE, Action.CREATE]
    assert small.clock.monotonic_s() == 0


async def test_a_change_that_fails_is_no_reason_to_believe_an_old_sample() -> None:
    """Each try is proven anew."""
    small = on_the_air()
    target = say(small, flow(), output(latency_ms=500), output("mast"))
    small.backend.fault = lambda _: RejectedError("busy")
    first = await passed(small, target)

    small.backend.fault = lambda _: None
    put_on_air(small.backend, "tower")
    second = await passed(small, target)
    take_off_air(small.backend)
    third = await passed(small, target)

    assert [one.result for one in first.outcomes] == [Result.FAILED]
    assert holds(second) == [EDIT]
    assert [one.result for one in third.outcomes] == [Result.DONE]


async def test_a_guard_that_judged_nothing_permits_nothing() -> None:
    """Whoever asks it out of order hears so."""
    small = a_world()
    guard = Guard(keeper(small.backend, small.clock, small.world.journal))

    with pytest.raises(RuntimeError, match="nothing was judged yet"):
        _ = guard.facts
