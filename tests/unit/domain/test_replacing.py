"""Outputs made anew: beside the old one where that can be, and resumed from whatever a crash has left."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.domain.change_ids import change_id
from reconciler.domain.changes import Action, Call, Create, Delete, FlowAt, Hold, Plan, Sequence, Start, Stop
from reconciler.domain.impact import Capabilities, EditRules, Impact
from reconciler.domain.model import (
    Actual,
    Encryption,
    Flow,
    FlowState,
    FoundFlow,
    Output,
    OutputSpec,
    Region,
    RtmpAddress,
    RtmpPush,
    Srt,
)
from reconciler.domain.output_planning import changed
from reconciler.domain.planning import plan
from reconciler.domain.protocols import Protocol, SrtMode
from reconciler.domain.replacing import temporary
from reconciler.domain.secrets import HIDDEN, Secret, SecretValue
from tests.builders import LOCAL, US, actual, flow, found_flow, found_output, output, resolved
from tests.fakes.account import Account

AWAY = Region("eu-frankfurt")
ELSEWHERE = Region("ap-singapore")
NEWS = flow()
RADIO = output("radio")


def pull(region: Region = LOCAL, *, live_name: str = "tower", protected: bool = False) -> Output:
    """Return an output that receivers call, so that two may be there at once."""
    made = output(live_name=live_name)
    settings = Srt(mode=SrtMode.LISTENER)
    care = replace(made.care, protected=protected)
    return replace(made, care=care, spec=replace(made.spec, region=region, settings=settings))


def planned(*wanted: Flow | Output, found: Actual, rules: EditRules = EditRules.LIVE_2023) -> Plan:
    """Return the plan."""
    return plan(resolved(*wanted), found, owner=US, capabilities=Capabilities(rules=rules))


def account(*flows: FoundFlow, rules: EditRules = EditRules.LIVE_2023) -> tuple[Account, Actual]:
    """Return an account with these flows, and its regions."""
    regions = actual(*flows)
    for region in (AWAY, ELSEWHERE):
        regions.regions.setdefault(region, ())
    return Account.of(regions, owner=US, rules=rules), regions


def the_one(found: Plan) -> Sequence:
    """Return the only change, which is a sequence."""
    (change,) = found.changes
    assert isinstance(change, Sequence)
    return change


def twin_of(change: Sequence) -> Create:
    """Return what makes the twin."""
    assert change.twin is not None
    assert change.twin.make is not None
    return change.twin.make


def kinds(calls: tuple[Call, ...]) -> list[str]:
    """Return calls as people say them."""
    return [f"{call.action} {call.key}" for call in calls]


def test_a_twin_is_made_beside_the_old_one() -> None:
    """It has a temporary name and a mark that says so; the same id holds until the old one has gone."""
    live, regions = account(found_flow(NEWS, found_output(pull())))
    first = the_one(planned(NEWS, pull(AWAY), found=regions))
    live.do(twin_of(first))

    second = the_one(planned(NEWS, pull(AWAY), found=live.seen(regions)))
    live.carry_out([second])
    (flow_now,) = live.flows.values()

    assert change_id(first) == change_id(second)
    assert second.twin is not None
    assert second.twin.made is not None
    assert second.twin.made.live_name == "tower_t"
    assert second.twin.give_up is not None
    assert second.twin.give_up.found == second.twin.made
    assert kinds(second.calls) == ["delete output/news/tower"]
    assert [each.live_name for each in flow_now.outputs] == ["tower_t"]
    assert flow_now.state is FlowState.RUNNING
    assert planned(NEWS, pull(AWAY), found=live.seen(regions)).is_empty


@pytest.mark.parametrize("rules", EditRules)
@pytest.mark.parametrize("live_name", ["tower", "north"])
def test_every_generation_ends(live_name: str, rules: EditRules) -> None:
    """An output moves from region to region, with a new name or not, and one object is left each time."""
    live, regions = account(found_flow(NEWS, found_output(pull()), found_output(RADIO)), rules=rules)

    for region in (AWAY, ELSEWHERE, LOCAL, AWAY):
        wanted = (NEWS, pull(region, live_name=live_name), RADIO)
        passes = 0
        while not (step := planned(*wanted, found=live.seen(regions), rules=rules)).is_empty:
            assert not step.blocked
            live.carry_out(step.changes, watched=True)
            passes += 1
        (flow_now,) = live.flows.values()

        assert 0 < passes <= 3
        assert len(flow_now.outputs) == 2
        assert {each.spec.region for each in flow_now.outputs if each.spec is not None} == {region, LOCAL}


def test_what_came_second_may_be_under_its_own_name() -> None:
    """Then the mark of the older says that it was a twin; nobody is cut off before the new one delivers."""
    live, regions = account(found_flow(NEWS, found_output(pull())))
    live.do(twin_of(the_one(planned(NEWS, pull(AWAY), found=regions))))
    live.carry_out(planned(NEWS, pull(AWAY), found=live.seen(regions)).changes)
    first = the_one(planned(NEWS, pull(ELSEWHERE), found=live.seen(regions)))
    live.do(twin_of(first))

    second = the_one(planned(NEWS, pull(ELSEWHERE), found=live.seen(regions)))

    assert twin_of(first).wanted.live_name == "tower"
    assert second.twin is not None
    assert second.twin.made is not None
    assert second.twin.made.live_name == "tower"
    assert [call.found.live_name for call in second.calls if isinstance(call, Delete)] == ["tower_t"]
    assert change_id(first) == change_id(second)


def test_a_wish_that_was_taken_back_needs_the_old_one_to_deliver() -> None:
    """Receivers may have come to the twin meanwhile, so it goes as the old one would have gone."""
    live, regions = account(found_flow(NEWS, found_output(pull())))
    live.do(twin_of(the_one(planned(NEWS, pull(AWAY), found=regions))))

    back = the_one(planned(NEWS, pull(), found=live.seen(regions)))

    assert [call.found.live_name for call in back.calls if isinstance(call, Delete)] == ["tower_t"]
    assert back.impact is Impact.RECREATE
    assert back.twin is not None
    assert back.twin.made is not None
    assert back.twin.made.live_name == "tower"


@pytest.mark.parametrize(("state", "impact"), [(FlowState.RUNNING, Impact.INTERRUPT), (FlowState.IDLE, Impact.NONE)])
def test_a_third_wish_takes_the_twin_away_first(state: FlowState, impact: Impact) -> None:
    """What fits neither is one change until one of them is left."""
    running = replace(NEWS, spec=replace(NEWS.spec, state=state))
    live, regions = account(found_flow(NEWS, found_output(pull())))
    live.do(twin_of(the_one(planned(NEWS, pull(AWAY), found=regions))))
    if state is FlowState.IDLE:
        (found,) = live.flows.values()
        live.do(Stop(key=NEWS.key, at=FlowAt(found.region, found.live_name), found=found))

    third = the_one(planned(running, pull(ELSEWHERE), found=live.seen(regions)))

    assert [call.found.live_name for call in third.calls if isinstance(call, Delete)] == ["tower_t"]
    assert third.impact is impact
    assert third.twin is None


def test_a_pair_is_not_touched_where_the_old_one_cannot_be_said() -> None:
    """What was changed by hand beyond manifests is left, and its twin with it."""
    old = replace(found_output(pull()), spec=None)
    made = found_output(pull(AWAY, live_name="tower_t"))
    assert made.mark is not None
    twin = replace(made, spec=None, mark=replace(made.mark, twin=True))

    held = planned(NEWS, pull(AWAY), found=actual(found_flow(NEWS, old, twin)))

    assert held.changes == ()
    assert [each.hold for each in held.blocked] == [Hold.UNFIT]


def test_nothing_differs_in_what_cannot_be_said() -> None:
    """Nobody is told of properties that nobody knows."""
    assert changed(pull(AWAY), found_output(pull())) != ()
    assert changed(pull(AWAY), replace(found_output(pull()), spec=None)) == ()


def test_an_edit_of_the_one_that_stays_is_a_change_of_its_own() -> None:
    """It may be on air, and asks for itself."""
    live, regions = account(found_flow(NEWS, found_output(pull())))
    live.do(twin_of(the_one(planned(NEWS, pull(AWAY), found=regions))))
    slower = pull(AWAY)
    slower = replace(slower, spec=replace(slower.spec, description="north"))

    edit, goes = planned(NEWS, slower, found=live.seen(regions)).changes

    assert (edit.action, goes.action) == (Action.EDIT, Action.RECREATE)


@pytest.mark.parametrize("twin", [False, True])
def test_two_of_one_mark_are_nobodys_to_choose(*, twin: bool) -> None:
    """Without just one twin among them, neither is touched."""
    one, two = found_output(pull()), found_output(pull(live_name="hand_made"))
    assert two.mark is not None
    mark = replace(two.mark, twin=twin)

    held = planned(NEWS, pull(AWAY), found=actual(found_flow(NEWS, replace(one, mark=mark), replace(two, mark=mark))))

    assert held.changes == ()
    assert [each.hold for each in held.blocked] == [Hold.OWNERSHIP]


def test_the_name_of_a_foreign_one_is_not_taken() -> None:
    """A live name that others have, beside an object that bears our mark, is ambiguous."""
    one, two = found_output(pull(), owner=None), found_output(pull(live_name="hand_made"))

    held = planned(NEWS, pull(), found=actual(found_flow(NEWS, one, two)))

    assert held.changes == ()
    assert "2 outputs bear the name 'tower'" in held.blocked[0].why


def test_where_two_cannot_be_there_the_break_is_short() -> None:
    """One SRT port takes one caller: delete, create; and what puts the old one back."""
    found = actual(found_flow(NEWS, found_output(output()), found_output(RADIO)))

    change = the_one(planned(NEWS, output(region=AWAY), RADIO, found=found))

    assert change.twin is None
    assert kinds(change.calls) == ["delete output/news/tower", "create output/news/tower"]
    assert [kinds(calls) for calls in change.undo] == [[], ["create output/news/tower"]]


def test_the_only_output_goes_while_the_flow_stands_still() -> None:
    """A running flow without outputs would be refused; whatever fails, the flow is started again."""
    change = the_one(planned(NEWS, output(region=AWAY), found=actual(found_flow(NEWS, found_output(output())))))

    assert kinds(change.calls) == [
        "stop flow/news",
        "delete output/news/tower",
        "create output/news/tower",
        "start flow/news",
    ]
    assert [kinds(calls) for calls in change.undo] == [
        [],
        ["start flow/news"],
        ["create output/news/tower", "start flow/news"],
        [],
    ]


def test_what_is_left_alone_by_a_delete_is_the_only_output_too() -> None:
    """A sibling that goes before does not keep the flow running."""
    found = actual(found_flow(NEWS, found_output(output()), found_output(RADIO)))

    delete, change = planned(NEWS, output(region=AWAY), found=found).changes

    assert delete.action is Action.DELETE
    assert isinstance(change, Sequence)
    assert [type(call) for call in change.calls] == [Stop, Delete, Create, Start]


def test_strict_rules_make_no_twin() -> None:
    """Where nothing is made live there is one stop; a twin that is there already goes within one, too."""
    live, regions = account(found_flow(NEWS, found_output(pull()), found_output(RADIO)))
    live.do(twin_of(the_one(planned(NEWS, pull(AWAY), RADIO, found=regions))))

    fresh = the_one(planned(NEWS, pull(AWAY), RADIO, found=regions, rules=EditRules.STRICT_2021))
    rest = the_one(planned(NEWS, pull(AWAY), RADIO, found=live.seen(regions), rules=EditRules.STRICT_2021))

    assert fresh.twin is None
    assert rest.twin is None
    assert [type(call) for call in fresh.calls] == [Stop, Delete, Create, Start]
    assert [type(call) for call in rest.calls] == [Stop, Delete, Start]


def test_a_flow_that_is_to_be_idle_is_not_started_by_a_recreate() -> None:
    """It stops first, and what is made anew in it is no reason to run again."""
    idle = flow(state=FlowState.IDLE)

    for wanted in (pull(AWAY), output(region=AWAY)):
        stop, change = planned(idle, wanted, found=actual(found_flow(NEWS, found_output(output())))).changes

        assert stop.action is Action.STOP
        assert isinstance(change, Sequence)
        assert [type(call) for call in change.calls] == [Delete, Create]
        assert change.twin is None


def encrypted(found: Output, passphrase: SecretValue, region: Region = LOCAL) -> Output:
    """Return the output in a region, with a passphrase."""
    assert isinstance(found.spec.settings, Srt)
    settings = replace(found.spec.settings, encryption=Encryption(key_length=16, passphrase=passphrase))
    return replace(found, spec=replace(found.spec, region=region, settings=settings))


def pushed(hosts: str, key: SecretValue, region: Region = LOCAL) -> Output:
    """Return an output in a region that pushes to hosts of one letter."""
    places = (RtmpAddress(url=f"rtmp://{host}.example/live", stream_key=key) for host in hosts)
    settings = RtmpPush(destinations=tuple(places))
    return replace(output(), spec=OutputSpec(region=region, protocol=Protocol.RTMP_PUSH, settings=settings))


KEPT = Secret("correct horse")


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        pytest.param(
            encrypted(output(), HIDDEN), encrypted(output(), KEPT, AWAY), id="the passphrase of an SRT output"
        ),
        pytest.param(pushed("ab", HIDDEN), pushed("ab", KEPT, AWAY), id="the keys of a push"),
    ],
)
def test_a_masked_secret_is_put_back_by_the_manifest(found: Output, wanted: Output) -> None:
    """As long as the mark tells of the same version, and nothing that the secret belongs to is another one."""
    there = found_flow(NEWS, found_output(found), found_output(RADIO))

    change = the_one(planned(NEWS, wanted, RADIO, found=actual(there)))

    assert kinds(change.calls) == ["delete output/news/tower", "create output/news/tower"]
    (again,) = change.undo[1]
    assert isinstance(again, Create)
    assert again.wanted.spec == replace(wanted.spec, region=LOCAL)


@pytest.mark.parametrize(
    ("found", "wanted", "versions"),
    [
        pytest.param(encrypted(output(), HIDDEN), encrypted(output(), KEPT, AWAY), 1, id="another version"),
        pytest.param(encrypted(output(), HIDDEN), output(region=AWAY), 0, id="no secret any more"),
        pytest.param(pushed("ab", HIDDEN), pushed("bc", KEPT, AWAY), 0, id="keys for other places"),
    ],
)
@pytest.mark.parametrize("state", FlowState)
def test_what_cannot_be_put_back_does_not_go_first(
    found: Output, wanted: Output, versions: int, state: FlowState
) -> None:
    """Of an idle flow, too: a new one that is refused would leave nothing."""
    news = flow(state=state)
    there = found_flow(news, found_output(found, versions=versions), found_output(RADIO))

    held = planned(news, wanted, RADIO, found=actual(there))

    assert held.changes == ()
    assert [(str(each.key), each.action, each.hold) for each in held.blocked] == [
        ("output/news/tower", Action.RECREATE, Hold.UNFIT)
    ]
    assert "Change the secrets in one commit" in held.blocked[0].why


def test_a_twin_that_nobody_wants_goes_where_no_recreate_can_follow() -> None:
    """What fits neither is made anew once the twin has gone, or is said not to be."""
    old = found_output(encrypted(output(), HIDDEN), versions=1)
    made = found_output(replace(encrypted(output(region=AWAY), HIDDEN), live_name="tower_t"), versions=1)
    assert made.mark is not None
    twin = replace(made, mark=replace(made.mark, twin=True))
    wanted = encrypted(output(), KEPT, ELSEWHERE)

    first = planned(NEWS, wanted, RADIO, found=actual(found_flow(NEWS, old, twin, found_output(RADIO))))
    then = planned(NEWS, wanted, RADIO, found=actual(found_flow(NEWS, old, found_output(RADIO))))

    assert [call.found.live_name for call in the_one(first).calls if isinstance(call, Delete)] == ["tower_t"]
    assert (first.blocked, then.changes) == ((), ())
    assert [each.hold for each in then.blocked] == [Hold.UNFIT]


def test_what_cannot_be_put_back_goes_once_the_new_one_is_there() -> None:
    """Where both may be there at once, nothing is made anew in place, whoever watches, and nothing has to stop."""
    there = found_flow(NEWS, found_output(encrypted(pull(), HIDDEN), versions=1))

    change = the_one(planned(NEWS, encrypted(pull(), KEPT, AWAY), found=actual(there)))

    assert kinds(change.calls) == ["create output/news/tower", "delete output/news/tower"]
    assert change.calls[0] == twin_of(change)
    assert [type(call) for call in change.meant] == [Delete, Create]
    assert change.undo == ((), ())


@given(name=st.text("ab_", min_size=1, max_size=40), taken=st.sets(st.text("ab_t2", max_size=32), max_size=6))
def test_a_temporary_name_is_short_and_free(name: str, taken: set[str]) -> None:
    """Whatever is there already, such as the twins of names that begin alike."""
    known = {*taken, name, temporary(name, taken)}

    found = temporary(name, known)

    assert found not in known
    assert len(found) <= 32


def test_a_twin_takes_no_name_that_a_sibling_is_to_have() -> None:
    """A sibling that comes with this plan would be told to be the twin."""
    found = actual(found_flow(NEWS, found_output(pull())))

    changes = planned(NEWS, pull(AWAY), output("tower_t"), found=found).changes

    twins = [twin_of(change) for change in changes if isinstance(change, Sequence)]
    assert [twin.wanted.live_name for twin in twins] == ["tower_t2"]
