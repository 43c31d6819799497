"""The downstream side of an RTSP flow: for each output a server of its own, whose players all get one and the same."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402 -- the version must be chosen before the import

from reconciler.relay.programs.reach import within  # noqa: E402

_RETRY_S: Final = 1.0
_THREADS: Final = 16
"""Clients of one output are served on so many threads: a slow one keeps few others waiting."""
_MOST_CLIENTS: Final = 32
"""Connections to one output, playing or not."""
_GRACE_S: Final = 5.0
"""How long a place is kept for a player that has asked for a track, and has no session."""
_REQUEST_BYTES: Final = 16_384
_SEND_BUFFER_BYTES: Final = 1 << 20
_QUEUE_BYTES: Final = 4 << 20
"""What waits for a first player between DESCRIBE and PLAY; the oldest is dropped beyond it."""
_OK: Final = GstRtsp.RTSPStatusCode.OK
_FORBIDDEN: Final = GstRtsp.RTSPStatusCode.FORBIDDEN
_NOT_FOUND: Final = GstRtsp.RTSPStatusCode.NOT_FOUND
_FULL: Final = GstRtsp.RTSPStatusCode.NOT_ENOUGH_BANDWIDTH
_NO_UPSTREAM: Final = GstRtsp.RTSPStatusCode.SERVICE_UNAVAILABLE

Offer = Callable[[], tuple[tuple[int, str], ...]]
"""Returns the tracks to serve, their numbers and what they are; nothing while there is no upstream."""


@dataclass(slots=True)
class Client:
    """One connection to an output."""

    number: int
    host: str
    peer: str
    admitted_s: float = 0.0
    """When it got one of the places; 0 without."""
    playing_s: float = 0.0
    bytes_before: int = 0
    describing: bool = False


@dataclass(slots=True)
class Mount:
    """What feeds the players of an output, from the first that asks to the last that leaves."""

    sources: dict[int, Any] = field(default_factory=dict)
    """An `appsrc` for each track."""


class Output:
    """One output; its methods are called on the main loop, but for `feed` and what begins with `_`."""

    def __init__(self, spec: dict[str, Any], offer: Offer) -> None:
        self.spec = spec
        self.error = ""
        self.connections = 0
        self.bytes = 0
        """What each player that was there all along has got."""
        self._offer = offer
        self._lock = threading.Lock()
        self._clients: dict[Any, Client] = {}
        self._mounts: dict[int, Mount] = {}
        self._serving: tuple[Mount, ...] = ()
        self._counted = 0
        self._server: Any = None
        self._factory: Any = None
        self._source = 0
        self._retry_s = 0.0
        self._path = "/" + spec["path"].strip("/")

    def tick(self, now_s: float) -> None:
        """Listen, where that is not done, and forget who has gone without a word."""
        if not self._source and now_s >= self._retry_s:
            self._retry_s = now_s + _RETRY_S
            self._open()
        if self._server is None:
            return
        self._server.get_session_pool().cleanup()
        with self._lock:
            old = [(key, one) for key, one in self._clients.items() if 0 < one.admitted_s < now_s - _GRACE_S]
        for key, one in old:
            if not key.session_filter(None):
                with self._lock:
                    one.admitted_s = one.playing_s = 0.0

    def edit(self, spec: dict[str, Any]) -> None:
        """Take who may play, and how many; who plays and still may notices nothing."""
        self.spec = spec
        self._evict(lambda one: not self._allows(one.host))

    def offer(self) -> None:
        """Serve the tracks that are there now; players of others must ask anew."""
        if self._factory is not None:
            self._factory.set_launch(_launch(len(self._offer())))
        self._evict(lambda _: True)

    def without_upstream(self) -> None:
        """End who waits for an answer that needs media; who plays stays, and waits for it to come back."""
        self._evict(lambda one: one.describing)

    def feed(self, number: int, packet: bytes, at_ns: int) -> None:
        """Give a packet of a track to all players; called from other threads."""
        fed = False
        for mount in self._serving:
            source = mount.sources.get(number)
            base_ns = 0 if source is None else source.get_base_time()
            if source is not None and base_ns:
                buffer = Gst.Buffer.new_wrapped(packet)
                buffer.pts = max(0, at_ns - base_ns)
                source.emit("push-buffer", buffer)
                fed = True
        if fed:
            with self._lock:
                self.bytes += len(packet)

    def figures(self, now_s: float) -> dict[str, Any]:
        """Return what is known of it."""
        with self._lock:
            return {
                "connections": self.connections,
                "error": self.error,
                "sessions": [
                    {
                        "id": str(one.number),
                        "peer": one.peer,
                        "connected_ms": round(1000 * (now_s - one.playing_s)),
                        "bytes": self.bytes - one.bytes_before,
                    }
                    for one in sorted(self._clients.values(), key=lambda one: one.number)
                    if one.playing_s
                ],
            }

    def close(self) -> None:
        """Serve nobody any longer."""
        if self._source:
            GLib.Source.remove(self._source)
            self._source = 0
        self._evict(lambda _: True)
        if self._server is not None:
            self._server.get_mount_points().remove_factory(self._path)
        self._server = self._factory = None

    def _open(self) -> None:
        server = GstRtspServer.RTSPServer()
        server.set_address(self.spec["host"])
        server.set_service(str(self.spec["port"]))
        server.get_thread_pool().set_max_threads(_THREADS)
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_shared(True)
        factory.set_launch(_launch(len(self._offer())))
        # No multicast: it would reach whom no list admits.
        factory.set_protocols(GstRtsp.RTSPLowerTrans.UDP | GstRtsp.RTSPLowerTrans.TCP)
        factory.set_buffer_size(_SEND_BUFFER_BYTES)
        factory.connect("media-configure", self._configure)
        server.get_mount_points().add_factory(self._path, factory)
        server.connect("client-connected", self._connected)
        self._source = server.attach(None)
        if not self._source:
            self.error = "the port is in use"
            return
        self._server, self._factory, self.error = server, factory, ""

    def _configure(self, _factory: Any, media: Any) -> None:
        """Find the sources of a mount that is being made."""
        element, mount = media.get_element(), Mount()
        for place, (number, caps) in enumerate(self._offer()):
            source = element.get_by_name(f"pay{place}")
            if source is not None:
                source.set_property("caps", Gst.Caps.from_string(caps))
                mount.sources[number] = source
        with self._lock:
            self._mounts[id(mount)] = mount
            self._serving = tuple(self._mounts.values())
        media.connect("unprepared", self._unprepared, id(mount))

    def _unprepared(self, media: Any, key: int) -> None:
        with self._lock:
            self._mounts.pop(key, None)
            self._serving = tuple(self._mounts.values())
        media.disconnect_by_func(self._unprepared)

    def _connected(self, _server: Any, client: Any) -> None:
        """Take a connection; called on the main loop."""
        connection = client.get_connection()
        host = connection.get_ip() or ""
        remote = connection.get_read_socket().get_remote_address()
        port = remote.get_port()
        with self._lock:
            if len(self._clients) >= _MOST_CLIENTS:
                full = True
            else:
                full = False
                self._counted += 1
                peer = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
                self._clients[client] = Client(self._counted, host, peer)
        if full:
            client.close()
            return
        client.set_content_length_limit(_REQUEST_BYTES)
        for signal, handler in (
            ("pre-describe-request", self._before_describe),
            ("describe-request", self._described),
            ("pre-setup-request", self._before_setup),
            ("pre-play-request", self._before_play),
            ("play-request", self._plays),
            ("pause-request", self._pauses),
            ("teardown-request", self._leaves),
            ("closed", self._closed),
        ):
            client.connect(signal, handler)

    def _before_describe(self, client: Any, context: Any) -> Any:
        verdict = self._verdict(client, context)
        if verdict == _OK and not self._offer():
            return _NO_UPSTREAM
        if verdict == _OK and (one := self._clients.get(client)) is not None:
            one.describing = True
        return verdict

    def _described(self, client: Any, _context: Any) -> None:
        if (one := self._clients.get(client)) is not None:
            one.describing = False

    def _before_setup(self, client: Any, context: Any) -> Any:
        verdict = self._verdict(client, context)
        if verdict != _OK:
            return verdict
        if not self._offer():
            return _NO_UPSTREAM
        with self._lock:
            one = self._clients.get(client)
            if one is None:
                return _FORBIDDEN
            if one.admitted_s:
                # One session a connection: another would be another player in the same place.
                named, _ = context.request.get_header(GstRtsp.RTSPHeaderField.SESSION, 0)
                return _OK if named == GstRtsp.RTSPResult.OK else _FULL
            if sum(1 for each in self._clients.values() if each.admitted_s) >= self.spec["max_concurrent"]:
                self.error = f"{one.host} was refused: all {self.spec['max_concurrent']} places are taken"
                return _FULL
            one.admitted_s = time.monotonic()
        return _OK

    def _before_play(self, client: Any, context: Any) -> Any:
        return self._verdict(client, context)

    def _verdict(self, client: Any, context: Any) -> Any:
        """Return whether a request is of somebody who may, for what is served here."""
        one = self._clients.get(client)
        if one is None or not self._allows(one.host):
            self.error = f"{'somebody' if one is None else one.host} was refused: it is not in the allowlist"
            return _FORBIDDEN
        path = context.uri.abspath.rstrip("/")
        return _OK if path == self._path or path.startswith(self._path + "/stream=") else _NOT_FOUND

    def _plays(self, client: Any, _context: Any) -> None:
        with self._lock:
            one = self._clients.get(client)
            if one is not None and not one.playing_s:
                one.playing_s, one.bytes_before = time.monotonic(), self.bytes
                self.connections += 1

    def _pauses(self, client: Any, _context: Any) -> None:
        with self._lock:
            if (one := self._clients.get(client)) is not None:
                one.playing_s = 0.0

    def _leaves(self, client: Any, _context: Any) -> None:
        with self._lock:
            if (one := self._clients.get(client)) is not None:
                one.admitted_s = one.playing_s = 0.0

    def _closed(self, client: Any) -> None:
        with self._lock:
            self._clients.pop(client, None)

    def _evict(self, whom: Callable[[Client], bool]) -> None:
        with self._lock:
            doomed = [key for key, one in self._clients.items() if whom(one)]
            for key in doomed:
                del self._clients[key]
        for key in doomed:
            key.close()

    def _allows(self, host: str) -> bool:
        allowlist = self.spec["allowlist"]
        try:
            return not allowlist or within(allowlist, host)
        except ValueError:
            return False


def _launch(tracks: int) -> str:
    """Return the pipeline of so many tracks; nothing that anybody wrote is in it."""
    source = f"is-live=true format=time max-bytes={_QUEUE_BYTES} leaky-type=downstream"
    return f"( {' '.join(f'appsrc name=pay{place} {source}' for place in range(max(1, tracks)))} )"
