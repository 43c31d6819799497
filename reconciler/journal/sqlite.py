"""The journal of this machine: what cannot be written is told once, and nobody waits for it."""

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeVar

import structlog

from reconciler.journal import bounds, rows
from reconciler.journal.bounds import Bounds
from reconciler.journal.file import FAILURES, JournalFile, identity_of, is_at, is_broken, move_aside, words
from reconciler.ports.clock import Clock
from reconciler.ports.journal import Intent, Note, Noted, Settled, Step, Written

log: Final = structlog.get_logger()

PAUSE_S: Final = 5.0
"""How long nothing is tried after a failure: a pass of a thousand calls would wait a thousand times for a lock."""

_INTEND: Final = """
INSERT INTO calls (number, at_us, pass_id, revision, resource, action, change, live_name)
    VALUES ((SELECT max(ifnull(max(number), 0), ?) + 1 FROM calls), ?, ?, ?, ?, ?, ?, ?)
"""
_SETTLE: Final = """
UPDATE calls SET settled = ?, why = ?, request_id = coalesce(nullif(?, ''), request_id),
    duration_s = coalesce(nullif(?, 0.0), duration_s, 0.0) WHERE number = ?
"""
_NOTE: Final = """
INSERT INTO notes (at_us, kind, resource, why, pass_id, revision, fields) VALUES (?, ?, ?, ?, ?, ?, ?)
"""

_T = TypeVar("_T")


class SqliteJournal:
    """
    Implements `ports.journal.Journal` in a file; to be used by one thread.

    Nothing is opened before it is needed. A broken file, or one of a newer program, is moved aside and a new one begun;
    one that somebody deleted is begun anew, too.
    """

    def __init__(self, path: Path, clock: Clock, *, most: Bounds | None = None) -> None:
        self._path = path
        self._clock = clock
        self._most = most or Bounds()
        self._file: JournalFile | None = None
        self._last = 0
        """The highest number that was given out: a file that is begun anew goes on above it."""
        self._trouble = ""
        self._again_at_s = 0.0

    def intend(self, intent: Intent) -> int:
        """Write down that a call is about to be sent; return its number, 0 where it could not be written."""
        row = (intent.pass_id, intent.revision, intent.resource, intent.action, intent.change, intent.live_name)
        values = (self._last, self._now_us(), *map(rows.cut, row))
        number = self._do(lambda database: _insert(database, _INTEND, values), 0)
        self._last = max(self._last, number)
        self._keep_bounds(number)
        return number

    def settle(
        self, number: int, settled: Settled, *, request_id: str = "", why: str = "", duration_s: float = 0.0
    ) -> None:
        """Write down what became of it; nothing for the number 0."""
        if number:
            values = (str(settled), rows.cut(why), rows.cut(request_id), float(duration_s), number)
            self._do(lambda database: _update(database, _SETTLE, values), None)

    def note(self, note: Note) -> None:
        """Write down something that was decided or learnt."""
        row = (note.kind, note.resource, note.why, note.pass_id, note.revision)
        values = (self._now_us(), *map(rows.cut, row), rows.fields_text(note))
        self._keep_bounds(self._do(lambda database: _insert(database, _NOTE, values), 0))

    def keep(self, steps: Sequence[Step]) -> bool:
        """Write down with what resources are in step now, the newest word of each alone; return whether it is there."""
        return self._do(lambda database: rows.keep(database, steps, most=rows.MOST_STEPS), otherwise=False)

    def steps(self) -> tuple[Step, ...] | None:
        """Return the newest word of each resource, of the 10,000 that were written last; None where it cannot."""
        return self._do(_steps, None)

    def unsettled(self) -> tuple[Written, ...]:
        """Return the calls of which nothing, or nothing certain, is known, the oldest first."""
        return self._do(rows.unsettled, ())

    def calls(self, *, resource: str = "", limit: int = 100) -> tuple[Written, ...]:
        """Return calls, the newest first; of one resource, or of all."""
        return self._do(lambda database: rows.calls(database, resource=resource, limit=limit), ())

    def notes(self, *, resource: str = "", kind: str = "", limit: int = 100) -> tuple[Noted, ...]:
        """Return notes, the newest first; of one resource, or of all; of one kind, or of every kind."""
        return self._do(lambda database: rows.notes(database, resource=resource, kind=kind, limit=limit), ())

    def close(self) -> None:
        """Let go of the file."""
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _now_us(self) -> int:
        return rows.microseconds(self._clock.now())

    def _keep_bounds(self, number: int) -> None:
        if number and bounds.is_due(number):
            self._do(lambda database: bounds.keep(database, self._most), None)

    def _do(self, work: Callable[[sqlite3.Connection], _T], otherwise: _T) -> _T:
        """Return what the work returns; the other where the file cannot be used now."""
        if self._trouble and self._clock.monotonic_s() < self._again_at_s:
            return otherwise
        try:
            result = self._attempt(work)
        except FAILURES as error:
            self._fail(words(error))
            return otherwise
        if self._trouble:
            log.info("journal.recovered", file=str(self._path))
            self._trouble = ""
        return result

    def _attempt(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """Return what the work returns, on a new file where this one is broken."""
        found = identity_of(self._path)
        try:
            return work(self._opened())
        except FAILURES as error:
            if not is_broken(error):
                raise
            why = words(error)
        self.close()
        # Another process may have found it broken, too, and begun a new one.
        if is_at(self._path, found):
            aside = move_aside(self._path)
            log.error("journal.moved_aside", file=str(self._path), to=str(aside), why=why)
        return work(self._opened())

    def _opened(self) -> sqlite3.Connection:
        if self._file is not None and not self._file.is_there:
            self.close()
        if self._file is None:
            self._file = JournalFile(self._path)
        return self._file.database

    def _fail(self, why: str) -> None:
        self.close()
        self._again_at_s = self._clock.monotonic_s() + PAUSE_S
        if why != self._trouble:
            log.error("journal.failed", file=str(self._path), why=why)
        self._trouble = why


def _steps(database: sqlite3.Connection) -> tuple[Step, ...] | None:
    return rows.steps(database)


def _update(database: sqlite3.Connection, statement: str, values: tuple[object, ...]) -> None:
    database.execute(statement, values)


def _insert(database: sqlite3.Connection, statement: str, values: tuple[object, ...]) -> int:
    """Return the number of the row that is there now."""
    return database.execute(statement, values).lastrowid or 0
