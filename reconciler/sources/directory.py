"""Manifests in directories and files of this machine."""

import asyncio
import hashlib
import os
import stat
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reconciler.domain.errors import SourceUnreadableError
from reconciler.ports.source import ManifestFile, Revision, Snapshot
from reconciler.sources.events import Watch
from reconciler.sources.listing import Listed, listed, missing

MAX_FILE_BYTES: Final = 16 * 1024 * 1024
"""Larger files are not read: 16 MiB hold some thirty thousand documents."""

_SETTLED_NS: Final = 2_000_000_000
"""A file that changed less than this before it was read may change again within one tick of its clock, unseen."""


@dataclass(frozen=True, slots=True)
class _Read:
    """A file as it was read, and what says that it has not changed since."""

    signature: tuple[int, ...]
    """Empty when only reading again can tell."""
    file: ManifestFile
    digest: bytes


class DirectorySource:
    """
    A tree of manifests on disk; implements `ports.source.Source`.

    Unchanged files are not read again: a rescan costs one `stat` a file.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        *,
        max_file_bytes: int = MAX_FILE_BYTES,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._paths = tuple(dict.fromkeys(Path(os.path.normpath(path)) for path in paths))
        self._max_file_bytes = max_file_bytes
        self._now_ns = now_ns
        self._read: dict[str, _Read] = {}
        self._reading = threading.Lock()
        self._watch: Watch | None = None

    @property
    def name(self) -> str:
        """Say where the manifests are, for people."""
        return ", ".join(shown(str(path)) for path in self._paths)

    @property
    def watch_problem(self) -> str:
        """Say why changes are not noticed at once, "" when they are or nobody asked; rescans find them all the same."""
        return self._watch.problem if self._watch is not None else ""

    async def snapshot(self) -> Snapshot:
        """
        Return the tree as it is now.

        Raises:
            SourceUnreadableError: one of the paths does not exist; a single bad file is a `problem` instead.

        """
        return await asyncio.to_thread(self.scan)

    def scan(self) -> Snapshot:
        """
        Return the tree as it is now, without an event loop.

        Raises:
            SourceUnreadableError: one of the paths does not exist; a single bad file is a `problem` instead.

        """
        with self._reading:
            found = self._list()
            self._read = {path: self._current(path, problem) for path, problem in found}
            reads = self._read.values()
            return Snapshot(revision=_revision(reads), files=tuple(read.file for read in reads))

    def watch(self, hint: asyncio.Event) -> None:
        """Set the event whenever something may have changed; may be called once, and from a running loop."""
        if self._watch is not None:
            msg = "A source is watched once."
            raise RuntimeError(msg)
        self._watch = Watch(self._paths, hint, asyncio.get_running_loop())

    def close(self) -> None:
        """Stop watching."""
        if self._watch is not None:
            self._watch.close()

    def _list(self) -> list[tuple[str, str]]:
        absent = missing(self._paths)
        if absent:
            names = ", ".join(shown(str(path)) for path in absent)
            raise SourceUnreadableError(f"There is nothing at {names}, so it is not known what is desired.")
        # A file that is below two of the given paths is one file, under the name that was found first.
        found: dict[str, Listed] = {}
        for path in self._paths:
            for one in listed(path):
                found.setdefault(one.path if len(self._paths) == 1 else os.path.realpath(one.path), one)
        return sorted((one.path, one.problem) for one in found.values())

    def _current(self, path: str, problem: str) -> _Read:
        """Return the file as it is now; from memory when it cannot have changed."""
        if problem:
            return _broken(path, problem)
        try:
            status = os.stat(path)  # noqa: PTH116 -- ten thousand times a rescan; a Path each would double its cost.
            signature = (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino, status.st_dev)
            known = self._read.get(path)
            if known is not None and known.signature == signature:
                return known
            return self._fresh(path, status, signature)
        except OSError as error:
            return _broken(path, error.strerror or type(error).__name__)

    def _fresh(self, path: str, status: os.stat_result, signature: tuple[int, ...]) -> _Read:
        if not stat.S_ISREG(status.st_mode):
            return _broken(path, "it is not a regular file")
        if status.st_size > self._max_file_bytes:
            return _broken(path, f"it has {status.st_size} bytes, and at most {self._max_file_bytes} are read")
        before_ns = self._now_ns()
        content = _content(path, status.st_size)
        settled = 0 <= status.st_ctime_ns < before_ns - _SETTLED_NS and len(content) == status.st_size
        return _Read(
            signature=signature if settled else (),
            file=self._same(path, content) or ManifestFile(path=shown(path), content=content),
            digest=_digest(path, content),
        )

    def _same(self, path: str, content: bytes) -> ManifestFile | None:
        """Return the value of the last scan when the content is still the same, so that readers see it by identity."""
        known = self._read.get(path)
        return known.file if known is not None and known.file.content == content and not known.file.problem else None


def _content(path: str, expected_bytes: int) -> bytes:
    """Return a file's bytes, one more than expected when it has grown since."""
    # Without blocking: the file may have become a pipe since.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return os.read(descriptor, expected_bytes + 1)
    finally:
        os.close(descriptor)


def shown(path: str) -> str:
    """Return a path as it may be printed: control characters and bytes that are no UTF-8 are escaped."""
    if path.isascii() and path.isprintable():
        return path
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _broken(path: str, problem: str) -> _Read:
    file = ManifestFile(path=shown(path), problem=problem)
    return _Read(signature=(), file=file, digest=_digest(path, b"", problem))


def _digest(path: str, content: bytes, problem: str = "") -> bytes:
    parts = (os.fsencode(path), problem.encode("utf-8", "surrogateescape"), content)
    return hashlib.blake2b(b"\0".join(parts), digest_size=20).digest()


def _revision(reads: Iterable[_Read]) -> Revision:
    return Revision(hashlib.blake2b(b"".join(read.digest for read in reads), digest_size=20).hexdigest())
