"""An RTSP flow: one engine process that pulls from the origin and serves players."""

import asyncio
from collections.abc import Mapping
from typing import Any

from reconciler.media.rates import RateWindow
from reconciler.relay.addresses import Transport
from reconciler.relay.engines.home import FlowHome
from reconciler.relay.engines.program import EngineFailedError, EngineProgram
from reconciler.relay.engines.words import WAITING, after, ends_of, not_carried, waiting
from reconciler.relay.media import (
    EndHealth,
    EndId,
    EndState,
    FlowMedia,
    InputMedia,
    NotCarried,
    OutputMedia,
    RtspPull,
    RtspServe,
    SessionHealth,
    TrackHealth,
    TrackKind,
)
from reconciler.relay.reach import Bounds, Reach


class RtspFlow:
    """Carries one RTSP flow in a folder of its own."""

    def __init__(self, home: FlowHome, reach: Reach) -> None:
        self._program = EngineProgram(home, "rtsp")
        self._reach = reach
        self._told: dict[str, Any] | None = None
        self._flow: FlowMedia | None = None
        self._rates: dict[tuple[EndId, str], RateWindow] = {}
        self._health: dict[EndId, EndHealth] = {}

    async def converge(self, flow: FlowMedia) -> None:
        """Make the engine carry this flow so; one that has died is started anew, after a pause that grows."""
        self._flow = flow
        session = self._program.session
        if not await self._program.ready():
            self._forget()
            return
        if self._program.session != session:
            self._forget()
        order = order_of(flow, self._reach.bounds(flow, Transport.TCP))
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
            return
        try:
            told = await self._program.ask({"do": "stats"})
        except EngineFailedError:
            self._forget()
            return
        source, now_s = told["input"], asyncio.get_running_loop().time()
        rates: dict[tuple[EndId, str], RateWindow] = {}
        if source["connected"]:
            bitrate_bps = self._rate(rates, (self._flow.input.id, str(source["connections"])), now_s, source["bytes"])
        else:
            bitrate_bps = 0
        health = {self._flow.input.id: input_health(source, bitrate_bps)}
        tracks = health[self._flow.input.id].tracks
        for output in self._flow.outputs:
            if (part := told["outputs"].get(output.id)) is not None:
                bitrates_bps = {
                    one["id"]: self._rate(rates, (output.id, one["id"]), now_s, one["bytes"])
                    for one in part["sessions"]
                }
                health[output.id] = output_health(part, bitrates_bps, tracks)
        self._rates, self._health = rates, health

    def health(self) -> Mapping[EndId, EndHealth]:
        """Return what is known of each end."""
        return {} if self._flow is None else {end.id: self._health_of(end) for end in ends_of(self._flow)}

    async def close(self) -> None:
        """End the engine."""
        await self._program.end()

    def _forget(self) -> None:
        self._told = None
        self._health.clear()
        self._rates.clear()

    def _rate(
        self, kept: dict[tuple[EndId, str], RateWindow], name: tuple[EndId, str], now_s: float, total_bytes: int
    ) -> int:
        """Return the bit rate of a connection, and keep its counter among those that still count."""
        rate = kept[name] = self._rates.get(name, RateWindow())
        rate.feed(now_s, total_bytes)
        return rate.bitrate_bps

    def _health_of(self, end: InputMedia | OutputMedia) -> EndHealth:
        if isinstance(end.end, NotCarried):
            return not_carried(end.end)
        if not isinstance(end.end, RtspPull | RtspServe):
            return waiting("an RTSP flow is served over RTSP alone")
        if self._program.last_error:
            return waiting(self._program.last_error)
        return after(self._program.mishap, self._health.get(end.id, WAITING))


def order_of(flow: FlowMedia, bounds: Bounds) -> dict[str, Any]:
    """Return the engine's order for a flow, the password included; it leaves over the control socket only."""
    source = flow.input.end
    if not isinstance(source, RtspPull):
        raise TypeError("an RTSP engine carries flows with an RTSP input")
    return {
        "do": "carry",
        "input": {
            "url": source.url,
            "user-id": source.username,
            "user-pw": "" if source.password is None else source.password.reveal(),
            **bounds.order(),
        },
        "outputs": {
            output.id: {
                "host": output.end.host,
                "port": output.end.port,
                "path": output.end.path,
                "allowlist": list(output.allowlist),
                "max_concurrent": output.max_concurrent,
            }
            for output in flow.outputs
            if isinstance(output.end, RtspServe)
        },
    }


def input_health(told: Mapping[str, Any], bitrate_bps: int) -> EndHealth:
    """Return the health of the input from what the engine tells of it."""
    reconnections = max(0, told["connections"] - 1)
    if not told["connected"]:
        return EndHealth(state=EndState.WAITING, reconnections=reconnections, last_error=told["error"])
    session = SessionHealth(
        id=str(told["connections"]),
        peer=told["peer"],
        connected_ms=told["connected_ms"],
        bitrate_bps=bitrate_bps,
        bytes=told["bytes"],
    )
    return EndHealth(
        state=EndState.CONNECTED,
        connected_ms=told["connected_ms"],
        bitrate_bps=bitrate_bps,
        reconnections=reconnections,
        last_error=told["error"],
        peer=told["peer"],
        packets=told["packets"],
        packets_lost=told["lost"],
        sessions=(session,),
        tracks=tuple(
            TrackHealth(kind=TrackKind(each["kind"]), bitrate_bps=each["bitrate_bps"], fps=each["fps"])
            for each in told["tracks"]
        ),
    )


def output_health(
    told: Mapping[str, Any], bitrates_bps: Mapping[str, int], tracks: tuple[TrackHealth, ...]
) -> EndHealth:
    """Return the health of an output from what the engine tells of its players, who get the tracks of the input."""
    sessions = tuple(
        SessionHealth(
            id=one["id"],
            peer=one["peer"],
            connected_ms=one["connected_ms"],
            bitrate_bps=bitrates_bps[one["id"]],
            bytes=one["bytes"],
        )
        for one in told["sessions"]
    )
    if not sessions:
        return EndHealth(state=EndState.WAITING, last_error=told["error"])
    return EndHealth(
        state=EndState.CONNECTED,
        connected_ms=max(session.connected_ms for session in sessions),
        bitrate_bps=sum(session.bitrate_bps for session in sessions),
        last_error=told["error"],
        peer=sessions[0].peer,
        sessions=sessions,
        tracks=tracks,
    )
