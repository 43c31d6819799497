"""How large a journal grows: the oldest rows go first, a batch at a time, and the file becomes smaller again."""

import sqlite3
from dataclasses import dataclass
from typing import Final

BATCH: Final = 256
"""Rows that are written between two looks at the bounds, and so the most that are ever above them."""
_FREE_PAGES: Final = 256
"""Empty pages that stay in the file, to be filled again: 1 MiB. Giving back each one would move others about."""
_LAST: Final = {"calls": "SELECT max(number) FROM calls", "notes": "SELECT max(number) FROM notes"}
_FIRST: Final = {"calls": "SELECT min(number) FROM calls", "notes": "SELECT min(number) FROM notes"}
_REMOVE: Final = {"calls": "DELETE FROM calls WHERE number <= ?", "notes": "DELETE FROM notes WHERE number <= ?"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The most that is kept; the tightest of them holds."""

    calls: int = 200_000
    """From 1."""
    notes: int = 100_000
    """From 1."""
    file_bytes: int = 64 * 1024 * 1024
    """Of the file, without some 4 MiB beside it that SQLite has not moved there yet."""


def is_due(number: int) -> bool:
    """Return whether to look at the bounds after this row; of several writers, the one that wrote it does."""
    return number % BATCH == 0


def keep(database: sqlite3.Connection, bounds: Bounds) -> None:
    """Remove what is above the bounds, in short transactions."""
    for table, most in (("calls", bounds.calls), ("notes", bounds.notes)):
        last = _number(database, _LAST[table])
        # Numbers rise by one and only the oldest go, so they count the rows without looking at them.
        database.execute(_REMOVE[table], (last - most,))
    while _used_bytes(database) > bounds.file_bytes and _remove_oldest(database):
        pass
    free = _number(database, "PRAGMA freelist_count") - _FREE_PAGES
    if free > 0:
        # It gives one page back a step, and only a script is stepped to its end: it has no rows to fetch.
        database.executescript(f"PRAGMA incremental_vacuum({free})")


def _remove_oldest(database: sqlite3.Connection) -> bool:
    """Remove a batch of each table; return whether there was anything."""
    removed = 0
    for table in _REMOVE:
        first = _number(database, _FIRST[table])
        removed += database.execute(_REMOVE[table], (first + BATCH - 1,)).rowcount
    return removed > 0


def _used_bytes(database: sqlite3.Connection) -> int:
    pages = _number(database, "PRAGMA page_count") - _number(database, "PRAGMA freelist_count")
    return pages * _number(database, "PRAGMA page_size")


def _number(database: sqlite3.Connection, question: str) -> int:
    """Return the number that is the answer; 0 where there is none."""
    return int(database.execute(question).fetchone()[0] or 0)
