"""
Carries one RTP flow: every packet of its source, unchanged, to every destination.

The payload is not looked into, but for the tracks of a transport stream (payload type 33). RTCP has a port of its own,
which is not bound. A
destination is a connected socket of its own, so that what the network says against one is known of that one alone.
"""

import errno
import os
import queue
import random
import select
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from reconciler.relay.programs.control import Control, Done, Json
from reconciler.relay.programs.reach import Networks, listed, networks_of, refusal_of
from reconciler.relay.programs.transport_stream import Tracks

_DATAGRAM_BYTES: Final = 65_536
_RECEIVE_BUFFER_BYTES: Final = 8 << 20
_HEADER_BYTES: Final = 12
_TRANSPORT_STREAM: Final = 33
_VERSION: Final = 2
_SEQUENCES: Final = 1 << 16
_NO_SOCKET: Final = "this machine opens no more sockets"
_MOST_LOST: Final = 1000
"""A jump above this is a source that began anew, not packets that were lost."""
_BATCH: Final = 512
_TICK_S: Final = 0.1
_QUIET_S: Final = 2.0
"""A destination of which nothing bad was heard for so long takes what it is sent."""
_PAUSE_FIRST_S, _PAUSE_MOST_S = 0.5, 10.0

Spec = dict[str, Any]
Task = Callable[[], None]


@dataclass(slots=True)
class Destination:
    """One place where every packet goes."""

    host: str
    port: int
    bounds: Spec
    """Whom nothing is sent to, as `reach.refusal_of` reads it."""
    peer: str = ""
    packets: int = 0
    bytes: int = 0
    dropped: int = 0
    error: str = ""
    since_s: float = 0.0
    last_s: float = 0.0
    refused_s: float = 0.0
    """When the network last said that nobody takes the packets; 0 when it has not for a while."""
    connections: int = 0
    _socket: socket.socket | None = None
    _retry_s: float = 0.0
    _tries: int = 0
    _resolving: bool = False
    _closed: bool = False

    def tick(self, now_s: float, post: Callable[[Task], None]) -> None:
        """Look the host up, on a thread of its own, where that is to be done."""
        if self._socket is None and not self._resolving and now_s >= self._retry_s:
            self._resolving = True
            threading.Thread(target=self._resolve, args=(post,), daemon=True).start()

    def send(self, packet: memoryview, now_s: float) -> None:
        """Send a packet; what the network has against it is noted, and the next one is sent all the same."""
        if self._socket is None:
            return
        try:
            self._socket.send(packet)
        except BlockingIOError:
            self.dropped += 1
            return
        except OSError as error:
            # What is told is of an earlier packet, and this one was not sent for it: it is sent once more.
            self._refused(error, now_s)
            if not self._sent_again(packet):
                return
        self.packets += 1
        self.bytes += len(packet)
        self.last_s = now_s
        if not self.since_s and not self.refused_s:
            self.since_s = now_s
            self.connections += 1

    def _refused(self, error: OSError, now_s: float) -> None:
        reasons = {errno.ECONNREFUSED: "nothing listens there", errno.EMSGSIZE: "the packets are too large for the way"}
        self.error = reasons.get(error.errno or 0, "no route to host")
        self.refused_s, self.since_s = now_s, 0.0

    def _sent_again(self, packet: memoryview) -> bool:
        try:
            if self._socket is not None:
                self._socket.send(packet)
        except OSError:
            self.dropped += 1
            return False
        return True

    def settle(self, now_s: float, idle_s: float) -> None:
        """Forget an old complaint of a destination that takes what it is sent, and a connection that is idle."""
        if self.since_s and now_s - self.last_s > idle_s:
            self.since_s = 0.0
        if self.refused_s and now_s - self.refused_s > _QUIET_S:
            self.refused_s, self.error = 0.0, ""

    def keep_to(self, bounds: Spec) -> None:
        """Take whom nothing is sent to, and leave off where that is this one."""
        self.bounds = bounds
        if self._socket is None:
            return
        refusal = refusal_of(bounds, str(self._socket.getpeername()[0]), self.port)
        if refusal:
            self._socket.close()
            self._socket, self.since_s = None, 0.0
            self._fail(refusal)

    def close(self) -> None:
        """Send nothing more."""
        self._closed = True
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def figures(self, now_s: float, pipeline: int) -> Json:
        """Return what is known of it."""
        return {
            "pipeline": pipeline,
            "peer": self.peer,
            "connected": bool(self.since_s),
            "connected_ms": round(1000 * (now_s - self.since_s)) if self.since_s else 0,
            "connections": self.connections,
            "packets": self.packets,
            "bytes": self.bytes,
            "dropped": self.dropped,
            "error": self.error,
        }

    def _resolve(self, post: Callable[[Task], None]) -> None:
        try:
            found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_DGRAM)
        except (OSError, UnicodeError):
            found = []
        post(partial(self._found, found[0] if found else None))

    def _found(self, address: Any) -> None:
        self._resolving = False
        if self._closed:
            return
        if address is None:
            self._fail("the host is not known")
            return
        family, _, _, _, place = address
        refusal = refusal_of(self.bounds, str(place[0]), self.port)
        if refusal:
            self._fail(refusal)
            return
        try:
            made = socket.socket(family, socket.SOCK_DGRAM)
        except OSError:
            self._fail(_NO_SOCKET)
            return
        made.setblocking(False)
        try:
            made.connect(place)
        except OSError:
            made.close()
            self._fail("no route to host")
            return
        self._socket, self.error, self._tries = made, "", 0
        self.peer = f"[{place[0]}]:{place[1]}" if family == socket.AF_INET6 else f"{place[0]}:{place[1]}"

    def _fail(self, reason: str) -> None:
        self.error = reason
        most_s = min(_PAUSE_MOST_S, _PAUSE_FIRST_S * 2**self._tries)
        self._tries = min(self._tries + 1, 10)
        self._retry_s = time.monotonic() + max(_PAUSE_FIRST_S, random.SystemRandom().uniform(0, most_s))


@dataclass(slots=True)
class Output:
    """One output, with its one or two destinations."""

    spec: Spec
    destinations: list[Destination]


@dataclass(slots=True)
class Source:
    """The input: one sender at a time, the first that may, until it has been silent for long enough."""

    spec: Spec
    endpoint: socket.socket | None = None
    sender: str = ""
    since_s: float = 0.0
    last_s: float = 0.0
    connections: int = 0
    packets: int = 0
    bytes: int = 0
    lost: int = 0
    refused: int = 0
    error: str = ""
    _sequence: int | None = None
    _verdicts: dict[str, bool] = field(default_factory=dict)
    _networks: Networks = field(init=False)

    def __post_init__(self) -> None:
        """Read who may send once: it is asked of every sender."""
        self._networks = networks_of(self.spec["allowlist"])

    def open(self) -> None:
        """Bind the socket, where that is not done."""
        if self.endpoint is not None:
            return
        host = self.spec["host"]
        try:
            made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        except OSError:
            self.error = _NO_SOCKET
            return
        made.setblocking(False)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
        try:
            made.bind((host, self.spec["port"]))
        except OSError:
            made.close()
            self.error = "the socket cannot be opened: is the port in use?"
            return
        self.endpoint, self.error = made, ""

    def close(self) -> None:
        """Receive nothing more."""
        if self.endpoint is not None:
            self.endpoint.close()
            self.endpoint = None

    def edit(self, spec: Spec) -> None:
        """Take who may send, and how long silence may be, and leave the rest as it is."""
        self.spec = spec
        self._networks = networks_of(spec["allowlist"])
        self._verdicts.clear()
        if self.sender and not self._may_send(self.sender.rpartition(":")[0].strip("[]")):
            self._leave()

    def admits(self, place: tuple[Any, ...], now_s: float) -> bool:
        """Whether a packet from there is the flow's."""
        sender = f"[{place[0]}]:{place[1]}" if ":" in place[0] else f"{place[0]}:{place[1]}"
        if sender == self.sender:
            return True
        if not self._may_send(place[0]):
            self.error = f"packets from {place[0]} are dropped: it is not in the allowlist"
        elif self.sender and now_s - self.last_s < self.spec["idle_timeout_ms"] / 1000:
            self.error = f"packets from {sender} are dropped: somebody else is sending already"
        else:
            self.sender, self.since_s, self._sequence = sender, now_s, None
            self.connections += 1
            self.error = ""
            return True
        self.refused += 1
        return False

    def count(self, packet: memoryview, now_s: float) -> None:
        """Count a packet, and those that are missing before it."""
        self.packets += 1
        self.bytes += len(packet)
        self.last_s = now_s
        if len(packet) < _HEADER_BYTES or packet[0] >> 6 != _VERSION:
            return
        sequence = packet[2] << 8 | packet[3]
        if self._sequence is None:
            self._sequence = sequence
            return
        ahead = (sequence - self._sequence) % _SEQUENCES
        if 0 < ahead <= _MOST_LOST:
            self.lost += ahead - 1
        elif ahead > _SEQUENCES - _MOST_LOST:
            # Late, and counted as lost before it came.
            self.lost = max(0, self.lost - 1)
            return
        self._sequence = sequence

    def settle(self, now_s: float) -> None:
        """Notice that the sender has gone."""
        if self.sender and now_s - self.last_s > self.spec["idle_timeout_ms"] / 1000:
            self._leave()

    def figures(self, now_s: float) -> Json:
        """Return what is known of it."""
        return {
            "peer": self.sender,
            "connected": bool(self.sender),
            "connected_ms": round(1000 * (now_s - self.since_s)) if self.sender else 0,
            "connections": self.connections,
            "packets": self.packets,
            "bytes": self.bytes,
            "lost": self.lost,
            "refused": self.refused,
            "error": self.error,
        }

    def _may_send(self, host: str) -> bool:
        if host not in self._verdicts:
            if len(self._verdicts) > _MOST_LOST:
                self._verdicts.clear()
            self._verdicts[host] = listed(self._networks, host)
        return self._verdicts[host]

    def _leave(self) -> None:
        self.sender, self.since_s = "", 0.0


class Flow:
    """The whole flow."""

    def __init__(self) -> None:
        self.poll = select.poll()
        self.wake, self.waker = socket.socketpair()
        self.wake.setblocking(False)
        self.waker.setblocking(False)
        self.poll.register(self.wake, select.POLLIN)
        self.commands: queue.SimpleQueue[Task] = queue.SimpleQueue()
        self.source: Source | None = None
        self.outputs: dict[str, Output] = {}
        self.targets: list[Destination] = []
        self.tracks = Tracks()
        self.buffer = bytearray(_DATAGRAM_BYTES)
        self.ends = False

    def post(self, task: Task) -> None:
        """Have the main loop run something soon."""
        self.commands.put(task)
        try:
            self.waker.send(b"!")
        except BlockingIOError:
            return

    def run(self) -> None:
        """Carry the flow until told to quit."""
        next_s = 0.0
        while not self.ends:
            for descriptor, _ in self.poll.poll(_TICK_S * 1000):
                if descriptor == self.wake.fileno():
                    self.wake.recv(4096)
                else:
                    self.receive()
            while not self.commands.empty():
                self.commands.get()()
            now_s = time.monotonic()
            if now_s >= next_s:
                next_s = now_s + _TICK_S
                self.tick(now_s)

    def tick(self, now_s: float) -> None:
        """Look after what time brings about."""
        if self.source is not None:
            if self.source.endpoint is None:
                self.listen(self.source)
            self.source.settle(now_s)
        for output in self.outputs.values():
            for destination in output.destinations:
                destination.tick(now_s, self.post)
                destination.settle(now_s, output.spec["idle_timeout_ms"] / 1000)

    def listen(self, source: Source) -> None:
        """Receive from the source's socket."""
        source.open()
        if source.endpoint is not None:
            self.poll.register(source.endpoint, select.POLLIN)

    def deafen(self, source: Source) -> None:
        """Receive from it no longer."""
        if source.endpoint is not None:
            self.poll.unregister(source.endpoint)
        source.close()

    def receive(self) -> None:
        """Pass on what has come."""
        source = self.source
        if source is None or source.endpoint is None:
            return
        now_s, view = time.monotonic(), memoryview(self.buffer)
        for _ in range(_BATCH):
            try:
                count, place = source.endpoint.recvfrom_into(self.buffer)
            except OSError:
                return
            if source.admits(place, now_s):
                packet = view[:count]
                source.count(packet, now_s)
                for destination in self.targets:
                    destination.send(packet, now_s)
                if self.tracks.wants(now_s) and count > _HEADER_BYTES and packet[1] & 0x7F == _TRANSPORT_STREAM:
                    self.tracks.feed(bytes(packet[_HEADER_BYTES:]))

    def carry(self, wanted: Spec) -> None:
        """Make the flow so; what is the same before and after is not touched."""
        self.carry_source(wanted["input"])
        now_s = time.monotonic()
        before, self.outputs = self.outputs, {}
        for key, spec in wanted["outputs"].items():
            old = before.pop(key, None)
            self.outputs[key] = Output(spec, self.destinations(spec, [] if old is None else old.destinations, now_s))
        for output in before.values():
            for destination in output.destinations:
                destination.close()
        self.targets = [one for output in self.outputs.values() for one in output.destinations]

    def destinations(self, spec: Spec, old: list[Destination], now_s: float) -> list[Destination]:
        """Return what a spec asks for; a destination that is the same before and after is not touched."""
        kept = {(one.host, one.port): one for one in old}
        made = []
        for each in spec["destinations"]:
            same = kept.pop((each["host"], each["port"]), None)
            made.append(same or Destination(each["host"], each["port"], spec))
            if same is None:
                made[-1].tick(now_s, self.post)
            else:
                same.keep_to(spec)
        for gone in kept.values():
            gone.close()
        return made

    def carry_source(self, spec: Spec) -> None:
        """Make the input so."""
        old = self.source
        place = ("host", "port")
        if old is not None and all(old.spec[key] == spec[key] for key in place):
            old.edit(spec)
            return
        if old is not None:
            self.deafen(old)
        self.source = Source(spec)
        self.listen(self.source)

    def stats(self) -> Json:
        """Return what is known of every end."""
        now_s = time.monotonic()
        source = self.source.figures(now_s) if self.source is not None else {}
        return {
            "input": {**source, "tracks": self.tracks.figures()},
            "outputs": {
                key: [one.figures(now_s, number) for number, one in enumerate(output.destinations)]
                for key, output in self.outputs.items()
            },
        }

    def handle(self, command: Json, done: Done) -> None:
        """Carry a command out."""
        match command.get("do"):
            case "carry":
                self.carry(command)
                done({})
            case "stats":
                done(self.stats())
            case "quit":
                self.ends = True
                done({})
            case unknown:
                done({"error": f"no such command: {unknown}"})


def main() -> None:
    """Carry the flow until told to quit."""
    os.umask(0o077)
    flow = Flow()
    Control(flow.handle, flow.post)
    flow.run()
