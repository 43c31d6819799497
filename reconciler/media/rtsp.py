"""What the stand-alone RTSP origin is told: see `rtsp_origin.py`."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reconciler.domain.secrets import Secret
from reconciler.media.processes import Child, Streams, spawn, tied
from reconciler.media.programs import SYSTEM_PYTHON

PROGRAM: Final = Path(__file__).with_name("rtsp_origin.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class RtspOrigin:
    """Where an RTSP input pulls from: we serve the signal there, at `rtsp://host:port/path`."""

    host: str
    """An address of this machine."""
    port: int
    path: str
    username: str = ""
    password: Secret | None = None
    """Asked for where there is a user name."""

    def order(self) -> bytes:
        """Return the first line of the origin's standard input."""
        wanted = {
            "host": self.host,
            "port": self.port,
            "path": self.path,
            "username": self.username,
            "password": "" if self.password is None else self.password.reveal(),
        }
        return json.dumps(wanted).encode() + b"\n"


def start(*, stdin: int) -> Child:
    """Start an origin that ends when we do."""
    return spawn(
        tied([SYSTEM_PYTHON, "-I", str(PROGRAM)]),
        mark=str(PROGRAM),
        cwd=Path("/"),
        streams=Streams(stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE),
    )
