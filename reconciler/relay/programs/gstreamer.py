"""GStreamer for the engines that need it, in the versions that they are written for."""

import gi

gi.require_versions({"Gst": "1.0", "GstRtsp": "1.0", "GstSdp": "1.0"})
from gi.repository import Gst, GstRtsp, GstSdp  # noqa: E402 -- the versions must be chosen before the import

__all__ = ["Gst", "GstRtsp", "GstSdp"]
