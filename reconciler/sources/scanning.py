"""The files of a tree as they are on disk at one moment; no event loop is needed."""

import hashlib
import os
import stat
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final

from reconciler.domain.errors import SourceUnreadableError
from reconciler.ports.source import MAX_FILE_BYTES, ManifestFile, Revision, Snapshot
from reconciler.sources.listing import folders, missing

_SETTLED_NS: Final = 2_000_000_000
"""A file that changed less than this before it was read may change again within one tick of its clock, unseen."""


@dataclass(slots=True)
class _Read:
    """A file as it was read, and what says that it has not changed since."""

    signature: tuple[int, ...]
    """Empty when only reading again can tell."""
    file: ManifestFile
    _digest: bytes = b""

    def digest(self) -> bytes:
        """Return what names its path and content, once it is asked for; of a path as it is shown there is only one."""
        if not self._digest:
            parts = (self.file.path.encode(), self.file.problem.encode("utf-8", "surrogateescape"), self.file.content)
            self._digest = hashlib.blake2b(b"\0".join(parts), digest_size=20).digest()
        return self._digest


class Scanner:
    """
    Reads a tree of manifests, and again when asked.

    Unchanged files are not read again: a rescan costs one `stat` a file.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        *,
        max_file_bytes: int = MAX_FILE_BYTES,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.paths = tuple(dict.fromkeys(Path(os.path.normpath(path)) for path in paths))
        """What was asked for, each once."""
        self._max_file_bytes = max_file_bytes
        self._now_ns = now_ns
        self._read: dict[str, _Read] = {}
        self._reading = threading.Lock()

    def scan(self) -> Snapshot:
        """
        Return the tree as it is now.

        Raises:
            SourceUnreadableError: one of the paths does not exist; a single bad file is a `problem` instead.

        """
        with self._reading:
            self._look()
            return Snapshot(revision=_revision(self._read.values()), files=self._files())

    def files(self) -> tuple[ManifestFile, ...]:
        """
        Return the files as they are now, for whoever looks once: to name their state would take time.

        Raises:
            SourceUnreadableError: as above.

        """
        with self._reading:
            self._look()
            return self._files()

    def _files(self) -> tuple[ManifestFile, ...]:
        return tuple(read.file for read in self._read.values())

    def _look(self) -> None:
        self._demand()
        found: dict[str, _Read] = {}
        for folder in chain.from_iterable(map(folders, self.paths)):
            if folder.problem:
                found[folder.path] = _broken(folder.path, folder.problem)
            for name in folder.names:
                found[folder.path + name] = self._current(folder.path + name, name, folder.descriptor)
        self._read = {path: found[path] for path in sorted(self._once(found))}

    def _demand(self) -> None:
        absent = missing(self.paths)
        if absent:
            names = ", ".join(shown(str(path)) for path in absent)
            raise SourceUnreadableError(f"There is nothing at {names}, so it is not known what is desired.")

    def _once(self, found: Iterable[str]) -> Iterable[str]:
        """Return each file once: one that is below two of the given paths keeps the name found first."""
        if len(self.paths) == 1:
            return found
        names: dict[str, str] = {}
        for path in found:
            names.setdefault(os.path.realpath(path), path)
        return names.values()

    def _current(self, path: str, name: str, directory: int) -> _Read:
        """Return the file of that name in a directory as it is now; from memory when it cannot have changed."""
        try:
            status = os.stat(name, dir_fd=directory)
            known = self._read.get(path)
            if known is not None and known.signature == _signature(status):
                return known
            return self._fresh(path, name, directory, status)
        except OSError as error:
            return _broken(path, error.strerror or type(error).__name__)

    def _fresh(self, path: str, name: str, directory: int, status: os.stat_result) -> _Read:
        if not stat.S_ISREG(status.st_mode):
            return _broken(path, "it is not a regular file")
        if status.st_size > self._max_file_bytes:
            return _broken(path, f"it has {status.st_size} bytes, and at most {self._max_file_bytes} are read")
        before_ns = self._now_ns()
        content = _content(name, directory, status.st_size)
        settled = 0 <= status.st_ctime_ns < before_ns - _SETTLED_NS and len(content) == status.st_size
        return _Read(
            signature=_signature(status) if settled else (),
            file=self._same(path, content) or ManifestFile(path=shown(path), content=content),
        )

    def _same(self, path: str, content: bytes) -> ManifestFile | None:
        """Return the value of the last scan when the content is still the same, so that readers see it by identity."""
        known = self._read.get(path)
        return known.file if known is not None and known.file.content == content and not known.file.problem else None


def _signature(status: os.stat_result) -> tuple[int, ...]:
    return status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino, status.st_dev


def _content(name: str, directory: int, expected_bytes: int) -> bytes:
    """Return a file's bytes, one more than expected when it has grown since."""
    # Without blocking: the file may have become a pipe since.
    descriptor = os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=directory)
    try:
        return os.read(descriptor, expected_bytes + 1)
    finally:
        os.close(descriptor)


def shown(path: str) -> str:
    """
    Return a path as it may be printed, another one for every path.

    Escaped are control characters, bytes that are no UTF-8, and what runners of workflows take for commands.
    """
    if path.isascii() and path.isprintable() and not ("\\" in path or "##[" in path or path.lstrip().startswith(":")):
        return path
    text = path.replace("\\", "\\\\").replace("##[", r"\x23#[")
    text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return text.replace(":", r"\x3a", 1) if text.lstrip().startswith(":") else text


def _broken(path: str, problem: str) -> _Read:
    return _Read(signature=(), file=ManifestFile(path=shown(path), problem=problem))


def _revision(reads: Iterable[_Read]) -> Revision:
    return Revision(hashlib.blake2b(b"".join(read.digest() for read in reads), digest_size=20).hexdigest())
