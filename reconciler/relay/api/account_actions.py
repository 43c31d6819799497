"""Actions on the account, and on what its flows do right now."""

from reconciler.relay.api.calls import Call, Json, flow_of
from reconciler.relay.api.refusals import RefusalError
from reconciler.relay.api.status import describe_status
from reconciler.relay.media import EndId
from reconciler.relay.plane import ControlPlane
from reconciler.streamlink.codes import Code


async def list_regions(plane: ControlPlane, call: Call) -> Json:  # noqa: ARG001 -- every action is called so
    """Return every region that an output may be in."""
    return {"Info": {"Regions": [{"Name": name} for name in plane.known_regions]}}


async def activation(plane: ControlPlane, call: Call) -> Json:  # noqa: ARG001 -- every action is called so
    """Say that the service is activated."""
    return {"Status": 0}


async def realtime_status(plane: ControlPlane, call: Call) -> Json:
    """Return what the engines know of a flow's ends: those that are named, or all."""
    flow = flow_of(plane, call)
    named = {*call.payload.get("InputIds", ()), *call.payload.get("OutputIds", ())}
    if not named <= {end.id for end in flow.ends}:
        raise RefusalError(Code.NOT_FOUND, "The flow has no input or output of one of these ids.")
    health = await plane.carriage.health(flow)
    return {
        "Timestamp": int(plane.now_s()),
        "Datas": [
            describe_status(flow, end, health.get(EndId(end.id))) for end in flow.ends if not named or end.id in named
        ],
    }
