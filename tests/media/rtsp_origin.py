"""
An RTSP origin for tests: `/usr/bin/python3 rtsp_origin.py PORT FILE.ts`, which serves the file's tracks at `/live`.

A line on stdin may ask for a user name and a password, as `NAME:PASSWORD`; an empty one asks for nothing. It prints a
line once it listens.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402 -- the version must be chosen before the import

_QUEUE = "queue max-size-time=5000000000 max-size-bytes=0 max-size-buffers=0"
_ROLE = "viewer"


def pipeline(path: str) -> str:
    """Return what plays a file: its video is H.265 where the name says so."""
    codec = "h265" if "265" in path else "h264"
    tracks = [f"d. ! video/x-{codec} ! {_QUEUE} ! {codec}parse ! rtp{codec}pay name=pay0 pt=96 config-interval=1"]
    # As many tracks of sound as the name says.
    tracks.extend(
        f"d.audio_0_010{number} ! {_QUEUE} ! aacparse ! rtpmp4gpay name=pay{number} pt={96 + number}"
        for number in range(1, 1 + (2 if "two" in path else 1))
    )
    return f"( filesrc location={path} ! tsdemux name=d {' '.join(tracks)} )"


def guard(server: GstRtspServer.RTSPServer, factory: GstRtspServer.RTSPMediaFactory, wanted: str) -> None:
    """Let in only who knows the name and the password."""
    name, _, password = wanted.partition(":")
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", _ROLE)
    auth = GstRtspServer.RTSPAuth()
    auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
    auth.add_digest(name, password, token)
    server.set_auth(auth)
    permissions = GstRtspServer.RTSPPermissions()
    for permission in ("media.factory.access", "media.factory.construct"):
        permissions.add_permission_for_role(_ROLE, permission, allowed=True)
    factory.set_permissions(permissions)


def main(port: str, path: str) -> None:
    """Serve until killed."""
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(port)
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(pipeline(path))
    factory.set_shared(True)
    if wanted := sys.stdin.readline().strip():
        guard(server, factory, wanted)
    server.get_mount_points().add_factory("/live", factory)
    if not server.attach(None):
        sys.exit("the port is in use")
    sys.stdout.write("serving\n")
    sys.stdout.flush()
    GLib.MainLoop().run()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
