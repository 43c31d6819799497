"""
The `git` program, run so that nothing of a repository is run or followed, and nobody is asked.

No hook, filter, external diff, submodule, symbolic link or lazy fetch; no settings of this machine or its users.
"""

import contextlib
import math
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reconciler.domain.errors import EnvironmentFailedError
from reconciler.sources.scanning import shown

TIMEOUT_S: Final = 120.0
"""For one run of git that asks no server; the largest tree that was tried takes a second."""

HARMLESS: Final = (
    "--no-pager",
    "--no-replace-objects",
    "--literal-pathspecs",
    "-c", "core.fsmonitor=false",
    "-c", "core.hooksPath=/dev/null",
    "-c", "credential.helper=",
    "-c", "protocol.allow=never",
)  # fmt: skip
_KEPT: Final = ("PATH", "HOME", "XDG_CONFIG_HOME", "USER", "LOGNAME", "TMPDIR")
"""What git gets of our environment: no secret, and nothing that makes it do something else."""
_MAX_SAID: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """How a run of git ended."""

    status: int
    said: bytes = b""
    """What it printed."""
    why: bytes = b""
    """What it said of errors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leash:
    """What holds a run of git that may hang."""

    lock: int
    """A descriptor that stays open for as long as it, or what it starts, is there."""
    most_s: float
    """It is killed after so many seconds even where nobody is left to do that."""


class Git:
    """Runs git in one directory, on what is there."""

    def __init__(self, directory: Path, *, environment: Mapping[str, str], settings: Sequence[str] = ()) -> None:
        """
        Know where, and how; nothing is run yet.

        Args:
            directory: the working directory.
            environment: what git gets, as `harmless`.
            settings: what stands before every command.

        """
        self.directory = directory
        self._environment = dict(environment)
        self._settings = tuple(settings)

    def read(self, *arguments: str, given: bytes = b"") -> bytes:
        """
        Return what git prints.

        Raises:
            EnvironmentFailedError: it failed, is not there, or does not end.

        """
        done = self.run(*arguments, given=given)
        if done.status != 0:
            raise EnvironmentFailedError(f"git {arguments[0]} failed with {done.status}: {words(done.why)}")
        return done.said

    def run(
        self, *arguments: str, given: bytes = b"", settings: Sequence[str] = (), more: Mapping[str, str] | None = None
    ) -> Done:
        """
        Return how git ended; `settings` and what is `more` in its environment hold for this run.

        Raises:
            EnvironmentFailedError: it is not there, or does not end.

        """
        environment = self._environment | dict(more or {})
        process = begin((*self._settings, *settings, *arguments), self.directory, environment, reads=True)
        with process:
            try:
                said, why = process.communicate(given, TIMEOUT_S)
            except subprocess.TimeoutExpired as error:
                raise EnvironmentFailedError(f"git {arguments[0]} did not end within {TIMEOUT_S:g} s.") from error
            finally:
                end(process)
        return Done(status=process.returncode, said=said, why=why)


def begin(
    arguments: Sequence[str],
    directory: Path,
    environment: Mapping[str, str],
    *,
    reads: bool = False,
    leash: "Leash | None" = None,
) -> "subprocess.Popen[bytes]":
    """
    Start git, and return it.

    Args:
        arguments: its own, settings first.
        directory: where it runs.
        environment: all that it gets.
        reads: whether it is given something to read.
        leash: what holds it, where nobody else may be left to.

    Raises:
        EnvironmentFailedError: it cannot be started.

    """
    # By a program of its own: we may have been killed, and it would hold the lock of those after us.
    limit = () if leash is None else ("timeout", "-s", "KILL", str(math.ceil(leash.most_s)))
    try:
        return subprocess.Popen(  # noqa: S603 -- no shell, and every argument that people gave stands behind an option's end
            [*limit, "git", *HARMLESS, *arguments],
            cwd=directory, env=dict(environment), stdin=subprocess.PIPE if reads else subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, pass_fds=() if leash is None else (leash.lock,),
            # A group of its own can be ended as one; without a terminal it asks nobody for a password.
            start_new_session=True,
        )  # fmt: skip
    except FileNotFoundError as error:
        if not directory.is_dir():
            raise EnvironmentFailedError(f"There is no directory {shown(str(directory))}: {error.strerror}.") from error
        raise EnvironmentFailedError("git is not installed, and a commit can be read by nothing else.") from error
    except OSError as error:
        raise EnvironmentFailedError(f"git cannot be started: {error.strerror}") from error


def end(process: "subprocess.Popen[bytes]") -> None:
    """Kill git and all that it started, where it is not known to have ended; its group is there until then."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def harmless(environment: Mapping[str, str], *, keeping: Sequence[str] = ()) -> dict[str, str]:
    """Return what git needs of the environment, and what else is kept, so that it asks nobody and fetches nothing."""
    kept = {name: environment[name] for name in (*_KEPT, *keeping) if name in environment}
    return kept | {
        "GIT_ALLOW_PROTOCOL": "",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
    }


def words(said: bytes, *, most: int = _MAX_SAID) -> str:
    """Return what git said, fit to be shown."""
    return shown(" ".join(said.decode(errors="replace").split()))[:most]
