"""
One process a state directory, by a lock that the kernel lets go of when its holder dies.

The lock file also says who holds it, so that a second start can name the holder, and so that it can be stopped: by
its pid together with its start time, because numbers of dead processes are used again.
"""

import fcntl
import json
import os
import select
import signal
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from reconciler.domain.errors import EnvironmentFailedError, StateHeldError

LOCK_NAME: Final = "lock"


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that held a state directory, told from every other that may ever have its number."""

    pid: int
    started: int
    """Start time, clock ticks since boot (field 22 of `/proc/PID/stat`)."""
    verb: str = ""
    """What it was started as, `run` or `relay`; "" where it did not say."""


class AloneInDirectory:
    """Implements `ports.coordinator.Coordinator`: whoever holds the directory's lock is the only writer."""

    def __init__(self, directory: Path, *, verb: str = "") -> None:
        self._directory: Final = directory
        self._verb: Final = verb
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """
        Become the only writer; make the directory (0700) where it is not there.

        Raises:
            StateHeldError: another process is.
            EnvironmentFailedError: the directory cannot be used.

        """
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self._directory / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise EnvironmentFailedError(
                f"The state directory {self._directory} cannot be used: {error.strerror}. "
                f"Give another with --state DIR."
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            found = _read(descriptor)
            os.close(descriptor)
            pid, verb = (None, "") if found is None else (found.pid, found.verb)
            raise StateHeldError(state=str(self._directory), pid=pid, verb=verb) from error
        _write(descriptor, Holder(os.getpid(), _start_time(os.getpid()), self._verb))
        self._descriptor = descriptor

    def release(self) -> None:
        """Let others write; nothing happens where the lock is not held."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None


def holder_of(directory: Path) -> Holder | None:
    """Return the process that holds a state directory; None when none does."""
    try:
        descriptor = os.open(directory / LOCK_NAME, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(descriptor)
    else:
        return None
    finally:
        os.close(descriptor)


def terminate(holder: Holder, *, timeout_s: float) -> bool:
    """Ask a holder to end, and wait; return whether it is gone. A process that is not the holder is left alone."""
    try:
        watched = os.pidfd_open(holder.pid)
    except ProcessLookupError:
        return True
    try:
        # The descriptor is of one process for good, so what holds now holds for the signal too.
        if _start_time(holder.pid) != holder.started:
            return True
        signal.pidfd_send_signal(watched, signal.SIGTERM)
        return bool(select.select([watched], [], [], timeout_s)[0])
    except ProcessLookupError:
        return True
    finally:
        os.close(watched)


def _write(descriptor: int, holder: Holder) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps(asdict(holder)).encode(), 0)


def _read(descriptor: int) -> Holder | None:
    """Return who wrote the file; None while a new holder has not written yet."""
    try:
        fields = json.loads(os.pread(descriptor, 4096, 0))
        return Holder(int(fields["pid"]), int(fields["started"]), str(fields.get("verb", "")))
    except (ValueError, TypeError, KeyError):
        return None


def _start_time(pid: int) -> int:
    """Return when a process was started; 0 when it is not there."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    # The name in parentheses may hold anything, so count from its end.
    return int(stat.rsplit(")", 1)[1].split()[19])
