"""Calls and notes as rows of the file, and the questions that are asked of it."""

import json
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from reconciler.ports.journal import Intent, Note, Noted, Settled, Step, Written

MOST_CHARACTERS: Final = 2000
"""Of a text in a row; a longer one is cut, so that a row has a bound as the file has."""
MOST_STEPS: Final = 10_000
"""Resources of which it is known with what they were last in step."""
_KEEP: Final = """
INSERT OR REPLACE INTO steps (number, resource, generation, is_in_step, after)
    VALUES ((SELECT ifnull(max(number), 0) + 1 FROM steps), ?, ?, ?, (SELECT ifnull(max(number), 0) FROM calls))
"""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

_CALL: Final = (
    "SELECT number, at_us, settled, why, request_id, duration_s, "
    "pass_id, revision, resource, action, change, live_name FROM calls"
)
_CALLS: Final = f"{_CALL} ORDER BY number DESC LIMIT ?"
_CALLS_OF_RESOURCE: Final = f"{_CALL} WHERE resource = ? ORDER BY number DESC LIMIT ?"
_UNSETTLED: Final = f"{_CALL} WHERE settled IS NULL OR settled = 'unknown' ORDER BY number"
_NOTE: Final = "SELECT number, at_us, kind, resource, why, pass_id, revision, fields FROM notes"
_NOTES: Final = {
    (False, False): f"{_NOTE} ORDER BY number DESC LIMIT ?",
    (True, False): f"{_NOTE} WHERE resource = ? ORDER BY number DESC LIMIT ?",
    (False, True): f"{_NOTE} WHERE kind = ? ORDER BY number DESC LIMIT ?",
    (True, True): f"{_NOTE} WHERE resource = ? AND kind = ? ORDER BY number DESC LIMIT ?",
}
"""By whether a resource is asked for, and a kind."""
_EXAMINE: Final = "PRAGMA quick_check(5)"
"""All pages, without comparing indices with tables; told are five faults at most."""


def calls(database: sqlite3.Connection, *, resource: str, limit: int) -> tuple[Written, ...]:
    """Return calls, the newest first."""
    if resource:
        return tuple(map(_written, database.execute(_CALLS_OF_RESOURCE, (resource, limit)).fetchall()))
    return tuple(map(_written, database.execute(_CALLS, (limit,)).fetchall()))


def notes(database: sqlite3.Connection, *, resource: str, kind: str, limit: int) -> tuple[Noted, ...]:
    """Return notes, the newest first."""
    asked = tuple(filter(None, (resource, kind)))
    return tuple(map(_noted, database.execute(_NOTES[bool(resource), bool(kind)], (*asked, limit)).fetchall()))


def unsettled(database: sqlite3.Connection) -> tuple[Written, ...]:
    """Return the calls of which nothing certain is known, the oldest first."""
    return tuple(map(_written, database.execute(_UNSETTLED).fetchall()))


def steps(database: sqlite3.Connection) -> tuple[Step, ...]:
    """Return with what each resource was last in step."""
    found = database.execute("SELECT resource, generation, is_in_step, after FROM steps ORDER BY number").fetchall()
    return tuple(
        Step(resource=resource, generation=generation, is_in_step=bool(is_in_step), after=after)
        for resource, generation, is_in_step, after in found
    )


def keep(database: sqlite3.Connection, kept: Sequence[Step], *, most: int) -> bool:
    """Write down with what resources are in step now, in one transaction; the oldest words go first."""
    database.execute("BEGIN IMMEDIATE")
    try:
        database.executemany(_KEEP, [(cut(step.resource), step.generation, step.is_in_step) for step in kept])
        database.execute("DELETE FROM steps WHERE number <= (SELECT max(number) FROM steps) - ?", (most,))
    except BaseException:
        database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")
    return True


def flaws(database: sqlite3.Connection) -> tuple[str, ...]:
    """Return what is broken in the file, in SQLite's words; the first so many."""
    said = [line for row in database.execute(_EXAMINE).fetchall() for line in str(row[0]).splitlines()]
    return () if said == ["ok"] else tuple(line for line in said if not line.startswith("***"))


def microseconds(at: datetime) -> int:
    """Return a time as the file has it: microseconds of the Unix epoch, so that none is lost."""
    return (at - _EPOCH) // _MICROSECOND


def cut(text: str) -> str:
    """Return a text that has room in a row, and that any row may hold: names of files need not be Unicode."""
    kept = text if len(text) <= MOST_CHARACTERS else f"{text[: MOST_CHARACTERS - 1]}…"
    return kept if kept.isascii() else kept.encode("utf-8", "backslashreplace").decode()


def fields_text(note: Note) -> str:
    """Return the fields of a note as a row has them."""
    fields = {name: cut(value) if isinstance(value, str) else value for name, value in note.fields.items()}
    return json.dumps(fields, separators=(",", ":"))


def _written(row: tuple[Any, ...]) -> Written:
    number, at_us, settled, why, request_id, duration_s, pass_id, revision, resource, action, change, live_name = row
    return Written(
        number=number,
        intent=Intent(
            pass_id=pass_id,
            revision=revision,
            resource=resource,
            action=action,
            change=change,
            live_name=live_name,
        ),
        at=_time(at_us),
        settled=None if settled is None else Settled(settled),
        why=why,
        request_id=request_id,
        duration_s=duration_s,
    )


def _noted(row: tuple[Any, ...]) -> Noted:
    number, at_us, kind, resource, why, pass_id, revision, fields = row
    note = Note(
        kind=kind, resource=resource, why=why, pass_id=pass_id, revision=revision, fields=dict(json.loads(fields))
    )
    return Noted(number=number, at=_time(at_us), note=note)


def _time(at_us: int) -> datetime:
    return _EPOCH + at_us * _MICROSECOND
