"""The upstream side of an RTSP flow: one connection to the origin, made anew after a growing pause when it ends."""

import random
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from reconciler.relay.programs.gstreamer import Gst, GstRtsp
from reconciler.relay.programs.reach import refusal_of
from reconciler.relay.programs.rtsp_packets import Line, Track
from reconciler.relay.programs.rtsp_words import Origin, origin_of, tracks_told

_PAUSE_FIRST_S, _PAUSE_MOST_S = 0.3, 8.0
_HELD_S: Final = 10.0
"""A connection that held this long was a good one: the next pause is short again."""
_SILENT_S: Final = 6.0
"""An origin that sends nothing for so long is gone, though its connection stands."""
_CONNECT_S: Final = 3.0
_MOST_TRIED: Final = 4
"""Addresses of one name that are asked why there is no connection."""
_MOST_SINKS: Final = 16
"""Sources of packets that an origin may begin in one connection: each takes memory until it ends."""
_KINDS: Final = frozenset({"video", "audio"})
_MOST_WAITING: Final = 20_000
"""Packets between the thread that gets them and the loop that passes them on: seconds of them."""
_TOLD: Final = "the origin cannot be pulled from"
_SILENT: Final = "no answer in time"
_UNREADABLE: Final = "a track of the origin is left out: its description cannot be read"

Post = Callable[[Callable[[], None]], None]


@dataclass(slots=True, kw_only=True)
class Heard:
    """Whom a pull tells what it gets, on the main loop."""

    packet: Callable[[int, bytes], None]
    """The number of the track, and a packet as players get it."""
    changed: Callable[[], None]
    """Whether it is up, or what its tracks are, has changed."""


@dataclass(slots=True)
class Connection:
    """One try to pull, from its begin to its end."""

    pipeline: Any
    since_s: float
    handlers: list[tuple[Any, int]] = field(default_factory=list)
    told: dict[int, str] = field(default_factory=dict)
    """What the origin's session description says of each track."""
    kinds: dict[int, tuple[str, int]] = field(default_factory=dict)
    """Of each track offered: what it holds, and the rate of its clock."""
    complaint: str = ""
    """What is wrong with it, though it may go on."""
    sinks: int = 0
    last_s: float = 0.0
    """When the last packet came; 0 before the first."""
    over: bool = False


class Pull:
    """Pulls from one address until closed; its methods are called on the main loop."""

    def __init__(self, spec: dict[str, Any], heard: Heard, post: Post) -> None:
        self.spec = spec
        self.tracks: dict[int, Track] = {}
        self.up = False
        self.connections = 0
        self.error = ""
        self.peer = ""
        self._addresses: list[str] = []
        """What the host stood for when it was asked whether it may be called."""
        self._since_s = 0.0
        self._heard = heard
        self._post = post
        self._connection: Connection | None = None
        self._retry_s = 0.0
        self._tries = 0
        self._resolving = False
        self._closed = False
        self._waiting: deque[tuple[Connection, int, bytes, int]] = deque(maxlen=_MOST_WAITING)
        self._woken = False

    def tick(self, now_s: float) -> None:
        """Look after what time brings about."""
        connection = self._connection
        if connection is None:
            if now_s >= self._retry_s and not self._resolving:
                self._resolve()
            return
        bus = connection.pipeline.get_bus()
        message = bus.timed_pop_filtered(0, Gst.MessageType.ERROR | Gst.MessageType.EOS)
        if message is not None:
            self._ended(connection, message, now_s)
        elif now_s - max(connection.since_s, connection.last_s) > _SILENT_S:
            self._fail(_SILENT, now_s)

    def look(self, now_s: float) -> None:
        """Note the rates of the tracks; once a second."""
        for track in self.tracks.values():
            track.look(now_s)

    def figures(self, now_s: float) -> dict[str, Any]:
        """Return what is known of it."""
        lines = [track.line for track in self.tracks.values()]
        return {
            "connected": self.up,
            "connected_ms": round(1000 * (now_s - self._since_s)) if self.up else 0,
            "connections": self.connections,
            "peer": self.peer if self.up else "",
            "packets": sum(line.packets for line in lines),
            "bytes": sum(line.octets for line in lines),
            "lost": sum(line.lost for line in lines),
            "error": self.error,
            "tracks": [track.figures() for _, track in sorted(self.tracks.items())] if self.up else [],
        }

    def close(self) -> None:
        """Pull nothing more."""
        self._closed = True
        self._end()

    def _resolve(self) -> None:
        """Look the host up on a thread of its own: it may take long, and rtspsrc would not say that this failed."""
        origin = origin_of(self.spec["url"])
        if origin is None:
            self._fail("the address is no RTSP URL", time.monotonic())
            return
        self._resolving = True

        def work() -> None:
            try:
                places = socket.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
                found = {str(each[4][0]) for each in places}
            except (OSError, UnicodeError):
                found = set()
            self._post(partial(self._resolved, found, origin.port))

        threading.Thread(target=work, daemon=True).start()

    def _resolved(self, found: set[str], port: int) -> None:
        self._resolving = False
        if self._closed:
            return
        if not found:
            self._fail("the host is not known", time.monotonic())
            return
        # rtspsrc looks the name up again, so none of its addresses may be one that is never called.
        refusal = next(filter(None, (refusal_of(self.spec, host, port) for host in sorted(found))), "")
        if refusal:
            self._fail(refusal, time.monotonic())
            return
        self._addresses = sorted(found)
        # Of several addresses, rtspsrc does not say which one it took.
        address = found.pop() if len(found) == 1 else ""
        self.peer = (f"[{address}]:{port}" if ":" in address else f"{address}:{port}") if address else ""
        self._start()

    def _start(self) -> None:
        source = Gst.ElementFactory.make("rtspsrc", None)
        pipeline = Gst.Pipeline.new(None)
        connection = self._connection = Connection(pipeline, time.monotonic())
        # Properties, not pipeline text: whatever these hold, they are no more than an address, a name and a password.
        for name in ("location", "user-id", "user-pw"):
            source.set_property(name, self.spec[{"location": "url"}.get(name, name)])
        source.set_property("protocols", GstRtsp.RTSPLowerTrans.TCP)
        source.set_property("latency", 0)
        source.set_property("tcp-timeout", int(_SILENT_S * 1_000_000))
        pipeline.use_clock(Gst.SystemClock.obtain())
        pipeline.add(source)
        for signal, handler in (
            ("on-sdp", self._told),
            ("select-stream", self._offered),
            ("pad-added", self._began),
        ):
            connection.handlers.append((source, source.connect(signal, handler, connection)))
        pipeline.set_state(Gst.State.PLAYING)

    def _told(self, _source: Any, session: Any, connection: Connection) -> None:
        """Note what the origin tells of its tracks; called on a thread of the source."""
        connection.told.update(tracks_told(session))

    def _offered(self, _source: Any, number: int, caps: Any, connection: Connection) -> bool:
        """Take a track of sound or picture; called on a thread of the source."""
        if number not in connection.told:
            connection.complaint = _UNREADABLE
            return False
        offer = caps.get_structure(0)
        kind, (known, rate) = offer.get_string("media"), offer.get_int("clock-rate")
        if kind not in _KINDS or not known or rate <= 0:
            return False
        connection.kinds[number] = (kind, rate)
        return True

    def _began(self, _source: Any, pad: Any, connection: Connection) -> None:
        """Take what comes out of a new pad `recv_rtp_src_NUMBER_SSRC_TYPE`; called on a thread of the source."""
        number = int(pad.get_name().split("_")[3])
        if connection.over or number not in connection.kinds:
            return
        connection.sinks += 1
        if connection.sinks > _MOST_SINKS:
            self._post(partial(self._overrun, connection))
            return
        sink = Gst.ElementFactory.make("appsink", None)
        for name, value in (("sync", False), ("async", False), ("emit-signals", True), ("max-buffers", 1000)):
            sink.set_property(name, value)
        connection.handlers.append((sink, sink.connect("new-sample", self._got, connection, number)))
        connection.pipeline.add(sink)
        sink.sync_state_with_parent()
        pad.link(sink.get_static_pad("sink"))

    def _overrun(self, connection: Connection) -> None:
        if connection is self._connection:
            self._fail(f"the origin began its tracks anew more than {_MOST_SINKS} times", time.monotonic())

    def _got(self, sink: Any, connection: Connection, number: int) -> Any:
        """Hand a packet over to the main loop; called on a thread of the source."""
        sample = sink.emit("pull-sample")
        if sample is not None and not connection.over:
            buffer = sample.get_buffer()
            at_ns = connection.pipeline.get_base_time() + buffer.pts if buffer.pts != Gst.CLOCK_TIME_NONE else 0
            self._waiting.append((connection, number, buffer.extract_dup(0, buffer.get_size()), at_ns))
            if not self._woken:
                self._woken = True
                self._post(self._pass_on)
        return Gst.FlowReturn.OK

    def _pass_on(self) -> None:
        """Pass on what waits."""
        # First, so that what comes from now on is passed on later at the latest.
        self._woken = False
        now_s = time.monotonic()
        while self._waiting:
            connection, number, packet, at_ns = self._waiting.popleft()
            connection.last_s = now_s
            if connection is not self._connection:
                continue
            if not self.up:
                self._settle(connection, now_s)
            track = self.tracks.get(number)
            if track is not None and (passed := track.line.pass_on(packet, at_ns or time.monotonic_ns(), now_s)):
                self._heard.packet(number, passed)

    def _settle(self, connection: Connection, now_s: float) -> None:
        """Be up, with all tracks that the origin offers: one of which nothing comes yet may still begin."""
        before = self.tracks
        self.tracks = {}
        for number, (kind, rate) in sorted(connection.kinds.items()):
            old = before.get(number)
            if old is not None and old.described == connection.told[number]:
                old.line.begin()
                self.tracks[number] = old
            else:
                self.tracks[number] = Track(kind, connection.told[number], Line(rate))
        self.up, self.error, self._since_s = True, connection.complaint, now_s
        self.connections += 1
        self._heard.changed()

    def _ended(self, connection: Connection, message: Any, now_s: float) -> None:
        if message.type == Gst.MessageType.EOS:
            self._fail("the origin has ended the stream", now_s)
            return
        error, _ = message.parse_error()
        if error.matches(Gst.ResourceError.quark(), Gst.ResourceError.NOT_AUTHORIZED):
            self._fail("the origin refused the user name or password", now_s)
        elif error.matches(Gst.ResourceError.quark(), Gst.ResourceError.NOT_FOUND):
            self._fail("the origin has no such path", now_s)
        elif connection.last_s:
            self._fail("the origin ended the connection", now_s)
        elif connection.complaint:
            self._fail(connection.complaint, now_s)
        else:
            self._fail(_TOLD, now_s)
            self._diagnose()

    def _diagnose(self) -> None:
        """Find out why there is no connection: rtspsrc calls it all a generic error."""
        origin, addresses = origin_of(self.spec["url"]), self._addresses

        def work() -> None:
            if origin is not None and (reason := _obstacle(origin, addresses)):
                self._post(partial(self._found_out, reason))

        threading.Thread(target=work, daemon=True).start()

    def _found_out(self, reason: str) -> None:
        if self.error == _TOLD:
            self.error = reason

    def _fail(self, reason: str, now_s: float) -> None:
        if not (reason == _TOLD and self.error):
            self.error = reason
        connection = self._connection
        if self.up and connection is not None and now_s - connection.since_s > _HELD_S:
            self._tries = 0
        most_s = min(_PAUSE_MOST_S, _PAUSE_FIRST_S * 2**self._tries)
        self._tries = min(self._tries + 1, 10)
        self._retry_s = now_s + max(_PAUSE_FIRST_S, random.SystemRandom().uniform(most_s / 2, most_s))
        self._end()

    def _end(self) -> None:
        connection, self._connection = self._connection, None
        was_up, self.up = self.up, False
        if connection is not None:
            connection.over = True
            # On a thread of its own: saying goodbye to an origin that does not answer takes a while.
            threading.Thread(target=_dispose, args=(connection,), daemon=True).start()
        if was_up:
            self._heard.changed()


def _dispose(connection: Connection) -> None:
    connection.pipeline.set_state(Gst.State.NULL)
    for element, handler in connection.handlers:
        element.disconnect(handler)
    connection.handlers.clear()


def _obstacle(origin: Origin, addresses: list[str]) -> str:
    """
    Return what keeps us from connecting to any of the addresses, in words; empty where nothing does.

    The name is not looked up again: it may stand for an address by now that is never called.
    """
    reasons = []
    for address in addresses[:_MOST_TRIED]:
        reason = _obstacle_at(address, origin)
        if not reason:
            return ""
        reasons.append(reason)
    return reasons[0] if reasons else ""


def _obstacle_at(address: str, origin: Origin) -> str:
    try:
        with socket.create_connection((address, origin.port), timeout=_CONNECT_S) as connection:
            if origin.tls:
                ssl.create_default_context().wrap_socket(connection, server_hostname=origin.host).close()
    except ConnectionRefusedError:
        return "nothing listens there"
    except TimeoutError:
        return _SILENT
    except ssl.SSLCertVerificationError as error:
        return f"the origin's certificate is not accepted: {error.verify_message}"
    except ssl.SSLError:
        return "the origin does not speak TLS there"
    except OSError:
        return "no route to host"
    return ""
