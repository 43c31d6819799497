"""The little HTTP service that an RTMP server asks before it lets anybody in."""

import asyncio
import contextlib
import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self
from urllib.parse import parse_qsl, urlsplit

_LONGEST_BYTES: Final = 64 * 1024
_TIMEOUT_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Admitted:
    """The caller may go on, under another stream name where one is given."""

    name: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """The caller is turned away."""


Answer = Admitted | Refused
Question = Mapping[str, str]
"""What the RTMP server tells of a caller: `call`, `addr`, `clientid`, `app`, `name` and more."""
Gatekeeper = Callable[[Question], Answer]
SOCKET: Final = "hook.sock"
GATE: Final = f"http://unix:{SOCKET}:/gate"
"""Where an RTMP server that works in the folder of a `FlowHook` asks."""


class HookServer:
    """
    Asks a gatekeeper on behalf of RTMP servers; listens on loopback, under a path that nobody can guess.

    Each RTMP server has a gate of its own, so that one's callers are never taken for another's.
    """

    def __init__(self) -> None:
        self._gates: dict[str, Gatekeeper] = {}
        self._server: asyncio.Server | None = None
        self._port = 0

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def start(self) -> None:
        """Begin to listen, on a port that the kernel chooses; a second start is nothing."""
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=_LONGEST_BYTES)
            self._port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    def open_gate(self, gatekeeper: Gatekeeper) -> str:
        """Return the URL that leads to this gatekeeper."""
        path = f"/{secrets.token_urlsafe(24)}"
        self._gates[path] = gatekeeper
        return f"http://127.0.0.1:{self._port}{path}"

    def close_gate(self, url: str) -> None:
        """Forget the gatekeeper of this URL; its callers are refused from now on."""
        self._gates.pop(urlsplit(url).path, None)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, ValueError, TimeoutError, asyncio.IncompleteReadError):
            async with asyncio.timeout(_TIMEOUT_S):
                path, question = await _question(reader)
                gatekeeper = self._gates.get(path)
                answer = Refused() if gatekeeper is None else gatekeeper(question)
                writer.write(_response(answer))
                await writer.drain()
        writer.close()


class FlowHook:
    """
    Asks a gatekeeper on behalf of one RTMP server, on a unix socket in the folder that the server works in.

    No port is open, and the address is the same for every run of ours, so a server that outlives us finds the next one.
    """

    def __init__(self, folder: Path, gatekeeper: Gatekeeper) -> None:
        self._folder = folder
        self._gatekeeper = gatekeeper
        self._server: asyncio.Server | None = None

    @property
    def path(self) -> Path:
        """The socket."""
        return self._folder / SOCKET

    async def start(self) -> bool:
        """Begin to listen; return whether that was to be done."""
        if self._server is not None:
            return False
        # By way of a descriptor: the path of a socket may have only 107 bytes, whole. Its mode is left as it is: the
        # folder is closed to others, and whoever owns it might have put a link here by then.
        folder = os.open(self._folder, os.O_PATH | os.O_DIRECTORY)
        try:
            self._server = await asyncio.start_unix_server(
                self._serve, f"/proc/self/fd/{folder}/{SOCKET}", limit=_LONGEST_BYTES
            )
        finally:
            os.close(folder)
        return True

    async def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None
            self.path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, ValueError, TimeoutError, asyncio.IncompleteReadError):
            async with asyncio.timeout(_TIMEOUT_S):
                _, question = await _question(reader)
                writer.write(_response(self._gatekeeper(question)))
                await writer.drain()
        writer.close()


async def _question(reader: asyncio.StreamReader) -> tuple[str, Question]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").splitlines()
    _, path, _ = head[0].split(" ")
    headers = dict(line.lower().split(": ", 1) for line in head[1:] if ": " in line)
    length = min(int(headers.get("content-length", "0")), _LONGEST_BYTES)
    body = (await reader.readexactly(length)).decode()
    return path, _each_once(parse_qsl(body, keep_blank_values=True))


def _each_once(fields: list[tuple[str, str]]) -> dict[str, str]:
    """
    Return the fields of a question.

    Behind the server's own stands what the caller wrote after a `?`, as it is: a name that is there twice would let the
    caller say who it is and what it asks for.

    Raises:
        ValueError: a name is there twice.

    """
    question: dict[str, str] = {}
    for name, value in fields:
        if name in question:
            raise ValueError(name)
        question[name] = value
    return question


def _response(answer: Answer) -> bytes:
    """Return the answer as nginx-rtmp reads it: a redirection is a new name."""
    if isinstance(answer, Refused):
        status, location = "403 Forbidden", ""
    elif answer.name:
        status, location = "302 Found", f"Location: {answer.name}\r\n"
    else:
        status, location = "200 OK", ""
    return f"HTTP/1.1 {status}\r\n{location}Content-Length: 0\r\nConnection: close\r\n\r\n".encode()
