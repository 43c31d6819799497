"""
Stands between one ffmpeg and somebody else's RTMP server, and is all that ffmpeg ever talks to.

`wire ORDER LISTENER COMMAND…`: two descriptors (an order in JSON, and a socket that listens on loopback), and the
ffmpeg to start. When it calls, the wire connects to the destination, for which ffmpeg has no deadline, no list of
addresses to keep away from, and no word when TLS fails. From then on it passes bytes on, both ways; where a chunk
size is asked for, what ffmpeg sends is cut anew.

It ends with ffmpeg, and ffmpeg with it. Why it ended is a line on standard error, if there is something to say.
"""

import contextlib
import errno
import json
import os
import select
import signal
import socket
import ssl
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Final

from reconciler.relay.programs.chunks import GarbledError, Rechunker
from reconciler.relay.programs.dial import STUCK_S, DialError, Trouble, dial
from reconciler.relay.programs.login import answer

TOLD: Final = "wire: "
"""Begins the line that says why the wire ended."""
_HELD_BYTES: Final = 256 << 10
"""What is held for a side that is slower than the other, which is not read meanwhile."""
_READ_BYTES: Final = 64 << 10
_SETTING_BYTES: Final = 900
"""What a server may have us add makes a setting no longer: ffmpeg reads a preset in lines of 999 bytes."""
_FAREWELL_S: Final = 2.0
"""For what ffmpeg has yet to say when it is told to end, and for what is on its way when either side hangs up."""
_TICK_MS: Final = 500
_NOT_NOW: Final = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)

# A parent that died before the kernel was asked would leave it alone for ever, so the shell looks once more.
_TIED: Final = ("/usr/bin/setpriv", "--pdeathsig", "KILL", "/bin/sh", "-c", '[ "$PPID" = "$0" ] && exec "$@"')


@dataclass(slots=True)
class Way:
    """Bytes on their way from one side to the other."""

    source: socket.socket
    sink: socket.socket
    cut: Callable[[bytes], bytes]
    held: bytearray = field(default_factory=bytearray)
    source_ended: bool = False
    failure: int | None = None
    """What the kernel has against a side that is gone."""
    has_come: bool = False
    heard_s: float = field(default_factory=time.monotonic)
    """When something last came, or this began."""
    moved_s: float = 0.0
    """When the sink last took something, or had nothing to take."""
    writes_after: int = select.POLLOUT

    @property
    def has_room(self) -> bool:
        """Whether more may be read."""
        return not self.source_ended and len(self.held) < _HELD_BYTES

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come of it."""
        return (self.source_ended and not self.held) or self.failure is not None

    @property
    def reads(self) -> int:
        """What to wait for at the source."""
        return select.POLLIN if self.has_room else 0

    @property
    def writes(self) -> int:
        """What to wait for at the sink."""
        return self.writes_after if self.held else 0

    def read(self) -> None:
        """Take what there is, and pass it on at once if that can be."""
        while self.has_room:
            try:
                some = self.source.recv(_READ_BYTES)
            except _NOT_NOW:
                return
            except OSError as error:
                some, self.failure = b"", error.errno
            self.source_ended = not some
            if some:
                self.has_come, self.heard_s = True, time.monotonic()
                if not self.held:
                    self.moved_s = self.heard_s
                self.held += self.cut(some)
                self.write()

    def write(self) -> None:
        """Have the sink take what it can."""
        while self.held and self.failure is None:
            self.writes_after = select.POLLOUT
            try:
                # A TLS write that had to wait is done again with the same bytes, or more.
                taken = self.sink.send(memoryview(self.held)[:_READ_BYTES])
            except ssl.SSLWantReadError:
                self.writes_after = select.POLLIN
                return
            except _NOT_NOW:
                return
            except OSError as error:
                self.failure = error.errno
                return
            del self.held[:taken]
            self.moved_s = time.monotonic()


class Wire:
    """One ffmpeg, one destination."""

    def __init__(self, order: dict[str, Any], listener: socket.socket, command: list[str]) -> None:
        self._order = order
        self._listener = listener
        self._until_s = float("inf")
        self._pumps = False
        self._child = os.posix_spawn(
            _TIED[0], [*_TIED, str(os.getpid()), *command], os.environ, setsigdef=[signal.SIGPIPE]
        )
        self._child_watch = os.pidfd_open(self._child)
        signal.signal(signal.SIGTERM, self._told_to_end)

    def run(self) -> None:
        """Carry the stream until it ends, and say why, if that can be said."""
        near = self._called()
        if near is None:
            return
        with near:
            trouble = self._carry(near)
            if trouble:
                # Before ffmpeg begins to complain of what follows.
                tell(trouble)
        if not trouble:
            # What the server said last, and what that means, ffmpeg alone knows.
            self._await_child(_FAREWELL_S)

    def _carry(self, near: socket.socket) -> str:
        """Carry the stream; return what is wrong with the far end."""
        try:
            far = dial(self._order)
        except DialError as error:
            return error.trouble
        try:
            return self._pump(near, far)
        except GarbledError:
            return Trouble.GARBLED
        finally:
            hang_up(far)

    def _told_to_end(self, _number: int, _frame: FrameType | None) -> None:
        """Let ffmpeg take its leave of the destination."""
        os.kill(self._child, signal.SIGTERM)
        self._until_s = min(self._until_s, time.monotonic() + _FAREWELL_S)
        if not self._pumps:
            sys.exit()

    def _called(self) -> socket.socket | None:
        """Return the connection of our own ffmpeg, and of nobody else; None where it ended before it called."""
        poll = select.poll()
        poll.register(self._listener, select.POLLIN)
        poll.register(self._child_watch, select.POLLIN)
        while self._listener.fileno() in {ready for ready, _ in poll.poll()}:
            caller, place = self._listener.accept()
            if inode_of(place, caller.getsockname()) in sockets_of(self._child):
                # ffmpeg has a copy, so that the port could be nobody else's until now; this closes that one too.
                self._listener.shutdown(socket.SHUT_RDWR)
                return caller
            caller.close()
        return None

    def _await_child(self, seconds: float) -> None:
        poll = select.poll()
        poll.register(self._child_watch, select.POLLIN)
        poll.poll(1000 * seconds)

    def _pump(self, near: socket.socket, far: socket.socket) -> str:
        """Pass bytes on, both ways, until either side hangs up; return what is wrong with the far one."""
        near.setblocking(False)
        far.setblocking(False)
        size = self._order["chunk_bytes"]
        out = Way(near, far, Rechunker(size).feed if size else bytes)
        back = Way(far, near, bytes)
        self._pumps = True
        while time.monotonic() < self._until_s:
            turn(out, back)
            if out.is_over or back.is_over:
                return Trouble.STUCK if errno.ETIMEDOUT in {out.failure, back.failure} else ""
            if out.source_ended or back.source_ended:
                self._until_s = min(self._until_s, time.monotonic() + _FAREWELL_S)
            elif trouble := self._stands_still(out, back):
                return trouble
        return ""

    def _stands_still(self, out: Way, back: Way) -> str:
        """Return what is wrong with a destination that takes nothing, or of which nothing is heard."""
        now_s = time.monotonic()
        if out.held and now_s - out.moved_s > STUCK_S:
            return Trouble.STUCK
        if not back.has_come:
            return Trouble.NO_ANSWER if now_s - back.heard_s > STUCK_S else ""
        silent_s = self._order["silent_s"]
        return Trouble.SILENT if silent_s and now_s - back.heard_s > silent_s else ""


def tell(trouble: str) -> None:
    """Say why the wire ends, in one piece and on a line of its own, for ffmpeg writes to the same place."""
    os.write(sys.stderr.fileno(), f"\n{TOLD}{trouble}\n".encode())


def log_in(order: dict[str, Any]) -> None:
    """
    Have ffmpeg answer what the server asks of a user, by adding to the settings that it is about to read.

    Raises:
        DialError: the server refuses the user name or password, or asks for more than a setting can hold.

    """
    login = order["login"]
    added = answer(order)
    for name, key in (("rtmp_app", "app"), ("rtmp_tcurl", "address")) if added else ():
        value = login[key] + added
        if "'" in login["setting"]:
            value = value.replace("'", r"'\''")
        if len(value.encode()) > _SETTING_BYTES:
            raise DialError(Trouble.LOGIN)
        os.write(login["settings"], login["setting"].format(name=name, value=value).encode())


def turn(out: Way, back: Way) -> None:
    """Wait until something can be done, a tick at most, and do it."""
    near, far = out.source, out.sink
    poll = select.poll()
    wanted = {
        near: out.reads | back.writes,
        far: back.reads | out.writes,
    }
    for side, events in wanted.items():
        if events:
            poll.register(side, events)
    decrypted = isinstance(far, ssl.SSLSocket) and back.has_room and far.pending()
    ready = dict(poll.poll(0 if decrypted else _TICK_MS))
    if decrypted or ready.get(far.fileno()):
        back.read()
    if ready.get(near.fileno()):
        out.read()
    for way in (out, back):
        if way.held:
            way.write()


def hang_up(far: socket.socket) -> None:
    """Close a connection; one over TLS says so."""
    if isinstance(far, ssl.SSLSocket):
        with contextlib.suppress(OSError, ValueError):
            far.unwrap()
    far.close()


def inode_of(ours: tuple[str, int], theirs: tuple[str, int]) -> str:
    """Return the inode of the socket of this machine that has these two addresses; empty where there is none."""
    wanted = [_in_hex(ours), _in_hex(theirs)]
    with Path("/proc/net/tcp").open() as table:
        for line in table:
            fields = line.split()
            if fields[1:3] == wanted:
                return fields[9]
    return ""


def _in_hex(place: tuple[str, int]) -> str:
    address = int.from_bytes(socket.inet_aton(place[0]), sys.byteorder)
    return f"{address:08X}:{place[1]:04X}"


def sockets_of(pid: int) -> set[str]:
    """Return the inodes of the sockets that a process has open."""
    found = set()
    with contextlib.suppress(OSError):
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                found.add(str(entry.readlink()).removeprefix("socket:[").removesuffix("]"))
    return found


def main() -> None:
    """Carry the stream until it ends."""
    os.umask(0o077)
    order_at, listener_at, *command = sys.argv[2:]
    with os.fdopen(int(order_at), "rb") as file:
        file.seek(0)
        order = json.load(file)
    with socket.socket(fileno=int(listener_at)) as listener:
        try:
            if order["login"]:
                log_in(order)
        except DialError as error:
            tell(error.trouble)
            return
        Wire(order, listener, command).run()
