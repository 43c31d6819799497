"""Secrets of a file that SOPS has encrypted for age keys, opened by the `sops` program and kept in memory alone."""

import json
import math
import os
import shutil
import stat
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

MAX_FILE_BYTES: Final = 1024 * 1024
"""A larger file is no list of secrets."""
TIMEOUT_S: Final = 30.0
"""For opening one file, which takes some hundredths of a second."""
RETRY_S: Final = 5.0
"""After so long a failure that may pass is tried again: what takes its time does so once a pass, not once a name."""

_KINDS: Final = {".yaml": "yaml", ".yml": "yaml", ".json": "json"}
_AGE: Final = b"BEGIN AGE ENCRYPTED FILE"
_READ_BY_ALL: Final = stat.S_IROTH | stat.S_IWOTH
_CHANGED: Final = "it, or its MAC, was changed by something other than sops, or it has none"
_REASONS: Final = {
    25: _CHANGED,
    51: _CHANGED,
    52: _CHANGED,
    128: "none of the identities in {key} opens it; `sops updatekeys` encrypts it for another key",
}
"""By sops's exit status. What it prints is not passed on: it quotes lines, and hashes of values."""


class SopsError(Exception):
    """A file cannot be opened; the message says why, and holds nothing of its content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    """What a file held when it was opened; never printed."""

    values: Mapping[str, Any]
    problem: str = ""
    """Why it could not be opened, "" when it was."""
    until_s: float = math.inf
    """How long it may be told again, by the clock that only goes on: for ever, where it says something of the file."""

    def __repr__(self) -> str:
        return "***"


class SopsFile:
    """
    One encrypted file, opened again whenever it or the key has changed.

    Its values are kept in memory alone. sops gets nothing of our environment but where programs are: no credentials of
    a key service, and no other key than the one that is named.
    """

    def __init__(
        self,
        path: Path,
        *,
        key_file: Path | None,
        programs: str,
        timeout_s: float = TIMEOUT_S,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Know a file; nothing is read yet.

        Args:
            path: a YAML or JSON file, by its suffix.
            key_file: where the age identities are.
            programs: where programs are looked for, as in PATH.
            timeout_s: how long opening it may take.
            now_s: a clock that only goes on.

        """
        self._guard = threading.Lock()
        self._now_s = now_s
        self.path = path
        self._key_file = key_file
        self._programs = programs
        self._timeout_s = timeout_s
        self._signature: tuple[Any, ...] = ()
        self._opened = _Opened(values={})

    def text(self, name: str) -> str | None:
        """
        Return the value of a key, `a/b` for the key b in a; None where there is none.

        Raises:
            SopsError: the file cannot be opened, or the value is no text.

        """
        # From several threads: who no longer waits for one has not ended it.
        with self._guard:
            found: Any = self._values()
        for part in name.split("/"):
            if not isinstance(found, Mapping) or part not in found:
                return None
            found = found[part]
        if not isinstance(found, str):
            raise SopsError(f"what {self.path} has under this name is no text; put it in quotes and encrypt it again")
        return found

    def _values(self) -> Mapping[str, Any]:
        signature = self._key_signature(), _signature(self._status(self.path))
        if signature != self._signature or self._now_s() >= self._opened.until_s:
            self._opened = self._open()
            self._signature = signature
        if self._opened.problem:
            raise SopsError(self._opened.problem)
        return self._opened.values

    def _key_signature(self) -> tuple[int, ...]:
        """Return what says that the key has not changed, or refuse one that is not kept well."""
        if self._key_file is None:
            raise SopsError(f"no age key is set to open {self.path} with (secrets.ageKeyFile)")
        status = self._status(self._key_file)
        if status.st_mode & _READ_BY_ALL:
            mode = stat.S_IMODE(status.st_mode)
            raise SopsError(
                f"everybody here may read or write the age key {self._key_file} ({mode:04o}); `chmod 600` it"
            )
        return _signature(status)

    def _status(self, path: Path) -> os.stat_result:
        try:
            return path.stat()
        except OSError as error:
            raise SopsError(f"{path}: {error.strerror or type(error).__name__}") from None

    def _open(self) -> _Opened:
        kind = _KINDS.get(self.path.suffix)
        if kind is None:
            return _Opened(values={}, problem=f"{self.path} is named neither .yaml nor .json")
        content = self._content()
        if len(content) > MAX_FILE_BYTES:
            return _Opened(values={}, problem=f"{self.path} has more than {MAX_FILE_BYTES} bytes")
        if _AGE not in content:
            why = (
                f"{self.path} is not encrypted by sops for an age key; others, as of a key service or PGP, are not used"
            )
            return _Opened(values={}, problem=why)
        return self._decrypted(kind, content)

    def _decrypted(self, kind: str, content: bytes) -> _Opened:
        try:
            status, printed = self._run(kind, content)
        except SopsError as error:
            return self._for_now(str(error))
        values = _decoded(printed) if status == 0 else None
        if values is not None:
            return _Opened(values=values)
        if status in _REASONS:
            why = _REASONS[status].format(key=self._key_file)
            return _Opened(values={}, problem=f"{self.path} cannot be opened: {why}")
        return self._for_now(
            f"{self.path} cannot be opened: sops ends with {status}; `sops decrypt {self.path}` says why"
        )

    def _for_now(self, problem: str) -> _Opened:
        """Return a failure that says nothing of the file: it is told of every name of a pass, and then tried again."""
        return _Opened(values={}, problem=problem, until_s=self._now_s() + RETRY_S)

    def _content(self) -> bytes:
        try:
            # Without blocking: the name may lead to a pipe.
            descriptor = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            with open(descriptor, "rb") as file:  # noqa: PTH123 -- a descriptor has no path.
                return file.read(MAX_FILE_BYTES + 1)
        except OSError as error:
            raise SopsError(f"{self.path}: {error.strerror or type(error).__name__}") from None

    def _run(self, kind: str, content: bytes) -> tuple[int, bytes]:
        """Return how sops ended and what it printed: the values, for the pipe is ours alone."""
        # In the root of the file system there are no rules of its own (.sops.yaml) for it to find.
        key = str(self._key_file.absolute()) if self._key_file is not None else ""
        environment = {"PATH": self._programs, "HOME": "/nonexistent", "SOPS_AGE_KEY_FILE": key}
        try:
            done = subprocess.run(  # noqa: S603 -- no shell, and no argument that people gave
                [_program(self._programs), "--decrypt", "--input-type", kind, "--output-type", "json", "/dev/stdin"],
                cwd="/", env=environment, input=content, capture_output=True, check=False, timeout=self._timeout_s,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            # The original holds what was printed so far.
            raise SopsError(f"sops did not open {self.path} within {self._timeout_s:g} s") from None
        except OSError as error:
            raise SopsError(f"{self.path} needs sops, which cannot be run: {error.strerror}") from None
        return done.returncode, done.stdout


def _program(programs: str) -> str:
    found = shutil.which("sops", path=programs)
    if found is None:
        raise SopsError("the program sops is not installed, and nothing else opens files of it (getsops.io)")
    return found


def _signature(status: os.stat_result) -> tuple[int, ...]:
    return status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino, status.st_dev


def _decoded(printed: bytes) -> Mapping[str, Any] | None:
    """Return the values that sops has printed; None for what is no mapping of them."""
    try:
        values = json.loads(printed)
    except ValueError:
        return None
    return values if isinstance(values, dict) else None
