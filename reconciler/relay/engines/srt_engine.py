"""
A stand-alone program: carries one SRT flow, its input to all of its outputs.

Run by the distribution's Python, whose `gi` it needs; it imports nothing of ours. Its one argument is the folder that
it works in. There it listens on `control.sock` (only its owner may reach it) for JSON commands, one a line, each
answered by one line: `carry` says how the flow should be now, secrets included, `stats` asks how it is, `quit` ends it.
It compares what is asked with what is, so that an end which is the same before and after is never touched.
"""

import contextlib
import ipaddress
import json
import os
import random
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gio, GLib, GObject, Gst  # noqa: E402 -- the version must be chosen before the import

POLL_MS = 500
HELD_S = 5.0
"""A connection that stood this long was a good one: the next pause is short again."""
PAUSE_FIRST_S, PAUSE_MOST_S = 0.3, 8.0
RESERVED_S = 3.0
"""How long a caller that was let in counts before its connection stands."""
QUEUE_BYTES, QUEUE_NS = 8 << 20, 2 * Gst.SECOND
TAP_BUFFERS = 8000
"""How far a reader of the tap may lag behind, in buffers of at most 1316 bytes, before it is dropped."""
COMMAND_S = 15.0

Spec = dict[str, Any]


class End:
    """One SRT socket: what is known of its peers, and who may connect."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.element: Any = None
        self.handlers: list[int] = []
        self.peers: dict[str, float] = {}
        self.reserved: dict[str, float] = {}
        self.counted = 0
        self.total_bytes = 0
        self.connections = 0
        self.since_s = 0.0
        self.error = ""
        self.complaint = ""
        self.figures: dict[str, Any] = {}
        self.tries = 0
        self.lock = threading.Lock()

    @property
    def connected(self) -> bool:
        """Whether anybody is at the other side."""
        return self.since_s > 0

    def new_element(self, factory: str) -> Any:
        """Return a new SRT element, set up as this end says; gives up all that was known of the old one's peers."""
        self.peers, self.reserved, self.figures, self.counted, self.since_s = {}, {}, {}, 0, 0.0
        element = Gst.ElementFactory.make(factory)
        set_up(element, self.spec)
        if self.spec["listens"]:
            for signal, heard in (
                ("caller-connecting", self.on_connecting),
                ("caller-added", self.on_added),
                ("caller-removed", self.on_removed),
            ):
                self.handlers.append(element.connect(signal, heard))
        self.element = element
        return element

    def release(self) -> None:
        """Let go of the element: a handler that stays would keep it, and a descriptor, for ever."""
        for handler in self.handlers:
            self.element.disconnect(handler)
        self.handlers.clear()
        self.element = None
        self.since_s = 0.0
        self.peers, self.figures = {}, {}

    def on_connecting(self, _element: Any, address: Any, stream_id: str | None) -> bool:
        """Say whether a caller may connect; runs on a thread of libsrt, so it only looks things up."""
        host, now_s = address.get_address().to_string(), time.monotonic()
        with self.lock:
            self.reserved = {peer: at_s for peer, at_s in self.reserved.items() if at_s > now_s - RESERVED_S}
            if not allows(self.spec["allowlist"], host):
                self.error = f"a caller from {host} was refused: it is not in the allowlist"
            elif self.spec["stream_id"] and (stream_id or "") != self.spec["stream_id"]:
                self.error = f"a caller from {host} was refused: its stream id is not the one that is asked for"
            elif len(self.peers.keys() | self.reserved.keys()) >= self.spec["max_concurrent"]:
                self.error = f"a caller from {host} was refused: {self.spec['max_concurrent']} are connected already"
            else:
                self.reserved[name_of(address)] = now_s
                return True
        return False

    def on_added(self, _element: Any, _number: int, address: Any) -> None:
        """Remember a new peer."""
        with self.lock:
            self.reserved.pop(name_of(address), None)
            if not self.peers:
                self.since_s = time.monotonic()
                self.connections += 1
            self.peers[name_of(address)] = time.monotonic()
            self.error = self.complaint = ""

    def on_removed(self, _element: Any, _number: int, address: Any) -> None:
        """Forget a peer that left."""
        with self.lock:
            self.peers.pop(name_of(address), None)
            self.reserved.pop(name_of(address), None)
            if not self.peers:
                self.since_s = 0.0

    def poll(self) -> None:
        """Read the socket's counters."""
        if self.element is None:
            return
        stats = plain(self.element.get_property("stats"))
        peers = stats.get("callers") if self.spec["listens"] else [stats]
        peers = [peer for peer in peers or [] if "rtt-ms" in peer]
        if not self.spec["listens"]:
            self.follow_call(connected=bool(peers))
        # The totals count the media alone; the figures of each peer count headers too.
        counted = int(stats.get("bytes-sent-total") or 0) + int(stats.get("bytes-received-total") or 0)
        self.total_bytes += max(0, counted - self.counted)
        self.counted = counted
        self.figures = figures(peers)

    def follow_call(self, *, connected: bool) -> None:
        """Notice that our call was answered, or lost."""
        if connected and not self.since_s:
            self.since_s = time.monotonic()
            self.connections += 1
            self.error = self.complaint = ""
        elif not connected:
            self.since_s = 0.0

    def pause_s(self) -> float:
        """Return how long to wait before the next try."""
        if self.since_s and time.monotonic() - self.since_s > HELD_S:
            self.tries = 0
        most_s = min(PAUSE_MOST_S, PAUSE_FIRST_S * 2**self.tries)
        self.tries = min(self.tries + 1, 10)
        return max(PAUSE_FIRST_S, random.SystemRandom().uniform(0, most_s))

    def state(self) -> Spec:
        """Return what is known of this end."""
        peer = next(iter(self.peers), "")
        if self.connected and not self.spec["listens"]:
            peer = f"{self.spec['host']}:{self.spec['port']}"
        return {
            "connected": self.connected,
            "connected_ms": round(1000 * (time.monotonic() - self.since_s)) if self.connected else 0,
            "connections": self.connections,
            "bytes": self.total_bytes,
            "peer": peer,
            "error": "" if self.connected else self.error,
            "complaint": "" if self.connected else self.complaint,
            **self.figures,
        }


class Branch:
    """One way out of the tee: a bin with a leaky queue, so that no output ever waits for another."""

    def __init__(self, flow: "Flow", sink: Any) -> None:
        self.flow = flow
        self.bin = Gst.Bin.new(None)
        guard = Gst.ElementFactory.make("errorignore")
        guard.set_property("ignore-error", True)
        guard.set_property("ignore-eos", True)
        guard.set_property("convert-to", Gst.FlowReturn.OK)
        queue = Gst.ElementFactory.make("queue")
        queue.set_property("leaky", 2)
        queue.set_property("max-size-buffers", 0)
        queue.set_property("max-size-bytes", QUEUE_BYTES)
        queue.set_property("max-size-time", QUEUE_NS)
        for element in (guard, queue, sink):
            self.bin.add(element)
        guard.link(queue)
        queue.link(sink)
        self.bin.add_pad(Gst.GhostPad.new("sink", guard.get_static_pad("sink")))
        self.pad: Any = None

    def start(self) -> bool:
        """Join the flow; a bin that does not start is never linked, for its errors would reach the siblings."""
        self.flow.pipeline.add(self.bin)
        if self.bin.set_state(Gst.State.PLAYING) == Gst.StateChangeReturn.FAILURE:
            self.bin.set_state(Gst.State.NULL)
            self.flow.pipeline.remove(self.bin)
            return False
        self.pad = self.flow.tee.request_pad_simple("src_%u")
        self.pad.link(self.bin.get_static_pad("sink"))
        return True

    def stop(self, then: Any) -> None:
        """Leave the flow, and call `then` once the socket is closed: the same port may be bound after that."""
        left: list[bool] = []

        def unlink(pad: Any, _info: Any) -> Any:
            if not left:
                left.append(True)
                pad.unlink(self.bin.get_static_pad("sink"))
                GLib.idle_add(finish)
            return Gst.PadProbeReturn.REMOVE

        def finish() -> Any:
            self.flow.tee.release_request_pad(self.pad)
            self.bin.set_state(Gst.State.NULL)
            self.flow.pipeline.remove(self.bin)
            then()
            return GLib.SOURCE_REMOVE

        self.pad.add_probe(Gst.PadProbeType.IDLE, unlink)


class Output:
    """An SRT output, tried again and again while it is wanted."""

    def __init__(self, flow: "Flow", spec: Spec) -> None:
        self.flow = flow
        self.end = End(spec)
        self.branch: Branch | None = None
        self.wanted = True
        self.timer = 0

    def start(self) -> Any:
        """Open the socket; where that fails, try again later."""
        self.timer = 0
        branch = Branch(self.flow, self.end.new_element("srtsink"))
        if branch.start():
            self.branch = branch
        else:
            self.end.release()
            self.end.error = self.end.error or "the socket cannot be opened: is the port in use?"
            self.timer = GLib.timeout_add(round(1000 * self.end.pause_s()), self.start)
        return GLib.SOURCE_REMOVE

    def restart_later(self) -> None:
        """Tear the socket down and try anew after a pause: left alone, a refused call tries 14 times a second."""
        if self.branch is None or not self.wanted:
            return
        pause_ms = round(1000 * self.end.pause_s())

        def again() -> None:
            if self.wanted:
                self.timer = GLib.timeout_add(pause_ms, self.start)

        self.close(again)

    def close(self, then: Any) -> None:
        """Close the socket, then call `then`."""
        if self.timer:
            GLib.source_remove(self.timer)
            self.timer = 0
        branch, self.branch = self.branch, None
        if branch is None:
            then()
            return

        def closed() -> None:
            self.end.release()
            then()

        branch.stop(closed)

    def remove(self, then: Any) -> None:
        """Close the socket for good."""
        self.wanted = False
        self.close(then)


class Input:
    """The SRT input; whoever publishes may come and go, the outputs stay connected."""

    def __init__(self, flow: "Flow", spec: Spec) -> None:
        self.flow = flow
        self.end = End(spec)
        self.timer = 0

    def start(self) -> Any:
        """Open the socket; where that fails, try again later."""
        self.timer = 0
        source = self.end.new_element("srtsrc")
        # An end of stream would end the outputs too; a source that comes to one is begun anew instead.
        source.get_static_pad("src").add_probe(Gst.PadProbeType.EVENT_DOWNSTREAM, self.on_event)
        self.flow.pipeline.add(source)
        source.link(self.flow.tee)
        if source.set_state(Gst.State.PLAYING) == Gst.StateChangeReturn.FAILURE:
            self.end.error = self.end.error or "the socket cannot be opened: is the port in use?"
            self.restart_later()
        return GLib.SOURCE_REMOVE

    def on_event(self, _pad: Any, info: Any) -> Any:
        """Keep an end of stream from the outputs."""
        if info.get_event().type != Gst.EventType.EOS:
            return Gst.PadProbeReturn.OK
        GLib.idle_add(self.restart_later)
        return Gst.PadProbeReturn.DROP

    def restart_later(self) -> Any:
        """Close the socket, and open it anew after a pause."""
        if self.end.element is not None:
            pause_ms = round(1000 * self.end.pause_s())
            self.close()
            self.timer = GLib.timeout_add(pause_ms, self.start)
        return GLib.SOURCE_REMOVE

    def close(self) -> None:
        """Close the socket."""
        if self.timer:
            GLib.source_remove(self.timer)
            self.timer = 0
        source = self.end.element
        if source is not None:
            source.set_state(Gst.State.NULL)
            source.unlink(self.flow.tee)
            self.flow.pipeline.remove(source)
            self.end.release()


class Tap:
    """Gives the stream to programs of ours on a socket in our own folder."""

    def __init__(self, flow: "Flow") -> None:
        self.sink = Gst.ElementFactory.make("multisocketsink")
        for name, value in (("sync", False), ("async", False), ("buffers-max", TAP_BUFFERS)):
            self.sink.set_property(name, value)
        self.branch = Branch(flow, self.sink)
        self.branch.start()
        self.listener = listen("tap.sock")
        self.watch = GLib.io_add_watch(
            self.listener.fileno(), GLib.PRIORITY_DEFAULT, GLib.IOCondition.IN, self.on_reader
        )
        self.handler = self.sink.connect("client-socket-removed", lambda _sink, reader: reader.close())

    def on_reader(self, *_: Any) -> Any:
        """Serve a new reader."""
        reader, _ = self.listener.accept()
        self.sink.emit("add", Gio.Socket.new_from_fd(reader.detach()))
        return GLib.SOURCE_CONTINUE

    def remove(self, then: Any) -> None:
        """Cut the readers off."""
        GLib.source_remove(self.watch)
        self.listener.close()
        self.sink.emit("clear")

        def closed() -> None:
            self.sink.disconnect(self.handler)
            then()

        self.branch.stop(closed)


class Flow:
    """The whole flow: one pipeline."""

    def __init__(self, loop: Any) -> None:
        self.loop = loop
        self.pipeline = Gst.Pipeline.new("flow")
        self.tee = Gst.ElementFactory.make("tee")
        self.tee.set_property("allow-not-linked", True)
        self.pipeline.add(self.tee)
        self.input: Input | None = None
        self.outputs: dict[str, Output] = {}
        self.tap: Tap | None = None
        self.pipeline.set_state(Gst.State.PLAYING)
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message", self.on_message)
        GLib.timeout_add(POLL_MS, self.poll)

    def carry(self, wanted: Spec, done: Any) -> None:
        """Make the flow so, then call `done`: what is no longer wanted goes first, for its port may be wanted again."""
        self.carry_input(wanted["input"])
        going = [key for key, output in self.outputs.items() if self.must_go(output, wanted["outputs"].get(key))]
        leaving: list[Any] = [self.outputs.pop(key) for key in going]
        if self.tap is not None and not wanted["tap"]:
            leaving.append(self.tap)
            self.tap = None
        waiting = [len(leaving)]

        def one_left() -> None:
            waiting[0] -= 1
            if waiting[0] <= 0:
                self.add_missing(wanted)
                done()

        if not leaving:
            one_left()
        for output in leaving:
            output.remove(one_left)

    def carry_input(self, spec: Spec) -> None:
        """Make the input so; a change of it alone leaves the outputs connected."""
        if self.input is not None and not self.must_go(self.input, spec):
            return
        old, self.input = self.input, Input(self, spec)
        if old is not None:
            old.close()
            self.input.end.connections, self.input.end.total_bytes = old.end.connections, old.end.total_bytes
        self.input.start()

    @staticmethod
    def must_go(what: Any, spec: Spec | None) -> bool:
        """Whether an end cannot stay as it is; who may connect is edited in place unless someone connected may not."""
        end = what.end
        if spec is None or any(
            spec[key] != end.spec[key] for key in spec if key not in {"allowlist", "max_concurrent"}
        ):
            return True
        with end.lock:
            hosts = [peer.rsplit(":", 1)[0] for peer in end.peers]
            if len(hosts) > spec["max_concurrent"] or not all(allows(spec["allowlist"], host) for host in hosts):
                return True
            end.spec = spec
        return False

    def add_missing(self, wanted: Spec) -> None:
        """Start what is wanted and not there."""
        if wanted["tap"] and self.tap is None:
            self.tap = Tap(self)
        for key, spec in wanted["outputs"].items():
            if key not in self.outputs:
                self.outputs[key] = Output(self, spec)
                self.outputs[key].start()

    def on_message(self, _bus: Any, message: Any) -> None:
        """Learn what went wrong, and with which socket."""
        if message.type == Gst.MessageType.ERROR:
            error, debug = message.parse_error()
        elif message.type == Gst.MessageType.WARNING:
            error, debug = message.parse_warning()
        else:
            return
        failed = message.type == Gst.MessageType.ERROR
        for end in (self.input, *self.outputs.values()):
            if end is not None and end.end.element is message.src:
                end.end.complaint = f"{error.message} {(debug or '').strip().splitlines()[-1:]}"
                # A listener warns of a caller that left; a caller's warning is that its call failed.
                if failed or not end.end.spec["listens"]:
                    end.restart_later()

    def poll(self) -> Any:
        """Read all counters."""
        for end in (self.input, *self.outputs.values()):
            if end is not None:
                end.end.poll()
        return GLib.SOURCE_CONTINUE

    def stats(self) -> Spec:
        """Return what is known of every end."""
        self.poll()
        return {
            "input": self.input.end.state() if self.input is not None else None,
            "outputs": {key: output.end.state() for key, output in self.outputs.items()},
        }


class Control:
    """Takes commands, one connection at a time, and runs them on the main loop."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.listener = listen("control.sock")
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self) -> None:
        """Answer whoever connects, for ever."""
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.converse, args=(connection,), daemon=True).start()

    def converse(self, connection: socket.socket) -> None:
        """Answer one connection's commands until it leaves."""
        with connection, connection.makefile("rwb") as lines, contextlib.suppress(OSError):
            for line in lines:
                lines.write(json.dumps(self.answer(json.loads(line))).encode() + b"\n")
                lines.flush()

    def answer(self, command: Spec) -> Spec:
        """Run one command and return its answer."""
        done, answer = threading.Event(), {}

        def run() -> Any:
            if command["do"] == "carry":
                self.flow.carry(command, done.set)
                return GLib.SOURCE_REMOVE
            if command["do"] == "stats":
                answer.update(self.flow.stats())
            elif command["do"] == "quit":
                self.flow.loop.quit()
            done.set()
            return GLib.SOURCE_REMOVE

        GLib.idle_add(run)
        return answer if done.wait(COMMAND_S) else {"error": "not done in time"}


def set_up(element: Any, spec: Spec) -> None:
    """Give an SRT element its address, its secret and its manners."""
    host = f"[{spec['host']}]" if ":" in spec["host"] else spec["host"]
    mode = "listener" if spec["listens"] else "caller"
    idle_ms = spec["peer_idle_timeout_ms"]
    element.set_property("uri", f"srt://{host}:{spec['port']}?mode={mode}&peeridletimeo={idle_ms}")
    element.set_property("latency", spec["latency_ms"])
    # Written out, though said to be the default: without it nobody asks who connects.
    element.set_property("authentication", True)
    element.set_property("auto-reconnect", True)
    if spec["stream_id"] and not spec["listens"]:
        element.set_property("streamid", spec["stream_id"])
    if spec["passphrase"]:
        element.set_property("passphrase", spec["passphrase"])
        element.set_property("pbkeylen", spec["key_length"])
    if element.get_factory().get_name() == "srtsrc":
        element.set_property("keep-listening", True)
    else:
        for name in ("wait-for-connection", "sync", "async"):
            element.set_property(name, False)


def allows(allowlist: list[str], host: str) -> bool:
    """Whether a host is within one of the CIDRs; an empty list allows everybody."""
    address = ipaddress.ip_address(host)
    return not allowlist or any(address in ipaddress.ip_network(cidr, strict=False) for cidr in allowlist)


def name_of(address: Any) -> str:
    """Return the `ip:port` of a peer."""
    return f"{address.get_address().to_string()}:{address.get_port()}"


def plain(value: Any) -> Any:
    """Return a GStreamer structure as dictionaries and lists."""
    if isinstance(value, Gst.Structure):
        names = [value.nth_field_name(index) for index in range(value.n_fields())]
        return {name: plain(value.get_value(name)) for name in names}
    # The same array comes as a list or as a ValueArray, by the moment that it is read at.
    if isinstance(value, list):
        return [plain(member) for member in value]
    if isinstance(value, GObject.ValueArray):
        return [plain(value.get_nth(index)) for index in range(value.n_values)]
    if isinstance(value, Gio.InetSocketAddress):
        return name_of(value)
    return value


def figures(peers: list[Spec]) -> Spec:
    """Return the figures of all peers of a socket together."""
    if not peers:
        return {}

    def added(*names: str) -> int:
        return sum(int(peer.get(name) or 0) for peer in peers for name in names)

    return {
        "latency_ms": max(int(peer.get("negotiated-latency-ms") or 0) for peer in peers),
        "rtt_ms": max(float(peer.get("rtt-ms") or 0.0) for peer in peers),
        "packets": added("packets-sent", "packets-received"),
        "packets_lost": added("packets-sent-lost", "packets-received-lost"),
        "packets_retransmitted": added("packets-retransmitted", "packets-received-retransmitted"),
        "packets_dropped": added("packets-sent-dropped", "packets-received-dropped"),
    }


def listen(name: str) -> socket.socket:
    """Return a listening socket in the working folder that only its owner may reach."""
    with contextlib.suppress(FileNotFoundError):
        Path(name).unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(name)
    Path(name).chmod(0o600)
    listener.listen(8)
    return listener


def main() -> None:
    """Carry the flow until told to quit."""
    os.chdir(sys.argv[1])
    os.umask(0o077)
    Gst.init(None)
    loop = GLib.MainLoop()
    flow = Flow(loop)
    Control(flow)
    loop.run()
    flow.pipeline.set_state(Gst.State.NULL)


if __name__ == "__main__":
    main()
