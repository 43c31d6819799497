"""What stands below the table of `run --demo`: what is held back, why, and the command that releases it."""

import shlex
import shutil
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from reconciler.cli.formats.values import safe
from reconciler.domain.change_ids import change_id
from reconciler.domain.changes import Blocked, Failed, Waiting
from reconciler.domain.safety.releases import reason_of, released_by

if TYPE_CHECKING:
    from reconciler.engine.reconcile import PassOutcome
    from reconciler.settings import Settings

_MOST_OF_A_REASON: Final = 2
"""Lines of a reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """How people say, in another terminal, what they want of this reconciler."""

    program: tuple[str, ...] = ("reconciler",)
    state: tuple[str, ...] = ()
    """Options that choose the state directory, where it is not the usual one."""
    paths: tuple[str, ...] = ()
    """Where the manifests are, where that is not the usual place."""

    @classmethod
    def of(cls, settings: "Settings", paths: tuple[Path, ...]) -> "Place":
        """Return how to say it in this working directory."""
        from reconciler.settings import DEFAULT_MANIFESTS, DEFAULT_STATE

        usual = (DEFAULT_MANIFESTS,)
        return cls(
            program=_program(),
            state=() if settings.state == DEFAULT_STATE else ("--state", str(settings.state)),
            paths=() if (paths or settings.paths) == usual else tuple(map(str, paths)),
        )

    def release(self, item: Blocked, *, width: int) -> list[str]:
        """Return the command that releases what is held back, in lines that a shell takes as one; none without one."""
        if item.change is None or released_by(item) is None:
            return []
        key = str(item.key).partition("/")[2] if str(item.key).startswith("output/") else str(item.key)
        first = shlex.join((*self.program, *self.state, "apply", *self.paths))
        rest = f"--reason WHY --approve {key}:{item.action}:{change_id(item.change)}"
        whole = f"{first} {rest}"
        return [whole] if len(whole) <= width else [f"{first} \\", f"  {rest}"]


def _program() -> tuple[str, ...]:
    """Return how this program is called from here."""
    own = Path(sys.argv[0])
    if own.name != "reconciler":
        return (sys.executable, "-m", "reconciler")
    found = shutil.which("reconciler")
    return ("reconciler",) if found is not None and Path(found).resolve() == own.resolve() else (str(own),)


def panel(outcome: "PassOutcome", place: Place, *, width: int, lines: int) -> list[str]:
    """Return what is held back in at most so many lines; what has no room is counted in the last of them."""
    told = [list(_told(item, place, width=width)) for item in _held(outcome)]
    told += [_wrapped(f"! {one.result} {one.change.key}", one.why, width=width) for one in outcome.undone]
    if not told:
        return []
    shown: list[str] = []
    for number, item in enumerate(told):
        is_last = number == len(told) - 1
        if len(shown) + len(item) + (not is_last) > lines:
            left = f"and {len(told) - number} more held back; `reconciler plan` shows all"
            return [*shown, left][:lines] if shown else [*item[: lines - 1], left][:lines]
        shown += item
    return shown


def _held(outcome: "PassOutcome") -> list[Blocked | Waiting | Failed]:
    """Return what is held back, first what a command releases."""
    blocked = sorted(outcome.left.blocked, key=lambda item: released_by(item) is None)
    return [*blocked, *outcome.left.failed, *outcome.left.waiting]


def _told(item: Blocked | Waiting | Failed, place: Place, *, width: int) -> Iterator[str]:
    match item:
        case Blocked():
            yield from _wrapped(f"! blocked {item.action} {item.key}", reason_of(item), width=width)
            yield from place.release(item, width=width)
        case Failed():
            yield from _wrapped(f"! failed {item.key}", item.why, width=width)
        case Waiting():
            yield from _wrapped(f"! waiting {item.key}", item.why, width=width)


def _wrapped(head: str, why: str, *, width: int) -> list[str]:
    return textwrap.wrap(
        f"{head}: {safe(why)}",
        width,
        subsequent_indent="  ",
        max_lines=_MOST_OF_A_REASON,
        placeholder=" …",
        break_on_hyphens=False,
    )
