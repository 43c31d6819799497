"""Tests of `journal.reader`."""

import sqlite3
from pathlib import Path
from typing import Final

import pytest

from reconciler.domain.errors import EnvironmentFailedError, ExitStatus
from reconciler.journal.reader import JournalReader
from reconciler.journal.schema import FORM
from reconciler.journal.sqlite import SqliteJournal
from reconciler.ports.journal import Intent, Note
from tests.fakes.clock import FakeClock

INTENT: Final = Intent(pass_id="p", revision="r", resource="flow/news", action="create", change="c")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a journal with a call and a note, in a directory whose name wants quoting."""
    path = tmp_path / "a state? #1" / "journal.sqlite3"
    journal = SqliteJournal(path, FakeClock())
    journal.intend(INTENT)
    journal.note(Note(kind="k"))
    journal.close()
    return path


def test_what_was_written_is_read(path: Path) -> None:
    """Also after its writer has gone."""
    reader = JournalReader(path)
    found = reader.is_there, len(reader.calls()), len(reader.notes(kind="k")), len(reader.unsettled())
    reader.close()

    assert found == (True, 1, 1, 1)


def test_a_reader_changes_nothing(path: Path) -> None:
    """The journal is as it was, byte for byte, once the reader is gone."""
    before = path.read_bytes()
    reader = JournalReader(path)
    reader.calls()
    reader.close()

    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [None, b""], ids=["no file", "an empty file"])
def test_no_journal_yet_is_empty(tmp_path: Path, content: bytes | None) -> None:
    """Nobody has written one, and that is no failure; none is made either."""
    path = tmp_path / "journal"
    if content is not None:
        path.write_bytes(content)

    reader = JournalReader(path)

    assert (reader.is_there, reader.calls(), reader.notes(), reader.unsettled()) == (False, (), (), ())
    assert path.exists() == (content is not None)


def test_one_that_is_being_begun_is_empty(tmp_path: Path) -> None:
    """There is a file, and its tables come a moment later."""
    path = tmp_path / "journal"
    writer = sqlite3.connect(path)
    writer.execute("PRAGMA journal_mode = WAL")

    reader = JournalReader(path)
    writer.close()

    assert reader.is_there is False


def spoil(path: Path, statement: str) -> None:
    """Do something to the file that no journal does."""
    database = sqlite3.connect(path)
    database.execute(statement)
    database.commit()
    database.close()


def test_one_of_a_newer_program_is_refused_and_left_alone(path: Path) -> None:
    """A verb that only looks moves nothing aside."""
    spoil(path, f"PRAGMA user_version = {FORM + 1}")

    with pytest.raises(EnvironmentFailedError, match=rf"form {FORM + 1}.*history and nothing else") as caught:
        JournalReader(path)

    assert caught.value.exit_status is ExitStatus.ALL_FAILED
    assert path.exists()


def test_no_database_is_refused(path: Path) -> None:
    """It says which file, and what becomes of it."""
    path.write_bytes(b"no database" * 1000)

    with pytest.raises(EnvironmentFailedError, match=r"journal\.sqlite3 cannot be read: file is not a database"):
        JournalReader(path)


def test_a_row_that_cannot_be_understood_is_told(path: Path) -> None:
    """What turns out to be broken while it is read is told like what is broken at once."""
    spoil(path, "UPDATE calls SET settled = 'perhaps'")
    reader = JournalReader(path)

    with pytest.raises(EnvironmentFailedError, match="perhaps"):
        reader.calls()
    reader.close()


def test_a_path_that_cannot_be_looked_at_is_told(tmp_path: Path) -> None:
    """A directory where the file should be is no journal."""
    (tmp_path / "journal").mkdir()

    with pytest.raises(EnvironmentFailedError, match="cannot be read"):
        JournalReader(tmp_path / "journal")
