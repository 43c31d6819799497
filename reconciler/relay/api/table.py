"""Which function carries out which action."""

from collections.abc import Mapping
from typing import Final

from reconciler.relay.api import account_actions, end_actions, flow_actions, logs, statistics
from reconciler.relay.api.calls import Call, Handler, Json
from reconciler.relay.plane import ControlPlane

HANDLERS: Final[Mapping[str, Handler]] = {
    "CreateStreamLinkFlow": flow_actions.create_flow,
    "DescribeStreamLinkFlow": flow_actions.describe_one,
    "DescribeStreamLinkFlows": flow_actions.list_flows,
    "ModifyStreamLinkFlow": flow_actions.rename_flow,
    "DeleteStreamLinkFlow": flow_actions.delete_flow,
    "StartStreamLinkFlow": flow_actions.start_flow,
    "StopStreamLinkFlow": flow_actions.stop_flow,
    "CreateStreamLinkInput": end_actions.create_input,
    "ModifyStreamLinkInput": end_actions.modify_input,
    "CreateStreamLinkOutputInfo": end_actions.create_output,
    "ModifyStreamLinkOutputInfo": end_actions.modify_output,
    "DeleteStreamLinkOutput": end_actions.delete_output,
    "DescribeStreamLinkRegions": account_actions.list_regions,
    "DescribeStreamLinkActivateState": account_actions.activation,
    "DescribeStreamLinkFlowRealtimeStatus": account_actions.realtime_status,
    "DescribeStreamLinkFlowStatistics": statistics.by_moment,
    "DescribeStreamLinkFlowMediaStatistics": statistics.media,
    "DescribeStreamLinkFlowSRTStatistics": statistics.srt,
    "DescribeStreamLinkFlowLogs": logs.list_entries,
}
"""Every action of `wire.ACTIONS`; what is not here is answered InvalidAction."""
OF_ANY_REGION: Final = frozenset({"DescribeStreamLinkRegions", "DescribeStreamLinkActivateState"})
"""Actions on the whole account: a client asks them before it knows which regions this relay serves."""


async def carry_out(plane: ControlPlane, call: Call) -> Json:
    """Return the answer of the function that the call's action has."""
    return await HANDLERS[call.action](plane, call)
