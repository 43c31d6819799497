"""
The outbox: what has to be remembered of who was told what, in an append-only file of the state directory.

Each line is the newest value of one key, so that a line which a crash tore in half loses only itself. The file is
written anew when most of it is old.
"""

import asyncio
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import structlog

FILE_NAME: Final = "outbox.jsonl"
FORM: Final = 1
"""Of the lines that this program writes; lines of another form are left out."""
LEAST_LINES: Final = 1000
"""A file with fewer lines is not worth being written anew."""

log: Final = structlog.get_logger()

Key = tuple[str, str]
"""The name of a sink, and what is remembered of it."""


class Outbox:
    """Remembers JSON values by key; what cannot be written is kept in memory, told once, and tried again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._values: dict[Key, Any] = {}
        self._unwritten: dict[Key, Any] = {}
        self._lines = 0
        self._trouble = ""
        self._turn = asyncio.Lock()

    def load(self, sinks: Iterable[str]) -> Mapping[str, Mapping[str, Any]]:
        """Return what is remembered of each of these sinks; what was remembered of others is forgotten."""
        found: dict[str, dict[str, Any]] = {name: {} for name in sinks}
        try:
            with self._path.open("rb") as file:
                for line in file:
                    self._lines += 1
                    self._read(line, found)
        except FileNotFoundError:
            pass
        except OSError as error:
            self._fail(error)
        self._values = {(sink, key): value for sink, kept in found.items() for key, value in kept.items()}
        return found

    def put(self, sink: str, changed: Iterable[tuple[str, Any]]) -> None:
        """Remember these values, None to forget; they are in the file after the next `commit`."""
        for key, value in changed:
            self._unwritten[sink, key] = value

    async def commit(self) -> None:
        """Write what is not written yet, for certain; another thread does, for a disk may be slow."""
        async with self._turn:
            batch, self._unwritten = self._unwritten, {}
            if not batch:
                return
            for key, value in batch.items():
                self._values[key] = value
                if value is None:
                    del self._values[key]
            is_whole = bool(self._trouble) or self._lines + len(batch) > max(LEAST_LINES, 2 * len(self._values))
            written = self._values if is_whole else batch
            content = b"".join(_line(key, value) for key, value in written.items())
            try:
                await asyncio.to_thread(_replace if is_whole else _append, self._path, content)
            except OSError as error:
                self._fail(error)
                return
            self._lines = len(written) + (0 if is_whole else self._lines)
            if self._trouble:
                self._trouble = ""
                log.info("notify.outbox_recovered", file=str(self._path))

    def _fail(self, error: OSError) -> None:
        why = error.strerror or type(error).__name__
        if why != self._trouble:
            log.warning("notify.outbox_failed", file=str(self._path), why=why)
        # What is not in the file is among the values: the next commit writes all of them.
        self._trouble = why

    @staticmethod
    def _read(line: bytes, found: Mapping[str, dict[str, Any]]) -> None:
        try:
            form, sink, key, value = json.loads(line)
        except (ValueError, TypeError):
            return
        if form != FORM or sink not in found:
            return
        if value is None:
            found[sink].pop(key, None)
        else:
            found[sink][key] = value


def _line(key: Key, value: Any) -> bytes:
    return json.dumps([FORM, *key, value], separators=(",", ":")).encode() + b"\n"


def _append(path: Path, content: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    with os.fdopen(os.open(path, flags, 0o600), "r+b", buffering=0) as file:
        # A line that was torn in half must not take the next one along.
        if file.seek(0, os.SEEK_END) and not _ends_a_line(file.fileno()):
            content = b"\n" + content
        file.write(content)
        os.fsync(file.fileno())


def _ends_a_line(descriptor: int) -> bool:
    size = os.fstat(descriptor).st_size
    return os.pread(descriptor, 1, size - 1) == b"\n"


def _replace(path: Path, content: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.new")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
    with os.fdopen(os.open(draft, flags, 0o600), "wb", buffering=0) as file:
        file.write(content)
        os.fsync(file.fileno())
    draft.replace(path)
