"""An RTP flow: one engine process that passes every packet on."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.media.rates import RateWindow
from reconciler.relay.addresses import Transport
from reconciler.relay.engines.home import FlowHome
from reconciler.relay.engines.program import EngineFailedError, EngineProgram
from reconciler.relay.engines.words import WAITING, after, ends_of, not_carried, of_present, waiting
from reconciler.relay.media import (
    EndHealth,
    EndId,
    EndState,
    FlowMedia,
    InputMedia,
    NotCarried,
    OutputMedia,
    RtpReceive,
    RtpSend,
    SessionHealth,
    TrackHealth,
    TrackKind,
)
from reconciler.relay.reach import Bounds, Reach


class RtpFlow:
    """Carries one RTP flow in a folder of its own."""

    def __init__(self, home: FlowHome, reach: Reach) -> None:
        self._program = EngineProgram(home, "rtp")
        self._reach = reach
        self._told: dict[str, Any] | None = None
        self._flow: FlowMedia | None = None
        self._rates: dict[tuple[EndId, int], RateWindow] = {}
        self._health: dict[EndId, EndHealth] = {}

    async def converge(self, flow: FlowMedia) -> None:
        """Make the engine carry this flow so; one that has died is started anew, after a pause that grows."""
        self._flow = flow
        self._rates, self._health = of_present(self._rates, flow), of_present(self._health, flow)
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
            return
        try:
            told = await self._program.ask({"do": "stats"})
        except EngineFailedError:
            self._forget()
            return
        source = self._flow.input.id
        self._health[source] = input_health(told["input"], self._bitrate_bps(source, 0, told["input"]))
        for output in self._flow.outputs:
            parts = told["outputs"].get(output.id, [])
            rates = [self._bitrate_bps(output.id, number, part) for number, part in enumerate(parts)]
            self._health[output.id] = output_health(parts, rates)

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

    def _bitrate_bps(self, end: EndId, number: int, told: Mapping[str, Any]) -> int:
        rate = self._rates.setdefault((end, number), RateWindow())
        if not told.get("connected"):
            rate.clear()
            return 0
        rate.feed(asyncio.get_running_loop().time(), told["bytes"])
        return rate.bitrate_bps

    def _health_of(self, end: InputMedia | OutputMedia) -> EndHealth:
        if isinstance(end.end, NotCarried):
            return not_carried(end.end)
        if not isinstance(end.end, RtpReceive | RtpSend):
            return waiting("an RTP flow is sent over RTP alone")
        if self._program.last_error:
            return waiting(self._program.last_error)
        return after(self._program.mishap, self._health.get(end.id, WAITING))


def order_of(flow: FlowMedia, bounds: Bounds) -> dict[str, Any]:
    """Return the engine's order for a flow."""
    source = flow.input.end
    if not isinstance(source, RtpReceive):
        raise TypeError("an RTP engine carries flows with an RTP input")
    return {
        "do": "carry",
        "input": {
            "host": source.host,
            "port": source.port,
            "idle_timeout_ms": source.idle_timeout_ms,
            "allowlist": list(flow.input.allowlist),
        },
        "outputs": {
            output.id: {
                "destinations": [{"host": each.host, "port": each.port} for each in output.end.destinations],
                "idle_timeout_ms": output.end.idle_timeout_ms,
                **bounds.order(),
            }
            for output in flow.outputs
            if isinstance(output.end, RtpSend)
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
        packets_dropped=told["refused"],
        sessions=(session,),
        tracks=tuple(
            TrackHealth(kind=TrackKind(each["kind"]), bitrate_bps=each["bitrate_bps"], fps=each["fps"], pid=each["pid"])
            for each in told["tracks"]
        ),
    )


def output_health(parts: Sequence[Mapping[str, Any]], rates: Sequence[int]) -> EndHealth:
    """
    Return the health of an output from what the engine tells of its destinations, and their bit rates.

    Nobody answers RTP: connected means that packets go out.
    """
    up = [(part, rate) for part, rate in zip(parts, rates, strict=True) if part["connected"]]
    errors = [(number, part["error"]) for number, part in enumerate(parts, 1) if part["error"]]
    return EndHealth(
        state=EndState.CONNECTED if up else EndState.WAITING,
        connected_ms=max((part["connected_ms"] for part, _ in up), default=0),
        bitrate_bps=sum(rate for _, rate in up),
        reconnections=sum(max(0, part["connections"] - 1) for part in parts),
        last_error="; ".join(f"destination {number}: {why}" if len(parts) > 1 else why for number, why in errors),
        peer=", ".join(part["peer"] for part, _ in up),
        packets=sum(part["packets"] for part in parts),
        packets_dropped=sum(part["dropped"] for part in parts),
        sessions=tuple(
            SessionHealth(
                id=f"{part['pipeline']}-{part['connections']}",
                peer=part["peer"],
                connected_ms=part["connected_ms"],
                bitrate_bps=rate,
                bytes=part["bytes"],
                pipeline=part["pipeline"],
            )
            for part, rate in up
        ),
    )
