"""Statistics of one input or output, in the API's words."""

import ipaddress
import math
from itertools import groupby
from typing import Any

from reconciler.relay.api.calls import Call, Json, flow_of
from reconciler.relay.api.refusals import RefusalError
from reconciler.relay.api.windows import window_of
from reconciler.relay.media import TrackHealth, TrackKind
from reconciler.relay.plane import ControlPlane
from reconciler.relay.recording.samples import Sample, SrtSample
from reconciler.relay.recording.store import SampleQuery
from reconciler.streamlink.codes import Code
from reconciler.streamlink.wire import PERIODS_S, Profile


async def by_moment(plane: ControlPlane, call: Call) -> Json:
    """Return what every session carried, moment by moment."""
    moments = groupby(await _samples(plane, call), key=lambda sample: sample.at_s)
    return {
        "Infos": [{"Timestamp": at_s, "FlowStatistics": [_carried(each) for each in those]} for at_s, those in moments]
    }


async def media(plane: ControlPlane, call: Call) -> Json:
    """Return what was carried, a member for each moment and session."""
    return {"Infos": [_media(sample) for sample in await _samples(plane, call)]}


async def srt(plane: ControlPlane, call: Call) -> Json:
    """Return the quality of SRT connections; nothing for other protocols."""
    samples = await _samples(plane, call)
    return {"Infos": [_srt(sample, sample.srt, call.profile) for sample in samples if sample.srt is not None]}


async def _samples(plane: ControlPlane, call: Call) -> list[Sample]:
    flow, payload = flow_of(plane, call), call.payload
    end_id = payload["InputOutputId"]
    if not any(end.id == end_id and end.side == payload["Type"] for end in flow.ends):
        raise RefusalError(Code.INPUT_OUTPUT_ID, "The flow has no input or output of this Type and InputOutputId.")
    start_s, end_s = window_of(payload, plane.now_s())
    found = await plane.records.samples(
        SampleQuery(
            flow_id=flow.id,
            end_id=end_id,
            pipeline=int(payload["Pipeline"]),
            period_s=PERIODS_S[payload["Period"]],
            start_s=start_s,
            end_s=end_s,
        )
    )
    wanted_ip = payload.get("RemoteIp", "")
    return [sample for sample in found if not wanted_ip or _address(sample.client_ip) == _address(wanted_ip)]


def _address(text: str) -> Any:
    """Return an address that equals its other spellings; text that is none equals itself."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return text


def _carried(sample: Sample) -> Json:
    return {
        "SessionId": sample.session,
        "ClientIp": sample.client_ip,
        "Network": sample.bitrate_bps,
        "Video": [_track(track) for track in sample.tracks if track.kind is TrackKind.VIDEO],
        "Audio": [_track(track) for track in sample.tracks if track.kind is TrackKind.AUDIO],
    }


def _media(sample: Sample) -> Json:
    carried = _carried(sample)
    return {
        "Timestamp": sample.at_s,
        **carried,
        "Video": [{**track, "SessionId": sample.session} for track in carried["Video"]],
        "Audio": [{**track, "SessionId": sample.session} for track in carried["Audio"]],
    }


def _track(track: TrackHealth) -> Json:
    return {"Fps": round(track.fps), "Rate": track.bitrate_bps, "Pid": track.pid or 0}


def _srt(sample: Sample, counted: SrtSample, profile: Profile) -> Json:
    quality = {
        "Timestamp": sample.at_s,
        "SendPacketLossRate": _percent(counted.send_lost, counted.packets_sent),
        "SendRetransmissionRate": _percent(counted.send_retransmitted, counted.packets_sent),
        "RecvPacketLossRate": _percent(counted.receive_lost, counted.packets_received),
        "RecvRetransmissionRate": _percent(counted.receive_retransmitted, counted.packets_received),
        "RTT": round(counted.rtt_ms),
        "SessionId": sample.session,
        "SendPacketDropNumber": counted.send_dropped,
        "RecvPacketDropNumber": counted.receive_dropped,
    }
    if profile is Profile.MAINLAND:
        return quality
    # Only the international product tells the counters themselves.
    return {
        **quality,
        "SendPackets": counted.packets_sent,
        "RecvPackets": counted.packets_received,
        "SendLostPackets": counted.send_lost,
        "RecvLostPackets": counted.receive_lost,
        "SendRetransmitPackets": counted.send_retransmitted,
        "RecvRetransmitPackets": counted.receive_retransmitted,
    }


def _percent(part: int, whole: int) -> int:
    """Return a part of the packets in percent; the models want an integer, and a loss is never rounded to none."""
    return math.ceil(100 * part / whole) if whole else 0
