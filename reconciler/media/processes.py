"""
Child processes that carry media: started apart from us, known for certain, and ended without hurting a stranger.

A pid alone says nothing: numbers are used again. A process is ours when its pid, its start time (in clock ticks since
boot) and a text that only our command line holds all agree. Programs that fork (nginx) are ended as a session, for
they and their children share one.
"""

import asyncio
import contextlib
import json
import os
import pwd
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Final, Protocol

KILL_AFTER_S: Final = 3.0
"""How long a process has between TERM and KILL."""
_LAST_WAIT_S: Final = 5.0
"""How long the kernel has to take a killed process away."""
_TAIL_BYTES: Final = 4096
_PIPE_LIMIT_BYTES: Final = 1 << 20
_PASSED_ON: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "XDG_CACHE_HOME", "GST_REGISTRY")


@dataclass(frozen=True, slots=True)
class Identity:
    """What tells one process from every other that may ever have its number."""

    pid: int
    started: int
    """Start time, clock ticks since boot (field 22 of `/proc/PID/stat`)."""
    mark: str
    """A text that its command line holds, such as the path of its own folder."""


class Process(Protocol):
    """A process of ours, started by us or by an earlier run."""

    @property
    def identity(self) -> Identity:
        """Who it is."""
        ...

    @property
    def running(self) -> bool:
        """Whether it still runs."""
        ...

    async def wait(self) -> object:
        """Return once it has ended."""
        ...

    async def end(self) -> None:
        """End it and its session, and wait until it is gone."""
        ...


class Adopted:
    """A process that an earlier run of ours started; it is no child, so nobody tells us its exit status."""

    def __init__(self, identity: Identity, home: Path) -> None:
        self.identity: Final = identity
        self._home = home

    @property
    def running(self) -> bool:
        """Whether this very process still runs."""
        return is_alive(self.identity)

    async def wait(self) -> None:
        """Return once it has ended."""
        if self.running:
            await gone(self.identity.pid)

    async def end(self) -> None:
        """End it and its session, and wait until it is gone."""
        await end(self.identity, home=self._home)


def adopted(identity: Identity | None, home: Path) -> Adopted | None:
    """Return the process of an earlier run, known for certain; None where it has ended. `home` is where it works."""
    return Adopted(identity, home) if identity is not None and is_alive(identity) else None


class Child:
    """A process that we started; it leads a session of its own."""

    def __init__(self, popen: subprocess.Popen[bytes], identity: Identity) -> None:
        self._popen = popen
        self.identity: Final = identity

    @property
    def stdin(self) -> IO[bytes] | None:
        """Our end of its standard input, where that is a pipe."""
        return self._popen.stdin

    @property
    def stdout(self) -> IO[bytes] | None:
        """Our end of its standard output, where that is a pipe."""
        return self._popen.stdout

    @property
    def stderr(self) -> IO[bytes] | None:
        """Our end of its standard error, where that is a pipe."""
        return self._popen.stderr

    @property
    def running(self) -> bool:
        """Whether it still runs; a process that has ended is taken from the process table."""
        return self._popen.poll() is None

    @property
    def status(self) -> int | None:
        """How it ended, as `subprocess` tells it; None while it runs."""
        return self._popen.poll()

    async def wait(self) -> int:
        """Return how it ended, once it has."""
        while (status := self._popen.poll()) is None:
            await gone(self.identity.pid)
        return status

    async def end(self, *, kill_after_s: float = KILL_AFTER_S) -> None:
        """End it and its session, and wait until it is gone; the end of a dead process is no error."""
        if self.running:
            await _end_session(self.identity.pid, kill_after_s=kill_after_s)
        # Never `wait_for`, here and below: in Python 3.11 it swallows a cancellation that comes as its process ends.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LAST_WAIT_S):
                await self.wait()


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineUser:
    """Whom engines run as where we are root."""

    uid: int
    gid: int


ENGINE_USERS: Final = ("reconciler", "nobody")
"""The first of these that the machine has is whom engines run as where we are root."""


def engine_user() -> EngineUser | None:
    """Return whom engines run as: nobody special where we are root, ourselves (None) where we are not."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    for name in ENGINE_USERS:
        if name in known:
            return EngineUser(uid=known[name].pw_uid, gid=known[name].pw_gid)
    return None


def as_user(argv: Sequence[str], user: EngineUser | None) -> list[str]:
    """Return the command that runs `argv` as that user, and never with more rights than it has then."""
    who = () if user is None else ("--reuid", str(user.uid), "--regid", str(user.gid), "--clear-groups")
    return ["/usr/bin/setpriv", *who, "--no-new-privs", "--", *argv]


def environment(base: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the little environment that media programs get: no secret of ours, nor anybody's, is in it."""
    given = os.environ if base is None else base
    kept = {name: given[name] for name in _PASSED_ON if name in given}
    return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **kept}


@dataclass(frozen=True, slots=True, kw_only=True)
class Streams:
    """What a program reads and where it writes: descriptors, or what `subprocess` has for pipes."""

    stdin: int = subprocess.DEVNULL
    stdout: int | None = None
    """None for the log."""
    stderr: int | None = None
    """None for the log."""
    log: Path | None = None
    """A file of mode 0600; None for nowhere."""
    keep: tuple[int, ...] = ()
    """Descriptors that stay open in the program, under their numbers."""


def spawn(argv: Sequence[str], *, mark: str, cwd: Path, streams: Streams) -> Child:
    """
    Start a program in a session of its own.

    Raises:
        OSError: it cannot be started.

    """
    with contextlib.ExitStack() as files:
        said = subprocess.DEVNULL if streams.log is None else files.enter_context(_opened(streams.log))
        popen = subprocess.Popen(  # noqa: S603 -- argv is built by us, never a shell line
            list(argv),
            cwd=cwd,
            env=environment(),
            stdin=streams.stdin,
            stdout=said if streams.stdout is None else streams.stdout,
            stderr=said if streams.stderr is None else streams.stderr,
            start_new_session=True,
            pass_fds=streams.keep,
            # What it writes by itself, a log or a pid, is nobody else's either.
            umask=0o077,
        )
    stat = _stat(popen.pid)
    # A child that has died already stays as a zombie until we take it, so its entry is always there.
    started = 0 if stat is None else stat.started
    return Child(popen, Identity(popen.pid, started, mark))


@contextlib.contextmanager
def unnamed_file(text: str) -> Iterator[int]:
    """
    Lend a file in memory that no directory names, for what a program must read and nobody else may see.

    A child that keeps the descriptor reads it as `/dev/fd/NUMBER`.
    """
    descriptor = os.memfd_create("settings", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, text.encode())
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.asynccontextmanager
async def reading(pipe: IO[bytes] | None) -> AsyncIterator[asyncio.StreamReader]:
    """Lend a reader on our end of a child's pipe; the pipe is closed afterwards."""
    if pipe is None:
        raise ValueError("this stream of the child is not a pipe")
    reader = asyncio.StreamReader(limit=_PIPE_LIMIT_BYTES)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
    try:
        yield reader
    finally:
        transport.close()


async def tail(child: Child) -> str:
    """Return the last of what a child said on standard error, once it has said it all."""
    kept = b""
    async with reading(child.stderr) as said:
        while piece := await said.read(_TAIL_BYTES):
            kept = (kept + piece)[-_TAIL_BYTES:]
    return kept.decode(errors="replace")


@contextlib.asynccontextmanager
async def writing(pipe: IO[bytes] | None) -> AsyncIterator[asyncio.StreamWriter]:
    """Lend a writer on our end of a child's pipe; the pipe is closed afterwards."""
    if pipe is None:
        raise ValueError("this stream of the child is not a pipe")
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, pipe)
    try:
        yield asyncio.StreamWriter(transport, protocol, None, loop)
    finally:
        if not transport.is_closing():
            transport.abort()


def tied(argv: Sequence[str], *, with_signal: str = "KILL") -> list[str]:
    """
    Return the command that runs `argv` and that the kernel ends when this process dies, however it dies.

    A parent that died before the kernel was asked would leave it alone for ever, so the shell looks once more.
    """
    still_there = '[ "$PPID" = "$0" ] && exec "$@"'
    return ["/usr/bin/setpriv", "--pdeathsig", with_signal, "/bin/sh", "-c", still_there, str(os.getpid()), *argv]


def is_alive(identity: Identity) -> bool:
    """Whether this very process still runs; one that only waits to be taken away (a zombie) does not."""
    stat = _stat(identity.pid)
    if stat is None or stat.is_dead or stat.started != identity.started:
        return False
    return identity.mark in _command_line(identity.pid)


async def end(identity: Identity, *, home: Path, kill_after_s: float = KILL_AFTER_S) -> bool:
    """
    End a process that an earlier run of ours left, and what it started; return whether there was any.

    Where only its children are left, those of its session that work in `home` are ours, and no others.
    """
    if is_alive(identity):
        await _end_session(identity.pid, kill_after_s=kill_after_s)
        return True
    orphans = [pid for pid in _session(identity.pid) if _works_in(pid, home)]
    for pid in orphans:
        _send(pid, signal.SIGKILL)
        await _within(_LAST_WAIT_S, pid)
    return bool(orphans)


async def gone(pid: int) -> None:
    """Return once no process of this number runs; a child that waits to be taken away counts as gone."""
    try:
        watched = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    try:
        loop.add_reader(watched, ended.set)
        await ended.wait()
    finally:
        loop.remove_reader(watched)
        os.close(watched)


def save(identity: Identity, path: Path) -> None:
    """Write who the process is; a reader sees the old file or the new one, whole."""
    write_private(path, json.dumps(asdict(identity)))


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read; a reader sees the old text or the new one, whole."""
    draft = path.with_name(f"{path.name}.new")
    with _opened(draft, truncate=True) as file:
        file.write(text.encode())
    draft.replace(path)


def load(path: Path) -> Identity | None:
    """Return who the process of this file is; None where the file is absent or not one of ours."""
    try:
        return Identity(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None


def _opened(path: Path, *, truncate: bool = False) -> IO[bytes]:
    """Open a file that only its owner can read."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | (os.O_TRUNC if truncate else os.O_APPEND)
    return os.fdopen(os.open(path, flags, 0o600), "wb" if truncate else "ab")


@dataclass(frozen=True, slots=True)
class _Stat:
    is_dead: bool
    session: int
    started: int


def _stat(pid: int) -> _Stat | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The name in parentheses may hold anything, so count from its end: state, ppid, pgrp, session, …, starttime.
    fields = text.rsplit(")", 1)[1].split()
    return _Stat(is_dead=fields[0] in "ZX", session=int(fields[3]), started=int(fields[19]))


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def _works_in(pid: int, home: Path) -> bool:
    try:
        return Path(f"/proc/{pid}/cwd").resolve().is_relative_to(home.resolve())
    except OSError:
        return False


def _session(leader: int) -> list[int]:
    """Return the living processes of a session."""
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    stats = ((pid, _stat(pid)) for pid in pids)
    return [pid for pid, stat in stats if stat is not None and not stat.is_dead and stat.session == leader]


async def _end_session(leader: int, *, kill_after_s: float) -> None:
    """Ask the leader to end, wait, then take the whole session away."""
    members = set(_session(leader))
    _send(leader, signal.SIGTERM)
    await _within(kill_after_s, leader)
    for pid in members | set(_session(leader)):
        stat = _stat(pid)
        if stat is not None and stat.session == leader:
            _send(pid, signal.SIGKILL)
            await _within(_LAST_WAIT_S, pid)


def _send(pid: int, what: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, what)


async def _within(seconds: float, pid: int) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await gone(pid)
