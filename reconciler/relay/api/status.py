"""The realtime status of ends, in the API's words."""

from dataclasses import replace
from typing import Any, Final

from reconciler.relay.flows import End, Flow, Side
from reconciler.relay.media import EndHealth, EndState, SrtFigures, TrackKind
from reconciler.relay.modes import is_called
from reconciler.streamlink.wire import WireProtocol

Json = dict[str, Any]

_NOT_CARRIED: Final = EndHealth(state=EndState.IDLE)
_RTMP: Final = frozenset({WireProtocol.RTMP, WireProtocol.RTMP_PULL})


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
            "Mode": "Listener" if is_called(end) else "Caller",
            "ConnectedTime": known.connected_ms,
            "Bitrate": known.bitrate_bps,
            "Reconnections": known.reconnections,
        },
        "SRTStatus": _srt(known) if end.protocol == WireProtocol.SRT else None,
        "RTMPStatus": _rtmp(known) if end.protocol in _RTMP else None,
        "ConnectServerIP": flow.host,
        "RTPStatus": {"Packets": _figures(known).packets} if end.protocol == WireProtocol.RTP else None,
    }


def _srt(known: EndHealth) -> Json:
    health = _figures(known)
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


def _rtmp(known: EndHealth) -> Json:
    """Return frames a second; null where the engine does not look into the stream, for nothing is made up."""
    fps = {track.kind: round(track.fps) for track in reversed(known.tracks) if track.fps}
    return {"VideoFPS": fps.get(TrackKind.VIDEO), "AudioFPS": fps.get(TrackKind.AUDIO)}


def _figures(known: EndHealth) -> EndHealth:
    """Return an end with the figures of all its connections together, where it has none of its own."""
    counted = [session.srt for session in known.sessions if session.srt is not None]
    if known.packets is not None or not counted:
        return known
    return replace(
        known,
        latency_ms=max(figures.latency_ms for figures in counted),
        rtt_ms=max(figures.rtt_ms for figures in counted),
        packets=sum(map(_packets, counted)),
        packets_lost=sum(figures.send_lost + figures.receive_lost for figures in counted),
        packets_retransmitted=sum(figures.send_retransmitted + figures.receive_retransmitted for figures in counted),
        packets_dropped=sum(figures.send_dropped + figures.receive_dropped for figures in counted),
        encrypted=all(figures.encrypted for figures in counted),
    )


def _packets(figures: SrtFigures) -> int:
    return figures.packets_sent + figures.packets_received


def _share(part: int | None, whole: int | None) -> float | None:
    """Return a part of the packets, 0 to 1; None where either is not known."""
    if part is None or whole is None:
        return None
    return part / whole if whole else 0.0
