"""Watches of the kernel's."""

import errno
import os
from pathlib import Path

import pytest
from watchdog.events import FileSystemEvent

from reconciler.sources.watching import Watches, reason


class Nobody:
    """Takes events."""

    def dispatch(self, event: FileSystemEvent) -> None:
        """Take one."""


def test_a_root_that_cannot_be_watched_is_an_error(tmp_path: Path) -> None:
    """As is one that went a moment ago."""
    with pytest.raises(FileNotFoundError):
        Watches({str(tmp_path / "gone"): True}, Nobody(), lambda: None)


def test_what_is_only_on_the_way_may_stay_unseen(tmp_path: Path) -> None:
    """Such as the directory of all homes, which nobody may read."""
    watches = Watches({str(tmp_path / "gone"): False, str(tmp_path): True}, Nobody(), lambda: None)

    assert watches.are_alive
    watches.close()
    assert not watches.are_alive


@pytest.mark.parametrize(
    ("number", "limit", "way"),
    [
        pytest.param(errno.ENOSPC, "max_user_watches", "the limit of watches is reached; raise it with", id="watches"),
        pytest.param(errno.EMFILE, "max_user_instances", "or open files with `ulimit -n`", id="instances"),
    ],
)
def test_a_limit_is_told_with_its_number_and_how_to_raise_it(number: int, limit: str, way: str) -> None:
    """Twice as much as it is."""
    now = int(Path(f"/proc/sys/fs/inotify/{limit}").read_text())

    said = reason(OSError(number, "watchdog's words"))

    assert f"`sysctl fs.inotify.{limit}={2 * now}` (it is {now})" in said
    assert way in said


def test_any_other_reason_is_told_as_the_system_has_it() -> None:
    """With the path, where there is one."""
    assert reason(PermissionError(errno.EACCES, os.strerror(errno.EACCES), "/m")) == "/m: Permission denied"
    assert reason(OSError("it moves")) == "OSError"
