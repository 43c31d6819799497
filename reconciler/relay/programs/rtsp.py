"""
Carries one RTSP flow: one pull from the origin, and every packet of it to the players of every output.

Neither sound nor picture is looked into, so whatever RTP can carry passes. Nothing goes over a local port in between,
where any other process of the machine could put packets in.
"""

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from reconciler.relay.programs.control import Control, Done, Json
from reconciler.relay.programs.gstreamer import Gst
from reconciler.relay.programs.rtsp_packets import Track
from reconciler.relay.programs.rtsp_pull import Heard, Pull
from reconciler.relay.programs.rtsp_serve import Output

_TICK_S: Final = 0.1
_LOOK_S: Final = 1.0
_PLACE: Final = ("host", "port", "path")
"""What an output cannot change without being another one."""

Spec = dict[str, Any]


class Flow:
    """The whole flow; all of it runs on one loop, and other threads only post to it."""

    def __init__(self, post: Callable[[Callable[[], None]], None]) -> None:
        self.ends = asyncio.Event()
        self.pull: Pull | None = None
        self.outputs: dict[str, Output] = {}
        self._post = post
        self._offered: tuple[tuple[int, str], ...] = ()
        self._look_s = 0.0

    def tick(self, now_s: float) -> None:
        """Look after what time brings about."""
        if self.pull is not None:
            self.pull.tick(now_s)
            if now_s >= self._look_s:
                self._look_s = now_s + _LOOK_S
                self.pull.look(now_s)
        for output in self.outputs.values():
            output.tick(now_s)

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
        self.carry_source(wanted["input"])

    def carry_source(self, spec: Spec) -> None:
        """Pull from there."""
        before = self.pull
        if before is not None:
            if {**before.spec, "denied_ports": spec["denied_ports"]} == spec:
                # Ports of the flow's own outputs come and go; whom it pulls from is the same.
                before.spec = spec
                return
            before.close()
        self.pull = Pull(spec, Heard(packet=self.packet, changed=self.changed), self._post)
        if before is not None:
            # Where it has the same tracks, whoever plays goes on with them.
            self.pull.tracks = before.tracks
        self.pull.tick(time.monotonic())

    def offer(self) -> Mapping[int, Track]:
        """Return the tracks that players can have now."""
        return self.pull.tracks if self.pull is not None and self.pull.up else {}

    def packet(self, number: int, packet: bytes) -> None:
        """Pass a packet of a track on."""
        for output in self.outputs.values():
            output.feed(number, packet)

    def changed(self) -> None:
        """Have players stay over a loss of the origin, unless it comes back as something else."""
        offered = tuple((number, track.described) for number, track in self.offer().items())
        if offered and offered != self._offered:
            self._offered = offered
            for output in self.outputs.values():
                output.empty()

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
                self.ends.set()
                done({})
            case unknown:
                done({"error": f"no such command: {unknown}"})


async def _carry() -> None:
    loop = asyncio.get_running_loop()

    def post(task: Callable[[], None]) -> None:
        loop.call_soon_threadsafe(task)

    flow = Flow(post)
    Control(flow.handle, post)
    while not flow.ends.is_set():
        flow.tick(time.monotonic())
        await asyncio.sleep(_TICK_S)


def main() -> None:
    """Carry the flow until told to quit."""
    os.umask(0o077)
    # What the plugins are is found out once a flow: the shared list may be closed to this user.
    os.environ.setdefault("GST_REGISTRY", str(Path("registry.bin").absolute()))
    Gst.init(None)
    asyncio.run(_carry())
