"""Outputs that stand in for each other: one at a time, and only while another one is on air."""

from dataclasses import replace

import pytest

from reconciler.domain.changes import Call, Hold
from reconciler.domain.marks import Mark
from reconciler.domain.model import Care, Output
from reconciler.engine.plan import Target, plan_for
from tests.builders import US, flow, found_flow, found_output, output
from tests.unit.engine.broadcasts import approval, approved, holds, passed, put_on_air
from tests.unit.engine.worlds import Worldlet, a_world, say

pytestmark = pytest.mark.anyio


def leg(name: str, *, of: str = "news", latency_ms: int = 120, group: str = "final") -> Output:
    """Return an output of a group."""
    return replace(output(name, of=of, latency_ms=latency_ms), care=Care(redundancy_group=group))


def two_flows(*on_air: str) -> Worldlet:
    """Return a world of two flows with a leg each, some of which are on air."""
    small = a_world()
    for name in ("a", "b"):
        small.backend.hold(found_flow(flow(name), found_output(leg(name, of=name))))
        if name in on_air:
            put_on_air(small.backend, name, of=name)
    return small


def both_edited(small: Worldlet, *, group: str = "final") -> Target:
    """Return a tree that edits both legs."""
    legs = [leg(name, of=name, latency_ms=500, group=group) for name in ("a", "b")]
    return say(small, flow("a"), flow("b"), *legs)


async def all_approved(small: Worldlet, target: Target) -> Target:
    """Return the target with an approval of every change."""
    return approved(target, *map(approval, (await plan_for(small.world, target)).changes))


def reconnects(small: Worldlet) -> None:
    """Have an output that was edited lose its receiver for now."""

    def lose(call: Call) -> None:
        put_on_air(small.backend, call.key.name, of=call.key.name, connected=False)

    small.backend.then = lose


def take_their_time(small: Worldlet) -> None:
    """Have every call take three seconds."""

    async def three_seconds() -> None:
        await small.clock.sleep(3)

    small.backend.pause = three_seconds


async def test_the_second_leg_waits_until_the_first_is_back() -> None:
    """Whoever is edited loses its receiver for a moment; the other one is not touched before it is back."""
    small = two_flows("a", "b")
    reconnects(small)
    target = await all_approved(small, both_edited(small))

    outcome = await passed(small, target)
    (first,) = outcome.done
    still = await passed(small, target)
    put_on_air(small.backend, first.key.name, of=first.key.name)
    last = await passed(small, target)

    (second,) = last.done
    assert {first.key.name, second.key.name} == {"a", "b"}
    assert holds(outcome) == holds(still) == [(f"edit {second.key}", Hold.REDUNDANCY)]
    assert "redundancy group final" in outcome.left.blocked[0].why
    assert last.left.blocked == ()


async def test_legs_are_never_changed_at_the_same_time() -> None:
    """Flows are worked on side by side, but what stands in for each other is not."""
    grouped, alone = two_flows("a", "b"), two_flows("a", "b")
    most: list[int] = []
    for small, group in ((grouped, "final"), (alone, "")):
        take_their_time(small)
        outcome = await passed(small, await all_approved(small, both_edited(small, group=group)))
        assert len(outcome.done) == 2
        most.append(small.backend.most_at_once)

    assert most == [1, 2]


async def test_the_last_leg_on_air_is_not_touched() -> None:
    """With the other one off air nobody stands in for it, whoever approved."""
    small = two_flows("a")
    target = await all_approved(
        small, say(small, flow("a"), flow("b"), leg("a", of="a", latency_ms=500), leg("b", of="b"))
    )

    outcome = await passed(small, target)

    assert holds(outcome) == [("edit output/a/a", Hold.REDUNDANCY)]


async def test_a_leg_off_air_may_be_changed() -> None:
    """It takes nothing from anybody, whether the other one is on air or not."""
    small = two_flows("a")

    outcome = await passed(small, say(small, flow("a"), flow("b"), leg("a", of="a"), leg("b", of="b", latency_ms=500)))

    assert [str(change.key) for change in outcome.done] == ["output/b/b"]


async def test_a_leg_that_cannot_be_read_stands_in_for_nobody() -> None:
    """And one that cannot be read itself may be on air."""
    small = two_flows("a", "b")
    small.backend.unwell = {"b"}
    target = await all_approved(small, both_edited(small))

    outcome = await passed(small, target)

    assert ("edit output/a/a", Hold.REDUNDANCY) in holds(outcome)
    assert ("edit output/b/b", Hold.REDUNDANCY) not in holds(outcome)
    assert small.backend.latency_ms("a", of="a") == 120


async def test_a_group_whose_other_leg_is_not_made_yet_is_alone() -> None:
    """A leg that is in the manifests alone carries nothing."""
    small = a_world()
    small.backend.hold(found_flow(flow("a"), found_output(leg("a", of="a"))))
    put_on_air(small.backend, "a", of="a")
    wanted = say(small, flow("a"), leg("a", of="a", latency_ms=500), leg("b", of="a"))
    plan = await plan_for(small.world, wanted)

    outcome = await passed(small, approved(wanted, *map(approval, plan.changes)))

    assert holds(outcome) == [("edit output/a/a", Hold.REDUNDANCY)]
    assert [str(change.key) for change in outcome.done] == ["output/a/b"]


async def test_a_leg_is_known_by_its_live_name_as_a_plan_knows_it() -> None:
    """Its mark holds a former name; it is the last leg on air all the same."""
    small = two_flows()
    named = replace(found_output(leg("a", of="a")), mark=Mark(owner=US, name="former"))
    small.backend.hold(replace(small.backend.flow("a"), outputs=(named,)))
    put_on_air(small.backend, "a", of="a")
    target = say(small, flow("a"), flow("b"), leg("a", of="a", latency_ms=500), leg("b", of="b"))

    outcome = await passed(small, await all_approved(small, target))

    assert holds(outcome) == [("edit output/a/a", Hold.REDUNDANCY)]
