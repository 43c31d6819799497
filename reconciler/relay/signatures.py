"""
Signatures of writes that were let in, so that each is good for one.

Whoever overhears a signed write could send it again for as long as its timestamp is young. What was let in is therefore
kept until its timestamp is too old anyway; on the disk, because a restart must not make it good again (docs/adr/0017).
Only what the account's owner has signed comes here, so no stranger can fill it.
"""

import asyncio
import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from reconciler.domain.errors import EnvironmentFailedError
from reconciler.relay.catalogue import CatalogueFailedError
from reconciler.streamlink.signing import MAX_CLOCK_SKEW_S

FILE_NAME: Final = "signatures.sqlite3"
MOST: Final = 200_000
"""Kept at once: 330 writes a second for the ten minutes that the oldest may be kept, in some 20 MB of disk."""

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS spent (signature BLOB PRIMARY KEY, good_until_s INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS spent_by_age ON spent (good_until_s);
"""


class SignatureSpentError(Exception):
    """The write was let in once already."""


class TooManyWritesError(Exception):
    """So many writes are remembered that this one could not be."""


class SpentSignatures:
    """Lets each signature pass once. One thread writes; the event loop never waits for the disk."""

    def __init__(self, database: sqlite3.Connection, writer: ThreadPoolExecutor, *, kept: int, most: int) -> None:
        self._database = database
        self._writer = writer
        self._kept = kept
        self._most = most

    @classmethod
    async def open(cls, directory: Path, *, most: int = MOST) -> "SpentSignatures":
        """
        Take up what an earlier run has let in.

        Raises:
            EnvironmentFailedError: the file cannot be used.

        """
        path = directory / FILE_NAME
        writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="relay-signatures")
        try:
            database, kept = await asyncio.get_running_loop().run_in_executor(writer, _opened, path)
        except (sqlite3.Error, OSError) as error:
            writer.shutdown()
            raise EnvironmentFailedError(
                f"The relay's record of signatures {path} cannot be used: {error}. Move it away and wait "
                f"{2 * MAX_CLOCK_SKEW_S // 60} minutes before the next start, so that no write that somebody has "
                f"overheard is good again."
            ) from error
        return cls(database, writer, kept=kept, most=most)

    async def spend(self, signature: str, *, timestamp_s: int, now_s: float) -> None:
        """
        Let a signature pass, and no more after this; it is on the disk when this returns.

        Raises:
            SignatureSpentError: it has passed before.
            TooManyWritesError: there is no room to remember it.
            CatalogueFailedError: the disk did not take it; it has not passed.

        """
        work = asyncio.get_running_loop().run_in_executor(
            self._writer, self._spend, bytes.fromhex(signature), timestamp_s + MAX_CLOCK_SKEW_S, int(now_s)
        )
        # Whoever waits may be cancelled; the thread goes on, and what it finds is then nobody's to hear.
        await asyncio.shield(work)

    async def close(self) -> None:
        """Let go of the file."""
        await asyncio.get_running_loop().run_in_executor(self._writer, self._database.close)
        self._writer.shutdown()

    def _spend(self, signature: bytes, good_until_s: int, now_s: int) -> None:
        try:
            self._note(signature, good_until_s, now_s)
        except sqlite3.IntegrityError as error:
            raise SignatureSpentError from error
        except sqlite3.Error as error:
            raise CatalogueFailedError(str(error)) from error

    def _note(self, signature: bytes, good_until_s: int, now_s: int) -> None:
        with self._database:
            gone = self._database.execute("DELETE FROM spent WHERE good_until_s < ?", (now_s,)).rowcount
            if self._kept - gone >= self._most:
                raise TooManyWritesError
            self._database.execute("INSERT INTO spent VALUES (?, ?)", (signature, good_until_s))
        self._kept += 1 - gone


def _opened(path: Path) -> tuple[sqlite3.Connection, int]:
    # The file is there with its mode before SQLite sees it, and the -wal and -shm files take their mode from it.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    path.chmod(0o600)
    database = sqlite3.connect(path)
    try:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.executescript(_SCHEMA)
        return database, database.execute("SELECT count(*) FROM spent").fetchone()[0]
    except BaseException:
        database.close()
        raise
