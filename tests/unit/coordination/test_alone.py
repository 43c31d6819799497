"""One process a state directory."""

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.coordination.alone import LOCK_NAME, AloneInDirectory, Holder, holder_of, terminate
from reconciler.domain.errors import EnvironmentFailedError, ExitStatus, StateHeldError
from reconciler.ports.coordinator import Coordinator

HOLD = """
import sys
from pathlib import Path
from reconciler.coordination.alone import AloneInDirectory
AloneInDirectory(Path(sys.argv[1])).acquire()
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Return a process that holds the directory, and ends when its standard input does."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_the_directory_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    """Nobody else looks into it."""
    state = tmp_path / "state"
    alone = AloneInDirectory(state)

    alone.acquire()

    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    assert stat.S_IMODE((state / LOCK_NAME).stat().st_mode) == 0o600
    found = holder_of(state)
    assert found is not None
    assert found.pid == os.getpid()
    alone.release()


def test_a_second_process_is_refused_and_told_who_holds_it(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    """The error carries the holder's pid."""
    with pytest.raises(StateHeldError, match=f"process {other.pid}") as refused:
        AloneInDirectory(tmp_path).acquire()

    assert (refused.value.pid, refused.value.exit_status) == (other.pid, ExitStatus.HELD)


def test_what_the_holder_was_started_as_is_told(tmp_path: Path) -> None:
    """Whoever meets a relay learns that streams depend on it."""
    relay = AloneInDirectory(tmp_path, verb="relay")
    relay.acquire()

    with pytest.raises(StateHeldError, match="a `reconciler relay`"):
        AloneInDirectory(tmp_path, verb="run").acquire()

    relay.release()


def test_what_was_released_can_be_had(tmp_path: Path) -> None:
    """A release lets the next one in; releasing twice is nothing."""
    first, second = AloneInDirectory(tmp_path), AloneInDirectory(tmp_path)
    first.acquire()
    first.release()
    first.release()

    second.acquire()
    with pytest.raises(StateHeldError):
        first.acquire()
    second.release()

    assert holder_of(tmp_path) is None


def test_a_killed_holder_holds_nothing(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    """The kernel lets go of the lock, whatever the file still says."""
    other.kill()
    other.wait()

    assert holder_of(tmp_path) is None
    alone = AloneInDirectory(tmp_path)
    alone.acquire()
    alone.release()


def test_a_holder_that_has_not_said_who_it_is_yet(tmp_path: Path) -> None:
    """Held is held, by another process."""
    alone = AloneInDirectory(tmp_path)
    alone.acquire()
    (tmp_path / LOCK_NAME).write_text("{")

    with pytest.raises(StateHeldError, match="another process"):
        AloneInDirectory(tmp_path).acquire()

    alone.release()


def test_a_directory_without_a_lock_has_no_holder(tmp_path: Path) -> None:
    """Nor has one that does not exist."""
    assert holder_of(tmp_path) is None
    assert holder_of(tmp_path / "nowhere") is None


def test_a_directory_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    """A file in its place is no directory."""
    (tmp_path / "file").write_text("")

    with pytest.raises(EnvironmentFailedError, match="--state DIR"):
        AloneInDirectory(tmp_path / "file").acquire()


def test_a_holder_is_told_to_end_and_waited_for(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    """It gets SIGTERM, and is gone when the call returns."""
    holder = holder_of(tmp_path)
    assert holder is not None

    gone = terminate(holder, timeout_s=30)

    assert gone
    assert other.wait() == -signal.SIGTERM


def test_a_process_that_only_has_the_number_is_left_alone(other: subprocess.Popen[str]) -> None:
    """A pid without its start time is somebody else; a pid of nobody is gone."""
    reused = Holder(pid=other.pid, started=1)

    assert terminate(reused, timeout_s=0)
    assert other.poll() is None
    other.kill()
    other.wait()
    assert terminate(Holder(pid=other.pid, started=1), timeout_s=0)


def let_go(coordinator: Coordinator) -> None:
    """Take and leave the right to write, through the port."""
    coordinator.acquire()
    coordinator.release()


def test_it_is_a_coordinator(tmp_path: Path) -> None:
    """The port is all that others know of it; once it lets go, another may write."""
    let_go(AloneInDirectory(tmp_path))
    let_go(AloneInDirectory(tmp_path))

    assert holder_of(tmp_path) is None
