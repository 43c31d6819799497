"""The realtime status of ends, in the API's words."""

from typing import Any

from reconciler.relay.flows import End, Flow, Side
from reconciler.relay.giving import listens
from reconciler.relay.media import EndHealth, EndState
from reconciler.streamlink.wire import WireProtocol

Json = dict[str, Any]

_NOT_CARRIED = EndHealth(state=EndState.IDLE)


def describe_status(flow: Flow, end: End, health: EndHealth | None) -> Json:
    """Return one end's status; an end that the engines know nothing of is idle."""
    known = health if health is not None else _NOT_CARRIED
    is_input = end.side is Side.INPUT
    return {
        "Type": "Input" if is_input else "Output",
        "InputId": end.id if is_input else None,
        "OutputId": None if is_input else end.id,
        "FlowId": flow.id,
        "Protocol": end.protocol,
        "CommonStatus": {
            "State": known.state.value,
            "Mode": "Listener" if _is_called(end) else "Caller",
            "ConnectedTime": known.connected_ms,
            "Bitrate": known.bitrate_bps,
            "Reconnections": known.reconnections,
        },
        "SRTStatus": _srt(known) if end.protocol == WireProtocol.SRT else None,
        # The engines do not count frames of RTMP, and nothing is made up.
        "RTMPStatus": None,
        "ConnectServerIP": flow.host,
        "RTPStatus": {"Packets": known.packets} if end.protocol == WireProtocol.RTP else None,
    }


def _is_called(end: End) -> bool:
    """Return whether the other side connects to us."""
    match WireProtocol(end.protocol), end.side:
        case WireProtocol.SRT, _:
            return listens(end)
        case (WireProtocol.RTMP | WireProtocol.RTP | WireProtocol.RIST, Side.INPUT):
            return True
        case (WireProtocol.RTMP_PULL | WireProtocol.RTSP_PULL | WireProtocol.RIST, Side.OUTPUT):
            return True
        case _:
            return False


def _srt(health: EndHealth) -> Json:
    encryption = None if health.encrypted is None else ("On" if health.encrypted else "Off")
    return {
        "Latency": health.latency_ms,
        "RTT": None if health.rtt_ms is None else round(health.rtt_ms),
        "Packets": health.packets,
        "PacketLossRate": _share(health.packets_lost, health.packets),
        "RetransmitRate": _share(health.packets_retransmitted, health.packets),
        "DroppedPackets": health.packets_dropped,
        "Encryption": encryption,
    }


def _share(part: int | None, whole: int | None) -> float | None:
    """Return a part of the packets, 0 to 1; None where either is not known."""
    if part is None or whole is None:
        return None
    return part / whole if whole else 0.0
