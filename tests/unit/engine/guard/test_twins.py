"""What is made anew beside what it replaces: made, taken over, given up."""

from dataclasses import replace

import pytest

from reconciler.domain.changes import Action, Call, Create, Delete, Hold
from reconciler.domain.errors import RejectedError, UnavailableError
from reconciler.domain.model import Region
from reconciler.domain.safety.limits import Limits
from reconciler.engine.apply import Result
from reconciler.engine.guard import Guard
from reconciler.engine.guard.facts import Mode
from reconciler.engine.plan import Target, plan_for
from reconciler.engine.reconcile import TWIN_LOOK_S
from tests.builders import flow, found_flow, found_output
from tests.unit.engine.broadcasts import (
    BITRATE_BPS,
    approval,
    approved,
    holds,
    marks_of,
    passed,
    put_on_air,
    receivers_call,
    take_off_air,
)
from tests.unit.engine.worlds import Worldlet, a_world, keeper, say

pytestmark = pytest.mark.anyio

AWAY = Region("eu-frankfurt")
DEADLINE_S = Limits().twin_deadline_s
OLD, NEW = ("tower", "tower", False), ("tower_t", "tower", True)


def on_the_air() -> Worldlet:
    """Return a world in which somebody watches an output that receivers connect to."""
    small = a_world()
    small.backend.hold(found_flow(flow(), found_output(receivers_call()), found_output(receivers_call("mast"))))
    put_on_air(small.backend, "tower")
    return small


def moved(small: Worldlet, *, revision: str = "moved", mode: Mode = Mode.SHOWN, region: Region = AWAY) -> Target:
    """Return a tree that wants the output in another region, which takes a new object."""
    return say(small, flow(), receivers_call(region=region), receivers_call("mast"), revision=revision, mode=mode)


async def released(small: Worldlet, target: Target) -> Target:
    """Return the target with an approval of its recreate."""
    plan = await plan_for(small.world, target)
    changes = (*plan.changes, *(held.change for held in plan.blocked if held.change is not None))
    (change,) = [each for each in changes if each.action is Action.RECREATE]
    return approved(target, approval(change))


async def passes(small: Worldlet, target: Target, *, times: int = 2) -> None:
    """Make passes, and wait after each until the loop would delete what is still to go."""
    for _ in range(times):
        await passed(small, target)
        await small.clock.advance(Limits().delete_gap_s)


def receivers_move(small: Worldlet, *, bitrate_bps: int = BITRATE_BPS) -> None:
    """Have receivers come to the twin as soon as it is there."""

    def move(call: Call) -> None:
        if isinstance(call, Create):
            put_on_air(small.backend, call.wanted.live_name, bitrate_bps=bitrate_bps)

    small.backend.then = move


def anew(small: Worldlet) -> list[tuple[str, str, bool]]:
    """Return what is live of the output."""
    return [mark for mark in marks_of(small.backend.flows.values()) if mark[1] == "tower"]


async def test_a_recreate_on_air_waits_for_an_approval() -> None:
    """Not even the twin is made before."""
    small = on_the_air()

    outcome = await passed(small, moved(small))

    assert holds(outcome) == [("recreate output/news/tower", Hold.ON_AIR)]
    assert anew(small) == [OLD]


async def test_the_old_one_goes_when_the_new_one_delivers() -> None:
    """The twin keeps its temporary name; the mark says what it is, and the next plan has nothing to do."""
    small = on_the_air()
    receivers_move(small)
    target = await released(small, moved(small))

    outcome = await passed(small, target)

    assert small.backend.sent == ["create output/news/tower", "delete output/news/tower"]
    assert anew(small) == [NEW]
    assert [(one.result, one.is_half) for one in outcome.outcomes] == [(Result.DONE, False)]
    assert (await plan_for(small.world, target)).is_empty


async def test_what_carries_less_does_not_replace_anything() -> None:
    """Below nine tenths of the old one both stay, for somebody would lose the picture."""
    small = on_the_air()
    receivers_move(small, bitrate_bps=BITRATE_BPS * 89 // 100)

    outcome = await passed(small, await released(small, moved(small)))

    assert anew(small) == [OLD, NEW]
    assert holds(outcome) == [("recreate output/news/tower", Hold.GIVEN_UP)]
    assert "both it and what replaces it are on air" in outcome.left.blocked[0].why


async def test_nine_tenths_are_enough() -> None:
    """Bitrates are never quite the same."""
    small = on_the_air()
    receivers_move(small, bitrate_bps=BITRATE_BPS * 9 // 10)

    await passed(small, await released(small, moved(small)))

    assert anew(small) == [NEW]


async def test_a_twin_to_which_nobody_comes_is_given_up() -> None:
    """After the deadline it goes, the old one stays, and the change has failed."""
    small = on_the_air()

    outcome = await passed(small, await released(small, moved(small)))

    assert anew(small) == [OLD]
    assert [one.result for one in outcome.outcomes] == [Result.FAILED]
    assert f"did not deliver within {DEADLINE_S:g} s; the old one stays" in outcome.outcomes[0].why
    assert DEADLINE_S <= small.clock.monotonic_s() <= DEADLINE_S + 20


def with_a_former_twin() -> Worldlet:
    """Return a world in which the output that somebody watches is left of a former recreate, as its mark says."""
    small = on_the_air()
    found = small.backend.flow()
    (old, mast) = found.outputs
    assert old.mark is not None
    small.backend.hold(replace(found, outputs=(replace(old, mark=replace(old.mark, twin=True)), mast)))
    return small


async def test_a_twin_without_a_mark_is_given_up_by_whoever_made_it() -> None:
    """The mark of the old one says that it is one, and who has made the new one knows better."""
    small = with_a_former_twin()

    outcome = await passed(small, await released(small, moved(small)))

    assert anew(small) == [("tower", "tower", True)]
    assert small.backend.sent == ["create output/news/tower", "delete output/news/tower"]
    assert f"did not deliver within {DEADLINE_S:g} s; the old one stays" in outcome.outcomes[0].why


@pytest.mark.parametrize(
    ("receivers", "carries"),
    [(0, "nobody connected"), (50, "Connected, 2.5 Mb/s"), (None, "its status cannot be read")],
)
async def test_of_two_that_nobody_can_tell_apart_both_stay(receivers: int | None, carries: str) -> None:
    """A process that was started since does not know which was there first: it says which is which, and what helps."""
    small = with_a_former_twin()
    target = await released(small, moved(small, mode=Mode.LOOP))
    await passes(small, target)
    new = small.backend.flow().outputs[-1]
    small.world = replace(small.world, guard=Guard(keeper(small.backend, small.clock, small.world.journal)))
    if receivers:
        put_on_air(small.backend, new.live_name, bitrate_bps=BITRATE_BPS * receivers // 100)
    if receivers is None:
        small.backend.untold = {new.id}
    await passes(small, target)
    await passed(small, target)
    await small.clock.advance(DEADLINE_S)

    outcome = await passed(small, target)

    assert len(anew(small)) == 2
    assert holds(outcome) == [("recreate output/news/tower", Hold.GIVEN_UP)]
    assert outcome.left.blocked[0].why == (
        f"tower_t ({carries}) is as the manifests want it, and has not carried as much as tower (Connected, 5.0 Mb/s) "
        "for 120 s. Which of the two was there first nobody can tell, so both stay. tower goes once the other one "
        "carries as much, and an approval of this recreate lets it; to keep tower, take the change of the manifest "
        "back: then tower_t goes, once nobody receives it"
    )


async def test_what_helps_to_keep_the_old_of_two_helps() -> None:
    """The change of the manifest is taken back, and the new one goes."""
    small = with_a_former_twin()
    target = await released(small, moved(small, mode=Mode.LOOP))
    await passes(small, target)
    both = anew(small)

    await passed(small, say(small, flow(), receivers_call(), receivers_call("mast"), revision="back"))

    assert (both, anew(small)) == ([("tower", "tower", True), ("tower_t", "tower", False)], [("tower", "tower", True)])


async def test_a_plan_says_what_is_left_to_approve_of_a_recreate() -> None:
    """Which of the two goes, and when."""
    small = on_the_air()
    target = await released(small, moved(small, mode=Mode.LOOP))
    await passes(small, target)

    seen = await small.world.guard.foresee(await plan_for(small.world, moved(small)))

    assert [held.hold for held in seen.blocked] == [Hold.ON_AIR]
    told = "tower_t, which replaces it, is there, and tower goes once that one carries as much."
    assert seen.blocked[0].why.endswith(told)


async def test_what_was_given_up_is_not_tried_again_before_the_manifests_change() -> None:
    """The same revision asks in vain; the next one tries anew."""
    small = on_the_air()
    target = await released(small, moved(small))
    await passed(small, target)
    sent = len(small.backend.sent)

    again = await passed(small, target)
    unsent = len(small.backend.sent) == sent
    receivers_move(small)
    await passed(small, replace(target, revision=moved(small, revision="another").revision))

    assert unsent
    assert holds(again) == [("recreate output/news/tower", Hold.GIVEN_UP)]
    assert "the next revision of the manifests tries again" in again.left.blocked[0].why
    assert anew(small) == [NEW]


@pytest.mark.parametrize("maybe_applied", [False, True])
async def test_a_twin_that_could_not_be_taken_away_is_taken_away_later(*, maybe_applied: bool) -> None:
    """As long as it is there nobody says that it went, and every pass tries again."""
    small = on_the_air()
    target = await released(small, moved(small, mode=Mode.LOOP))
    await passes(small, target)
    failure = UnavailableError("no connection", maybe_applied=maybe_applied)
    small.backend.fault = lambda call: failure if isinstance(call, Delete) else None
    await passed(small, target)
    await small.clock.advance(DEADLINE_S)

    failed = await passed(small, target)
    both = anew(small)
    small.backend.fault = lambda _: None
    await small.clock.advance(Limits().delete_gap_s)
    gone = await passed(small, target)
    later = await passed(small, target)

    assert [(one.result, one.why) for one in failed.outcomes] == [(Result.FAILED, "no connection")]
    assert both == [OLD, NEW]
    assert "the old one stays" in gone.outcomes[0].why
    assert anew(small) == [OLD]
    assert holds(later) == [("recreate output/news/tower", Hold.GIVEN_UP)]


async def test_every_twin_has_its_own_deadline() -> None:
    """One that was called back by the manifests takes none of the time of the next one."""
    small = on_the_air()
    target = await released(small, moved(small, mode=Mode.LOOP))
    await passes(small, target)
    await passed(small, target)
    assert anew(small) == [OLD, NEW]
    back = say(small, flow(), receivers_call(), receivers_call("mast"), revision="back", mode=Mode.LOOP)
    for _ in range(2):
        await passed(small, back)
        await small.clock.advance(DEADLINE_S)
    assert anew(small) == [OLD]

    once_more = replace(target, revision=moved(small, revision="once more").revision)
    await passes(small, once_more, times=3)
    last = await passed(small, once_more)

    assert holds(last) == [("recreate output/news/tower", Hold.TWIN)]
    assert anew(small) == [OLD, NEW]


async def test_a_twin_that_is_not_wanted_any_more_goes() -> None:
    """The manifests say again what the old one is: the twin goes, and the old one is not touched."""
    small = on_the_air()
    target = await released(small, moved(small, mode=Mode.LOOP))
    await passes(small, target)
    before = anew(small)

    await passed(small, say(small, flow(), receivers_call(), receivers_call("mast"), revision="back"))

    assert (before, anew(small)) == ([OLD, NEW], [OLD])


async def test_what_nobody_watches_is_made_anew_in_place() -> None:
    """Without a twin it keeps its name, and needs nobody's approval."""
    small = on_the_air()
    take_off_air(small.backend)

    outcome = await passed(small, moved(small))

    assert small.backend.sent == ["delete output/news/tower", "create output/news/tower"]
    assert anew(small) == [OLD]
    assert len(outcome.done) == 1


@pytest.mark.parametrize("on_air", [True, False])
async def test_two_who_make_an_output_anew_in_turns_stop(*, on_air: bool) -> None:
    """Each round gives receivers another address: beside the old one, or in its place."""
    small = on_the_air()
    receivers_move(small)
    (theirs,) = [each for each in small.backend.flow().outputs if each.live_name == "tower"]
    target = await released(small, moved(small))
    for _ in range(4):
        if not on_air:
            take_off_air(small.backend)
        await passed(small, target)
        small.backend.drop_output("tower_t")
        small.backend.drop_output("tower")
        flow_now = small.backend.flow()
        small.backend.hold(replace(flow_now, outputs=(*flow_now.outputs, theirs)))
        put_on_air(small.backend, "tower")
        await small.clock.advance(60)

    assert holds(await passed(small, target)) == [("recreate output/news/tower", Hold.FLIP_FLOP)]
    assert small.backend.sent.count("delete output/news/tower") == 3


async def test_an_old_one_that_nobody_watches_any_more_goes() -> None:
    """Its receivers left while the twin was there: nothing has to be taken over."""
    small = on_the_air()

    def leave(call: Call) -> None:
        if isinstance(call, Create):
            take_off_air(small.backend)

    small.backend.then = leave

    await passed(small, await released(small, moved(small)))

    assert anew(small) == [NEW]


async def test_an_approval_that_expired_ends_nothing_that_is_on_air() -> None:
    """The twin is there and delivers; without a release the old one stays all the same."""
    small = on_the_air()
    receivers_move(small)
    target = await released(small, moved(small, mode=Mode.LOOP))
    await passes(small, target)

    await passed(small, approved(target))
    await small.clock.advance(Limits().sample_gap_s)
    outcome = await passed(small, approved(target))

    assert holds(outcome) == [("recreate output/news/tower", Hold.ON_AIR)]
    assert anew(small) == [OLD, NEW]


async def test_a_status_that_cannot_be_read_takes_nothing_over() -> None:
    """Nobody can see whether the twin delivers; neither of the two is touched."""
    small = on_the_air()
    target = await released(small, moved(small, mode=Mode.LOOP))
    await passes(small, target)

    small.backend.unwell = {"news"}
    outcome = await passed(small, target)
    await small.clock.advance(DEADLINE_S)
    later = await passed(small, target)

    assert holds(outcome) == [("recreate output/news/tower", Hold.TWIN)]
    assert holds(later) == [("recreate output/news/tower", Hold.GIVEN_UP)]
    assert anew(small) == [OLD, NEW]


async def test_a_status_without_the_old_one_takes_nothing_over() -> None:
    """Nobody can see how much that carries; what the twin carried before counts for nothing afterwards."""
    small = on_the_air()
    target = await released(small, moved(small, mode=Mode.LOOP))
    await passes(small, target)
    (old, _, twin) = small.backend.flow().outputs
    put_on_air(small.backend, twin.live_name)
    await passed(small, target)
    small.backend.untold = {old.id}

    await small.clock.advance(Limits().sample_gap_s)
    without = await passed(small, target)
    small.backend.untold = set()
    once = await passed(small, target)
    both = anew(small)
    await small.clock.advance(Limits().sample_gap_s)
    await passed(small, target)

    assert holds(without) == holds(once) == [("recreate output/news/tower", Hold.TWIN)]
    assert both == [OLD, NEW]
    assert anew(small) == [NEW]


async def test_a_twin_that_no_list_shows_yet_is_not_made_twice() -> None:
    """It is waited for, as all that was made a moment ago."""
    small = on_the_air()
    target = await released(small, moved(small, mode=Mode.LOOP))
    await passed(small, target)
    await small.clock.advance(Limits().delete_gap_s)
    small.backend.unlisted = {"tower_t"}

    made = await passed(small, target)
    await small.clock.advance(TWIN_LOOK_S)
    outcome = await passed(small, target)

    assert [one.is_half for one in made.outcomes] == [True]
    assert made.continues_in_s == TWIN_LOOK_S
    assert small.backend.sent.count("create output/news/tower") == 1
    assert [str(waiting.key) for waiting in outcome.left.waiting] == ["output/news/tower"]


async def test_a_twin_that_is_refused_leaves_the_old_one() -> None:
    """The change has failed, and nobody has noticed."""
    small = on_the_air()
    small.backend.fault = lambda call: RejectedError("no room") if isinstance(call, Create) else None

    outcome = await passed(small, await released(small, moved(small)))

    assert [(one.result, one.why) for one in outcome.outcomes] == [(Result.FAILED, "no room")]
    assert anew(small) == [OLD]
