"""Changes that were begun, approved or held back in part: the rest never does more than was asked for."""

from dataclasses import replace
from typing import Final

from reconciler.domain.change_ids import change_id
from reconciler.domain.changes import Action, Create, FlowAt, Hold, Plan
from reconciler.domain.impact import Capabilities, EditRules
from reconciler.domain.marks import Mark
from reconciler.domain.model import FlowState, FoundFlow
from reconciler.domain.planning import plan
from reconciler.domain.safety.judging import judge
from reconciler.domain.safety.limits import Circumstances
from tests.builders import US, actual, flow, found_flow, found_output, output, resolved

NEWS: Final = flow()
TOWER: Final = output()
ROOMY: Final = replace(NEWS, spec=replace(NEWS.spec, max_bandwidth_bps=20_000_000))


def successor(state: FlowState) -> FoundFlow:
    """Return the flow that was made to take the place of another one, in this state."""
    made = found_flow(replace(ROOMY, live_name="news_t"), found_output(TOWER), state=state)
    return replace(made, id="id-new", mark=Mark(owner=US, name="news", twin=True))


def planned(new: FoundFlow) -> list[str]:
    """Return the calls that end a recreate of the flow, while its output is to be edited, too."""
    wanted = resolved(ROOMY, output(latency_ms=300))
    old = found_flow(NEWS, found_output(TOWER))
    whole = plan(wanted, actual(old, new), owner=US, capabilities=Capabilities(rules=EditRules.STRICT_2021))
    (change,) = [each for each in whole.changes if each.action is Action.RECREATE]
    return [f"{call.action} {call.at.live_name}" for call in getattr(change, "calls", ())]


def test_a_successor_that_runs_is_not_edited_while_the_old_flow_goes() -> None:
    """It may be on air by then, and rules may want it stopped: its edit is a change of its own, and asks by itself."""
    assert planned(successor(FlowState.RUNNING)) == ["stop news", "delete news", "delete news"]


def test_a_successor_that_stands_still_is_completed_before_it_takes_over() -> None:
    """What it lacks is given to it while nobody is there."""
    assert planned(successor(FlowState.IDLE)) == [
        "edit news_t",
        "stop news",
        "start news_t",
        "delete news",
        "delete news",
    ]


def test_to_make_a_flow_that_runs_is_not_to_make_one_that_stands_still() -> None:
    """Whoever approved the one has not let the other put the flow off air for good."""
    idle = replace(NEWS, spec=replace(NEWS.spec, state=FlowState.IDLE))

    ids = {change_id(Create(key=NEWS.key, at=FlowAt(NEWS.spec.region, "news"), wanted=each)) for each in (NEWS, idle)}

    assert len(ids) == 2


def test_what_is_in_a_flow_that_is_not_made_waits_with_it() -> None:
    """A flow that looks like another one under a new name is held back, and with it its outputs and its start."""
    there = actual(found_flow(NEWS, found_output(TOWER)))
    wanted = resolved(flow("chess"), output(of="chess"))
    proposed: Plan = plan(wanted, there, owner=US, capabilities=Capabilities())

    judged = judge(proposed, Circumstances(desired=wanted.desired, actual=there, owner=US))

    assert judged.changes == ()
    held = {(str(each.key), str(each.action)): each.hold for each in judged.blocked}
    assert held == {
        ("flow/news", "delete"): Hold.RENAME,
        ("flow/chess", "create"): Hold.RENAME,
        ("output/chess/tower", "create"): Hold.RENAME,
        ("flow/chess", "start"): Hold.RENAME,
    }
