"""The folder of one flow: what we note of its engines, and below it where they work."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reconciler.media.processes import EngineUser

_RUN: Final = "run"
_KIND: Final = "kind"


@dataclass(frozen=True, slots=True)
class FlowHome:
    """
    Two folders: engines may be another user's processes, and what we rely on must not be theirs to change.

    `records` is ours alone. `run` is the engines' working folder: they reach their files relative to it, for the
    folders above are closed to them.
    """

    records: Path
    user: EngineUser | None
    """Whom the engines run as; None for ourselves."""

    @property
    def run(self) -> Path:
        """Where the engines work."""
        return self.records / _RUN

    @property
    def kind(self) -> str:
        """Which kind of engines the folders were made for; empty where they are not there."""
        try:
            return (self.records / _KIND).read_text()
        except OSError:
            return ""

    def make(self, kind: str) -> None:
        """Make both folders for engines of this kind; what is in them stays."""
        self.records.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._note(_KIND, kind)
        self.run.mkdir(mode=0o700, exist_ok=True)
        self.give(self.run)

    def _note(self, name: str, text: str) -> None:
        """Write a file of ours, which nobody else can read."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        with os.fdopen(os.open(self.records / name, flags, 0o600), "w") as file:
            file.write(text)

    def remove(self) -> None:
        """Remove both folders with all that is in them."""
        shutil.rmtree(self.records, ignore_errors=True)

    def give(self, path: Path) -> None:
        """Let the engines own something in their folder."""
        if self.user is not None:
            os.chown(path, self.user.uid, self.user.gid, follow_symlinks=False)

    def write(self, name: str, content: bytes) -> None:
        """Write a file into the engines' folder that only they can read; what stood there, a link even, is replaced."""
        path = self.run / name
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        self.give(path)
