"""A small nginx of our own that speaks RTMP: its configuration, its life, and what it says of its clients."""

import asyncio
import contextlib
import hashlib
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

from reconciler.media.processes import EngineUser, Process, Streams, adopted, as_user, end, load, save, spawn, tied
from reconciler.media.programs import NGINX, RTMP_MODULE
from reconciler.media.sockets import connected

_IPV4: Final = 4
_READY_S: Final = 10.0
_POLL_S: Final = 0.03
_CONTROL: Final = "control.sock"
_LOG_BYTES: Final = 4096
"""How much is read of what a server complains of; why it does not start stands first."""
_TEMPORARY: Final = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


@dataclass(frozen=True, slots=True, kw_only=True)
class RtmpListener:
    """What one RTMP server serves."""

    host: str
    port: int
    apps: tuple[str, ...]
    gate: str
    """URL that is asked before anybody publishes or plays."""
    playable_from: tuple[str, ...] = ()
    """Addresses that may play; empty leaves it to the gate."""
    copies: Mapping[str, str] = field(default_factory=dict)
    """Application → application that every one of its streams is copied to, under the name that the gate gave."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RtmpClient:
    """One connection, as the server tells it."""

    id: str
    address: str
    connected_ms: int
    publishes: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RtmpStream:
    """One stream, as the server tells it."""

    app: str
    name: str
    bytes_in: int
    bytes_out: int
    clients: tuple[RtmpClient, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RtmpState:
    """A server, as it tells itself."""

    worker: str
    """Number of the process that carries the media."""
    streams: tuple[RtmpStream, ...]


class NginxFailedError(Exception):
    """The server did not start, or did not answer; the text is in words and free of secrets."""


def reached_at(host: str) -> str:
    """Return the address at which this machine reaches a listener of its own."""
    address = ip_address(host)
    if not address.is_unspecified:
        return host
    return "127.0.0.1" if address.version == _IPV4 else "::1"


def bracketed(host: str) -> str:
    """Return a host as URLs hold it."""
    return f"[{host}]" if ":" in host else host


def _local(listener: RtmpListener) -> str:
    return f"rtmp://{bracketed(reached_at(listener.host))}:{listener.port}"


def render(listener: RtmpListener) -> str:
    """
    Return the whole configuration; it never changes while the server runs, for a reload would split its streams.

    There is no `on_update`: with it, a gate that does not answer for some seconds would cut every client.
    """
    allowed = "".join(f"      allow play {address};\n" for address in listener.playable_from)
    denied = "      deny play all;\n" if listener.playable_from else ""
    apps = "".join(
        f"    application {app} {{\n"
        "      live on;\n"
        "      wait_key on;\n"
        "      idle_streams on;\n"
        f"{allowed}{denied}"
        f"      on_publish {listener.gate};\n"
        f"      on_publish_done {listener.gate};\n"
        + ("" if listener.playable_from else f"      on_play {listener.gate};\n      on_play_done {listener.gate};\n")
        + (f"      push {_local(listener)}/{listener.copies[app]};\n" if app in listener.copies else "")
        + "    }\n"
        for app in listener.apps
    )
    temporary = "".join(f"  {name}_temp_path temporary;\n" for name in _TEMPORARY)
    return (
        f"load_module {RTMP_MODULE};\n"
        "daemon off;\n"
        "worker_processes 1;\n"
        "pid nginx.pid;\n"
        "error_log nginx.log crit;\n"
        "events { worker_connections 512; }\n"
        "rtmp {\n"
        # The others are for hooks and control: whoever takes all of these leaves us the server.
        "  max_connections 400;\n"
        "  access_log off;\n"
        "  server {\n"
        f"    listen {bracketed(listener.host)}:{listener.port};\n"
        "    chunk_size 4096;\n"
        "    ping 10s;\n"
        "    ping_timeout 10s;\n"
        f"{apps}"
        "  }\n"
        "}\n"
        "http {\n"
        "  access_log off;\n"
        f"{temporary}"
        "  server {\n"
        f"    listen unix:{_CONTROL};\n"
        "    location /stat { rtmp_stat all; }\n"
        "    location /control { rtmp_control all; }\n"
        "  }\n"
        "}\n"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a server works, and where we note what we know of it."""

    run: Path
    """Its working folder; it reaches its files relative to it."""
    records: Path
    """Ours; the same folder will do where the server runs as ourselves."""
    user: EngineUser | None = None
    """Whom it runs as; None for ourselves."""


class Nginx:
    """One server, in a folder of its own; it is not touched while `start` is not called again."""

    def __init__(self, place: Place, *, outlives_us: bool) -> None:
        self._place = place
        self._outlives_us = outlives_us
        self._process: Process | None = None
        self.worker = ""
        """What tells the process that carries the media from its predecessors, as it said itself last."""

    @property
    def running(self) -> bool:
        """Whether the server runs."""
        return self._process is not None and self._process.running

    @property
    def session(self) -> str:
        """What tells this run of the server from any other; empty while none runs."""
        return "" if self._process is None else f"{self._process.identity.pid}-{self._process.identity.started}"

    def adopt(self, listener: RtmpListener) -> bool:
        """Take over the server that an earlier run of ours left, if it serves this; return whether there is one."""
        if (found := adopted(load(self._identity), self._place.run)) is None:
            return False
        self._process = found
        try:
            return self._served.read_text() == _digest(listener)
        except OSError:
            return False

    async def start(self, listener: RtmpListener) -> None:
        """
        Start the server, and wait until it accepts connections.

        Raises:
            NginxFailedError: it did not.

        """
        await self.stop()
        try:
            child = self._launch(listener)
        except OSError as error:
            await self.stop()
            raise NginxFailedError(
                "nginx cannot be started, for its files cannot be written: is the disk full?"
            ) from error
        await self._until_ready(child)

    def _launch(self, listener: RtmpListener) -> Process:
        """Start the server, and note what is known of it."""
        run = self._place.run
        run.mkdir(mode=0o700, exist_ok=True)
        for name in ("nginx.log", _CONTROL):
            (run / name).unlink(missing_ok=True)
        self._write("nginx.conf", render(listener))
        mark = f"RECONCILER_{secrets.token_hex(8)}"
        # Files relative to the folder, for those above may be closed to the server; a name that only this one bears.
        command = [NGINX, "-p", "./", "-e", "nginx.log", "-c", "nginx.conf", "-g", f"env {mark};"]
        # TERM, not KILL: nginx takes its worker along only when it is asked.
        argv = as_user(command, self._place.user) if self._outlives_us else tied(command, with_signal="TERM")
        try:
            child = spawn(argv, mark=mark, cwd=run, streams=Streams())
        except OSError as error:
            raise NginxFailedError("nginx cannot be started") from error
        self._process = child
        save(child.identity, self._identity)
        _write_private(self._served, _digest(listener))
        return child

    def _write(self, name: str, text: str) -> None:
        _write_private(self._place.run / name, text)
        if self._place.user is not None:
            os.chown(self._place.run / name, self._place.user.uid, self._place.user.gid, follow_symlinks=False)

    @property
    def _identity(self) -> Path:
        return self._place.records / "nginx.identity"

    @property
    def _served(self) -> Path:
        return self._place.records / "nginx.served"

    async def _until_ready(self, child: Process) -> None:
        deadline_s = asyncio.get_running_loop().time() + _READY_S
        while True:
            try:
                await self.streams()
            except NginxFailedError:
                if not child.running or asyncio.get_running_loop().time() > deadline_s:
                    reason = why_not_started(self._place.run / "nginx.log")
                    await self.stop()
                    raise NginxFailedError(reason) from None
                await asyncio.sleep(_POLL_S)
            else:
                return

    async def stop(self) -> None:
        """End the server, and what is left of one that was killed; where none runs, nothing happens."""
        if self._process is not None:
            await self._process.end()
            self._process = None
        # A master that was killed leaves its worker, which goes on and holds the port.
        if (known := load(self._identity)) is not None:
            await end(known, home=self._place.run)
        self._identity.unlink(missing_ok=True)

    async def streams(self) -> tuple[RtmpStream, ...]:
        """
        Return the streams that the server knows.

        Raises:
            NginxFailedError: it does not answer.

        """
        state = parse_state(await self._get("/stat"))
        self.worker = state.worker
        return state.streams

    async def drop(self, *, app: str, name: str, role: str, client_id: str) -> None:
        """Cut one `publisher` or `subscriber`; one that has left already is fine."""
        with contextlib.suppress(NginxFailedError):
            await self._get(f"/control/drop/{role}?app={app}&name={name}&clientid={client_id}")

    async def _get(self, target: str) -> bytes:
        try:
            async with asyncio.timeout(_READY_S), connected(self._place.run, _CONTROL) as (reader, writer):
                writer.write(f"GET {target} HTTP/1.0\r\n\r\n".encode())
                answer = await reader.read(-1)
        except (OSError, TimeoutError) as error:
            raise NginxFailedError("nginx does not answer") from error
        return answer.partition(b"\r\n\r\n")[2]


def parse_state(text: bytes) -> RtmpState:
    """
    Return what an answer of `/stat` says.

    Raises:
        NginxFailedError: it is no such answer.

    """
    try:
        root = ET.fromstring(text)  # noqa: S314 -- the server is our own, on a socket in our own folder
    except ET.ParseError as error:
        raise NginxFailedError("nginx does not tell its state") from error
    streams = tuple(
        RtmpStream(
            app=application.findtext("name", ""),
            name=stream.findtext("name", ""),
            bytes_in=int(stream.findtext("bytes_in", "0")),
            bytes_out=int(stream.findtext("bytes_out", "0")),
            clients=tuple(_client(client) for client in stream.iter("client")),
        )
        for application in root.iter("application")
        for stream in application.iter("stream")
    )
    return RtmpState(worker=root.findtext("pid", ""), streams=streams)


def _client(client: ET.Element) -> RtmpClient:
    return RtmpClient(
        id=client.findtext("id", ""),
        address=client.findtext("address", ""),
        connected_ms=int(client.findtext("time", "0")),
        publishes=client.find("publishing") is not None,
    )


def _digest(listener: RtmpListener) -> str:
    return hashlib.sha256(render(listener).encode()).hexdigest()


def why_not_started(log: Path) -> str:
    """Return in words why a server that wrote this log did not start."""
    try:
        # Where an engine writes, a link would lead us elsewhere, and a pipe would keep us.
        with os.fdopen(os.open(log, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            text = file.read(_LOG_BYTES) or b""
    except OSError:
        text = b""
    return "the port is in use" if b"Address already in use" in text else "nginx did not start"


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
