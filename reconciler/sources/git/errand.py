"""Runs of git that may take long, because they ask a server: ended in time, with all that they started."""

import os
import select
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from reconciler.domain.errors import EnvironmentFailedError, SourceUnreadableError
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How a run is waited for."""

    timeout_s: float
    """After so many seconds it is killed, and all that it started."""
    lock: int
    """A descriptor that stays open for as long as git, or what it started, is there."""
    only: bytes = b""
    """Of what it prints, only whole lines that end like this are kept; "" for all of it."""


class Heard:
    """What a program says, as far as it is kept."""

    def __init__(self, *, tail: bytes = b"") -> None:
        """
        Keep nothing yet.

        Args:
            tail: only lines that end like this are kept, and the others take no room from them; "" for all there is.

        """
        self._tail = tail
        self._kept = bytearray()
        self._begun = b""
        """The line whose end is still to come."""
        self.is_cut = False
        """Whether more would have been kept, had there been room."""

    def take(self, chunk: bytes) -> None:
        """Take what was said next."""
        if not self._tail:
            self._keep(chunk)
            return
        *lines, begun = (self._begun + chunk).split(b"\n")
        for line in lines:
            if line.endswith(self._tail):
                self._keep(line + b"\n")
        # No line that counts is that long; the next one may.
        self._begun = begun if len(begun) <= _MOST_BYTES else b""
        self.is_cut |= len(begun) > _MOST_BYTES

    def _keep(self, text: bytes) -> None:
        room = _MOST_BYTES - len(self._kept)
        self._kept += text[:room]
        self.is_cut |= len(text) > room

    def __bytes__(self) -> bytes:
        """Return what was kept."""
        return bytes(self._kept)


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

    def run(self, arguments: Sequence[str], *, directory: Path, environment: Mapping[str, str], terms: Terms) -> Done:
        """
        Return how git ended.

        Args:
            arguments: of git, its settings first.
            directory: where it runs.
            environment: all that it gets.
            terms: how it is waited for.

        Raises:
            SourceUnreadableError: it was cancelled, or printed more than is kept; `OverdueError` when it did not end in
                time.
            EnvironmentFailedError: git cannot be started.

        """
        until_s = time.monotonic() + terms.timeout_s
        leash = Leash(lock=terms.lock, most_s=terms.timeout_s + SPARE_S)
        process = self._started(arguments, directory, environment, leash)
        said, why = Heard(tail=terms.only), Heard()
        try:
            is_late = not _listen(process, {process.stdout: said, process.stderr: why}, until_s)
        except OSError as error:
            raise EnvironmentFailedError(f"git cannot be listened to: {error.strerror}") from error
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
        if is_late:
            raise OverdueError(f"There was no answer within {terms.timeout_s:g} s (source.gitTimeoutS)")
        if said.is_cut:
            # What is missing may be what was asked for: half an answer is none.
            raise SourceUnreadableError(
                f"git printed more than the {_MOST_BYTES} bytes that are looked at. Is source.git the right server?"
            )
        return Done(status=process.returncode, said=bytes(said), why=bytes(why))

    def _started(
        self, arguments: Sequence[str], directory: Path, environment: Mapping[str, str], leash: Leash
    ) -> "subprocess.Popen[bytes]":
        with self._guard:
            if self._is_cancelled:
                raise SourceUnreadableError("It was not asked for, because this process is ending.")
            self._process = begin(arguments, directory, environment, leash=leash)
            return self._process


def _listen(process: "subprocess.Popen[bytes]", pipes: Mapping[IO[bytes] | None, Heard], until_s: float) -> bool:
    """Take what git says until it ends; return whether it did so in time."""
    heard = {pipe.fileno(): said for pipe, said in pipes.items() if pipe is not None}
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
            is_running = ended not in ready
            for descriptor in heard.keys() & set(ready):
                if not _drain(descriptor, heard[descriptor], until_s):
                    poll.unregister(descriptor)
            # Whoever never stops talking is late, too.
            is_late = is_running and time.monotonic() >= until_s
        for descriptor, said in heard.items():
            _drain(descriptor, said, until_s)
    finally:
        os.close(ended)
    return not is_late


def _drain(descriptor: int, said: Heard, until_s: float) -> bool:
    """Take what a pipe holds, at least once; return whether there may be more."""
    try:
        while chunk := os.read(descriptor, _CHUNK_BYTES):
            said.take(chunk)
            if time.monotonic() >= until_s:
                return True
    except BlockingIOError:
        return True
    return False
