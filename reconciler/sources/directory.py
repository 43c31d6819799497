"""Manifests in directories and files of this machine, for a loop: looked at when asked, and watched in between."""

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from reconciler.ports.clock import Clock
from reconciler.ports.source import MAX_FILE_BYTES, Snapshot
from reconciler.sources.events import Watch
from reconciler.sources.scanning import Scanner, shown


class DirectorySource:
    """A tree of manifests on disk; implements `ports.source.Source`."""

    def __init__(
        self,
        paths: Sequence[Path],
        *,
        proofs: Path,
        clock: Clock,
        max_file_bytes: int = MAX_FILE_BYTES,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        """
        Prepare to look; nothing is read yet.

        Args:
            paths: directories and files.
            proofs: a directory of ours alone, in which a watch proves that it sees; made when watched.
            clock: when to prove.
            max_file_bytes: larger files are not read.
            now_ns: the time as the file system has it.

        """
        self._scanner = Scanner(paths, max_file_bytes=max_file_bytes, now_ns=now_ns)
        self._proofs = proofs
        self._clock = clock
        self._watch: Watch | None = None
        self._hint: asyncio.Event | None = None

    @property
    def name(self) -> str:
        """Say where the manifests are, for people."""
        return ", ".join(shown(str(path)) for path in self._scanner.paths)

    @property
    def is_whole(self) -> bool:
        """Return False: whoever writes several files writes one after the other."""
        return False

    @property
    def watch_problem(self) -> str:
        """Say why changes are not noticed at once, "" when they are or nobody asked; rescans find them all the same."""
        return self._watch.problem if self._watch is not None else ""

    @property
    def proven_at(self) -> datetime | None:
        """Return when the watch last proved that it notices changes, in UTC; None where it has not yet."""
        return self._watch.proven_at if self._watch is not None else None

    async def snapshot(self) -> Snapshot:
        """
        Return the tree as it is now.

        Raises:
            SourceUnreadableError: one of the paths does not exist; a single bad file is a `problem` instead.

        """
        return await asyncio.to_thread(self._scanner.scan)

    def watch(self, hint: asyncio.Event) -> None:
        """Set the event whenever something may have changed; from a running loop, and again only after `close`."""
        if self._watch is not None:
            msg = "A source is watched once."
            raise RuntimeError(msg)
        self._hint = hint
        self._watch = Watch(self._scanner.paths, hint, proofs=self._proofs, clock=self._clock)

    def wake(self) -> None:
        """Set the event that was given to `watch`."""
        if self._hint is not None:
            self._hint.set()

    def close(self) -> None:
        """Stop watching."""
        watch, self._watch, self._hint = self._watch, None, None
        if watch is not None:
            watch.close()
