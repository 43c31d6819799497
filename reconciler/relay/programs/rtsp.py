"""
Carries one RTSP flow: one pull from the origin, and every packet of it to the players of every output.

Neither sound nor picture is looked into, so whatever RTP can carry passes. Nothing goes over a local port in between,
where any other process of the machine could put packets in.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

os.umask(0o077)
# What the plugins are is found out once a flow: the shared list may be closed to this user.
os.environ.setdefault("GST_REGISTRY", str(Path("registry.bin").absolute()))

import gi  # noqa: E402 -- GStreamer looks at the environment as it is loaded

gi.require_version("Gst", "1.0")
from gi.repository import GLib, Gst  # noqa: E402

from reconciler.relay.programs.control import Control, Done, Json  # noqa: E402
from reconciler.relay.programs.rtsp_pull import Heard, Pull  # noqa: E402
from reconciler.relay.programs.rtsp_serve import Output  # noqa: E402

_TICK_MS: Final = 100
_LOOK_S: Final = 1.0
_PLACE: Final = ("host", "port", "path")
"""What an output cannot change without being another one."""

Spec = dict[str, Any]


def post(task: Callable[[], None]) -> None:
    """Have the main loop run something soon."""

    def once() -> bool:
        task()
        return False

    GLib.idle_add(once)


class Flow:
    """The whole flow."""

    def __init__(self) -> None:
        self.loop = GLib.MainLoop()
        self.pull: Pull | None = None
        self.outputs: dict[str, Output] = {}
        self._targets: tuple[Output, ...] = ()
        self._offered: tuple[tuple[int, str], ...] = ()
        self._look_s = 0.0

    def tick(self) -> bool:
        """Look after what time brings about."""
        now_s = time.monotonic()
        looks = now_s >= self._look_s
        if self.pull is not None:
            self.pull.tick(now_s)
            if looks:
                self.pull.look(now_s)
        if looks:
            self._look_s = now_s + _LOOK_S
            for output in self.outputs.values():
                output.tick(now_s)
        return True

    def carry(self, wanted: Spec) -> None:
        """Make the flow so; what is the same before and after is not touched."""
        before, self.outputs = self.outputs, {}
        for key, spec in wanted["outputs"].items():
            old = before.pop(key, None)
            if old is not None and all(old.spec[name] == spec[name] for name in _PLACE):
                if old.spec != spec:
                    old.edit(spec)
                self.outputs[key] = old
                continue
            if old is not None:
                old.close()
            self.outputs[key] = Output(spec, self.offer)
        for gone in before.values():
            gone.close()
        # Last, for a port may have passed from one to another.
        for output in self.outputs.values():
            output.tick(time.monotonic())
        self._targets = tuple(self.outputs.values())
        self.carry_source(wanted["input"])

    def carry_source(self, spec: Spec) -> None:
        """Pull from there."""
        if self.pull is not None:
            if {**self.pull.spec, "denied_ports": spec["denied_ports"]} == spec:
                # Ports of the flow's own outputs come and go; whom it pulls from is the same.
                self.pull.spec = spec
                return
            self.pull.close()
        self.pull = Pull(spec, Heard(packet=self.packet, changed=self.changed), post)
        self.pull.tick(time.monotonic())

    def offer(self) -> tuple[tuple[int, str], ...]:
        """Return the tracks that players can have now."""
        pull = self.pull
        if pull is None or not pull.up:
            return ()
        return tuple((number, track.caps) for number, track in pull.tracks.items())

    def packet(self, number: int, packet: bytes, at_ns: int) -> None:
        """Pass a packet of a track on; called on a thread of the source."""
        for output in self._targets:
            output.feed(number, packet, at_ns)

    def changed(self) -> None:
        """Have players stay over a loss of the origin, unless it comes back as something else."""
        offered = self.offer()
        if not offered:
            for output in self.outputs.values():
                output.without_upstream()
        elif offered != self._offered:
            self._offered = offered
            for output in self.outputs.values():
                output.offer()

    def stats(self) -> Json:
        """Return what is known of every end."""
        now_s = time.monotonic()
        return {
            "input": {} if self.pull is None else self.pull.figures(now_s),
            "outputs": {key: output.figures(now_s) for key, output in self.outputs.items()},
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
                self.loop.quit()
                done({})
            case unknown:
                done({"error": f"no such command: {unknown}"})


def main() -> None:
    """Carry the flow until told to quit."""
    Gst.init(None)
    flow = Flow()
    GLib.timeout_add(_TICK_MS, flow.tick)
    Control(flow.handle, post)
    flow.loop.run()
