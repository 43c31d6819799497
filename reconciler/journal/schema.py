"""The form of the journal's file, and how an older form becomes this one."""

import sqlite3
from collections.abc import Sequence
from typing import Final

FILE_NAME: Final = "journal.sqlite3"

MIGRATIONS: Final = (
    """
    CREATE TABLE calls (
        number INTEGER PRIMARY KEY,
        at_us INTEGER NOT NULL,
        pass_id TEXT NOT NULL,
        revision TEXT NOT NULL,
        resource TEXT NOT NULL,
        action TEXT NOT NULL,
        change TEXT NOT NULL,
        live_name TEXT NOT NULL,
        settled TEXT,
        why TEXT NOT NULL DEFAULT '',
        request_id TEXT NOT NULL DEFAULT '',
        duration_s REAL
    ) STRICT;
    CREATE INDEX calls_of_resource ON calls (resource);
    CREATE INDEX calls_unsettled ON calls (number) WHERE settled IS NULL OR settled = 'unknown';
    CREATE TABLE notes (
        number INTEGER PRIMARY KEY,
        at_us INTEGER NOT NULL,
        kind TEXT NOT NULL,
        resource TEXT NOT NULL,
        why TEXT NOT NULL,
        pass_id TEXT NOT NULL,
        revision TEXT NOT NULL,
        fields TEXT NOT NULL
    ) STRICT;
    CREATE INDEX notes_of_kind ON notes (kind);
    CREATE INDEX notes_of_resource ON notes (resource);
    CREATE INDEX notes_of_resource_and_kind ON notes (resource, kind);
    """,
    """
    CREATE TABLE steps (
        number INTEGER PRIMARY KEY,
        resource TEXT NOT NULL UNIQUE,
        generation TEXT NOT NULL
    ) STRICT;
    """,
    """
    ALTER TABLE steps ADD COLUMN is_in_step INTEGER NOT NULL DEFAULT 1;
    ALTER TABLE steps ADD COLUMN after INTEGER NOT NULL DEFAULT 0;
    """,
)
"""What makes a file of form N one of form N + 1, by N; only ever added to. SQLite's indexes end in the row's number."""

FORM: Final = len(MIGRATIONS)
"""Of the files that this program writes: `PRAGMA user_version`."""


class UnknownFormError(Exception):
    """The file is of a form that this program does not know: that of a newer one, or of somebody else."""


def form_of(database: sqlite3.Connection, newest: int = FORM) -> int:
    """
    Return the form of a file; 0 for a new one.

    Raises:
        UnknownFormError: it is of a newer program, or no journal.

    """
    # In one statement, for another process may be giving it its form right now.
    found, tables = database.execute(
        "SELECT user_version, (SELECT count(*) FROM sqlite_master) FROM pragma_user_version"
    ).fetchone()
    if found == 0 and tables:
        raise UnknownFormError("it is a database of something else")
    if found > newest:
        raise UnknownFormError(f"it has form {found}, and this program knows forms up to {newest}")
    return int(found)


def migrate(database: sqlite3.Connection, migrations: Sequence[str] = MIGRATIONS) -> None:
    """
    Give a file the newest form, all of it or nothing; several processes may do so at once.

    Raises:
        UnknownFormError: it is of a newer program.

    """
    newest = len(migrations)
    if form_of(database, newest) == newest:
        return
    database.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have done it while this one waited for the lock.
        for form in range(form_of(database, newest), newest):
            for statement in filter(str.strip, migrations[form].split(";")):
                database.execute(statement)
        database.execute(f"PRAGMA user_version = {newest}")
    except BaseException:
        database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")
