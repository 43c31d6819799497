"""The journal, looked at by those who only read, while others write it."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import quote

from reconciler.domain.errors import EnvironmentFailedError
from reconciler.journal import rows
from reconciler.journal.file import BUSY_S, FAILURES, words
from reconciler.journal.schema import form_of
from reconciler.ports.journal import Noted, Written

_T = TypeVar("_T")


class JournalReader:
    """Implements `ports.journal.History`; to be used by one thread. It writes nothing and moves nothing aside."""

    def __init__(self, path: Path) -> None:
        """
        Open the file, where there is one.

        Raises:
            EnvironmentFailedError: it cannot be read, or is of a newer program.

        """
        self.path: Final = path
        self._database: sqlite3.Connection | None = None
        try:
            is_empty = not path.exists() or path.stat().st_size == 0
            self._database = None if is_empty else _opened(path)
            is_begun = self._database is not None and form_of(self._database) > 0
        except FAILURES as error:
            self.close()
            raise self._unreadable(words(error)) from error
        if not is_begun:
            # Its writer gives it tables in a moment.
            self.close()

    @property
    def is_there(self) -> bool:
        """Return whether there is a journal yet; without one everything is empty."""
        return self._database is not None

    def unsettled(self) -> tuple[Written, ...]:
        """Return the calls of which nothing, or nothing certain, is known, the oldest first."""
        return self._ask(rows.unsettled)

    def calls(self, *, resource: str = "", limit: int = 100) -> tuple[Written, ...]:
        """Return calls, the newest first; of one resource, or of all."""
        return self._ask(lambda database: rows.calls(database, resource=resource, limit=limit))

    def notes(self, *, resource: str = "", kind: str = "", limit: int = 100) -> tuple[Noted, ...]:
        """Return notes, the newest first; of one resource, or of all; of one kind, or of every kind."""
        return self._ask(lambda database: rows.notes(database, resource=resource, kind=kind, limit=limit))

    def flaws(self) -> tuple[str, ...]:
        """Return what is broken in the file, in SQLite's words and at most some of it; empty where it is whole."""
        return self._ask(rows.flaws)

    def close(self) -> None:
        """Let go of the file."""
        database, self._database = self._database, None
        if database is not None:
            database.close()

    def _ask(self, question: Callable[[sqlite3.Connection], tuple[_T, ...]]) -> tuple[_T, ...]:
        if self._database is None:
            return ()
        try:
            return question(self._database)
        except FAILURES as error:
            raise self._unreadable(words(error)) from error

    def _unreadable(self, why: str) -> EnvironmentFailedError:
        return EnvironmentFailedError(
            f"The journal {self.path} cannot be read: {why}. It holds history and nothing else; the next `run` or "
            "`apply` moves one that it cannot use aside and begins a new one."
        )


def _opened(path: Path) -> sqlite3.Connection:
    try:
        return _connected(path, "mode=ro")
    except sqlite3.OperationalError:
        # SQLite wants to write beside the file. Where that is forbidden nobody writes the journal either.
        return _connected(path, "mode=ro&immutable=1")


def _connected(path: Path, mode: str) -> sqlite3.Connection:
    database = sqlite3.connect(f"file:{quote(str(path))}?{mode}", uri=True, isolation_level=None, timeout=BUSY_S)
    try:
        form_of(database)
    except BaseException:
        database.close()
        raise
    return database
