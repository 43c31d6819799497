"""Runs of git that may take long, because they ask a server: ended in time, with all that they started."""

import os
import select
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from reconciler.domain.errors import SourceUnreadableError
from reconciler.sources.git.program import Done, Leash, begin, end

if TYPE_CHECKING:
    import subprocess

SPARE_S: Final = 2.0
"""So much longer than is waited for it, git may live when this process was killed."""
_CHUNK_BYTES: Final = 65_536
_MOST_BYTES: Final = 65_536
"""Of what git says, so much is kept; a server may talk for as long as it is let."""


class OverdueError(SourceUnreadableError):
    """Git did not end in time, and was ended."""


class Errands:
    """Runs git, one after the other; `cancel` ends what runs, and whatever would be run after it."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._is_cancelled = False

    @property
    def are_cancelled(self) -> bool:
        """Return whether nothing is run any more."""
        return self._is_cancelled

    def cancel(self) -> None:
        """End what runs, from any thread."""
        with self._guard:
            self._is_cancelled = True
            if self._process is not None:
                end(self._process)

    def run(
        self,
        arguments: Sequence[str],
        *,
        directory: Path,
        environment: Mapping[str, str],
        timeout_s: float,
        lock: int,
    ) -> Done:
        """
        Return how git ended.

        Args:
            arguments: of git, its settings first.
            directory: where it runs.
            environment: all that it gets.
            timeout_s: after so many seconds it is killed, and all that it started.
            lock: a descriptor that stays open for as long as git, or what it started, is there.

        Raises:
            SourceUnreadableError: it was cancelled; `OverdueError` when it did not end in time.
            EnvironmentFailedError: git cannot be started.

        """
        until_s = time.monotonic() + timeout_s
        process = self._started(arguments, directory, environment, Leash(lock=lock, most_s=timeout_s + SPARE_S))
        try:
            said, why = _listen(process, until_s)
        finally:
            with self._guard:
                self._process = None
                # Also when it has ended itself: what it started may not have.
                end(process)
                process.wait()
            for pipe in (process.stdout, process.stderr):
                if pipe is not None:
                    pipe.close()
        if self._is_cancelled:
            raise SourceUnreadableError("It was not waited for, because this process is ending.")
        if said is None:
            raise OverdueError(f"There was no answer within {timeout_s:g} s (source.gitTimeoutS)")
        return Done(status=process.returncode, said=said, why=why)

    def _started(
        self, arguments: Sequence[str], directory: Path, environment: Mapping[str, str], leash: Leash
    ) -> "subprocess.Popen[bytes]":
        with self._guard:
            if self._is_cancelled:
                raise SourceUnreadableError("It was not asked for, because this process is ending.")
            self._process = begin(arguments, directory, environment, leash=leash)
            return self._process


def _listen(process: "subprocess.Popen[bytes]", until_s: float) -> tuple[bytes | None, bytes]:
    """Return what git prints, None when it does not end until then, and what it says of errors."""
    said, why = bytearray(), bytearray()
    pipes = ((process.stdout, said), (process.stderr, why))
    heard = {pipe.fileno(): text for pipe, text in pipes if pipe is not None}
    # Its end, and not that of the pipes: a helper may stay and hold them.
    ended = os.pidfd_open(process.pid)
    try:
        poll = select.poll()
        for descriptor in (*heard, ended):
            os.set_blocking(descriptor, False)
            poll.register(descriptor, select.POLLIN)
        is_running, is_late = True, False
        while is_running and not is_late:
            left_s = until_s - time.monotonic()
            ready = [descriptor for descriptor, _ in poll.poll(max(0.0, left_s * 1000))]
            is_running, is_late = ended not in ready, not ready
            for descriptor in heard.keys() & set(ready):
                if not _drain(descriptor, heard[descriptor]):
                    poll.unregister(descriptor)
        for descriptor, text in heard.items():
            _drain(descriptor, text)
    finally:
        os.close(ended)
    return None if is_late else bytes(said), bytes(why)


def _drain(descriptor: int, text: bytearray) -> bool:
    """Take what a pipe holds; return whether there may be more."""
    try:
        while chunk := os.read(descriptor, _CHUNK_BYTES):
            text += chunk[: max(0, _MOST_BYTES - len(text))]
    except BlockingIOError:
        return True
    return False
