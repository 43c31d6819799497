"""Which side of its connections an end is."""

from reconciler.relay.flows import End, Side
from reconciler.relay.giving import listens
from reconciler.streamlink.wire import WireProtocol


def is_called(end: End) -> bool:
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
