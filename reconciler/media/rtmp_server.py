"""Private RTMP servers for probes: an output pushes to us, and the probe reads what arrived."""

import asyncio
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from reconciler.domain.secrets import Secret
from reconciler.media.hooks import Admitted, Answer, HookServer, Question, Refused
from reconciler.media.nginx import Nginx, NginxFailedError, Place, RtmpListener, bracketed, reached_at

_RTMP_PORT: Final = 1935


@dataclass(slots=True)
class _Server:
    """One port: its server, and how often each of its streams is wanted."""

    home: tempfile.TemporaryDirectory[str]
    nginx: Nginx
    hooks: HookServer
    wanted: Counter[tuple[str, str]] = field(default_factory=Counter)
    served: frozenset[str] = frozenset()

    def admit(self, question: Question) -> Answer:
        """Let in who publishes a wanted stream."""
        wanted = question.get("call") == "publish" and (question.get("app"), question.get("name")) in self.wanted
        return Admitted() if wanted else Refused()


class RtmpServers:
    """The RTMP servers of this process, one a port, each started for its first stream and ended after its last."""

    def __init__(self) -> None:
        self._servers: dict[tuple[str, int], _Server] = {}
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def serving(self, url: str, stream_key: Secret) -> AsyncIterator[str]:
        """
        Accept who pushes to `url` + "/" + `stream_key`, and lend the URL (without the key) to read it from.

        Raises:
            NginxFailedError: the server does not start, for instance because the port is in use.

        """
        parts = urlsplit(url)
        host, port, app = parts.hostname or "", parts.port or _RTMP_PORT, parts.path.strip("/")
        stream = (app, stream_key.reveal())
        async with self._lock:
            await self._want((host, port), stream)
        try:
            yield f"rtmp://{bracketed(reached_at(host))}:{port}/{app}"
        finally:
            async with self._lock:
                await self._unwant((host, port), stream)

    async def _want(self, address: tuple[str, int], stream: tuple[str, str]) -> None:
        if address not in self._servers:
            home = tempfile.TemporaryDirectory(prefix="rtmp-")
            folder = Path(home.name)
            nginx = Nginx(Place(run=folder, records=folder), outlives_us=False)
            self._servers[address] = _Server(home, nginx, HookServer())
        server = self._servers[address]
        server.wanted[stream] += 1
        try:
            await self._serve(server, address)
        except NginxFailedError:
            await self._unwant(address, stream)
            raise

    async def _serve(self, server: _Server, address: tuple[str, int]) -> None:
        """Start the server, or start it anew where an application is wanted that it lacks."""
        apps = frozenset(app for app, _ in server.wanted)
        if server.nginx.running and apps <= server.served:
            return
        await server.hooks.start()
        host, port = address
        listener = RtmpListener(
            host=host,
            port=port,
            apps=tuple(sorted(apps)),
            gate=server.hooks.open_gate(server.admit),
            playable_from=tuple(sorted({"127.0.0.1", reached_at(host)})),
        )
        await server.nginx.start(listener)
        server.served = apps

    async def _unwant(self, address: tuple[str, int], stream: tuple[str, str]) -> None:
        server = self._servers[address]
        server.wanted[stream] -= 1
        server.wanted = +server.wanted
        if not server.wanted:
            del self._servers[address]
            await server.nginx.stop()
            await server.hooks.close()
            server.home.cleanup()
