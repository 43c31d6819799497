"""The programs that carry media, the Debian packages that bring them, and what of them this machine lacks."""

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reconciler.domain.errors import EnvironmentFailedError
from reconciler.media.processes import environment

FFMPEG: Final = "/usr/bin/ffmpeg"
FFPROBE: Final = "/usr/bin/ffprobe"
NGINX: Final = "/usr/sbin/nginx"
SYSTEM_PYTHON: Final = "/usr/bin/python3"
"""The distribution's interpreter: its `gi` is not built for any other."""
RTMP_MODULE: Final = "/usr/lib/nginx/modules/ngx_rtmp_module.so"
SETPRIV: Final = "/usr/bin/setpriv"

ELEMENTS: Final[dict[str, str]] = {
    "tee": "libgstreamer1.0-0",
    "queue": "libgstreamer1.0-0",
    "fdsrc": "libgstreamer1.0-0",
    "fdsink": "libgstreamer1.0-0",
    "multisocketsink": "gstreamer1.0-plugins-base",
    "errorignore": "gstreamer1.0-plugins-bad",
    "srtsink": "gstreamer1.0-plugins-bad",
    "srtsrc": "gstreamer1.0-plugins-bad",
    "tsparse": "gstreamer1.0-plugins-bad",
    "appsink": "gstreamer1.0-plugins-base",
    "appsrc": "gstreamer1.0-plugins-base",
    "tsdemux": "gstreamer1.0-plugins-bad",
    "h264parse": "gstreamer1.0-plugins-bad",
    "aacparse": "gstreamer1.0-plugins-good",
    "rtpbin": "gstreamer1.0-plugins-good",
    "rtph264pay": "gstreamer1.0-plugins-good",
    "rtspsrc": "gstreamer1.0-plugins-good",
}
"""GStreamer elements in use, and the package of each."""

TYPELIBS: Final[dict[str, str]] = {
    "GstRtsp": "gir1.2-gst-plugins-base-1.0",
    "GstRtspServer": "gir1.2-gst-rtsp-server-1.0",
    "GstSdp": "gir1.2-gst-plugins-base-1.0",
}
"""Libraries of GStreamer that Python reaches, and the package of each."""

_CHECK_TIMEOUT_S: Final = 20.0
_CHECK: Final = """
import sys
import gi
gi.require_version("Gst", "1.0")
from gi.repository import Gst
Gst.init(None)
print(*(name for name in sys.argv[2:] if Gst.ElementFactory.find(name) is None))
print(*(name for name in sys.argv[1].split() if "1.0" not in gi.Repository.get_default().enumerate_versions(name)))
"""


@dataclass(frozen=True, slots=True, order=True)
class Requirement:
    """Something that the media need, and the Debian package that brings it."""

    name: str
    package: str


_FILES: Final = (
    Requirement(FFMPEG, "ffmpeg"),
    Requirement(FFPROBE, "ffmpeg"),
    Requirement(NGINX, "nginx-light"),
    Requirement(RTMP_MODULE, "libnginx-mod-rtmp"),
    Requirement(SETPRIV, "util-linux"),
)
_BINDINGS: Final = (
    Requirement("the Python module gi", "python3-gi"),
    Requirement("GStreamer for Python", "gir1.2-gstreamer-1.0"),
)


class MissingEnginesError(EnvironmentFailedError):
    """Programs that carry media are not installed."""

    def __init__(self, lacking: Sequence[Requirement]) -> None:
        self.lacking = tuple(lacking)
        names = ", ".join(requirement.name for requirement in self.lacking)
        packages = " ".join(sorted({requirement.package for requirement in self.lacking}))
        super().__init__(
            f"This machine lacks what carries the media: {names}. Run `make setup`, or install them yourself: "
            f"apt-get install --no-install-recommends {packages}. Without them, `relay --media none` serves the "
            f"control plane alone, and a cloud account needs none of them."
        )


def missing(*, is_there: Callable[[str], bool] | None = None) -> tuple[Requirement, ...]:
    """Return what this machine lacks to carry media, in a fixed order; empty when all is there."""
    there = is_there if is_there is not None else _is_file
    files = tuple(requirement for requirement in _FILES if not there(requirement.name))
    if not there(SYSTEM_PYTHON):
        return (*files, Requirement(SYSTEM_PYTHON, "python3"), *_BINDINGS)
    return (*files, *_missing_elements())


def demand() -> None:
    """
    Go on only where media can be carried.

    Raises:
        MissingEnginesError: something is not installed.

    """
    if lacking := missing():
        raise MissingEnginesError(lacking)


def _is_file(path: str) -> bool:
    return Path(path).is_file()


def _missing_elements() -> tuple[Requirement, ...]:
    """Ask the distribution's interpreter once for all elements: it takes a quarter of a second."""
    try:
        answer = subprocess.run(  # noqa: S603 -- a fixed program with fixed arguments
            [SYSTEM_PYTHON, "-I", "-c", _CHECK, " ".join(TYPELIBS), *ELEMENTS],
            capture_output=True,
            check=True,
            env=environment(),
            text=True,
            timeout=_CHECK_TIMEOUT_S,
        )
    except (OSError, subprocess.SubprocessError):
        return _BINDINGS
    elements, typelibs = (line.split() for line in answer.stdout.splitlines())
    return (
        *(Requirement(f"the GStreamer element {name}", ELEMENTS[name]) for name in elements),
        *(Requirement(f"{name} for Python", TYPELIBS[name]) for name in typelibs),
    )
