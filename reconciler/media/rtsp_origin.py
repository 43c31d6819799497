"""
A stand-alone program: an RTSP server that players pull a transport stream from, H.264 with AAC.

Run by the distribution's Python, whose `gi` it needs; it imports nothing of ours. The first line of its standard input
is JSON and says where to serve and whom to ask for a password, so that neither the process list nor the environment
holds a secret. The stream follows on standard input; what nobody plays is thrown away. It writes a line on standard
output once it serves, and ends with the stream.
"""

import json
import os
import sys
import threading
from typing import Any

import gi

gi.require_versions({"Gst": "1.0", "GstRtsp": "1.0", "GstRtspServer": "1.0"})
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402 -- the versions must be chosen before the import

PACKET_BYTES = 188
PIECE_BYTES = 7 * PACKET_BYTES
ROLE = "player"
# With less room, the tracks wait for each other when a stream begins.
QUEUE = "queue max-size-time=5000000000 max-size-bytes=0 max-size-buffers=0"
PIPELINE = f"""(
  appsrc name=stream is-live=true do-timestamp=true format=time max-bytes=4000000 leaky-type=downstream
    caps=video/mpegts,systemstream=true,packetsize={PACKET_BYTES} ! tsdemux name=d latency=50
  d. ! video/x-h264 ! {QUEUE} ! h264parse ! rtph264pay name=pay0 pt=96 config-interval=1
  d. ! audio/mpeg ! {QUEUE} ! aacparse ! rtpmp4gpay name=pay1 pt=97
)"""


class Origin:
    """One stream, served at one path."""

    def __init__(self, wanted: dict[str, Any], loop: Any) -> None:
        self.loop = loop
        self.stream: Any = None
        self.server = GstRtspServer.RTSPServer()
        self.server.set_address(wanted["host"])
        self.server.set_service(str(wanted["port"]))
        self.server.get_thread_pool().set_max_threads(8)
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_launch(PIPELINE)
        factory.set_shared(True)
        factory.connect("media-configure", self.on_media)
        if wanted["username"]:
            guard(self.server, factory, wanted["username"], wanted["password"])
        self.server.get_mount_points().add_factory("/" + wanted["path"].strip("/"), factory)

    def start(self) -> bool:
        """Serve; return whether that can be done."""
        return bool(self.server.attach(None))

    def on_media(self, _factory: Any, media: Any) -> None:
        """Feed the pipeline that players share from now on."""
        self.stream = media.get_element().get_by_name("stream")
        media.connect("unprepared", self.on_end, self.stream)

    def on_end(self, _media: Any, stream: Any) -> None:
        """The last player of a pipeline has left; those of the next may be there already."""
        if self.stream is stream:
            self.stream = None

    def feed(self) -> None:
        """Pass the stream on until it ends; runs on a thread of its own."""
        rest = b""
        while piece := os.read(0, PIECE_BYTES):
            rest += piece
            whole = len(rest) - len(rest) % PACKET_BYTES
            if whole and (stream := self.stream) is not None:
                stream.emit("push-buffer", Gst.Buffer.new_wrapped(rest[:whole]))
            rest = rest[whole:]
        self.loop.quit()


def guard(server: Any, factory: Any, username: str, password: str) -> None:
    """Let in only who knows the name and the password."""
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", ROLE)
    auth = GstRtspServer.RTSPAuth()
    auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
    auth.add_digest(username, password, token)
    server.set_auth(auth)
    permissions = GstRtspServer.RTSPPermissions()
    for permission in ("media.factory.access", "media.factory.construct"):
        permissions.add_permission_for_role(ROLE, permission, allowed=True)
    factory.set_permissions(permissions)


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
    """Serve until the stream ends."""
    wanted = first_line()
    Gst.init(None)
    loop = GLib.MainLoop()
    origin = Origin(wanted, loop)
    if not origin.start():
        sys.exit("the port is in use")
    os.write(1, b"serving\n")
    threading.Thread(target=origin.feed, daemon=True).start()
    loop.run()


if __name__ == "__main__":
    main()
