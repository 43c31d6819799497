"""The id of a stop or start: what was agreed to go off air, or to send, and nothing more."""

from reconciler.domain.change_ids import change_id
from reconciler.domain.changes import Change, Start, Stop
from reconciler.domain.impact import Capabilities, EditRules
from reconciler.domain.model import FlowState, FoundOutput
from reconciler.domain.planning import plan
from tests.builders import US, actual, flow, found_flow, found_output, output, resolved


def stop_of(*outputs: FoundOutput) -> Change:
    """Return the stop of a flow with these outputs, which all stay."""
    wanted = [output(each.live_name) for each in outputs]
    found = actual(found_flow(flow(), *outputs))
    made = plan(resolved(flow(state=FlowState.IDLE), *wanted), found, owner=US, capabilities=Capabilities())
    return next(change for change in made.changes if isinstance(change, Stop))


def test_who_agreed_that_one_output_goes_off_air_did_not_agree_to_two() -> None:
    """An approval that still holds releases no stop of a flow that has more outputs by now."""
    one = stop_of(found_output(output()))
    two = stop_of(found_output(output()), found_output(output("other")))

    assert change_id(one) == change_id(stop_of(found_output(output())))
    assert change_id(one) != change_id(two)


def test_who_agreed_to_an_edit_that_needs_a_stop_agreed_to_what_stops() -> None:
    """Where a flow must stand still for an edit of one output, its other outputs are a part of what was agreed."""
    strict = Capabilities(rules=EditRules.STRICT_2021)
    beside = [[], [output("other")]]

    (one, two) = (
        plan(
            resolved(flow(), output(latency_ms=400), *others),
            actual(found_flow(flow(), found_output(output()), *map(found_output, others))),
            owner=US,
            capabilities=strict,
        ).changes[0]
        for others in beside
    )

    assert one.key == two.key == flow().key
    assert change_id(one) != change_id(two)


def test_who_agreed_that_a_flow_sends_to_one_far_end_did_not_agree_to_another() -> None:
    """An approval of a start releases none of a flow whose outputs are otherwise by now."""

    def start_of(*outputs: FoundOutput) -> Change:
        wanted = [output(each.live_name) for each in outputs]
        found = actual(found_flow(flow(state=FlowState.IDLE), *outputs))
        made = plan(resolved(flow(), *wanted), found, owner=US, capabilities=Capabilities())
        return next(change for change in made.changes if isinstance(change, Start))

    tower, other, slow = (found_output(each) for each in (output(), output("other"), output(latency_ms=400)))

    assert change_id(start_of(tower, other)) == change_id(start_of(other, tower))
    assert len({change_id(start_of(*outputs)) for outputs in ([tower], [slow], [tower, other])}) == 3
