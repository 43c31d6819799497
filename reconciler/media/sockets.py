"""Unix sockets in folders whose paths may be longer than a socket's path can be."""

import asyncio
import os
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

_LIMIT_BYTES: Final = 1 << 20
_CREDENTIALS: Final = struct.Struct("3i")
"""Source: unix(7), `struct ucred`: pid, uid, gid."""


@asynccontextmanager
async def connected(
    home: Path, name: str, *, listener: int | None = None
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """
    Lend a connection to the socket of this name in a folder.

    The folder is reached through a descriptor: a socket's path may have only 107 bytes, whole.
    Whoever owns the folder may have put a link to another's socket there: `listener` is the pid that has to listen.

    Raises:
        OSError: nobody listens there, or somebody else.

    """
    folder = os.open(home, os.O_PATH | os.O_DIRECTORY)
    try:
        reader, writer = await asyncio.open_unix_connection(f"/proc/self/fd/{folder}/{name}", limit=_LIMIT_BYTES)
    finally:
        os.close(folder)
    try:
        if listener is not None and _listener_of(writer) != listener:
            raise ConnectionRefusedError("another process listens there")
        yield reader, writer
    finally:
        writer.close()


def _listener_of(writer: asyncio.StreamWriter) -> int:
    """Return the pid of whoever listened where this is connected to, as the kernel noted it then."""
    told: bytes = writer.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid: int = _CREDENTIALS.unpack(told)[0]
    return pid
