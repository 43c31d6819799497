"""Addresses and keys that the relay gives to ends, once and for life."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from reconciler.relay.addresses import Ports, Transport
from reconciler.relay.flows import End, Flow, Side
from reconciler.relay.ids import RandomBytes, stream_key
from reconciler.streamlink.wire import Mode, WireProtocol

INGEST_APP: Final = "live"
"""RTMP application that publishers push to."""
PLAY_APP: Final = "play"
"""RTMP application that players pull from, and the path of RTSP outputs."""


@dataclass(frozen=True, slots=True)
class _Need:
    own_port: bool = False
    rtmp: bool = False
    """The flow's RTMP port, and a stream key."""


def listens(end: End) -> bool:
    """Return whether an SRT end waits to be called."""
    return bool(end.asked["SRTSettings"]["Mode"] == Mode.LISTENER)


class Giver:
    """Gives what an end lacks, and takes it back when the end is deleted."""

    def __init__(self, ports: Ports, random_bytes: RandomBytes) -> None:
        self._ports = ports
        self._random_bytes = random_bytes

    def remember(self, flows: Iterable[Flow]) -> None:
        """Keep what was given before the relay was started."""
        taken: dict[Transport, set[int]] = {transport: set() for transport in Transport}
        for flow in flows:
            for transport, port in _taken(flow):
                taken[transport].add(port)
        for transport, ports in taken.items():
            self._ports.remember(transport, ports)

    def keep_out(self, transport: Transport, port: int) -> bool:
        """Never give this port, which is somebody else's; return False where an end has it already."""
        return self._ports.reserve(transport, port)

    def give(self, flow: Flow) -> Flow:
        """
        Return the flow with whatever its ends lack; what an end has already, it keeps.

        Raises:
            PortsExhaustedError: there is no port left; nothing was given.

        """
        given = flow
        try:
            for end in flow.ends:
                given = self._give_to(given, end)
        except BaseException:
            self.take_back(given, kept=flow)
            raise
        return given

    def take_back(self, flow: Flow, *, kept: Flow | None) -> None:
        """Take back the ports of a flow, but for those that it keeps in its other form."""
        still = set(_taken(kept)) if kept is not None else set()
        for transport, port in set(_taken(flow)) - still:
            self._ports.give_back(transport, port)

    def _give_to(self, flow: Flow, end: End) -> Flow:
        need = _need(end)
        if need.own_port and end.port is None:
            end = replace(end, port=self._ports.take(_transport(end)))
        if need.rtmp and end.stream_key is None:
            end = replace(end, stream_key=stream_key(self._random_bytes))
        if need.rtmp and flow.rtmp_port is None:
            flow = replace(flow, rtmp_port=self._ports.take(Transport.TCP))
        return flow.with_end(end)


def _need(end: End) -> _Need:
    match WireProtocol(end.protocol), end.side:
        case WireProtocol.SRT, _:
            return _Need(own_port=listens(end))
        case WireProtocol.RTP, Side.INPUT:
            return _Need(own_port=True)
        case WireProtocol.RIST, _:
            return _Need(own_port=True)
        case (WireProtocol.RTMP, Side.INPUT) | (WireProtocol.RTMP_PULL, _):
            # What is pulled from elsewhere goes through the flow's own server, which its players share.
            return _Need(rtmp=True)
        case WireProtocol.RTSP_PULL, Side.OUTPUT:
            return _Need(own_port=True)
        case _:
            return _Need()


def _transport(end: End) -> Transport:
    return Transport.TCP if end.protocol == WireProtocol.RTSP_PULL else Transport.UDP


def _taken(flow: Flow) -> list[tuple[Transport, int]]:
    own = [(_transport(end), end.port) for end in flow.ends if end.port is not None]
    return own if flow.rtmp_port is None else [*own, (Transport.TCP, flow.rtmp_port)]
