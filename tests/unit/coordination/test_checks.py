"""Tests of `coordination.checks`, on real directories."""

from pathlib import Path

import pytest

from reconciler.coordination.alone import AloneInDirectory
from reconciler.coordination.checks import FREE_FAIL_BYTES, FREE_WARN_BYTES, local_sign, room_sign, state_checks
from reconciler.ports.checks import Grade, Sign

NOBODYS = Path("/proc/sys/fs")
"""A directory in which nobody may make a file, not even root."""


def signs_of(state: Path) -> dict[str, Sign]:
    """Return what is found of a state directory, by what it is about."""
    (check,) = state_checks(state)
    return {sign.about: sign for sign in check.look()}


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Return a state directory as `run` makes it."""
    made = tmp_path / "state"
    made.mkdir(mode=0o700)
    return made


def test_all_is_well_and_nothing_is_left_behind(state: Path) -> None:
    """A state directory as it should be, on whatever disk tests run."""
    found = signs_of(state)

    assert [found[about].grade for about in ("state", "lock")] == [Grade.OK, Grade.OK]
    assert list(found) == ["state", "disk", "file system", "lock"]
    assert list(state.iterdir()) == []


def test_one_that_is_made_later_is_looked_at_where_it_will_be(tmp_path: Path) -> None:
    """Nothing is made for the look."""
    found = signs_of(tmp_path / "a" / "b")

    assert (found["state"].grade, found["state"].said) == (
        Grade.OK,
        f"{tmp_path / 'a' / 'b'} is made at the first start, in {tmp_path}",
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("state", [NOBODYS, NOBODYS / "state"], ids=["there", "to be made"])
def test_one_that_cannot_be_written_is_a_failure(state: Path) -> None:
    """The next step names the option."""
    found = signs_of(state)["state"]

    assert found.grade is Grade.FAIL
    assert "--state DIR" in found.next_step


def test_one_that_is_a_file_is_a_failure(tmp_path: Path) -> None:
    """It cannot be written into."""
    (tmp_path / "state").touch()

    assert signs_of(tmp_path / "state")["state"].grade is Grade.FAIL


def test_one_that_others_may_read_is_warned_of(state: Path) -> None:
    """It may hold keys, and the next step closes it."""
    state.chmod(0o705)
    found = signs_of(state)["state"]

    assert (found.grade, found.next_step) == (Grade.WARN, f"chmod 0700 {state}")


def test_who_holds_it_is_named(state: Path) -> None:
    """It is no failure: whoever asks may be looking at a service that runs."""
    holder = AloneInDirectory(state, verb="run")
    holder.acquire()
    found = signs_of(state)["lock"]
    holder.release()

    assert found.grade is Grade.OK
    assert "a `reconciler run`" in found.said


def test_the_file_system_is_known() -> None:
    """As the kernel calls it."""
    assert signs_of(Path("/proc/sys/fs"))["file system"].said == "proc at /proc/sys/fs"


@pytest.mark.parametrize(
    ("free", "files_left", "expected"),
    [
        pytest.param(FREE_WARN_BYTES, 1, Grade.OK, id="enough"),
        pytest.param(FREE_WARN_BYTES - 1, 1, Grade.WARN, id="little"),
        pytest.param(FREE_FAIL_BYTES - 1, 1, Grade.FAIL, id="next to none"),
        pytest.param(FREE_WARN_BYTES, 0, Grade.FAIL, id="room for bytes and for no file"),
    ],
)
def test_a_disk_that_fills_is_told_in_time(free: int, files_left: int, expected: Grade) -> None:
    """First as a warning."""
    assert room_sign(Path("/state"), free_bytes=free, has_files_left=files_left > 0).grade is expected


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("ext4", Grade.OK), ("", Grade.OK), ("nfs4", Grade.WARN), ("fuse.sshfs", Grade.WARN), ("cifs", Grade.WARN)],
)
def test_a_file_system_of_others_is_warned_of(kind: str, expected: Grade) -> None:
    """Locks and databases are not reliable there."""
    assert local_sign(Path("/state"), kind).grade is expected
