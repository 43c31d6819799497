"""What of a plan may be sent: budget, distrust, renames, protection, and what lifts them."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.domain.change_ids import change_id
from reconciler.domain.changes import Action, Delete, FlowAt, Hold, Plan
from reconciler.domain.impact import Capabilities, EditRules, Impact
from reconciler.domain.model import Actual, Flow, FlowState, FoundFlow, Key, Output, Region, ResourceKind, Unreadable
from reconciler.domain.planning import plan
from reconciler.domain.policies import Approval, Limit, Override, Policies
from reconciler.domain.protocols import Protocol
from reconciler.domain.resolution import Resolved
from reconciler.domain.safety.judging import judge
from reconciler.domain.safety.limits import Circumstances, Spent
from reconciler.domain.safety.releases import command_for
from tests.builders import LOCAL, US, actual, flow, found_flow, found_output, output, resolved

LATER = datetime(2026, 12, 1, tzinfo=UTC)
NEWS = flow()


def outputs(count: int, *, latency_ms: int = 120, of: str = "news") -> tuple[Output, ...]:
    """Return so many outputs of a flow, no two of them alike."""
    made = (output(f"tower{number}", of=of, latency_ms=latency_ms) for number in range(count))
    return tuple(_described(each) for each in made)


def _described(made: Output) -> Output:
    return replace(made, spec=replace(made.spec, region=Region(f"region-{made.key.name}")))


def live(*wanted: Output, of: Flow = NEWS) -> FoundFlow:
    """Return the flow with these outputs."""
    return found_flow(of, *(replace(found_output(each), id=f"id-{each.key}") for each in wanted))


def judged(
    wanted: Resolved,
    found: Actual,
    policies: Policies | None = None,
    *,
    rules: EditRules = EditRules.LIVE_2023,
    **around: Any,
) -> Plan:
    """Return the judged plan."""
    made = plan(wanted, found, owner=US, capabilities=Capabilities(rules=rules))
    known = Circumstances(desired=wanted.desired, actual=found, owner=US, policies=policies or Policies(), **around)
    return judge(made, known)


def override(of: Key | ResourceKind, action: Action, *lifts: Limit) -> Policies:
    """Return one override."""
    made = Override(name="one", of=of, action=action, lifts=frozenset(lifts), reason="so", expires=LATER)
    return Policies(overrides=(made,))


def holds(held: Plan) -> set[Hold]:
    """Return what holds back."""
    return {each.hold for each in held.blocked}


@pytest.mark.parametrize("count", range(2, 9))
@pytest.mark.parametrize("gone", range(1, 4))
def test_the_budget_of_deletes(count: int, gone: int) -> None:
    """A quarter of our objects, rounded down, from four up; below that one."""
    every = outputs(count - 1)
    kept = every[min(gone, count - 2) :]
    gone = len(every) - len(kept)
    limit = count // 4 if count >= 4 else 1

    held = judged(resolved(NEWS, *kept), actual(live(*every)))

    assert bool(held.blocked) is (gone > limit)
    assert holds(held) <= {Hold.BUDGET, Hold.TREE}
    assert len([each for each in held.changes if each.action is Action.DELETE]) == (0 if gone > limit else gone)


@pytest.mark.parametrize("count", range(1, 9))
@pytest.mark.parametrize("changed", range(1, 8))
def test_the_budget_of_edits(count: int, changed: int) -> None:
    """Half of our objects, rounded down, from four up; below that all."""
    every = outputs(count - 1)
    other = outputs(count - 1, latency_ms=500)
    wanted = (*other[:changed], *every[changed:])
    edits = min(changed, count - 1)

    held = judged(resolved(NEWS, *wanted), actual(live(*every)))

    assert bool(held.blocked) is (count >= 4 and edits > count // 2)
    assert len(held.changes) in {0, edits}


def test_what_was_spent_counts_on() -> None:
    """A difference does not get through by being cut in slices; what it deleted counted when it began."""
    every = outputs(7)
    spent = Spent().with_done(judged(resolved(NEWS, *every[1:]), actual(live(*every))).changes)

    second = judged(resolved(NEWS, *every[2:]), actual(live(*every[1:])), spent=spent)
    third = judged(resolved(NEWS, *every[3:]), actual(live(*every[2:])), spent=spent.with_done(second.changes))

    assert not second.blocked
    assert holds(third) == {Hold.BUDGET}
    assert "delete 3 of our 8 objects (output/news/tower0, output/news/tower1, output/news/tower2)" in (
        third.blocked[0].why
    )


def copies(count: int) -> list[FoundFlow]:
    """Return so many flows that bear one mark, as somebody makes them with the Description and all."""
    return [replace(live(of=flow("old")), id=f"copy{number}", live_name=f"old{number}") for number in range(count)]


def test_of_copies_that_bear_one_mark_each_counts() -> None:
    """They are one resource, and what would be deleted are so many objects, over all passes."""
    kept = [flow(f"kept{number}") for number in range(10)]
    there = [live(of=each) for each in kept]
    both = Spent().with_done(judged(resolved(*kept), actual(*there, *copies(2))).changes)

    few = judged(resolved(*kept), actual(*there, *copies(3)))
    many = judged(resolved(*kept), actual(*there, *copies(5)))
    next_one = judged(resolved(*kept), actual(*there, *copies(4)[2:]), spent=both)

    assert not few.blocked
    assert "delete 5 of our 15 objects (flow/old, flow/old, flow/old, …)" in many.blocked[0].why
    assert "delete 4 of our 14 objects" in next_one.blocked[0].why


def test_copies_are_no_live_objects_that_the_manifests_name() -> None:
    """Less than half is named where one mark has many copies, too."""
    lifted = override(ResourceKind.FLOW, Action.DELETE, Limit.BUDGET)

    less = judged(resolved(NEWS), actual(live(), *copies(3)), lifted)

    assert holds(less) == {Hold.TREE}
    assert "name 1 of our 4 live objects" in less.blocked[0].why


def test_what_was_made_anew_and_is_edited_then_counts_once() -> None:
    """It is another object, and the same resource."""
    every = outputs(3)
    spent = Spent(edited=frozenset((each.key, "before") for each in every[:2]))

    held = judged(resolved(NEWS, *outputs(2, latency_ms=9), every[2]), actual(live(*every)), spent=spent)
    more = judged(resolved(NEWS, *outputs(3, latency_ms=9)), actual(live(*every)), spent=spent)

    assert not held.blocked
    assert "edit 3 of our 4 objects" in more.blocked[0].why


def test_what_is_made_anew_counts_as_edited() -> None:
    """It is there afterwards; a flow counts with its outputs, and more than half of all is too much."""
    every = outputs(3)
    wider = replace(NEWS, spec=replace(NEWS.spec, max_bandwidth_bps=20_000_000))

    few = judged(resolved(wider, *every[:1]), actual(live(*every[:1])))
    many = judged(resolved(wider, *every), actual(live(*every)))
    lifted = judged(resolved(wider, *every), actual(live(*every)), override(NEWS.key, Action.RECREATE, Limit.BUDGET))

    assert not few.blocked
    assert holds(many) == {Hold.BUDGET}
    assert "edit 4 of our 4 objects" in many.blocked[0].why
    assert ", …" in many.blocked[0].why
    assert not lifted.blocked


@given(
    named=st.sampled_from([None, *(each.key for each in outputs(7)), ResourceKind.OUTPUT, ResourceKind.FLOW]),
    action=st.sampled_from(Action),
    lifts=st.sets(st.sampled_from(Limit), min_size=1),
)
def test_an_exception_for_one_is_none_for_another(
    named: Key | ResourceKind | None, action: Action, lifts: set[Limit]
) -> None:
    """An override lets pass just what it names: the resource or kind, the action, the limit."""
    every = outputs(7)
    policies = Policies() if named is None else override(named, action, *lifts)

    held = judged(resolved(NEWS, *every[3:]), actual(live(*every)), policies)

    fits = action is Action.DELETE and Limit.BUDGET in lifts
    passed = {each.key for each in every[:3] if fits and named in {each.key, ResourceKind.OUTPUT}}
    assert {change.key for change in held.changes} == passed
    assert {each.key for each in held.blocked} == {each.key for each in every[:3]} - passed


def test_an_exception_for_a_flow_is_none_for_what_stands_still_with_it() -> None:
    """Where a delete shares the stop with other changes, its own override is asked for."""
    every = outputs(7)
    wanted, found = resolved(NEWS, *every[2:]), actual(live(*every))
    three = resolved(NEWS, *every[3:])

    few = judged(wanted, found, rules=EditRules.STRICT_2021)
    many = judged(three, found, override(NEWS.key, Action.EDIT, Limit.BUDGET), rules=EditRules.STRICT_2021)
    meant = judged(
        three, found, override(ResourceKind.OUTPUT, Action.DELETE, Limit.BUDGET), rules=EditRules.STRICT_2021
    )

    assert not few.blocked
    assert holds(many) == {Hold.BUDGET}
    assert not meant.blocked


def test_nothing_is_deleted_for_an_empty_tree() -> None:
    """Unless somebody says so; where nothing is ours nothing is asked."""
    found = actual(live())

    assert holds(judged(resolved(), found)) == {Hold.TREE}
    assert not judged(resolved(), found, override(NEWS.key, Action.DELETE, Limit.TREE)).blocked
    assert judged(resolved(), actual()).is_empty


def test_nothing_is_deleted_for_less_than_half_of_a_tree() -> None:
    """Half of our live objects is enough, and one less is not."""
    sport = flow("sport")
    found = actual(live(*outputs(2)), live(of=sport))
    lifted = Policies(overrides=override(NEWS.key, Action.DELETE, Limit.BUDGET).overrides)

    half = judged(resolved(NEWS, outputs(1)[0]), found, override(ResourceKind.OUTPUT, Action.DELETE, Limit.BUDGET))
    less = judged(resolved(sport), found, lifted)

    assert Hold.TREE not in holds(half)
    assert holds(less) == {Hold.TREE}
    assert "name 1 of our 4 live objects" in less.blocked[0].why


def test_nothing_is_deleted_while_a_clock_or_a_list_is_not_trusted() -> None:
    """All else goes on."""
    every = outputs(7)

    held = judged(resolved(NEWS, *every[1:6], outputs(7, latency_ms=9)[6]), actual(live(*every)), distrust="it jumped")

    assert [(each.key, each.hold, each.why) for each in held.blocked] == [(every[0].key, Hold.TREE, "it jumped")]
    assert [change.action for change in held.changes] == [Action.EDIT]


def test_a_likely_rename_is_held_both_ways() -> None:
    """Until a Move keeps it, or an approval of the delete says that it is another thing."""
    found = actual(live(output(), *outputs(6)))
    wanted = resolved(NEWS, output("north"), *outputs(6))

    held = judged(wanted, found)
    goes = next(each.change for each in held.blocked if each.action is Action.DELETE)
    assert goes is not None
    approval = Approval(
        name="", resource=goes.key, action=Action.DELETE, change=change_id(goes), reason="so", expires=LATER
    )
    released = judged(wanted, found, Policies(approvals=(approval,)))
    other = judged(wanted, found, Policies(approvals=(replace(approval, change="0" * 12),)))

    assert {(str(each.key), each.hold) for each in held.blocked} == {
        ("output/news/tower", Hold.RENAME),
        ("output/news/north", Hold.RENAME),
    }
    assert not released.blocked
    assert [(each.key, each.hold) for each in other.blocked] == [(each.key, each.hold) for each in held.blocked]


def test_a_likely_rename_names_the_approval_that_does_not_release_it() -> None:
    """It is of another change."""
    found = actual(live(output(), *outputs(6)))
    given = Approval(
        name="old", resource=output().key, action=Action.DELETE, change="0" * 12, reason="so", expires=LATER
    )
    policies = Policies(approvals=(given,))

    held = judged(resolved(NEWS, output("north"), *outputs(6)), found, policies, given=policies, now=LATER)

    goes = next(each for each in held.blocked if each.action is Action.DELETE)
    assert "cuts whoever receives it. The approval old names change 000000000000, and this one is " in goes.why


def test_a_likely_rename_says_the_move_and_what_an_approval_cuts() -> None:
    """Each half in its own words; only the delete has a command, for only that one is approved."""
    held = judged(resolved(NEWS, output("north"), *outputs(6)), actual(live(output(), *outputs(6))))
    goes, comes = sorted(held.blocked, key=lambda each: each.action, reverse=True)
    assert goes.change is not None

    move = (
        "{apiVersion: reconciler/v1, kind: Move, metadata: {name: news_north}, "
        "spec: {from: output/news/tower, to: output/news/north}}"
    )
    assert goes.why.startswith("it looks like it is called output/news/north from now on (7 of 7 properties")
    assert comes.why.startswith("it looks like output/news/tower under another name (7 of 7 properties")
    assert move in goes.why
    assert move in comes.why
    assert "cuts whoever receives it" in goes.why
    assert (goes.release, comes.release) == (command_for(goes.change), "")


def test_what_is_to_be_done_in_a_flow_that_may_not_be_made_waits_with_it() -> None:
    """There is nothing that it could be sent to."""
    sport = flow("sport")
    found = actual(live(*outputs(2)), live(*outputs(5, of="sport"), of=sport))

    held = judged(resolved(sport, *outputs(5, of="sport"), flow("info"), *outputs(2, of="info")), found)

    assert held.changes == ()
    assert {str(each.key) for each in held.blocked} == {
        "flow/news",
        "flow/info",
        "output/info/tower0",
        "output/info/tower1",
    }


def test_what_is_protected_is_not_deleted() -> None:
    """Nor made anew, nor gone with its flow; other things are."""
    every = outputs(7)
    mine = found_output(every[0])
    assert mine.mark is not None
    kept = replace(mine, mark=replace(mine.mark, protected=True))
    found = actual(found_flow(NEWS, kept, *(found_output(each) for each in every[1:])), live(of=flow("sport")))

    held = judged(resolved(NEWS, flow("sport"), *every[2:]), found)

    assert [(each.key, each.hold) for each in held.blocked] == [(every[0].key, Hold.PROTECTED)]
    assert "two commits" in held.blocked[0].why
    assert [change.key for change in held.changes] == [every[1].key]


def test_what_is_protected_and_to_be_made_anew_keeps_its_manifest() -> None:
    """The advice is another one: nothing is removed, and the first commit wants nothing new but the word away."""
    mine = replace(found_output(output()), id="id-tower")
    assert mine.mark is not None
    kept = replace(mine, mark=replace(mine.mark, protected=True))
    spared = replace(output(), care=replace(output().care, protected=True))
    anew = replace(spared, spec=replace(spared.spec, region=Region("eu-frankfurt")))

    held = judged(resolved(NEWS, anew, *outputs(7)), actual(found_flow(NEWS, kept, *live(*outputs(7)).outputs)))

    assert [(each.action, each.hold) for each in held.blocked] == [(Action.RECREATE, Hold.PROTECTED)]
    assert "removes the manifest" not in held.blocked[0].why
    assert "leaves all else as it is on the backend" in held.blocked[0].why
    assert "No approval and no Override lifts that" in held.blocked[0].why


@pytest.mark.parametrize(("count", "storm"), [(2, False), (3, True)])
def test_a_storm_of_renames_is_distrusted(count: int, *, storm: bool) -> None:
    """Then no other delete is believed, either."""
    flows = [flow(f"studio{number}") for number in range(16)]
    away = [replace(each, spec=replace(each.spec, max_bandwidth_bps=50_000_000)) for each in flows[-1:]]
    found = actual(*(live(of=each) for each in (*flows[:-1], *away)))
    renamed = [
        replace(each, key=flow(f"new{each.key.name}").key, live_name=f"new{each.key.name}") for each in flows[:count]
    ]

    held = judged(resolved(*renamed, *flows[count:-1]), found)

    told = {str(each.key): each.hold for each in held.blocked}
    assert told.get("flow/studio15") is (Hold.TREE if storm else None)
    assert told["flow/studio0"] is Hold.RENAME


def test_what_is_not_ours_or_not_read_does_not_count() -> None:
    """The base of every share is what bears our mark."""
    every = outputs(3)
    foreign = [found_output(output(f"hand{number}"), owner=None) for number in range(9)]
    theirs = found_flow(flow("theirs"), *foreign, owner=None)
    found = actual(found_flow(NEWS, *(found_output(each) for each in every), *foreign), theirs)
    found.regions[Region("far")] = Unreadable(why="no answer")

    held = judged(resolved(NEWS, every[2]), found)

    assert "2 of our 4 objects" in next(each.why for each in held.blocked if each.hold is Hold.BUDGET)


def test_a_stop_is_an_edit() -> None:
    """To idle half of all flows and one more takes an exception."""
    flows = [flow(f"studio{number}") for number in range(4)]
    found = actual(*(live(output(of=each.key.name), of=each) for each in flows))
    idle = [replace(each, spec=replace(each.spec, state=FlowState.IDLE)) for each in flows]
    outs = [output(of=each.key.name) for each in flows]
    spent = Spent(edited=frozenset((each.key, f"id-{each.key}") for each in outs))

    assert not judged(resolved(*idle, *outs), found).blocked
    assert holds(judged(resolved(*idle, *outs), found, spent=spent)) == {Hold.BUDGET}


def test_protocols_differ_so_it_is_no_rename() -> None:
    """What has little in common is another thing."""
    gone = Delete(key=output("a").key, at=FlowAt(LOCAL, "news"), found=found_output(output()), impact=Impact.NONE)
    assert gone.found.spec is not None
    pull = output("b")
    pull = replace(pull, spec=replace(pull.spec, protocol=Protocol.RTMP_PULL, settings=None, max_concurrent=4))

    held = judged(resolved(NEWS, pull, *outputs(6)), actual(live(output(), *outputs(6))))

    assert Hold.RENAME not in holds(held)
