"""What the stand-alone SRT pipe is told and tells: see `srt_pipe.py`."""

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reconciler.domain.secrets import Secret
from reconciler.media.processes import Child, Streams, reading, spawn, tied
from reconciler.media.programs import SYSTEM_PYTHON

PROGRAM: Final = Path(__file__).with_name("srt_pipe.py")
_MEANINGS: Final = (
    ("Incorrect passphrase", "the passphrase is not right"),
    ("password", "the passphrase is not right"),
    ("authenticat", "the passphrase is not right"),
    ("rejected", "the peer rejected the connection"),
    ("timeout", "no answer in time"),
    ("setup failure", "no answer, or the connection was refused"),
    ("Connection does not exist", "nothing listens there"),
    ("resolve", "the host is not known"),
    ("was broken", "the connection was lost"),
    ("EOF", "the connection was lost"),
    ("bind", "the port is in use"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SrtSocket:
    """An SRT socket: it listens on `host:port`, or calls `host:port`."""

    listens: bool
    host: str
    port: int
    latency_ms: int = 120
    stream_id: str = ""
    passphrase: Secret | None = None
    key_length: int = 0
    """Bytes: 16, 24 or 32 with a passphrase, 0 without."""

    def order(self, *, sends: bool) -> bytes:
        """Return the first line of the pipe's standard input."""
        wanted = {
            "sends": sends,
            "listens": self.listens,
            "host": self.host,
            "port": self.port,
            "latency_ms": self.latency_ms,
            "stream_id": self.stream_id,
            "passphrase": "" if self.passphrase is None else self.passphrase.reveal(),
            "key_length": self.key_length,
        }
        return json.dumps(wanted).encode() + b"\n"


@dataclass(slots=True)
class PipeReport:
    """What the pipe said last."""

    connected: bool = False
    carried_bytes: int = 0
    connections: int = 0
    last_error: str = ""

    def feed(self, line: bytes) -> None:
        """Take the next line of what it says."""
        try:
            event = json.loads(line)
        except ValueError:
            return
        if "connected" in event:
            self.connected = bool(event["connected"])
            self.connections += self.connected
        if "bytes" in event and self.connected:
            self.carried_bytes, self.last_error = event["bytes"], ""
        if "error" in event:
            self.last_error = why(event["error"])


def why(complaint: str) -> str:
    """Return in words what the SRT element complains of; its own text is never passed on."""
    for text, meaning in _MEANINGS:
        if text.lower() in complaint.lower():
            return meaning
    return "the SRT connection failed"


def start(*, stdin: int, stdout: int) -> Child:
    """Start an SRT pipe that ends when we do."""
    return spawn(
        tied([SYSTEM_PYTHON, "-I", str(PROGRAM)]),
        mark=str(PROGRAM),
        cwd=Path("/"),
        streams=Streams(stdin=stdin, stdout=stdout, stderr=subprocess.PIPE),
    )


async def listen_to(child: Child, report: PipeReport, *, told: Callable[[], None]) -> None:
    """Keep `report` as the pipe says, and tell of each line; returns when it ends."""
    async with reading(child.stderr) as lines:
        async for line in lines:
            report.feed(line)
            told()
