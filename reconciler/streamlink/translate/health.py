"""Status, statistics and logs of the API as our values."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from reconciler.ports.backend import EndEvent, EndStatus
from reconciler.streamlink.reading import Members
from reconciler.streamlink.wire import MAX_PAGE, TIME_FORMAT, Side, SortType, WireProtocol

_RECENT: Final = timedelta(seconds=30)
"""How old statistics may be to say who is connected now."""


def end_status(found: Members) -> EndStatus:
    """Return the status of one end."""
    is_input = found.text("Type").lower() == Side.INPUT
    common, srt, rtmp = found.inner("CommonStatus"), found.inner("SRTStatus"), found.inner("RTMPStatus")
    encryption = srt.text("Encryption").lower()
    return EndStatus(
        id=found.text("InputId" if is_input else "OutputId"),
        is_input=is_input,
        state=common.text("State").capitalize(),
        bitrate_bps=common.number("Bitrate", default=0),
        connected_ms=common.number("ConnectedTime", default=0),
        reconnections=common.number("Reconnections", default=0),
        protocol=found.text("Protocol").upper(),
        is_called=common.text("Mode").lower() == "listener",
        rtt_ms=_whole(srt.quantity("RTT")),
        loss=srt.quantity("PacketLossRate"),
        retransmitted=srt.quantity("RetransmitRate"),
        packets_dropped=_whole(srt.quantity("DroppedPackets")),
        encrypted=encryption == "on" if encryption else None,
        video_fps=_whole(rtmp.quantity("VideoFPS")),
    )


def end_event(found: Members) -> EndEvent:
    """Return one line of a log."""
    pipeline = found.text("Pipeline")
    return EndEvent(
        at=datetime.fromtimestamp(found.number("Timestamp", default=0), UTC),
        end_id=found.text("InputOutputId"),
        is_input=found.text("Type").lower() == Side.INPUT,
        code=found.text("EventCode"),
        message=found.text("EventMessage"),
        remote=found.text("RemoteIp"),
        pipeline=int(pipeline) if pipeline.isdecimal() else 0,
    )


def log_request(flow_id: str, since: datetime, until: datetime) -> dict[str, Any]:
    """Return what asks for the newest lines of a log."""
    return {
        "FlowId": flow_id,
        **_window(since, until),
        "Type": [side.value for side in Side],
        "Pipeline": ["0", "1"],
        "PageSize": MAX_PAGE,
        "SortType": SortType.NEWEST_FIRST.value,
        "PageNum": 1,
    }


def sessions_request(flow_id: str, end: EndStatus, at: datetime, pipeline: str) -> dict[str, Any]:
    """Return what asks who was connected just now."""
    return {
        "FlowId": flow_id,
        "Type": (Side.INPUT if end.is_input else Side.OUTPUT).value,
        "InputOutputId": end.id,
        "Pipeline": pipeline,
        "Period": "5s",
        **_window(at - _RECENT, at),
    }


def pipelines_of(end: EndStatus) -> tuple[str, ...]:
    """Return the pipelines that an end may have: two where it may send to two destinations."""
    two = not end.is_input and end.protocol in {WireProtocol.RTMP, WireProtocol.RTP}
    return ("0", "1") if two else ("0",)


def newest_sessions(answer: Members) -> int:
    """Return how many sessions the newest moment names."""
    moments = answer.objects("Infos")
    newest = max(moments, key=lambda moment: moment.number("Timestamp", default=0), default=None)
    return 0 if newest is None else len({each.text("SessionId") for each in newest.objects("FlowStatistics")})


def _window(since: datetime, until: datetime) -> dict[str, str]:
    # The last second counts too, and the service thinks in whole ones.
    end = until + timedelta(seconds=1)
    return {
        "StartTime": since.astimezone(UTC).strftime(TIME_FORMAT),
        "EndTime": end.astimezone(UTC).strftime(TIME_FORMAT),
    }


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)
