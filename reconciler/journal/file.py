"""The journal's file: opened with its mode and form, and moved aside when it is broken."""

import contextlib
import errno
import os
import sqlite3
from pathlib import Path
from typing import Final

from reconciler.journal.schema import UnknownFormError, form_of, migrate

BUSY_S: Final = 1.0
"""Longest that a writer waits for another one; their transactions take some milliseconds at most."""
BROKEN_KEPT: Final = 5
"""Broken files that are kept for whoever wants to look at them; of more than these, the newest replaces the last."""
_CACHE_KIB: Final = 512
"""Pages kept in memory: what is written is seldom read."""
_WAL_BYTES: Final = 4 * 1024 * 1024
"""What is left of the `-wal` file once its content is in the journal."""
_BESIDE: Final = ("", "-wal", "-shm")
_BROKEN: Final = ("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_ERROR", "SQLITE_CONSTRAINT", "SQLITE_MISMATCH")
"""By their beginnings. The last three come of tables that are not ours: what we ask of our own always fits them."""

FAILURES: Final = (sqlite3.Error, OSError, ValueError, UnknownFormError)
"""What opening, reading and writing may raise; a value that no row of ours holds is a `ValueError`."""


class JournalFile:
    """The file, opened for writing; to be used by one thread."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # The file is there with its mode before SQLite sees it, and the -wal and -shm files take their mode from it.
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.fchmod(descriptor, 0o600)
            with contextlib.suppress(PermissionError):
                # What root begins is the service's to write; SQLite gives the -wal and -shm files the same owner.
                owner = path.parent.stat()
                os.fchown(descriptor, owner.st_uid, owner.st_gid)
            self._identity = _identity(os.fstat(descriptor))
        finally:
            os.close(descriptor)
        self._path = path
        self.database: Final = sqlite3.connect(path, isolation_level=None, timeout=BUSY_S)
        try:
            self._prepare()
        except BaseException:
            self.database.close()
            raise

    @property
    def is_there(self) -> bool:
        """Return whether it is still what others find at its path: it may be deleted or moved meanwhile."""
        return is_at(self._path, self._identity)

    def close(self) -> None:
        """Let go of it."""
        self.database.close()

    def _prepare(self) -> None:
        # First, so that nothing is written into a file that is not ours.
        if form_of(self.database) == 0:
            # Before WAL: a file that has pages keeps its way of vacuuming.
            self.database.execute("PRAGMA auto_vacuum = INCREMENTAL")
        self.database.execute("PRAGMA journal_mode = WAL")
        # A commit survives the death of the process at once, and that of the machine after the next checkpoint.
        self.database.execute("PRAGMA synchronous = NORMAL")
        self.database.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES}")
        self.database.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        migrate(self.database)


def is_broken(error: Exception) -> bool:
    """Return whether a failure tells of a file that will never do, and not of the disk or of another process."""
    name = getattr(error, "sqlite_errorname", None)
    if name is not None:
        return str(name).startswith(_BROKEN)
    if isinstance(error, sqlite3.ProgrammingError):
        # A mistake of ours says nothing of the file.
        return False
    return isinstance(error, UnknownFormError | ValueError | sqlite3.Error)


def words(error: Exception) -> str:
    """Return why the file cannot be used, for people."""
    if isinstance(error, OSError) and error.errno is not None:
        return f"{errno.errorcode.get(error.errno, error.errno)}: {error.strerror}"
    return str(error) or type(error).__name__


def identity_of(path: Path) -> tuple[int, int] | None:
    """Return what tells a file from every other; None where there is none."""
    try:
        return _identity(path.stat())
    except OSError:
        return None


def is_at(path: Path, identity: tuple[int, int] | None) -> bool:
    """Return whether it is this very file that is at the path."""
    return identity_of(path) == identity


def move_aside(path: Path) -> Path:
    """
    Give a broken file, and what SQLite keeps beside it, another name, and return that.

    Raises:
        OSError: it could not be renamed.

    """
    aside = next(filter(lambda free: not free.exists(), _names(path)), _names(path)[-1])
    for suffix in _BESIDE:
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.replace(aside.with_name(aside.name + suffix))
    return aside


def _names(path: Path) -> list[Path]:
    return [path.with_name(f"{path.name}.broken-{number}") for number in range(1, BROKEN_KEPT + 1)]


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino
