"""Runs of git that hang, talk for ever, or are not waited for; with git's own aliases as what hangs."""

import errno
import fcntl
import os
import subprocess
import threading
from pathlib import Path

import pytest

from reconciler.domain.errors import EnvironmentFailedError, SourceUnreadableError
from reconciler.sources.git.errand import Errands, Heard, OverdueError, Terms
from reconciler.sources.git.program import Done, harmless

HANGS = "alias.hang=!cat fifo & cat fifo"
"""Starts something, and waits for ever."""


def run(where: Path, *words: str, errands: Errands | None = None, timeout_s: float = 30.0) -> Done:
    """Return how git ended, while a file is its lock."""
    descriptor = os.open(where / "lock", os.O_CREAT | os.O_RDWR)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        return (errands or Errands()).run(
            words,
            directory=where,
            environment=harmless(os.environ),
            terms=Terms(timeout_s=timeout_s, lock=descriptor),
        )
    finally:
        os.close(descriptor)


def is_free(path: Path) -> bool:
    """Return whether nobody holds a lock any more; whoever was killed may take a moment."""
    return subprocess.run(("flock", "--timeout", "20", str(path), "true"), check=False).returncode == 0


def test_a_run_says_how_it_ended(tmp_path: Path) -> None:
    """What it printed, and what it said of errors."""
    assert run(tmp_path, "version").said.startswith(b"git version")
    assert run(tmp_path, "frobnicate").status == 1
    assert b"not a git command" in run(tmp_path, "frobnicate").why


def test_what_hangs_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    """Nobody is left, neither git nor what it had in the background, and nobody holds the lock."""
    os.mkfifo(tmp_path / "fifo")

    with pytest.raises(OverdueError, match=r"no answer within 0\.3 s \(source\.gitTimeoutS\)"):
        run(tmp_path, "-c", HANGS, "hang", timeout_s=0.3)

    assert is_free(tmp_path / "lock")


def test_what_stays_behind_holds_nobody_up(tmp_path: Path) -> None:
    """Also where git itself has ended well, and something of it still has its pipes."""
    os.mkfifo(tmp_path / "fifo")

    done = run(tmp_path, "-c", "alias.leave=!cat fifo & echo done", "leave")

    assert (done.status, done.said) == (0, b"done\n")
    assert is_free(tmp_path / "lock")


def test_whoever_cancels_ends_what_runs_and_all_that_would(tmp_path: Path) -> None:
    """From another thread, and for good."""
    os.mkfifo(tmp_path / "fifo")
    errands, told = Errands(), []

    def work() -> None:
        try:
            run(tmp_path, "-c", HANGS, "hang", errands=errands)
        except SourceUnreadableError as error:
            told.append(str(error))

    thread = threading.Thread(target=work)
    thread.start()
    # It is there once it has opened its pipe; opening the other end waits for that.
    with (tmp_path / "fifo").open("wb"):
        errands.cancel()
        thread.join()

    assert told == ["It was not waited for, because this process is ending."]
    with pytest.raises(SourceUnreadableError, match="not asked for"):
        run(tmp_path, "version", errands=errands)


def test_a_server_may_talk_and_nothing_grows(tmp_path: Path) -> None:
    """So much is kept, and the rest is read and dropped."""
    done = run(tmp_path, "-c", "alias.talk=!head -c 3000000 /dev/zero | tr '\\0' x >&2; echo end", "talk")

    assert (len(done.why), done.said) == (65_536, b"end\n")


def test_half_an_answer_is_none(tmp_path: Path) -> None:
    """What is missing of it may be what was asked for, or was crowded out."""
    with pytest.raises(SourceUnreadableError, match="printed more than the 65536 bytes"):
        run(tmp_path, "-c", "alias.talk=!head -c 70000 /dev/zero | tr '\\0' x", "talk")


def test_whoever_never_stops_talking_is_late(tmp_path: Path) -> None:
    """However fast it talks."""
    with pytest.raises(OverdueError):
        run(tmp_path, "-c", "alias.talk=!cat /dev/zero", "talk", timeout_s=0.3)


def test_lines_that_are_not_asked_for_take_no_room() -> None:
    """In whatever pieces they come; a line that is longer than any that counts is told."""
    heard = Heard(tail=b"\tours")
    for _ in range(1000):
        heard.take(b"x" * 100 + b"\tnot ours\n")
    for piece in (b"12\to", b"urs", b"\n34\tours\n56\tours"):
        heard.take(piece)

    assert (bytes(heard), heard.is_cut) == (b"12\tours\n34\tours\n", False)
    heard.take(b"x" * 70_000)
    assert heard.is_cut


def test_git_that_is_not_there_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the directory that it is to run in."""
    with pytest.raises(EnvironmentFailedError, match="There is no directory"):
        Errands().run(("version",), directory=tmp_path / "no", environment={}, terms=Terms(timeout_s=5, lock=0))

    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EnvironmentFailedError, match="git is not installed"):
        run(tmp_path, "version")


def test_a_machine_without_a_descriptor_left_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no bug of ours, and git is not left behind."""

    def none_left(_process: int) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(os, "pidfd_open", none_left)

    with pytest.raises(EnvironmentFailedError, match="git cannot be listened to: Too many open files"):
        run(tmp_path, "version")
    assert is_free(tmp_path / "lock")
