"""
Carries one RTP flow: every packet of its source, unchanged, to every destination.

The payload is not looked into, but for the tracks of a transport stream (payload type 33). RTCP has a port of its own,
which is not bound. A destination is a connected socket of its own, so that what the network says against one is known
of that one alone.
"""

import os
import queue
import select
import socket
import time
from dataclasses import dataclass
from typing import Final

from reconciler.relay.programs.control import Control, Done, Json
from reconciler.relay.programs.rtp_destination import Destination, Task
from reconciler.relay.programs.rtp_source import HEADER_BYTES, Source, Spec
from reconciler.relay.programs.transport_stream import Tracks

_DATAGRAM_BYTES: Final = 65_536
_TRANSPORT_STREAM: Final = 33
_BATCH: Final = 512
_TICK_S: Final = 0.1


@dataclass(slots=True)
class Output:
    """One output, with its one or two destinations."""

    spec: Spec
    destinations: list[Destination]


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
                if self.tracks.wants(now_s) and count > HEADER_BYTES and packet[1] & 0x7F == _TRANSPORT_STREAM:
                    self.tracks.feed(bytes(packet[HEADER_BYTES:]))

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
