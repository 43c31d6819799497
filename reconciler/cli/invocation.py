"""How this program was called, and so how the next command is said: what is printed works as it is pasted."""

import shlex
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reconciler.cli.options import SETTING_OF, Options


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """What one command line said of where things are: all that another verb needs, to be about the same."""

    program: tuple[str, ...] = ("reconciler",)
    first: tuple[str, ...] = ()
    """What stands before the verb."""
    paths: tuple[str, ...] = ()
    """Where the manifests are."""
    backend: tuple[str, ...] = ()
    """The options that choose the backend."""

    @classmethod
    def of(cls, options: Options, paths: tuple[Path, ...] = (), **flags: Any) -> "Invocation":
        """Return what was given here, and nothing that comes from a file or the environment: that is there again."""
        before = (("--config", options.config), ("--state", options.state))
        return cls(
            program=_program(),
            first=tuple(word for name, value in before if value is not None for word in (name, str(value))),
            paths=tuple(map(_path, paths)),
            backend=tuple(word for name in SETTING_OF for word in _words(name, flags.get(name))),
        )

    def saying(self, verb: str, *words: str) -> str:
        """Return a command about the same manifests and the same backend, for a shell."""
        return shlex.join((*self.program, *self.first, verb, *self.paths, *self.backend, *words))


def _path(path: Path) -> str:
    return f"./{path}" if str(path).startswith("-") else str(path)


def _words(name: str, value: Any) -> Iterator[str]:
    for each in value if isinstance(value, tuple) else (value,):
        # A URL with somebody's name in it may hold a password, too.
        if each is not None and not (name == "endpoint" and "@" in str(each)):
            yield f"--{name.replace('_', '-')}"
            yield str(each)


def _program() -> tuple[str, ...]:
    """Return how this program is called from here."""
    own = Path(sys.argv[0])
    if own.name != "reconciler":
        return (sys.executable, "-m", "reconciler")
    found = shutil.which("reconciler")
    return ("reconciler",) if found is not None and Path(found).resolve() == own.resolve() else (str(own),)
