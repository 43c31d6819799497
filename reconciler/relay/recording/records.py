"""Samples and logs for the event loop: a thread writes, and no trouble of the disk ever reaches who records or asks."""

import asyncio
import errno
import sqlite3
from collections import deque
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

import structlog

from reconciler.relay.recording.events import Entry, OpenSession
from reconciler.relay.recording.samples import Sample
from reconciler.relay.recording.store import (
    MAX_BYTES,
    EntryPage,
    EntryQuery,
    SampleQuery,
    Store,
    UnknownFormError,
)

log: Final = structlog.get_logger()

FILE_NAME: Final = "records.sqlite3"
KEPT: Final = 10_000
"""Samples and lines each that wait in memory while the disk takes none; the oldest go first."""
_BROKEN: Final = frozenset({"SQLITE_CORRUPT", "SQLITE_NOTADB"})
_BESIDE: Final = ("", "-wal", "-shm")

_T = TypeVar("_T")


class Records:
    """
    What was recorded. No method fails: what cannot be written waits, and what cannot be read is empty.

    Trouble is told once in the log, and once more when it is over. A broken file is moved aside, and a new one begun.
    """

    def __init__(self, path: Path | None = None, *, max_bytes: int = MAX_BYTES) -> None:
        """Keep them in this file; in memory where there is none. Nothing is opened before it is needed."""
        self._path = path
        self._max_bytes = max_bytes
        self._store: Store | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="relay-records")
        self._samples: deque[Sample] = deque(maxlen=KEPT)
        self._entries: deque[Entry] = deque(maxlen=KEPT)
        self._trouble = ""

    async def add(self, samples: Iterable[Sample] = (), entries: Iterable[Entry] = ()) -> None:
        """Keep samples and lines of the log."""
        self._samples.extend(samples)
        self._entries.extend(entries)
        waiting = tuple(self._samples), tuple(self._entries)
        if not any(waiting):
            return
        done = await self._do(lambda store: _add(store, *waiting), False)
        if done:
            self._samples.clear()
            self._entries.clear()

    async def samples(self, query: SampleQuery) -> list[Sample]:
        """Return the samples that there are."""
        return await self._do(lambda store: store.samples(query), [])

    async def entries(self, query: EntryQuery) -> EntryPage:
        """Return a page of a flow's log."""
        return await self._do(lambda store: store.entries(query), EntryPage())

    async def open_sessions(self) -> dict[str, list[OpenSession]]:
        """Return the connections that began and are not known to have ended, by the id of their end."""
        return await self._do(lambda store: store.open_sessions(), {})

    async def forget_all_but(self, flow_ids: Collection[str]) -> None:
        """Remove everything of other flows."""
        await self._do(lambda store: store.forget_all_but(flow_ids), None)

    async def tidy(self, now_s: float) -> None:
        """Roll up, and remove what is too old or too much."""
        await self._do(lambda store: store.tidy(now_s), None)

    async def close(self) -> None:
        """Let go of the file."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._let_go)
        self._thread.shutdown()

    async def _do(self, work: Callable[[Store], _T], otherwise: _T) -> _T:
        """Return what the work returns; the other where the file cannot be used now."""
        done, result, trouble = await asyncio.get_running_loop().run_in_executor(
            self._thread, lambda: self._try(work, otherwise)
        )
        if trouble and not self._trouble:
            log.warning("relay.records_failed", reason=trouble)
        elif done and self._trouble:
            log.info("relay.records_recovered")
        self._trouble = "" if done else self._trouble or trouble
        return result

    def _try(self, work: Callable[[Store], _T], otherwise: _T) -> tuple[bool, _T, str]:
        """Work, and once more on a new file when this one is broken; return whether it was done, what, and why not."""
        why = ""
        for _ in range(2):
            try:
                return True, work(self._opened()), why
            except (sqlite3.Error, OSError, UnknownFormError, ValueError) as error:
                why = _words(error)
                if not self._mended(error):
                    break
        return False, otherwise, why

    def _mended(self, error: Exception) -> bool:
        """Return whether it may work now: after making room, or with a new file in the place of a broken one."""
        name = getattr(error, "sqlite_errorname", "").removesuffix("_VTAB")
        try:
            if name == "SQLITE_FULL" and self._store is not None:
                self._store.make_room()
                return True
            self._let_go()
            broken = any(name.startswith(kind) for kind in _BROKEN)
            if broken or isinstance(error, UnknownFormError | ValueError):
                return self._moved_aside()
        except (sqlite3.Error, OSError):
            self._let_go()
        return False

    def _moved_aside(self) -> bool:
        if self._path is None:
            return False
        for suffix in _BESIDE:
            # One broken file is kept for whoever wants to look at it; a second takes its place.
            path = self._path.with_name(self._path.name + suffix)
            if path.exists():
                path.replace(path.with_name(f"{self._path.name}.broken{suffix}"))
        return True

    def _opened(self) -> Store:
        if self._store is None:
            self._store = Store(self._path, max_bytes=self._max_bytes)
        return self._store

    def _let_go(self) -> None:
        store, self._store = self._store, None
        if store is not None:
            store.close()


def _add(store: Store, samples: tuple[Sample, ...], entries: tuple[Entry, ...]) -> bool:
    store.add(samples, entries)
    return True


def _words(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno is not None:
        return f"{errno.errorcode.get(error.errno, error.errno)}: {error.strerror}"
    return str(error)
