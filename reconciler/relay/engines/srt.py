"""An SRT flow: one engine process for its input and SRT outputs, and ffmpeg for what it pushes over RTMP."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from reconciler.media.rates import RateWindow
from reconciler.relay.addresses import Transport
from reconciler.relay.engines.home import FlowHome
from reconciler.relay.engines.program import EngineFailedError, EngineProgram
from reconciler.relay.engines.push import Pushes, TapSource
from reconciler.relay.engines.words import WAITING, after, ends_of, not_carried, of_present, waiting
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
        self._program = EngineProgram(home, "srt")
        self._reach = reach
        self._told: dict[str, Any] | None = None
        self._flow: FlowMedia | None = None
        self._rates: dict[tuple[EndId, str], RateWindow] = {}
        self._health: dict[EndId, EndHealth] = {}
        self._pushes = Pushes(home)

    async def converge(self, flow: FlowMedia) -> None:
        """Make the engine carry this flow so; one that has died is started anew, after a pause that grows."""
        self._flow = flow
        self._rates, self._health = of_present(self._rates, flow), of_present(self._health, flow)
        await self._pushes.converge(flow, _TAP, self._reach.bounds(flow, Transport.TCP))
        session = self._program.session
        if not await self._program.ready():
            self._forget()
            return
        if self._program.session != session:
            self._forget()
        order = order_of(flow, self._reach.bounds(flow, Transport.UDP))
        if order != self._told:
            try:
                await self._program.ask(order)
            except EngineFailedError:
                self._forget()
            else:
                self._told = order

    async def sample(self) -> None:
        """Learn how the ends are doing."""
        if self._flow is None or self._told is None:
            await self._pushes.follow("")
            return
        try:
            told = await self._program.ask({"do": "stats"})
        except EngineFailedError:
            self._forget()
            return
        source = told["input"]
        self._note(self._flow.input, source)
        for output in self._flow.outputs:
            if output.id in told["outputs"]:
                self._note(output, told["outputs"][output.id])
        # A publisher that left and came back between two looks is another session all the same.
        connected = bool(source.get("sessions"))
        await self._pushes.follow(f"{self._program.session}-{source['connections']}" if connected else "")

    def health(self) -> Mapping[EndId, EndHealth]:
        """Return what is known of each end."""
        if self._flow is None:
            return {}
        known = {**self._health, **self._pushes.health()}
        return {end.id: self._health_of(end, known) for end in ends_of(self._flow)}

    async def close(self) -> None:
        """End the engine and the pushes."""
        await self._pushes.close()
        await self._program.end()

    def _forget(self) -> None:
        self._told = None
        self._health.clear()
        self._rates.clear()

    def _note(self, end: InputMedia | OutputMedia, told: Mapping[str, Any]) -> None:
        now_s = asyncio.get_running_loop().time()
        rates = {}
        for session in told.get("sessions", ()):
            rates[session["id"]] = self._rates.setdefault((end.id, session["id"]), RateWindow())
            rates[session["id"]].feed(now_s, session["bytes"])
        gone = [name for name in self._rates if name[0] == end.id and name[1] not in rates]
        for name in gone:
            del self._rates[name]
        self._health[end.id] = health_of(told, {one: rate.bitrate_bps for one, rate in rates.items()})

    def _health_of(self, end: InputMedia | OutputMedia, known: Mapping[EndId, EndHealth]) -> EndHealth:
        if isinstance(end.end, NotCarried):
            return not_carried(end.end)
        if not isinstance(end.end, SrtEnd | RtmpPush):
            return waiting("an SRT flow is sent over SRT and pushed over RTMP")
        if self._program.last_error and isinstance(end.end, SrtEnd):
            return waiting(self._program.last_error)
        return after(self._program.mishap, known.get(end.id, WAITING))


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
