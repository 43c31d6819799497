"""
A stand-alone program: carries a transport stream between SRT and a pipe.

Run by the distribution's Python, whose `gi` it needs; it imports nothing of ours. The first line of its standard
input is JSON and says everything, passphrase included, so that neither the process list nor the environment holds a
secret. When it sends, the stream follows on standard input; when it receives, the stream leaves on standard output. On
standard error it says, a JSON object a line, when it connects, how many bytes went, and what went wrong. It reconnects
by itself.
"""

import json
import os
import sys
from itertools import pairwise
from typing import Any

import gi

gi.require_version("Gst", "1.0")
from gi.repository import GLib, Gst  # noqa: E402 -- the version must be chosen before the import

RETRY_MS = 300
RETRY_MOST_MS = 2000
REPORT_MS = 500


class SrtPipe:
    """One SRT socket and one pipe."""

    def __init__(self, wanted: dict[str, Any], loop: Any) -> None:
        self.loop = loop
        self.retry_ms = RETRY_MS
        self.sends = wanted["sends"]
        self.connected = False
        self.pipeline = Gst.Pipeline.new("srt")
        self.srt = make("srtsink" if self.sends else "srtsrc", "srt")
        set_up(self.srt, wanted, sends=self.sends)
        if self.sends:
            source = make("fdsrc", "pipe", fd=0, blocksize=7 * 188, do_timestamp=True)
            chain = [source, make("tsparse", "packets", alignment=7), make("queue", "queue"), self.srt]
        else:
            sink = make("fdsink", "pipe", fd=1, sync=False)
            chain = [self.srt, make("queue", "queue", max_size_time=0, max_size_buffers=0), sink]
        for element in chain:
            self.pipeline.add(element)
        for left, right in pairwise(chain):
            left.link(right)
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message", self.on_message)

    def start(self) -> Any:
        """Try to connect, or to listen."""
        self.pipeline.set_state(Gst.State.PLAYING)
        return GLib.SOURCE_REMOVE

    def on_message(self, _bus: Any, message: Any) -> None:
        """Say what is wrong, and try again after a while."""
        if message.type == Gst.MessageType.WARNING:
            error, debug = message.parse_warning()
            say(error=words(error, debug))
        elif message.type == Gst.MessageType.ERROR:
            error, debug = message.parse_error()
            say(error=words(error, debug))
            self.again(from_srt=message.src is self.srt)
        elif message.type == Gst.MessageType.EOS:
            if self.sends:
                self.loop.quit()
            else:
                self.again(from_srt=True)

    def again(self, *, from_srt: bool) -> None:
        """Begin anew after a pause; the far end of the pipe leaving is the end of all."""
        if not from_srt:
            self.loop.quit()
            return
        self.pipeline.set_state(Gst.State.NULL)
        if self.connected:
            self.connected, self.retry_ms = False, RETRY_MS
            say(connected=False)
        GLib.timeout_add(self.retry_ms, self.start)
        self.retry_ms = min(2 * self.retry_ms, RETRY_MOST_MS)

    def report(self) -> Any:
        """Say how many bytes the socket has carried."""
        carried = total(self.srt.get_property("stats"), "bytes-sent-total" if self.sends else "bytes-received-total")
        if bool(carried) != self.connected:
            self.connected = bool(carried)
            say(connected=self.connected)
        say(bytes=carried)
        return GLib.SOURCE_CONTINUE


def make(factory: str, name: str, **properties: Any) -> Any:
    """Return a new element."""
    element = Gst.ElementFactory.make(factory, name)
    for key, value in properties.items():
        element.set_property(key.replace("_", "-"), value)
    return element


def set_up(srt: Any, wanted: dict[str, Any], *, sends: bool) -> None:
    """Give the socket its address and its secret."""
    host = wanted["host"]
    host = f"[{host}]" if ":" in host else host
    srt.set_property("uri", f"srt://{host}:{wanted['port']}?mode={'listener' if wanted['listens'] else 'caller'}")
    srt.set_property("latency", wanted["latency_ms"])
    srt.set_property("authentication", True)
    srt.set_property("auto-reconnect", False)
    if wanted["stream_id"]:
        srt.set_property("streamid", wanted["stream_id"])
    if wanted["passphrase"]:
        srt.set_property("passphrase", wanted["passphrase"])
        srt.set_property("pbkeylen", wanted["key_length"])
    if sends:
        srt.set_property("sync", False)
        srt.set_property("async", False)
        srt.set_property("wait-for-connection", False)
    else:
        srt.set_property("keep-listening", True)


def total(stats: Any, name: str) -> int:
    """Return a counter of the socket."""
    if stats is None:
        return 0
    return int(stats.get_value(name)) if stats.has_field(name) else 0


def words(error: Any, debug: str | None) -> str:
    """Return the telling part of what GStreamer says."""
    last = (debug or "").strip().splitlines()[-1:] or [""]
    return f"{error.message} {last[0]}".strip()


def say(**event: Any) -> None:
    """Tell the parent; one that no longer listens is the end of us."""
    try:
        os.write(2, (json.dumps(event) + "\n").encode())
    except OSError:
        os._exit(1)


def first_line() -> dict[str, Any]:
    """Read the first line of standard input and not one byte more: the stream follows it."""
    line = bytearray()
    while not line.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            sys.exit(2)
        line += byte
    wanted: dict[str, Any] = json.loads(line)
    return wanted


def main() -> None:
    """Carry the stream until the pipe ends."""
    wanted = first_line()
    Gst.init(None)
    loop = GLib.MainLoop()
    pipe = SrtPipe(wanted, loop)
    GLib.timeout_add(REPORT_MS, pipe.report)
    pipe.start()
    loop.run()
    pipe.pipeline.set_state(Gst.State.NULL)


if __name__ == "__main__":
    main()
