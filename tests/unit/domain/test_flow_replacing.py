"""Flows made anew: all of the new one beside the old one, then one turn; and whatever a crash leaves of that."""

from dataclasses import replace
from typing import Final

import pytest

from reconciler.domain.changes import Action, Call, Create, Hold, Plan, Sequence
from reconciler.domain.impact import Capabilities, EditRules, Impact
from reconciler.domain.model import Actual, Flow, FlowState, FoundFlow, Output, Region
from reconciler.domain.plan_parts import marked_otherwise
from reconciler.domain.planning import plan
from tests.builders import LOCAL, US, actual, flow, found_flow, found_output, output, resolved
from tests.fakes.account import Account, RefusedError

AWAY: Final = Region("eu-frankfurt")
NEWS: Final = flow()
OLD: Final = found_flow(NEWS, found_output(output()))


def wider(bandwidth_bps: int = 20_000_000, *, region: Region = LOCAL, state: FlowState = FlowState.RUNNING) -> Flow:
    """Return the flow as it can only be when it is made anew."""
    return replace(NEWS, spec=replace(NEWS.spec, max_bandwidth_bps=bandwidth_bps, region=region, state=state))


def planned(*wanted: Flow | Output, found: Actual) -> Plan:
    """Return the plan."""
    return plan(resolved(*wanted), found, owner=US, capabilities=Capabilities())


def account(*flows: FoundFlow) -> tuple[Account, Actual]:
    """Return an account with these flows, and its regions."""
    regions = actual(*flows)
    regions.regions.setdefault(AWAY, ())
    return Account.of(regions, owner=US, rules=EditRules.LIVE_2023), regions


def whole(found: Plan) -> Sequence:
    """Return the only change, which is a sequence."""
    (change,) = found.changes
    assert isinstance(change, Sequence)
    return change


def kinds(calls: tuple[Call, ...]) -> list[str]:
    """Return calls as people say them, with the live name of their flow."""
    return [f"{call.action} {call.key} in {call.at.live_name}" for call in calls]


def test_all_that_can_be_refused_is_done_before_the_turn() -> None:
    """Whatever fails at the turn, the old one is started again."""
    change = whole(planned(wider(), output(), found=actual(OLD)))

    assert kinds(change.calls) == [
        "create flow/news in news_t",
        "create output/news/tower in news_t",
        "stop flow/news in news",
        "start flow/news in news_t",
        "delete output/news/tower in news",
        "delete flow/news in news",
    ]
    assert [kinds(calls) for calls in change.undo] == [[], [], [], ["start flow/news in news"], [], []]
    assert change.impact is Impact.RECREATE


@pytest.mark.parametrize("sent", range(7))
@pytest.mark.parametrize("then", ["same", "old", "third", "idle", "empty"])
@pytest.mark.parametrize("region", [LOCAL, AWAY])
def test_it_is_finished_from_every_half(sent: int, then: str, region: Region) -> None:
    """Also where something else is wanted meanwhile: one flow is left, as it is wanted, in few steps."""
    live, regions = account(OLD)
    for call in whole(planned(wider(region=region), output(), found=regions)).calls[:sent]:
        live.do(call)
    wanted: tuple[Flow | Output, ...] = {
        "same": (wider(region=region), output()),
        "old": (NEWS, output()),
        "third": (wider(50_000_000), output()),
        "idle": (wider(region=region, state=FlowState.IDLE), output()),
        "empty": (wider(region=region),),
    }[then]

    for _ in range(4):
        step = planned(*wanted, found=live.seen(regions))
        assert not step.blocked
        live.carry_out(step.changes)

    (left,) = live.flows.values()
    assert planned(*wanted, found=live.seen(regions)).is_empty
    assert left.spec is not None
    assert isinstance(wanted[0], Flow)
    assert left.spec.max_bandwidth_bps == wanted[0].spec.max_bandwidth_bps
    assert left.state is (FlowState.IDLE if then in {"idle", "empty"} else FlowState.RUNNING)


def test_every_generation_ends() -> None:
    """The marks of two that are there at once differ, however often a flow was made anew."""
    live, regions = account(OLD)

    for bandwidth, region in ((20, LOCAL), (50, LOCAL), (50, AWAY), (10, AWAY), (10, LOCAL)):
        wanted = wider(bandwidth * 1_000_000, region=region)
        change = whole(planned(wanted, output(), found=live.seen(regions)))
        for call in change.calls[:2]:
            live.do(call)
        rest = planned(wanted, output(), found=live.seen(regions))
        assert not rest.blocked
        live.carry_out(rest.changes)
        live.carry_out(planned(wanted, output(), found=live.seen(regions)).changes)

        assert len(live.flows) == 1
        assert planned(wanted, output(), found=live.seen(regions)).is_empty


def test_what_a_running_flow_lacks_is_a_change_of_its_own() -> None:
    """It may be on air, whatever becomes of the old one."""
    live, regions = account(OLD)
    for call in whole(planned(wider(), output(), found=regions)).calls[:4]:
        live.do(call)

    edit, goes = planned(wider(), output(latency_ms=9), found=live.seen(regions)).changes

    assert (edit.action, edit.impact) == (Action.EDIT, Impact.RECONNECT)
    assert isinstance(goes, Sequence)
    assert kinds(goes.calls) == ["delete output/news/tower in news", "delete flow/news in news"]


def test_a_flow_that_holds_the_output_of_others_stays() -> None:
    """Also where the new one is there already."""
    live, regions = account(OLD)
    for call in whole(planned(wider(), output(), found=regions)).calls[:2]:
        live.do(call)
    foreign = found_output(output("by_hand"), owner=None)
    live.flows[OLD.id] = replace(live.flows[OLD.id], outputs=(*OLD.outputs, foreign))

    held = planned(wider(), output(), found=live.seen(regions))

    assert held.changes == ()
    assert [(each.action, each.hold) for each in held.blocked] == [(Action.RECREATE, Hold.OWNERSHIP)]


def test_what_both_are_keeps_the_old_one() -> None:
    """Where somebody changed the old one by hand to what is wanted, the twin goes and takes nothing with it."""
    live, regions = account(OLD)
    for call in whole(planned(wider(), output(), found=regions)).calls[:2]:
        live.do(call)
    live.flows[OLD.id] = replace(OLD, spec=wider().spec)

    change = whole(planned(wider(), output(), found=live.seen(regions)))
    live.carry_out([change])

    assert list(live.flows) == [OLD.id]
    assert live.flows[OLD.id].state is FlowState.RUNNING
    assert change.why == "what was to replace it is not wanted any more"


def test_an_object_without_a_mark_says_nothing_of_itself() -> None:
    """So nothing differs in it."""
    assert marked_otherwise(NEWS, None, is_moved=True) == ()


def test_the_model_of_an_account_refuses_what_accounts_refuse() -> None:
    """A name that is taken, a flow that runs, and what is not there."""
    live, regions = account(OLD)
    change = whole(planned(wider(), output(), found=regions))
    create, delete = change.calls[0], change.calls[-1]
    assert isinstance(create, Create)

    live.do(create)
    for call in (
        create,
        delete,
        replace(create, key=output().key, wanted=output(), at=replace(create.at, live_name="no")),
    ):
        with pytest.raises(RefusedError):
            live.do(call)


def test_a_name_is_taken_back_when_it_is_free() -> None:
    """The one that stays is renamed after the other one has gone, and not while that bears the name."""
    assert OLD.mark is not None
    old = replace(OLD, mark=replace(OLD.mark, twin=True), state=FlowState.IDLE)
    new = found_flow(replace(wider(), live_name="news_t"), found_output(output()))
    live, regions = account(old, new)

    first = planned(wider(), output(), found=regions)
    live.carry_out(first.changes)
    second = planned(wider(), output(), found=live.seen(regions))
    live.carry_out(second.changes)

    assert [change.action for change in (*first.changes, *second.changes)] == [Action.RECREATE, Action.EDIT]
    assert [each.live_name for each in live.flows.values()] == ["news"]
