"""An SRT flow: one engine process for its input and SRT outputs, and ffmpeg for what it pushes over RTMP."""

from collections.abc import Mapping
from typing import Any, Final

from reconciler.relay.addresses import Transport
from reconciler.relay.engines.carrier import Carrier
from reconciler.relay.engines.home import FlowHome
from reconciler.relay.engines.push_sources import TapSource
from reconciler.relay.engines.pushes import Pushes
from reconciler.relay.engines.words import WAITING, ends_of, not_carried, waiting
from reconciler.relay.media import (
    EndHealth,
    EndId,
    EndState,
    FlowMedia,
    InputMedia,
    NotCarried,
    OutputMedia,
    RtmpPush,
    SessionHealth,
    SrtEnd,
    SrtFigures,
    TrackHealth,
    TrackKind,
)
from reconciler.relay.reach import Bounds, Reach

_TAP: Final = TapSource()


class SrtFlow:
    """Carries one SRT flow in a folder of its own."""

    def __init__(self, home: FlowHome, reach: Reach) -> None:
        self._carrier = Carrier(home, "srt")
        self._reach = reach
        self._flow: FlowMedia | None = None
        self._pushes = Pushes(home)

    async def converge(self, flow: FlowMedia) -> None:
        """Make the engine carry this flow so; one that has died is started anew, after a pause that grows."""
        self._flow = flow
        await self._pushes.converge(flow, _TAP, self._reach.bounds(flow, Transport.TCP))
        await self._carrier.tell(order_of(flow, self._reach.bounds(flow, Transport.UDP)))

    async def sample(self) -> None:
        """Learn how the ends are doing."""
        if self._flow is None or not self._carrier.carries:
            await self._pushes.follow("")
            return
        told = await self._carrier.figures()
        if told is None:
            # What is not known is not gone: pushes end by themselves where the engine has.
            return
        parts = {self._flow.input.id: told["input"], **told["outputs"]}
        present = {end.id: parts[end.id] for end in ends_of(self._flow) if end.id in parts}
        self._carrier.learned = {end: self._learned(end, part) for end, part in present.items()}
        source = told["input"]
        # A publisher that left and came back between two looks is another session all the same.
        connected = bool(source.get("sessions"))
        await self._pushes.follow(f"{self._carrier.session}-{source['connections']}" if connected else "")

    def health(self) -> Mapping[EndId, EndHealth]:
        """Return what is known of each end."""
        if self._flow is None:
            return {}
        pushed = self._pushes.health()
        return {end.id: self._health_of(end, pushed) for end in ends_of(self._flow)}

    async def close(self) -> None:
        """End the engine and the pushes."""
        await self._pushes.close()
        await self._carrier.close()

    def _learned(self, end: EndId, told: Mapping[str, Any]) -> EndHealth:
        rates = self._carrier.rates
        sessions = told.get("sessions", ())
        return health_of(told, {one["id"]: rates.bitrate_bps(end, one["id"], one["bytes"]) for one in sessions})

    def _health_of(self, end: InputMedia | OutputMedia, pushed: Mapping[EndId, EndHealth]) -> EndHealth:
        match end.end:
            case NotCarried() as other:
                return not_carried(other)
            case SrtEnd():
                return self._carrier.health(end.id)
            case RtmpPush():
                return self._carrier.after_mishap(pushed.get(end.id, WAITING))
            case _:
                return waiting("an SRT flow is sent over SRT and pushed over RTMP")


def order_of(flow: FlowMedia, bounds: Bounds) -> dict[str, Any]:
    """Return the engine's order for a flow, secrets included; it leaves over the control socket only."""
    if not isinstance(flow.input.end, SrtEnd):
        raise TypeError("an SRT engine carries flows with an SRT input")
    return {
        "do": "carry",
        "input": {**_spec(flow.input.end, flow.input.allowlist, max_concurrent=1), **bounds.order()},
        "outputs": {
            output.id: {
                **_spec(output.end, output.allowlist, max_concurrent=output.max_concurrent),
                **bounds.order(),
            }
            for output in flow.outputs
            if isinstance(output.end, SrtEnd)
        },
        "tap": any(isinstance(output.end, RtmpPush) for output in flow.outputs),
    }


def _spec(end: SrtEnd, allowlist: tuple[str, ...], *, max_concurrent: int) -> dict[str, Any]:
    return {
        "listens": end.listens,
        "host": end.host,
        "port": end.port,
        "latency_ms": end.latency_ms,
        "peer_idle_timeout_ms": end.peer_idle_timeout_ms,
        "stream_id": end.stream_id,
        "passphrase": "" if end.passphrase is None else end.passphrase.reveal(),
        "key_length": end.key_length,
        "allowlist": list(allowlist),
        "max_concurrent": max_concurrent,
    }


def health_of(told: Mapping[str, Any], bitrates_bps: Mapping[str, int]) -> EndHealth:
    """Return the health of an end from what the engine tells of it, and the bit rate of each session."""
    reconnections = max(0, told.get("connections", 0) - 1)
    sessions = tuple(_session(one, bitrates_bps.get(one["id"], 0)) for one in told.get("sessions", ()))
    if not sessions:
        return EndHealth(state=EndState.WAITING, reconnections=reconnections, last_error=told.get("error", ""))
    return EndHealth(
        state=EndState.CONNECTED,
        connected_ms=max(session.connected_ms for session in sessions),
        bitrate_bps=sum(session.bitrate_bps for session in sessions),
        reconnections=reconnections,
        last_error=told.get("error", ""),
        peer=sessions[0].peer,
        sessions=sessions,
        tracks=tuple(_track(track) for track in told.get("tracks", ())),
        **_together([session.srt for session in sessions if session.srt is not None]),
    )


def _session(told: Mapping[str, Any], bitrate_bps: int) -> SessionHealth:
    return SessionHealth(
        id=told["id"],
        peer=told["peer"],
        connected_ms=told["connected_ms"],
        bitrate_bps=bitrate_bps,
        bytes=told["bytes"],
        srt=SrtFigures(**told["srt"]) if "srt" in told else None,
    )


def _track(told: Mapping[str, Any]) -> TrackHealth:
    return TrackHealth(kind=TrackKind(told["kind"]), bitrate_bps=told["bitrate_bps"], fps=told["fps"], pid=told["pid"])


def _together(figures: list[SrtFigures]) -> dict[str, Any]:
    """Return the figures of all connections of an end as one: the worst time, and the sum of what is counted."""
    if not figures:
        return {}
    return {
        "latency_ms": max(each.latency_ms for each in figures),
        "rtt_ms": max(each.rtt_ms for each in figures),
        "packets": sum(each.packets_sent + each.packets_received for each in figures),
        "packets_lost": sum(each.send_lost + each.receive_lost for each in figures),
        "packets_retransmitted": sum(each.send_retransmitted + each.receive_retransmitted for each in figures),
        "packets_dropped": sum(each.send_dropped + each.receive_dropped for each in figures),
        "encrypted": all(each.encrypted for each in figures),
    }
