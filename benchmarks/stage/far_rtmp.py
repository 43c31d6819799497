"""A plain RTMP server at the far end: takes every push, and tells how much has come."""

import asyncio
import contextlib
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

from benchmarks.stage.relay import StageError
from reconciler.media.programs import NGINX, RTMP_MODULE

_READY_S: Final = 10.0
_CONFIGURATION: Final = """\
load_module {module};
daemon off;
worker_processes 1;
pid nginx.pid;
error_log nginx.log crit;
events {{ worker_connections 1024; }}
rtmp {{ server {{ listen 127.0.0.1:{port}; application far {{ live on; }} }} }}
http {{
  access_log off;
  client_body_temp_path tmp; proxy_temp_path tmp; fastcgi_temp_path tmp; uwsgi_temp_path tmp; scgi_temp_path tmp;
  server {{ listen unix:stat.sock; location / {{ rtmp_stat all; }} }}
}}
"""


class FarRtmp:
    """What has come, by stream key; as of the last `look`."""

    def __init__(self, folder: Path, port: int) -> None:
        self.url: Final = f"rtmp://127.0.0.1:{port}/far"
        self._folder = folder
        self._came: dict[str, int] = {}

    def came(self, key: str) -> int:
        """Return how many bytes of media have come with this key."""
        return self._came.get(key, 0)

    async def look(self) -> None:
        """Ask the server."""
        reader, writer = await asyncio.open_unix_connection(self._folder / "stat.sock")
        writer.write(b"GET / HTTP/1.0\r\n\r\n")
        answer = await reader.read(-1)
        writer.close()
        root = ET.fromstring(answer.partition(b"\r\n\r\n")[2])  # noqa: S314 -- the server is our own
        for stream in root.iter("stream"):
            self._came[stream.findtext("name", "")] = int(stream.findtext("bytes_in", "0"))


@contextlib.asynccontextmanager
async def serving(port: int) -> AsyncIterator[FarRtmp]:
    """Serve meanwhile."""
    with tempfile.TemporaryDirectory(prefix="far-rtmp-") as name:
        folder = Path(name)
        (folder / "nginx.conf").write_text(_CONFIGURATION.format(module=RTMP_MODULE, port=port))
        child = await asyncio.create_subprocess_exec(
            *(NGINX, "-p", "./", "-e", "nginx.log", "-c", "nginx.conf"),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        far = FarRtmp(folder, port)
        try:
            await _ready(far, child)
            yield far
        finally:
            if child.returncode is None:
                child.terminate()
            await child.wait()


async def _ready(far: FarRtmp, child: asyncio.subprocess.Process) -> None:
    until_s = time.monotonic() + _READY_S
    while True:
        with contextlib.suppress(OSError):
            await far.look()
            return
        if child.returncode is not None or time.monotonic() > until_s:
            raise StageError("the far RTMP server does not start")
        await asyncio.sleep(0.05)
