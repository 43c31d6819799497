"""Laws of plans that are carried out: on any account, from any half, under all rules."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.domain import properties, secret_places
from reconciler.domain.changes import Action, Call, Edit, Plan
from reconciler.domain.impact import Capabilities, EditRules
from reconciler.domain.marks import Mark, Owner
from reconciler.domain.matching import ours
from reconciler.domain.model import Actual, Desired, Flow, FlowState, FoundFlow, FoundOutput, Output, Region, Unreadable
from reconciler.domain.planning import plan
from reconciler.domain.properties import PropertyValue
from reconciler.domain.resolution import Resolved
from reconciler.domain.secrets import HIDDEN
from tests import strategies
from tests.fakes.account import Account, calls_of
from tests.strategies import OURS

REGIONS: Final = ("local", "ap-singapore", "eu-frankfurt")
NOTHING: Final = Actual(regions={Region(region): () for region in REGIONS})
MOST_PASSES: Final = 5
"""A crash, a wish that changed meanwhile, and a rename at the end."""
rules_of_any = st.sampled_from(EditRules)


@st.composite
def wishes(draw: st.DrawFn) -> tuple[Desired, Desired, Desired]:
    """Draw what was desired, what is, and what may be when that is half done: the same, the old, another one."""
    first = draw(strategies.desireds(strategies.secrets, max_flows=2, max_outputs=2))
    second = draw(strategies.later(first, strategies.secrets))
    third = draw(st.one_of(st.just(first), st.just(second), strategies.later(second, strategies.secrets)))
    return first, second, third


def planned(desired: Desired, found: Actual, rules: EditRules) -> Plan:
    """Return the plan."""
    return plan(Resolved(desired=desired), found, owner=OURS, capabilities=Capabilities(rules=rules))


def made(desired: Desired, rules: EditRules) -> Account:
    """Return an account that has all this."""
    account = Account.of(NOTHING, owner=OURS, rules=rules)
    account.carry_out(planned(desired, NOTHING, rules).changes)
    return account


def carried_out(desired: Desired, account: Account, before: Actual, *, watched: bool) -> tuple[Plan, int]:
    """Carry plans out until there is nothing to do; return the last plan, and how many it took."""
    step, passes = planned(desired, account.seen(before), account.rules), 0
    while step.changes:
        assert passes < MOST_PASSES, f"no end: {step.changes}"
        account.carry_out(step.changes, watched=watched)
        step, passes = planned(desired, account.seen(before), account.rules), passes + 1
    return step, passes


@settings(max_examples=60)
@given(wished=wishes(), rules=rules_of_any)
def test_the_plan_after_an_apply_is_empty(wished: tuple[Desired, Desired, Desired], rules: EditRules) -> None:
    """Every property of every resource is as desired after one apply, where nobody watches."""
    first, second, _ = wished
    account = made(first, rules)

    last, passes = carried_out(second, account, NOTHING, watched=False)

    assert last.is_empty
    assert passes <= 1
    assert properties_of(account) == {
        str(each.key): (properties.of(each), each.care.protected) for each in resources(second)
    }


@settings(max_examples=60)
@given(wished=wishes(), rules=rules_of_any, watched=st.booleans(), sent=st.integers(0, 12))
def test_whatever_a_crash_leaves_is_finished(
    wished: tuple[Desired, Desired, Desired], rules: EditRules, *, watched: bool, sent: int
) -> None:
    """After any number of calls, and with whatever is desired then: one object an identity, nothing blocked."""
    first, second, third = wished
    account = made(first, rules)
    changes = planned(second, account.seen(NOTHING), rules).changes
    for call in [call for change in changes for call in calls_of(change, watched=watched)][:sent]:
        account.do(call)

    last, _ = carried_out(third, account, NOTHING, watched=watched)

    outputs = [output for flow in account.flows.values() for output in flow.outputs]
    assert last.is_empty
    assert len(account.flows) == len(third.flows)
    assert len(outputs) == len(third.outputs)


@settings(max_examples=60)
@given(wished=wishes(), rules=rules_of_any)
def test_writes_never_exceed_the_need(wished: tuple[Desired, Desired, Desired], rules: EditRules) -> None:
    """What is as desired already is not written to; of the rest each is created, edited or deleted once."""
    first, second, _ = wished
    account = made(first, rules)
    kept = {str(each.key): each for each in resources(first)}
    same = {str(each.key) for each in resources(second) if kept.get(str(each.key)) == each}

    changes = planned(second, account.seen(NOTHING), rules).changes

    calls = [call for change in changes for call in calls_of(change)]
    anew = {str(change.key) for change in changes if change.action is Action.RECREATE}
    written = [call for call in calls if call.action not in {Action.START, Action.STOP}]
    assert not [call for call in written if str(call.key) in same and not (anew & flow_and_self(call))]
    assert all(call.differences for call in written if isinstance(call, Edit))
    assert len({(call.key, call.action) for call in written}) == len(written)


@st.composite
def meddled(draw: st.DrawFn) -> tuple[Desired, Actual]:
    """Draw an account that was ours until people, other owners and bad lines came by, and what is desired of it."""
    first = draw(strategies.desireds(strategies.secrets, max_flows=2, max_outputs=2))
    account = made(first, EditRules.LIVE_2023)
    account.flows = {flow.id: draw(_meddled_flow(flow)) for flow in account.flows.values()}
    found = account.seen(NOTHING)
    for region in draw(st.sets(st.sampled_from(REGIONS), max_size=1)):
        found.regions[Region(region)] = Unreadable(why="no answer")
    return draw(strategies.later(first, strategies.secrets)), found


@st.composite
def _meddled_flow(draw: st.DrawFn, flow: FoundFlow) -> FoundFlow:
    by_hand = FoundOutput(id=f"hand-{flow.id}", live_name="by_hand", mark=draw(st.none() | foreign_marks), spec=None)
    outputs = [draw(_meddled_output(output)) for output in flow.outputs]
    found = replace(flow, outputs=(*outputs, *draw(st.sampled_from([(), (by_hand,)]))))
    state = draw(st.sampled_from(FlowState)) if found.outputs else found.state
    spec = None if found.spec is None else replace(found.spec, state=state)
    found = replace(found, state=state, spec=spec)
    assert found.mark is not None
    assert spec is not None
    return draw(
        st.sampled_from(
            [
                found,
                replace(found, mark=None),
                replace(found, mark=replace(found.mark, owner=Owner("others"))),
                replace(found, mark=replace(found.mark, protected=True)),
                replace(found, mark=replace(found.mark, twin=True), live_name=f"hand_{found.live_name}"),
                replace(found, live_name=f"renamed_{found.live_name}"),
                replace(found, spec=None),
                replace(found, spec=secret_places.in_flow(spec, lambda _, __: HIDDEN)),
            ]
        )
    )


@st.composite
def _meddled_output(draw: st.DrawFn, found: FoundOutput) -> FoundOutput:
    assert found.mark is not None
    assert found.spec is not None
    return draw(
        st.sampled_from(
            [
                found,
                replace(found, mark=None),
                replace(found, mark=replace(found.mark, owner=Owner("others"))),
                replace(found, mark=replace(found.mark, twin=True), live_name=f"hand_{found.live_name}"),
                replace(found, live_name=f"renamed_{found.live_name}"),
                replace(found, spec=None),
                replace(found, spec=secret_places.in_output(found.spec, lambda _, __: HIDDEN)),
            ]
        )
    )


foreign_marks = st.builds(Mark, owner=st.just(Owner("others")), name=strategies.names)


@settings(max_examples=60)
@given(world=meddled(), rules=rules_of_any, watched=st.booleans())
def test_whatever_people_did_comes_to_rest(world: tuple[Desired, Actual], rules: EditRules, *, watched: bool) -> None:
    """What can be done is done, the rest is named, and what is not ours is as it was."""
    desired, found = world
    account = Account.of(found, owner=OURS, rules=rules)
    foreign = not_ours(account.flows.values())

    carried_out(desired, account, found, watched=watched)

    assert not_ours(account.flows.values()) == foreign


def not_ours(flows: Iterable[FoundFlow]) -> dict[str, FoundFlow | FoundOutput]:
    """Return what does not bear our mark, by its id; in such a flow everything, whatever it bears."""
    found: dict[str, FoundFlow | FoundOutput] = {}
    for flow in flows:
        if not ours(flow.mark, OURS):
            found[flow.id] = flow
        found.update((output.id, output) for output in flow.outputs if not ours(output.mark, OURS))
    return found


def flow_and_self(call: Call) -> set[str]:
    """Return what a call may be a part of the recreate of."""
    key = call.key
    return {str(key), str(key.flow_key)}


def resources(desired: Desired) -> tuple[Flow | Output, ...]:
    """Return all of a tree."""
    return (*desired.flows, *desired.outputs)


def properties_of(account: Account) -> dict[str, tuple[dict[str, PropertyValue], bool]]:
    """Return all that is managed of everything that is live, under the names of manifests."""
    found: dict[str, tuple[dict[str, PropertyValue], bool]] = {}
    for flow in account.flows.values():
        assert flow.spec is not None
        assert flow.mark is not None
        name = flow.mark.name
        found[f"flow/{name}"] = properties.of_flow(name, flow.spec), flow.mark.protected
        for output in flow.outputs:
            assert output.spec is not None
            assert output.mark is not None
            listed = properties.of_output(output.mark.name, output.spec)
            found[f"output/{name}/{output.mark.name}"] = listed, output.mark.protected
    return found
