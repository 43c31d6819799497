"""Tests of recreates beside an output that is on air: when the old one goes, and when the new one does."""

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from reconciler.domain.change_ids import change_id
from reconciler.domain.changes import Hold, Sequence
from reconciler.domain.marks import Mark
from reconciler.domain.model import FlowState, Output, Region, Srt
from reconciler.domain.policies import Approval, Policies
from reconciler.domain.protocols import SrtMode
from reconciler.engine.apply import Result, Terms
from reconciler.engine.guard.facts import Mode
from reconciler.engine.plan import plan_for
from reconciler.engine.reconcile import PassOutcome, reconcile
from reconciler.ports.backend import EndStatus
from tests.builders import US, flow, found_flow, found_output, output
from tests.unit.engine.worlds import Worldlet, a_world, finish, say

pytestmark = pytest.mark.anyio

RATE_BPS = 1_000_000
DEADLINE_S = 120


def connected(id_: str, bitrate_bps: int = RATE_BPS) -> EndStatus:
    """Return the status of an output that somebody receives from."""
    return EndStatus(
        id=id_, is_input=False, state="Connected", bitrate_bps=bitrate_bps, connected_ms=1, reconnections=0
    )


def listener(region: str) -> Output:
    """Return an output that receivers call."""
    made = output(region=Region(region))
    return replace(made, spec=replace(made.spec, settings=Srt(mode=SrtMode.LISTENER, latency_ms=120)))


@dataclass
class Move:
    """An output on air that is being made anew, as somebody approved."""

    small: Worldlet
    work: "asyncio.Task[PassOutcome]"
    told: list[str]
    """Why something was not done yet, as it came."""

    @property
    def outputs(self) -> set[str]:
        """The live names that are there."""
        return {each.live_name for each in self.small.backend.flow().outputs}

    def twin_carries(self, bitrate_bps: int) -> None:
        """Have the new output carry so much from now on."""
        (twin,) = (each for each in self.small.backend.flow().outputs if each.id != "id-tower")
        self.small.backend.statuses[twin.id] = connected(twin.id, bitrate_bps)

    async def after(self, seconds: int) -> set[str]:
        """Return the live names that are there so much later."""
        for _ in range(seconds):
            await self.small.clock.advance(1)
        return self.outputs


async def a_move(wanted: Output | None = None, *, live_name: str = "tower") -> Move:
    """Return a move whose twin has just been made; the old one has this live name, which may be that of a twin."""
    wanted = wanted or listener("eu-frankfurt")
    small = a_world()
    old = replace(found_output(listener("local")), live_name=live_name)
    if live_name != "tower":
        old = replace(old, mark=Mark(owner=US, name="tower", twin=True))
    small.backend.hold(found_flow(flow(), old, state=FlowState.RUNNING))
    small.backend.statuses["id-tower"] = connected("id-tower")
    drawn = say(small, flow(), wanted)
    (change,) = (await plan_for(small.world, replace(drawn, mode=Mode.SAVED))).changes
    assert isinstance(change, Sequence)
    approval = Approval(
        name="",
        resource=change.key,
        action=change.action,
        change=change_id(change),
        reason="they know",
        expires=small.clock.now() + timedelta(hours=1),
    )
    target = replace(drawn, policies=Policies(approvals=(approval,)))
    told: list[str] = []
    work = reconcile(small.world, target, terms=Terms(on_outcome=lambda outcome: told.append(outcome.why)))
    move = Move(small=small, work=asyncio.ensure_future(work), told=told)
    assert await move.after(1) == {"tower", "tower_t"}
    return move


async def test_the_old_one_stays_until_the_new_one_has_carried_as_much_for_a_while() -> None:
    """A receiver that has just come shows no picture yet: five seconds of traffic are what counts."""
    move = await a_move()
    waiting = await move.after(20)
    move.twin_carries(RATE_BPS)

    soon = await move.after(5)
    later = await move.after(5)

    assert waiting == soon == {"tower", "tower_t"}
    assert later == {"tower_t"}
    assert [one.result for one in (await move.work).outcomes] == [Result.DONE]


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        pytest.param(listener("eu-frankfurt"), "reconciler status --reveal output/news/tower_t", id="called"),
        pytest.param(output(), "has carried as much for a few seconds", id="calls by itself"),
    ],
)
async def test_what_is_waited_for_is_told_in_the_same_words(wanted: Output, words: str) -> None:
    """Where receivers have to move over, they are told how to find the new address."""
    move = await a_move(wanted)

    await move.after(10)

    waiting = [why for why in move.told if why]
    assert len(waiting) > 2
    assert len(set(waiting)) == 1
    assert waiting[0].endswith(words)
    move.twin_carries(RATE_BPS)
    await move.after(10)
    await move.work


async def test_a_new_one_that_pauses_begins_anew() -> None:
    """Traffic before the pause counts for nothing."""
    move = await a_move()
    move.twin_carries(RATE_BPS)
    await move.after(4)
    move.twin_carries(RATE_BPS // 2)
    await move.after(3)
    move.twin_carries(RATE_BPS)

    soon = await move.after(5)
    later = await move.after(5)

    assert soon == {"tower", "tower_t"}
    assert later == {"tower_t"}
    assert (await move.work).continues_in_s is None


async def test_a_new_one_that_delivers_at_the_last_moment_is_not_given_up() -> None:
    """Whoever came to it just before the deadline keeps it."""
    move = await a_move()
    await move.after(DEADLINE_S - 4)
    move.twin_carries(RATE_BPS)

    left = await move.after(12)

    assert left == {"tower_t"}
    await move.work


async def test_nobody_comes_and_the_old_one_stays() -> None:
    """After the deadline the new one goes again; it is tried again neither at once nor soon, until the tree changes."""
    move = await a_move()

    left = await move.after(DEADLINE_S + 10)
    outcome = await move.work
    again = await plan_for(move.small.world, say(move.small, flow(), listener("eu-frankfurt")))

    assert left == {"tower"}
    assert [(one.result, one.why.partition(" within")[0]) for one in outcome.outcomes] == [
        (Result.FAILED, "what was to replace it did not deliver")
    ]
    assert again.changes == ()
    assert [held.hold for held in again.blocked] == [Hold.GIVEN_UP]
    assert replace(outcome, outcomes=(), left=again).continues_in_s is None


async def test_what_was_a_twin_itself_is_replaced_in_the_same_way() -> None:
    """The next new one has the name that is free again; it proves that it carries as well, under the same approval."""
    move = await a_move(live_name="tower_t")
    waiting = await move.after(20)
    move.twin_carries(RATE_BPS)

    later = await move.after(10)

    assert waiting == {"tower", "tower_t"}
    assert later == {"tower"}
    assert [one.result for one in (await move.work).outcomes] == [Result.DONE]


async def test_what_was_a_twin_itself_stays_where_nobody_comes() -> None:
    """After the deadline the new one goes: their marks do not tell which was there first, but who has made it knows."""
    move = await a_move(live_name="tower_t")

    left = await move.after(DEADLINE_S + 10)

    assert left == {"tower_t"}
    assert [one.result for one in (await move.work).outcomes] == [Result.FAILED]


async def test_a_change_that_is_taken_back_takes_the_new_one_away() -> None:
    """The old one is as it is to be again, and on air: what was to replace it goes without being asked about."""
    small = a_world()
    old = found_output(listener("local"))
    mark = Mark(owner=US, name="tower", twin=True)
    new = replace(found_output(listener("eu-frankfurt")), id="id-new", live_name="tower_t", mark=mark)
    small.backend.hold(found_flow(flow(), old, new, state=FlowState.RUNNING))
    small.backend.statuses["id-tower"] = connected("id-tower")

    outcome = await finish(small, reconcile(small.world, say(small, flow(), listener("local")), terms=Terms()))

    assert small.backend.names() == {"news", "news/tower"}
    assert [one.result for one in outcome.outcomes] == [Result.DONE]
