"""Unix sockets in folders whose paths may be longer than a socket's path can be."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

_LIMIT_BYTES: Final = 1 << 20


@asynccontextmanager
async def connected(home: Path, name: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """
    Lend a connection to the socket of this name in a folder.

    The folder is reached through a descriptor: a socket's path may have only 107 bytes, whole.

    Raises:
        OSError: nobody listens there.

    """
    folder = os.open(home, os.O_PATH | os.O_DIRECTORY)
    try:
        reader, writer = await asyncio.open_unix_connection(f"/proc/self/fd/{folder}/{name}", limit=_LIMIT_BYTES)
    finally:
        os.close(folder)
    try:
        yield reader, writer
    finally:
        writer.close()
