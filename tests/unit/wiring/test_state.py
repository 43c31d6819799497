"""Tests of `wiring.state`."""

from pathlib import Path

from reconciler import wiring
from reconciler.ports.journal import Note
from tests.unit.wiring.chosen import settings_in


def test_a_journal_is_read_where_it_is_written(tmp_path: Path) -> None:
    """Before there is one it is empty; that a pass and a verb mean the same file is for wiring to say."""
    settings = settings_in(tmp_path)
    empty = wiring.reading_journal(settings)
    journal = wiring.journal(settings)

    journal.note(Note(kind="tree.accepted"))
    journal.close()
    reader = wiring.reading_journal(settings)
    found = [noted.note.kind for noted in reader.notes()]
    reader.close()

    assert (empty.is_there, reader.path) == (False, settings.state / "journal.sqlite3")
    assert (empty.calls(), empty.notes(), empty.unsettled()) == ((), (), ())
    assert found == ["tree.accepted"]
