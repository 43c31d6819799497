"""Actions on flows."""

from dataclasses import replace

from reconciler.relay.api.calls import Call, Json, flow_alone, flow_of
from reconciler.relay.api.describe import describe_flow
from reconciler.relay.api.end_actions import with_new_input, with_new_output
from reconciler.relay.api.refusals import RefusalError
from reconciler.relay.api.texts import Written
from reconciler.relay.flows import Flow, FlowState
from reconciler.relay.plane import ControlPlane
from reconciler.streamlink.codes import Code
from reconciler.streamlink.wire import DEFAULT_PAGE_SIZE

MAX_PAGE_SIZE = 100
"""Flows a page. The vendor documents none; this keeps one answer below a few megabytes."""


async def create_flow(plane: ControlPlane, call: Call) -> Json:
    """Make a flow, with the input and outputs that came with it."""
    async with plane.naming:
        _demand_free_name(plane, call)
        _demand_room(plane)
        flow = Flow(
            id=plane.ids.next(),
            region=call.region,
            name=call.payload["FlowName"],
            max_bandwidth_bps=call.payload["MaxBandwidth"],
            host=plane.host,
        )
        for wanted in call.payload.get("InputGroup", ()):
            flow = with_new_input(plane, flow, wanted)
        for wanted in call.payload.get("OutputGroup", ()):
            flow = with_new_output(plane, flow, wanted)
        made = await plane.commit(flow)
    return {"Info": describe_flow(plane.as_seen(made), call.profile)}


async def describe_one(plane: ControlPlane, call: Call) -> Json:
    """Return one flow."""
    return {"Info": describe_flow(plane.as_seen(flow_of(plane, call)), call.profile)}


async def list_flows(plane: ControlPlane, call: Call) -> Json:
    """Return a page of the region's flows, in the order of their creation."""
    number = call.payload.get("PageNum", 1)
    size = call.payload.get("PageSize", DEFAULT_PAGE_SIZE)
    if size > MAX_PAGE_SIZE:
        raise RefusalError(Code.PAGE_SIZE, f"PageSize is above {MAX_PAGE_SIZE}.")
    flows = plane.catalogue.flows(call.region)
    page = flows[(number - 1) * size : number * size]

    def described(flow: Flow) -> Written:
        return Written(describe_flow(plane.as_seen(flow), call.profile))

    return {
        "Infos": [plane.described.of(flow, call.profile, described) for flow in page],
        "PageNum": number,
        "PageSize": size,
        "TotalNum": len(flows),
        "TotalPage": -(-len(flows) // size),
    }


async def rename_flow(plane: ControlPlane, call: Call) -> Json:
    """Give a flow another name, running or not."""
    async with plane.naming, flow_alone(plane, call) as flow:
        if call.payload["FlowName"] != flow.name:
            _demand_free_name(plane, call)
            await plane.commit(replace(flow, name=call.payload["FlowName"]))
    return {}


async def delete_flow(plane: ControlPlane, call: Call) -> Json:
    """Remove a flow with its input and outputs."""
    async with flow_alone(plane, call) as flow:
        if flow.state is FlowState.RUNNING:
            raise RefusalError(Code.STATE, "The flow is RUNNING; stop it before it is deleted.")
        await plane.remove(flow)
    return {}


async def start_flow(plane: ControlPlane, call: Call) -> Json:
    """Start a flow."""
    async with flow_alone(plane, call) as flow:
        if flow.state is FlowState.RUNNING:
            raise RefusalError(Code.STATE, "The flow is RUNNING already.")
        if not flow.outputs:
            raise RefusalError(Code.OUTPUT_GROUPS, "The flow has no outputs; create one before it is started.")
        await plane.commit(replace(flow, state=FlowState.RUNNING))
    return {}


async def stop_flow(plane: ControlPlane, call: Call) -> Json:
    """Stop a flow."""
    async with flow_alone(plane, call) as flow:
        if flow.state is FlowState.IDLE:
            raise RefusalError(Code.STATE, "The flow is IDLE already.")
        await plane.commit(replace(flow, state=FlowState.IDLE))
    return {}


def _demand_free_name(plane: ControlPlane, call: Call) -> None:
    """
    Go on only where no flow of the region has the name.

    Whether the service allows two flows of one name is not documented. The relay does not: a create that is sent
    twice by mistake then shows at once, instead of leaving two flows that nobody can tell apart.
    """
    if any(flow.name == call.payload["FlowName"] for flow in plane.catalogue.flows(call.region)):
        raise RefusalError(Code.NAME, f"A flow of this FlowName is in {call.region} already.")


def _demand_room(plane: ControlPlane) -> None:
    if len(plane.catalogue.flows()) >= plane.limits.flows:
        raise RefusalError(
            Code.EXCEEDED_QUANTITY_LIMIT,
            f"This relay keeps at most {plane.limits.flows} flows, and has them; delete one, or start it with a "
            f"larger --max-flows.",
        )
