"""What `doctor` looks at: checks that tell, each in one line, whether something is as it must be."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from reconciler.domain.errors import ExitStatus, ReconcilerError


class Grade(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"
    """It works, and will not for ever or not in every case."""
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """One thing that was looked at."""

    about: str
    """What, in a word or two."""
    grade: Grade
    said: str
    """What was found, in one line; never a secret."""
    next_step: str = ""
    """What to do; "" where nothing needs to be done."""
    status: ExitStatus = ExitStatus.ALL_FAILED
    """What the shell is told where this is a failure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One look that needs no other; looks are taken side by side."""

    about: str
    look: Callable[[], Awaitable[tuple[Sign, ...]]]
    """
    Returns what was found; a `ReconcilerError` is a failure with its own words.

    It waits for others at most until it is cancelled, and changes nothing that lasts.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockingCheck:
    """A look that asks the disk or a program, and so is taken in a thread of its own."""

    about: str
    look: Callable[[], tuple[Sign, ...]]
    """As of `Check`, but that it blocks; nobody can end it, so it is left behind when its time is up."""


def ok(about: str, said: str) -> Sign:
    """Return a sign that all is well."""
    return Sign(about=about, grade=Grade.OK, said=said)


def warn(about: str, said: str, next_step: str) -> Sign:
    """Return a sign of something that is not well, and works."""
    return Sign(about=about, grade=Grade.WARN, said=said, next_step=next_step)


def fail(about: str, said: str, next_step: str, *, status: ExitStatus = ExitStatus.ALL_FAILED) -> Sign:
    """Return a sign of something that does not work."""
    return Sign(about=about, grade=Grade.FAIL, said=said, next_step=next_step, status=status)


def failed(about: str, error: ReconcilerError, next_step: str = "") -> Sign:
    """Return the sign that a failure is."""
    return fail(about, str(error), next_step, status=error.exit_status)
