"""The tap: the stream of a flow for programs of ours, on a unix socket in the flow's own folder."""

import contextlib
import socket
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Final

from reconciler.relay.programs.control import listen

_LAG_BYTES: Final = 12 << 20
"""How far a reader may lag behind before it is cut off."""


class _Reader:
    """One program that reads."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self.connection = connection
        self._waiting: deque[bytes] = deque()
        self._lag = 0

    def write(self, piece: bytes) -> bool:
        """Pass a piece on, now or later; return whether the reader can be kept."""
        self._waiting.append(piece)
        self._lag += len(piece)
        return self.flush()

    def flush(self) -> bool:
        """Pass on what waits, as far as there is room."""
        while self._waiting:
            try:
                sent = self.connection.send(self._waiting[0])
            except BlockingIOError:
                return self._lag <= _LAG_BYTES
            except OSError:
                return False
            self._lag -= sent
            first = self._waiting.popleft()
            if sent < len(first):
                self._waiting.appendleft(first[sent:])
        return True


class Tap:
    """Serves whoever connects, all that come from then on."""

    def __init__(self, post: Callable[[Callable[[], None]], None]) -> None:
        self._post = post
        self._readers: list[_Reader] = []
        self._listener = listen("tap.sock")
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def is_read(self) -> bool:
        """Whether anybody reads."""
        return bool(self._readers)

    def write(self, piece: bytes) -> None:
        """Pass a piece on to everybody."""
        for reader in [reader for reader in self._readers if not reader.write(piece)]:
            self._cut(reader)

    def flush(self) -> None:
        """Pass on what waits."""
        for reader in [reader for reader in self._readers if not reader.flush()]:
            self._cut(reader)

    def close(self) -> None:
        """Cut everybody off, and listen no longer."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for reader in list(self._readers):
            self._cut(reader)

    def _cut(self, reader: _Reader) -> None:
        self._readers.remove(reader)
        reader.connection.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._post(partial(self._readers.append, _Reader(connection)))
