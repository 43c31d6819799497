"""Secrets that callers know, one a line of a file, so that a new one is valid before the old one goes."""

import hmac
import stat
from pathlib import Path
from typing import Final

import structlog

from reconciler.domain.errors import EnvironmentFailedError, ReconcilerError, UsageError

log: Final = structlog.get_logger()

LEAST_CHARACTERS: Final = 32
"""Of a line: `openssl rand -hex 32` makes 64."""
_MOST_BYTES: Final = 64 * 1024


class SecretLines:
    """The secrets of one file. It is read again when it changes; one that is spoilt meanwhile changes nothing."""

    def __init__(self, path: Path, option: str) -> None:
        """
        Read the file; `option` is what messages call the setting.

        Raises:
            UsageError: it holds no secret, or one that is too short.
            EnvironmentFailedError: it cannot be read.

        """
        self._path = path
        self._option = option
        self._seen = _state_of(path)
        self._lines = _read(path, option)

    def __repr__(self) -> str:
        """Return where they are, and nothing of them."""
        return f"SecretLines({str(self._path)!r})"

    def now(self) -> tuple[bytes, ...]:
        """Return the secrets that are valid now."""
        state = _state_of(self._path)
        if state != self._seen:
            self._seen = state
            try:
                self._lines = _read(self._path, self._option)
            except ReconcilerError as error:
                log.warning("service.secrets_kept", file=str(self._path), why=str(error))
        return self._lines

    def has(self, given: bytes) -> bool:
        """Return whether one of them was given, in a time that tells nothing of them."""
        return sum(hmac.compare_digest(line, given) for line in self.now()) > 0


def _state_of(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _read(path: Path, option: str) -> tuple[bytes, ...]:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise UsageError(f"{option}: {path} is no file.")
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES)
    except OSError as error:
        raise EnvironmentFailedError(f"{option}: {path} cannot be read: {error.strerror}.") from error
    lines = [(number, line.strip()) for number, line in enumerate(content.splitlines(), 1) if line.strip()]
    if not lines:
        raise UsageError(f"{option}: {path} is empty. `openssl rand -hex 32 > {path}` writes a secret into it.")
    for number, line in lines:
        if len(line) < LEAST_CHARACTERS:
            raise UsageError(
                f"{option}: line {number} of {path} has {len(line)} characters, and {LEAST_CHARACTERS} are the least. "
                f"`openssl rand -hex 32` prints one that is long enough."
            )
    return tuple(line for _, line in lines)
