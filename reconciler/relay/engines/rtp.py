"""An RTP flow: one engine process that passes every packet on."""

from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.relay.addresses import Transport
from reconciler.relay.engines.carrier import Carrier
from reconciler.relay.engines.home import FlowHome
from reconciler.relay.engines.words import ends_of, not_carried, waiting
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
        self._carrier = Carrier(home, "rtp")
        self._reach = reach
        self._flow: FlowMedia | None = None

    async def converge(self, flow: FlowMedia) -> None:
        """Make the engine carry this flow so; one that has died is started anew, after a pause that grows."""
        self._flow = flow
        await self._carrier.tell(order_of(flow, self._reach.bounds(flow, Transport.UDP)))

    async def sample(self) -> None:
        """Learn how the ends are doing."""
        told = await self._carrier.figures()
        if self._flow is not None and told is not None:
            self._carrier.learned = self._learned(self._flow, told)

    def health(self) -> Mapping[EndId, EndHealth]:
        """Return what is known of each end."""
        return {} if self._flow is None else {end.id: self._health_of(end) for end in ends_of(self._flow)}

    async def close(self) -> None:
        """End the engine."""
        await self._carrier.close()

    def _learned(self, flow: FlowMedia, told: Mapping[str, Any]) -> dict[EndId, EndHealth]:
        learned = {flow.input.id: input_health(told["input"], self._bitrate_bps(flow.input.id, 0, told["input"]))}
        for output in flow.outputs:
            parts = told["outputs"].get(output.id, [])
            rates = [self._bitrate_bps(output.id, number, part) for number, part in enumerate(parts)]
            learned[output.id] = output_health(parts, rates)
        return learned

    def _bitrate_bps(self, end: EndId, number: int, told: Mapping[str, Any]) -> int:
        return self._carrier.rates.bitrate_bps(end, str(number), told["bytes"]) if told.get("connected") else 0

    def _health_of(self, end: InputMedia | OutputMedia) -> EndHealth:
        match end.end:
            case NotCarried() as other:
                return not_carried(other)
            case RtpReceive() | RtpSend():
                return self._carrier.health(end.id)
            case _:
                return waiting("an RTP flow is sent over RTP alone")


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
