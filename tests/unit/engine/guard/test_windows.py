"""Windows of calendars, asked at each write."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from reconciler.domain.changes import Action, Hold
from reconciler.domain.impact import EditRules
from reconciler.domain.marks import Mark
from reconciler.domain.model import FlowKey, FlowState, Key, OutputKey, ResourceKind
from reconciler.domain.policies import Calendar, Limit, Override, Policies, WindowKind
from reconciler.engine.apply import Terms
from reconciler.engine.guard.facts import Mode
from reconciler.engine.plan import Target, plan_for
from reconciler.engine.reconcile import carry_out
from tests.builders import US, flow, found_flow, found_output, output
from tests.unit.engine.broadcasts import LATER, approval, approved, held_change, holds, passed, put_on_air
from tests.unit.engine.guard.frozen import a_broadcast, calendar, tree
from tests.unit.engine.worlds import Worldlet, a_world, finish, lifted, say

pytestmark = pytest.mark.anyio

EDIT = ("edit output/news/tower", Hold.WINDOW)


async def test_a_freeze_holds_everything_back() -> None:
    """Also what is new and disturbs nobody; the window is named, and until when."""
    small = a_broadcast()
    target = tree(small, calendar())
    wanted = replace(target.desired, outputs=(*target.desired.outputs, output("new")))

    outcome = await passed(small, replace(target, desired=wanted))

    assert sorted(holds(outcome)) == [("create output/news/new", Hold.WINDOW), EDIT]
    assert all("cup_final" in held.why for held in outcome.left.blocked)
    assert small.backend.sent == []


async def test_no_disruption_lets_pass_what_nobody_notices() -> None:
    """An edit that makes receivers connect again waits, a new output does not."""
    small = a_broadcast()
    target = tree(small, calendar(WindowKind.NO_DISRUPTIVE))
    wanted = replace(target.desired, outputs=(*target.desired.outputs, output("new")))

    outcome = await passed(small, replace(target, desired=wanted))

    assert holds(outcome) == [EDIT]
    assert small.backend.sent == ["create output/news/new"]


async def test_a_calendar_is_about_its_flows_alone() -> None:
    """What another flow is frozen for holds nothing back here."""
    small = a_broadcast()

    await passed(small, tree(small, replace(calendar(), flows=frozenset({"quiet"}))))

    assert small.backend.latency_ms() == 500


async def test_a_calendar_finds_what_it_is_about_by_labels() -> None:
    """The labels are those of the manifests."""
    small = a_broadcast()
    cup = replace(calendar(), labels=(("event", "cup"),))
    target = tree(small, cup)
    labelled = replace(output(latency_ms=500), care=replace(output().care, labels=(("event", "cup"),)))
    wanted = replace(target.desired, outputs=(labelled, output("mast", of="quiet", latency_ms=300)))

    outcome = await passed(small, replace(target, desired=wanted))

    assert holds(outcome) == [EDIT]
    assert small.backend.latency_ms("mast", of="quiet") == 300


async def test_what_a_stop_takes_along_is_known_by_its_live_name() -> None:
    """Whatever name is in its mark, its labels are those of its manifest, and no calendar of others holds it."""
    small = a_broadcast()
    former = replace(found_output(output()), mark=Mark(owner=US, name="former"))
    small.backend.hold(replace(small.backend.flow(), outputs=(former,)))
    others = flow("quiet", state=FlowState.IDLE), output("mast", of="quiet")
    policies = Policies(calendars=(replace(calendar(), labels=(("event", "cup"),)),))

    outcome = await passed(small, say(small, flow(state=FlowState.IDLE), output(), *others, policies=policies))

    assert outcome.left.blocked == ()
    assert small.backend.flow().state is FlowState.IDLE


async def test_the_window_counts_at_the_write_and_not_at_the_plan() -> None:
    """A plan that was made before the freeze is not sent in it."""
    small = a_broadcast()
    target = tree(small, calendar(begins_s=60))
    plan = await plan_for(small.world, target)
    await small.clock.advance(60)

    outcome = await finish(small, carry_out(small.world, target, plan, terms=Terms()))

    assert len(plan.changes) == 1
    assert holds(outcome) == [EDIT]


async def test_a_plan_tells_what_a_window_would_hold_back_now() -> None:
    """It stays among the changes: what is saved within a freeze may be carried out after it."""
    small = a_broadcast()
    plan = await plan_for(small.world, tree(small, calendar()))

    seen = await small.world.guard.foresee(plan)
    unforeseen = await small.world.guard.in_windows(plan)
    lifting = await small.world.guard.in_windows(
        await plan_for(small.world, replace(tree(small, calendar()), policies=_with_override(calendar())))
    )
    after = await small.world.guard.foresee(await plan_for(small.world, tree(small, calendar(ends_s=0))))

    for told in (seen, unforeseen):
        assert told.changes == plan.changes
        assert told.blocked == ()
        assert [(f"{held.action} {held.key}", held.hold) for held in told.windows] == [EDIT]
        assert told.windows[0].change is told.changes[0]
        assert "the calendar cup_final freezes everything until 2026-01-01 01:00 UTC" in told.windows[0].why
    assert (lifting.windows, after.windows) == ((), ())


def _with_override(*calendars: Calendar) -> Policies:
    return replace(lifted(Limit.WINDOW), calendars=calendars)


async def test_a_plan_tells_of_a_window_beside_what_is_on_air() -> None:
    """Whoever approves of it should know that it does not go before the window ends."""
    small = a_broadcast()
    put_on_air(small.backend, "tower")

    seen = await small.world.guard.foresee(await plan_for(small.world, tree(small, calendar())))

    assert holds(seen) == [("edit output/news/tower", Hold.ON_AIR)]
    assert seen.blocked[0].why.startswith("the calendar cup_final freezes everything")
    assert ". Besides, output tower is on air" in seen.blocked[0].why
    assert seen.windows == ()


async def test_whoever_observes_is_told_what_a_window_holds_back() -> None:
    """Nothing would be sent now."""
    small = a_broadcast()

    outcome = await passed(small, replace(tree(small, calendar()), mode=Mode.OBSERVE))

    assert holds(outcome) == [EDIT]
    assert outcome.left.changes == ()


async def test_a_calendar_that_changes_is_read_anew() -> None:
    """Whoever lifts a freeze in the manifests need not restart anything."""
    small = a_broadcast()
    await passed(small, tree(small, calendar()))

    await passed(small, tree(small, calendar(ends_s=-60)))

    assert small.backend.latency_ms() == 500


def made_anew(small: Worldlet, *calendars: Calendar, lifts: Iterable[Override] = ()) -> Target:
    """Return a tree that makes a flow anew whose two outputs nobody watches; every call takes a minute."""
    small.backend.hold(found_flow(flow(), found_output(output()), found_output(output("mast"))))
    small.backend.pause = lambda: small.clock.sleep(60)
    roomy = replace(flow(), spec=replace(flow().spec, max_bandwidth_bps=20_000_000))
    policies = lifted(Limit.BUDGET)
    policies = replace(policies, calendars=calendars, overrides=(*policies.overrides, *lifts))
    return say(small, roomy, output(), output("mast"), policies=policies, mode=Mode.SAVED)


@pytest.mark.parametrize("begins_s", [pytest.param(20, id="the first call"), pytest.param(170, id="the last create")])
async def test_a_window_that_opens_between_the_calls_of_a_change_holds_the_rest(begins_s: float) -> None:
    """The old flow is not stopped within it, and what was made beside it goes again."""
    small = a_world()

    outcome = await passed(small, made_anew(small, calendar(begins_s=begins_s)))

    assert holds(outcome) == [("recreate flow/news", Hold.WINDOW)]
    assert "put back by a delete of flow/news" in outcome.left.blocked[0].why
    assert small.backend.names() == {"news", "news/tower", "news/mast"}
    assert "stop flow/news" not in small.backend.sent


async def test_what_has_been_stopped_is_finished_in_a_window() -> None:
    """Once a flow is off air, to go on is the shortest break."""
    small = a_world()

    outcome = await passed(small, made_anew(small, calendar(begins_s=200)))

    assert outcome.left.blocked == ()
    assert small.backend.names() == {"news_t", "news_t/tower", "news_t/mast"}
    assert small.backend.flow("news_t").state is FlowState.RUNNING


@pytest.mark.parametrize("begins_s", [pytest.param(-60, id="open before"), pytest.param(90, id="opens meanwhile")])
async def test_an_override_that_lets_a_change_go_on_is_noted_once(begins_s: float) -> None:
    """Also where the window opens in the middle, and however many calls are asked about."""
    small = a_world()
    lifting = replace(override(action=Action.RECREATE), of=FlowKey("news"))

    outcome = await passed(small, made_anew(small, calendar(begins_s=begins_s), lifts=[lifting]))

    notes = [noted.note for noted in small.world.journal.notes(kind="override.used")]
    assert outcome.left.blocked == ()
    assert [note.why for note in notes if note.fields["lifts"] == "window"] == ["the tower moved"]


async def test_an_override_of_what_is_held_back_for_something_else_is_not_noted() -> None:
    """The window is lifted, and somebody has begun to watch what the next call would stop."""
    small = a_world()
    target = made_anew(small, calendar(begins_s=170), lifts=[replace(override(action=Action.RECREATE), of=NEWS)])

    async def pause() -> None:
        await small.clock.sleep(60)
        if small.clock.monotonic_s() > 170:
            put_on_air(small.backend, "tower")

    small.backend.pause = pause

    outcome = await passed(small, target)

    notes = [noted.note for noted in small.world.journal.notes(kind="override.used")]
    assert holds(outcome) == [("recreate flow/news", Hold.ON_AIR)]
    assert [note for note in notes if note.fields["lifts"] == "window"] == []


async def test_a_change_of_several_calls_that_no_window_is_about_goes_on() -> None:
    """There is a calendar, and it is about another flow."""
    small = a_world()

    outcome = await passed(small, made_anew(small, replace(calendar(), flows=frozenset({"quiet"}))))

    assert outcome.left.blocked == ()
    assert "news_t" in small.backend.names()


async def test_a_window_names_the_override_that_has_expired() -> None:
    """Somebody wanted this to go, and until when."""
    small = a_broadcast()
    target = tree(small, calendar())
    policies = replace(target.policies, overrides=(override(expires=datetime(2025, 12, 31, tzinfo=UTC)),))

    outcome = await passed(small, replace(target, policies=policies))

    assert holds(outcome) == [EDIT]
    assert outcome.left.blocked[0].why.endswith(
        "; the override emergency lifted that, and expired at 2025-12-31 00:00 UTC"
    )


def override(*, action: Action = Action.EDIT, lifts: Limit = Limit.WINDOW, expires: datetime = LATER) -> Override:
    """Return an exception for outputs."""
    return Override(
        name="emergency",
        of=ResourceKind.OUTPUT,
        action=action,
        lifts=frozenset({lifts}),
        reason="the tower moved",
        expires=expires,
    )


async def test_an_override_lifts_a_window_and_is_noted() -> None:
    """Who has a reason may write all the same."""
    small = a_broadcast()
    target = tree(small, calendar())

    await passed(small, replace(target, policies=replace(target.policies, overrides=(override(),))))

    (noted,) = small.world.journal.notes(kind="override.used")
    assert small.backend.latency_ms() == 500
    assert (noted.note.resource, noted.note.why) == ("output/news/tower", "the tower moved")
    assert noted.note.fields["lifts"] == "window"


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(override(action=Action.DELETE), id="for another action"),
        pytest.param(override(lifts=Limit.BUDGET), id="of another limit"),
        pytest.param(override(expires=datetime(2026, 1, 1, tzinfo=UTC)), id="that has expired"),
        pytest.param(replace(override(), of=FlowKey("news")), id="for another resource"),
    ],
)
async def test_another_override_lifts_no_window(other: Override) -> None:
    """It is an exception for one thing."""
    small = a_broadcast()
    target = tree(small, calendar())

    outcome = await passed(small, replace(target, policies=replace(target.policies, overrides=(other,))))

    assert holds(outcome) == [EDIT]


def sharing_a_stop(small: Worldlet, *edited: str, free: Iterable[Key]) -> Target:
    """Return a tree in which edits of these outputs and of the flow share a stop, and a freeze is about `tower`."""
    small.backend.rules = EditRules.CONSOLE_2022
    names = [output(name, latency_ms=500 if name in edited else 120) for name in ("tower", "spare")]
    tower = replace(names[0], care=replace(names[0].care, labels=(("event", "cup"),)))
    small.backend.hold(found_flow(flow(), found_output(output()), found_output(output("spare"))))
    overrides = tuple(replace(override(), name=key.name, of=key) for key in free)
    policies = Policies(calendars=(replace(calendar(), labels=(("event", "cup"),)),), overrides=overrides)
    return say(small, flow(latency_ms=300), tower, names[1], policies=policies, mode=Mode.SAVED)


NEWS, TOWER, SPARE = FlowKey("news"), OutputKey("news", "tower"), OutputKey("news", "spare")


async def test_an_override_of_one_change_lifts_nothing_of_another_that_shares_its_stop() -> None:
    """The flow may be edited, which the freeze is not about; the output has one of its own, and needs its own."""
    small = a_world()

    outcome = await passed(small, sharing_a_stop(small, "tower", free=[NEWS, SPARE]))

    assert holds(outcome) == [("edit flow/news", Hold.WINDOW)]
    assert "only an Override of the edit of output/news/tower lifts that" in outcome.left.blocked[0].why
    assert small.backend.sent == []


async def test_what_shares_a_stop_is_lifted_by_an_override_of_its_own() -> None:
    """Whoever may be edited in the window lets the stop pass that the edit needs."""
    small = a_world()

    outcome = await passed(small, sharing_a_stop(small, "tower", free=[TOWER]))

    notes = small.world.journal.notes(kind="override.used")
    assert outcome.left.blocked == ()
    assert [noted.note.fields["name"] for noted in notes] == ["tower"]


@pytest.mark.parametrize(("free", "is_sent"), [(SPARE, False), (TOWER, False), (NEWS, True)])
async def test_what_a_stop_takes_along_is_lifted_with_the_flow(free: Key, *, is_sent: bool) -> None:
    """The flow is stopped; an override of a neighbour, or of an edit that is not made, says nothing of that."""
    small = a_world()

    outcome = await passed(small, sharing_a_stop(small, "spare", free=[free]))

    assert holds(outcome) == ([] if is_sent else [("edit flow/news", Hold.WINDOW)])


async def test_every_override_that_is_needed_is_noted() -> None:
    """A freeze of everything holds the flow and both outputs, and each is let pass by its own."""
    small = a_world()
    target = sharing_a_stop(small, "tower", "spare", free=[NEWS, TOWER, SPARE])

    outcome = await passed(small, replace(target, policies=replace(target.policies, calendars=(calendar(),))))

    notes = small.world.journal.notes(kind="override.used")
    assert outcome.left.blocked == ()
    assert sorted(str(noted.note.fields["name"]) for noted in notes) == ["news", "spare", "tower"]


async def test_an_approval_lifts_no_window() -> None:
    """Whoever looked at a change did not look at the calendar."""
    small = a_broadcast()
    put_on_air(small.backend, "tower")
    change = held_change(await passed(small, tree(small)))

    outcome = await passed(small, approved(tree(small, calendar()), approval(change)))

    assert holds(outcome) == [EDIT]


async def test_an_override_of_a_window_releases_nothing_that_is_on_air() -> None:
    """And the other way round."""
    small = a_broadcast()
    put_on_air(small.backend, "tower")
    target = tree(small, calendar())

    outcome = await passed(small, replace(target, policies=replace(target.policies, overrides=(override(),))))

    assert holds(outcome) == [("edit output/news/tower", Hold.ON_AIR)]
