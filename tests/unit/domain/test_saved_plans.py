"""Tests of `domain.saved_plans`: what was looked at is carried out, and nothing else."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given

from reconciler.domain.change_ids import change_id
from reconciler.domain.changes import Action, Blocked, Hold, Plan, Waiting
from reconciler.domain.errors import ExitStatus, PlanStaleError
from reconciler.domain.impact import Capabilities, Impact
from reconciler.domain.model import Flow, FlowKey, FlowState, FoundFlow, Output
from reconciler.domain.planning import plan
from reconciler.domain.safety.releases import command_for
from reconciler.domain.saved_plans import AHEAD, LONGEST, Chosen, Circumstances, SavedPlan, choose, saved
from tests.builders import US, actual, flow, found_flow, found_output, output, resolved
from tests.unit.domain.test_planning_laws import desired_flows, found_flows

MADE = Circumstances(
    at=datetime(2026, 1, 1, 12, tzinfo=UTC), tool="1.4.0", backend="memory", owner="local", revision="one"
)
OLD = found_output(output(latency_ms=120))
NEWS = flow(state=FlowState.IDLE)


def planned(*wanted: Flow | Output, found: FoundFlow | None = None) -> Plan:
    """Plan against one live flow, or none."""
    live = actual() if found is None else actual(found)
    return plan(resolved(*wanted), live, owner=US, capabilities=Capabilities())


EDIT = planned(NEWS, output(latency_ms=500), found=found_flow(NEWS, OLD))
"""One edit of an output that is 120 and wanted 500."""


def kept(of: Plan) -> SavedPlan:
    """Return a plan as it is kept."""
    return saved(of, made=MADE, paths=("manifests",))


def choice(was: Plan, now: Plan) -> Chosen:
    """Return what is carried out an hour later."""
    return choose(kept(was), now, now=replace(MADE, at=MADE.at + timedelta(hours=1)))


def reasons(was: SavedPlan, now: Plan, under: Circumstances = MADE) -> tuple[str, ...]:
    """Return why a plan is stale."""
    with pytest.raises(PlanStaleError) as caught:
        choose(was, now, now=under)
    assert caught.value.exit_status is ExitStatus.HELD
    return caught.value.reasons


@given(wanted=desired_flows(), found=found_flows())
def test_what_is_planned_again_is_carried_out_whole(wanted: list[Flow | Output], found: list[FoundFlow]) -> None:
    """As long as nothing differs, the present plan is the one that was looked at."""
    now = plan(resolved(*wanted), actual(*found), owner=US, capabilities=Capabilities())

    assert choice(now, now) == Chosen(plan=now, beyond=())


@given(wanted=desired_flows(), found=found_flows(), other=found_flows())
def test_nothing_is_ever_sent_that_was_not_looked_at(
    wanted: list[Flow | Output], found: list[FoundFlow], other: list[FoundFlow]
) -> None:
    """Whatever the account has become, all that goes has an id of the plan, or the plan is stale."""
    was, now = (
        plan(resolved(*wanted), actual(*live), owner=US, capabilities=Capabilities()) for live in (found, other)
    )
    ids = {change_id(change) for change in was.changes}

    try:
        chosen = choice(was, now)
    except PlanStaleError:
        assume(False)
    else:
        assert {change_id(change) for change in chosen.plan.changes} <= ids
        held = len(chosen.plan.blocked) - len(now.blocked)
        assert len(chosen.plan.changes) + len(chosen.beyond) + held == len(now.changes)


def test_a_window_that_is_open_now_is_told_of_what_is_carried_out() -> None:
    """Neither is a plan stale for it, nor is anything told of what is not sent."""
    now = planned(NEWS, output(latency_ms=500), output("new"), found=found_flow(NEWS, OLD))
    windows = tuple(
        Blocked(key=each.key, action=each.action, why="a freeze", hold=Hold.WINDOW, change=each) for each in now.changes
    )

    found = choice(EDIT, replace(now, windows=windows))

    assert [str(item.key) for item in windows] == ["output/news/new", "output/news/tower"]
    assert [str(item.key) for item in found.plan.windows] == ["output/news/tower"]


def test_what_is_wanted_beyond_it_is_named_and_not_sent() -> None:
    """Drift that appeared since is for the next plan."""
    now = planned(NEWS, output(latency_ms=500), output("b"), found=found_flow(NEWS, OLD))

    chosen = choice(EDIT, now)

    assert [f"{change.action} {change.key}" for change in chosen.plan.changes] == ["edit output/news/tower"]
    assert [f"{change.action} {change.key}" for change in chosen.beyond] == ["create output/news/b"]


@pytest.mark.parametrize(
    ("under", "expected"),
    [
        pytest.param(replace(MADE, revision="two"), "made for revision one, and they are at two", id="the tree"),
        pytest.param(replace(MADE, backend="cloud"), "for another backend: memory, and this is cloud", id="backend"),
        pytest.param(replace(MADE, owner="others"), "for the owner local, and this is others", id="owner"),
        pytest.param(replace(MADE, tool="2.0.0"), "by version 1.4.0, and this is 2.0.0", id="major version"),
        pytest.param(
            replace(MADE, at=MADE.at + LONGEST + timedelta(seconds=1)), "2026-01-01 12:00 UTC, and a plan is", id="age"
        ),
        pytest.param(
            replace(MADE, at=MADE.at - AHEAD - timedelta(seconds=1)), "12:00 UTC, which has not come yet", id="future"
        ),
    ],
)
def test_other_circumstances_make_it_stale(under: Circumstances, expected: str) -> None:
    """Each alone is enough, and is said."""
    (reason,) = reasons(kept(EDIT), EDIT, under)

    assert expected in reason


def test_a_day_and_a_minor_version_do_no_harm() -> None:
    """What is still the same plan is carried out."""
    under = replace(MADE, at=MADE.at + LONGEST, tool="1.5.2")

    assert choose(kept(EDIT), EDIT, now=under).plan == EDIT


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        pytest.param(
            planned(NEWS, output(latency_ms=500), found=found_flow(NEWS, found_output(output(latency_ms=77)))),
            "found something else",
            id="edited by hand",
        ),
        pytest.param(
            planned(NEWS, output(latency_ms=600), found=found_flow(NEWS, OLD)), "wants something else", id="wanted"
        ),
        pytest.param(
            planned(NEWS, output(latency_ms=600), found=found_flow(NEWS, found_output(output(latency_ms=77)))),
            "found something else and wants something else",
            id="both",
        ),
        pytest.param(
            planned(NEWS, output(latency_ms=500), found=found_flow(NEWS)), "gone: create is planned by now", id="action"
        ),
        pytest.param(Plan(unchanged=2), "gone: nothing is planned for it by now", id="done by hand"),
        pytest.param(
            Plan(waiting=(Waiting(key=output().key, why="no address yet"),)),
            "it cannot be planned by now: no address yet",
            id="waiting",
        ),
    ],
)
def test_a_change_that_is_another_one_makes_it_stale(now: Plan, expected: str) -> None:
    """It is named with its id and with what differs."""
    assert reasons(kept(EDIT), now) == (f"edit output/news/tower ({change_id(EDIT.changes[0])}): {expected}",)


def test_what_viewers_would_notice_by_now_makes_it_stale() -> None:
    """The flow was idle when somebody said yes, and runs since: the same edit cuts receivers off."""
    running = replace(found_flow(NEWS, OLD), state=FlowState.RUNNING)
    now = planned(flow(), output(latency_ms=500), found=running)

    (reason,) = reasons(kept(EDIT), now)
    less = choice(now, EDIT)

    assert reason.endswith("impact none then, reconnect now")
    assert less.plan == EDIT


def test_what_is_held_back_by_now_takes_nothing_with_it() -> None:
    """A change that safety holds back stands among what is blocked, and the others go."""
    was = planned(NEWS, output(latency_ms=500), output("b"), found=found_flow(NEWS, OLD))
    held = Blocked(key=output().key, action=Action.EDIT, why="on air", hold=Hold.OWNERSHIP)
    now = replace(was, changes=tuple(one for one in was.changes if one.action is not Action.EDIT), blocked=(held,))

    chosen = choice(was, now)

    assert [str(change.key) for change in chosen.plan.changes] == ["output/news/b"]
    assert chosen.plan.blocked == (held,)


def test_an_id_that_was_changed_by_hand_is_found_out() -> None:
    """A file whose hashes fit and whose id does not is not carried out."""
    was = kept(EDIT)
    forged = replace(was, changes=(replace(was.changes[0], id="0" * 12),))

    (reason,) = reasons(forged, EDIT)

    assert f"another id by now, {change_id(EDIT.changes[0])}" in reason


@pytest.mark.parametrize(
    ("then", "now"), [("reconciler apply --approve x --reason 'WHY'", command_for(EDIT.changes[0])), ("", "")]
)
def test_what_was_held_back_when_it_was_saved_is_held_back(then: str, now: str) -> None:
    """It is in the file, so it is not new; nor is it sent, for nobody saw it go. Its command is that of now."""
    (edit,) = EDIT.changes
    held = Blocked(key=edit.key, action=edit.action, why="on air.", hold=Hold.ON_AIR, release=then)

    chosen = choice(Plan(blocked=(held,)), EDIT)

    (item,) = chosen.plan.blocked
    assert (chosen.plan.changes, chosen.beyond) == ((), ())
    assert (item.hold, item.change, item.release) == (Hold.ON_AIR, edit, now)
    assert item.why == "when the plan was saved it was held back, and so the plan does not hold it: on air."


def test_what_was_blocked_is_kept_for_people() -> None:
    """A reader of the file learns what was held back; it binds nobody."""
    held = Blocked(key=FlowKey("old"), action=Action.DELETE, why="not ours", hold=Hold.OWNERSHIP)

    was = kept(replace(EDIT, blocked=(held,)))

    assert was.blocked == (held,)
    assert was.changes[0].impact is Impact.NONE
    assert choose(was, EDIT, now=MADE).plan == EDIT
