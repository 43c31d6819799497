"""Tests of `journal.checks`, on real files."""

from pathlib import Path

import pytest

from reconciler.domain.errors import EnvironmentFailedError
from reconciler.journal.checks import journal_checks
from reconciler.journal.sqlite import SqliteJournal
from reconciler.ports.checks import Grade, Sign
from reconciler.ports.journal import Note
from tests.fakes.clock import FakeClock

PAGE = 4096


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a journal with some hundred notes."""
    made = tmp_path / "journal.sqlite3"
    journal = SqliteJournal(made, FakeClock())
    for number in range(300):
        journal.note(Note(kind="tree.accepted", why=f"{number} " * 40))
    journal.close()
    return made


def sign_of(path: Path) -> Sign:
    """Return what is found of a journal."""
    (check,) = journal_checks(path)
    (sign,) = check.look()
    return sign


def test_a_whole_one_is_whole(path: Path) -> None:
    """Also where it is not there yet."""
    assert (sign_of(path).grade, sign_of(path).said) == (Grade.OK, f"{path} is whole")
    assert sign_of(path.with_name("none")).grade is Grade.OK


def test_a_damaged_page_is_found(path: Path) -> None:
    """Though the file opens, and most of it can be read."""
    content = bytearray(path.read_bytes())
    # Where a page says that its rows begin. Source: SQLite's file format, the header of a b-tree page.
    content[4 * PAGE + 5 : 4 * PAGE + 7] = b"\0\0"
    path.write_bytes(content)
    found = sign_of(path)

    assert (found.grade, "\n" in found.said) == (Grade.FAIL, False)
    assert f"mv {path}" in found.next_step


def test_what_is_no_journal_is_a_failure(path: Path) -> None:
    """In the words of whoever reads it."""
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(EnvironmentFailedError, match="cannot be read"):
        sign_of(path)
