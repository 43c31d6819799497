"""An RTSP flow: one engine process that pulls from the origin and serves players."""

from collections.abc import Mapping
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
        self._carrier = Carrier(home, "rtsp")
        self._reach = reach
        self._flow: FlowMedia | None = None

    async def converge(self, flow: FlowMedia) -> None:
        """Make the engine carry this flow so; one that has died is started anew, after a pause that grows."""
        self._flow = flow
        await self._carrier.tell(order_of(flow, self._reach.bounds(flow, Transport.TCP)))

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
        source, rates = told["input"], self._carrier.rates
        connection = str(source["connections"])
        bitrate_bps = rates.bitrate_bps(flow.input.id, connection, source["bytes"]) if source["connected"] else 0
        learned = {flow.input.id: input_health(source, bitrate_bps)}
        tracks = learned[flow.input.id].tracks
        for output in flow.outputs:
            if (part := told["outputs"].get(output.id)) is not None:
                bitrates_bps = {
                    one["id"]: rates.bitrate_bps(output.id, one["id"], one["bytes"]) for one in part["sessions"]
                }
                learned[output.id] = output_health(part, bitrates_bps, tracks)
        return learned

    def _health_of(self, end: InputMedia | OutputMedia) -> EndHealth:
        match end.end:
            case NotCarried() as other:
                return not_carried(other)
            case RtspPull() | RtspServe():
                return self._carrier.health(end.id)
            case _:
                return waiting("an RTSP flow is served over RTSP alone")


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
