"""Laws of planning, for whatever trees and accounts."""

from hypothesis import given
from hypothesis import strategies as st

from reconciler.domain.changes import Delete, Edit, Plan, Sequence
from reconciler.domain.impact import Capabilities
from reconciler.domain.marks import Owner
from reconciler.domain.model import Flow, FlowState, FoundFlow, Output
from reconciler.domain.planning import plan
from tests.builders import US, actual, flow, found_flow, found_output, output, resolved

_names = st.sampled_from(["news", "sport", "film"])
_owners = st.sampled_from([US, Owner("others"), None])


@st.composite
def desired_flows(draw: st.DrawFn) -> list[Flow | Output]:
    """Draw a tree of up to three flows with up to three outputs each."""
    resources: list[Flow | Output] = []
    for name in sorted(draw(st.sets(_names))):
        resources.append(flow(name, state=draw(st.sampled_from(FlowState)), latency_ms=draw(st.sampled_from([1, 2]))))
        resources.extend(
            output(other, of=name, latency_ms=draw(st.sampled_from([1, 2]))) for other in sorted(draw(st.sets(_names)))
        )
    return resources


@st.composite
def found_flows(draw: st.DrawFn) -> list[FoundFlow]:
    """Draw an account: flows and outputs of ours, of others and of nobody."""
    flows: list[FoundFlow] = []
    for name in sorted(draw(st.sets(_names))):
        outputs = [found_output(output(other, of=name), owner=draw(_owners)) for other in sorted(draw(st.sets(_names)))]
        flows.append(found_flow(flow(name, state=draw(st.sampled_from(FlowState))), *outputs, owner=draw(_owners)))
    return flows


def planned(wanted: list[Flow | Output], found: list[FoundFlow], owner: Owner = US) -> Plan:
    """Plan for an owner."""
    return plan(resolved(*wanted), actual(*found), owner=owner, capabilities=Capabilities())


@given(wanted=desired_flows())
def test_what_is_as_desired_needs_nothing(wanted: list[Flow | Output]) -> None:
    """The plan between equal states is empty."""
    flows = [item for item in wanted if isinstance(item, Flow)]
    outputs = [item for item in wanted if isinstance(item, Output)]
    found = [
        found_flow(item, *(found_output(other) for other in outputs if other.key.flow_key == item.key))
        for item in flows
    ]
    assert planned(wanted, found).is_empty


@given(wanted=desired_flows(), found=found_flows())
def test_what_is_not_ours_survives(wanted: list[Flow | Output], found: list[FoundFlow]) -> None:
    """Whatever the manifests say, nothing without our mark is edited or deleted."""
    ours = {item.id for item in found if item.mark is not None and item.mark.owner == US}
    owned = {
        (item.id, other.id)
        for item in found
        for other in item.outputs
        if other.mark is not None and other.mark.owner == US
    }
    by_name = {item.live_name: item for item in found}

    for change in planned(wanted, found).changes:
        for call in change.calls if isinstance(change, Sequence) else (change,):
            if isinstance(call, Edit | Delete) and isinstance(call.found, FoundFlow):
                assert call.found.id in ours
            elif isinstance(call, Edit | Delete):
                assert (by_name[call.at.live_name].id, call.found.id) in owned


@given(wanted=desired_flows(), found=found_flows())
def test_an_owner_of_nothing_deletes_nothing(wanted: list[Flow | Output], found: list[FoundFlow]) -> None:
    """A reconciler with another owner's name leaves the whole account as it is."""
    changes = planned(wanted, found, Owner("nobody")).changes

    assert not [change for change in changes if isinstance(change, Edit | Delete | Sequence)]


@given(wanted=desired_flows(), found=found_flows())
def test_order_never_matters(wanted: list[Flow | Output], found: list[FoundFlow]) -> None:
    """The plan is the same in whatever order documents are read and objects are listed."""
    first = planned(wanted, found)

    again = planned(list(reversed(wanted)), list(reversed(found)))

    assert again == first
