"""
Carries one SRT flow: its input to all of its outputs.

One thread does everything but looking hosts up. Each message that comes from the input is offered to every connection
once, and never waited for: who has no room for it loses it, and nobody else does.
"""

import ctypes
import os
import queue
import signal
import time
from collections.abc import Callable
from typing import Any, Final

from reconciler.relay.programs.control import Control, Done, Json
from reconciler.relay.programs.libsrt import Libsrt, Poll
from reconciler.relay.programs.srt_caller import Caller
from reconciler.relay.programs.srt_ends import End, Session, Spec, World
from reconciler.relay.programs.srt_listener import Listener
from reconciler.relay.programs.tap import Tap
from reconciler.relay.programs.transport_stream import Tracks

_MESSAGE_BYTES: Final = 1500
_IDLE_MS: Final = 50
_TICK_S: Final = 0.1
_BATCH: Final = 256
"""Messages read before others get their turn."""

Task = Callable[[], None]
Message = tuple[Any, int]
"""A buffer and how many bytes of it count."""


class Flow:
    """The whole flow."""

    def __init__(self) -> None:
        self.srt = Libsrt()
        self.poll = Poll(self.srt)
        self.commands: queue.SimpleQueue[Task] = queue.SimpleQueue()
        self.owners: dict[int, Task] = {}
        self.world = World(self.srt, self.poll, self.owners, self.commands.put, self.retarget)
        self.input: End | None = None
        self.outputs: dict[str, End] = {}
        self.tap: Tap | None = None
        self.tracks = Tracks()
        self.targets: list[tuple[Session, End]] = []
        self.buffers = [ctypes.create_string_buffer(_MESSAGE_BYTES) for _ in range(_BATCH)]
        self.ends = False

    def run(self) -> None:
        """Carry the flow until told to quit."""
        next_s = 0.0
        while not self.ends:
            for which in self.poll.wait(_IDLE_MS):
                owner = self.owners.get(which)
                if owner is not None:
                    owner()
            while not self.commands.empty():
                self.commands.get()()
            now_s = time.monotonic()
            if now_s >= next_s:
                next_s = now_s + _TICK_S
                self.tick(now_s)
        self.say_farewell()

    def quit(self) -> None:
        """End soon."""
        self.ends = True

    def say_farewell(self) -> None:
        """
        Close every connection.

        A peer that hears nothing of the end believes for seconds that we are there, and has no place for whoever comes
        next: what is made anew, or the next start.
        """
        for end in self.all_ends():
            end.close()

    def tick(self, now_s: float) -> None:
        """Look after what time brings about."""
        for end in self.all_ends():
            end.tick(now_s)
        if self.tap is not None:
            self.tap.flush()

    def all_ends(self) -> list[End]:
        """Return the input and the outputs."""
        return [*([self.input] if self.input is not None else []), *self.outputs.values()]

    def retarget(self) -> None:
        """List anew who gets the stream."""
        self.targets = [(session, output) for output in self.outputs.values() for session in output.sessions.values()]

    def receive(self, source: Session) -> bool:
        """Pass on what has come; return whether the publisher is still there."""
        recv, count = self.srt.recv, 1
        messages: list[Message] = []
        for buffer in self.buffers:
            count = recv(source.socket, buffer, _MESSAGE_BYTES)
            if count <= 0:
                break
            source.bytes += count
            messages.append((buffer, count))
        is_there = count > 0 or (count < 0 and self.srt.again())
        if messages:
            self.pass_on(messages)
        return is_there

    def pass_on(self, messages: list[Message]) -> None:
        """Offer messages to everybody."""
        gone = [target for target in self.targets if not self.offer(target[0], messages)]
        for session, output in gone:
            output.lost(session.socket)
        is_tapped = self.tap is not None and self.tap.is_read
        now_s = time.monotonic()
        for buffer, count in messages:
            if self.tap is not None and is_tapped:
                self.tap.write(ctypes.string_at(buffer, count))
            if self.tracks.wants(now_s):
                self.tracks.feed(ctypes.string_at(buffer, count))

    def offer(self, session: Session, messages: list[Message]) -> bool:
        """
        Send a receiver all that there is room for, and return whether it is still there.

        One receiver after the other gets all of them: libsrt has a thread a port, and each message that is sent alone
        wakes it up.
        """
        send, which = self.srt.send, session.socket
        for buffer, count in messages:
            if send(which, buffer, count) == count:
                session.bytes += count
            elif self.srt.again():
                session.dropped += 1
            else:
                return False
        return True

    def silent(self, session: Session) -> bool:
        """Take what a receiver says, which is nothing; return whether it is still there."""
        count = self.srt.recv(session.socket, self.buffers[0], _MESSAGE_BYTES)
        return count > 0 or (count < 0 and self.srt.again())

    def carry(self, wanted: Spec) -> None:
        """Make the flow so; what is no longer wanted goes first, for its port may be wanted again."""
        now_s = time.monotonic()
        if self.input is None or self.input.edit(wanted["input"]):
            old = self.input
            if old is not None:
                old.close()
            self.input = end_of(self.world, wanted["input"], receives=True, on_data=self.receive)
            if old is not None:
                self.input.connections, self.input.carried = old.connections, old.carried
            self.input.tick(now_s)
        for key, output in list(self.outputs.items()):
            spec = wanted["outputs"].get(key)
            if spec is None or output.edit(spec):
                self.outputs.pop(key).close()
        for key, spec in wanted["outputs"].items():
            if key not in self.outputs:
                self.outputs[key] = end_of(self.world, spec, receives=False, on_data=self.silent)
                self.outputs[key].tick(now_s)
        self.carry_tap(wanted=wanted["tap"])
        self.retarget()

    def carry_tap(self, *, wanted: bool) -> None:
        """Open the tap where it is wanted, and close it where it is not."""
        if wanted and self.tap is None:
            self.tap = Tap(self.commands.put)
        elif not wanted and self.tap is not None:
            self.tap.close()
            self.tap = None

    def stats(self) -> Json:
        """Return what is known of every end."""
        now_s = time.monotonic()
        source = self.input.state(now_s) if self.input is not None else {}
        return {
            "input": {**source, "tracks": self.tracks.figures()},
            "outputs": {key: output.state(now_s) for key, output in self.outputs.items()},
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
                self.quit()
                done({})
            case unknown:
                done({"error": f"no such command: {unknown}"})


def end_of(world: World, spec: Spec, *, receives: bool, on_data: Callable[[Session], bool]) -> End:
    """Return the end that a spec asks for."""
    kind = Listener if spec["listens"] else Caller
    return kind(world, spec, receives=receives, on_data=on_data)


def main() -> None:
    """Carry the flow until told to quit."""
    os.umask(0o077)
    flow = Flow()
    signal.signal(signal.SIGTERM, lambda *_: flow.commands.put(flow.quit))
    Control(flow.handle, flow.commands.put)
    flow.run()
