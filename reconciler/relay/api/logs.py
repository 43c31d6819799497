"""The log of a flow, in the API's words."""

from reconciler.relay.api.calls import Call, Json, flow_of
from reconciler.relay.api.windows import window_of
from reconciler.relay.flows import Side
from reconciler.relay.plane import ControlPlane
from reconciler.relay.recording.events import Entry
from reconciler.relay.recording.store import EntryQuery
from reconciler.streamlink.wire import SortType


async def list_entries(plane: ControlPlane, call: Call) -> Json:
    """Return a page of what happened to a flow's ends."""
    flow, payload = flow_of(plane, call), call.payload
    start_s, end_s = window_of(payload, plane.now_s())
    number, size = payload.get("PageNum", 1), payload["PageSize"]
    page = await plane.records.entries(
        EntryQuery(
            flow_id=flow.id,
            sides=tuple(map(Side, payload["Type"])),
            pipelines=tuple(map(int, payload["Pipeline"])),
            start_s=start_s,
            end_s=end_s,
            newest_first=payload.get("SortType", SortType.NEWEST_FIRST) == SortType.NEWEST_FIRST,
            limit=size,
            offset=(number - 1) * size,
        )
    )
    return {
        "Infos": [_described(entry) for entry in page.entries],
        "PageNum": number,
        "PageSize": size,
        "TotalNum": page.total,
        "TotalPage": -(-page.total // size),
    }


def _described(entry: Entry) -> Json:
    return {
        "Timestamp": int(entry.at_s),
        "Type": entry.side.value,
        "InputOutputId": entry.end_id,
        "Protocol": entry.protocol.lower(),
        "EventCode": entry.code.value,
        "EventMessage": entry.message,
        "RemoteIp": entry.remote_ip,
        "RemotePort": entry.remote_port,
        "Pipeline": str(entry.pipeline),
        "InputOutputName": entry.end_name,
    }
