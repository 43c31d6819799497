"""What stands below the table of `run --demo`: what is held back, why, and the command that releases it."""

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from reconciler.cli.formats.commands import lines_of
from reconciler.cli.formats.values import safe
from reconciler.domain.changes import Blocked, Failed, Waiting

if TYPE_CHECKING:
    from reconciler.engine.reconcile import PassOutcome

_MOST_OF_A_REASON: Final = 2
"""Lines of a reason."""


def panel(outcome: "PassOutcome", *, width: int, lines: int) -> list[str]:
    """Return what is held back in at most so many lines; what has no room is counted in the last of them."""
    told = [list(_told(item, width=width)) for item in _held(outcome)]
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
    blocked = sorted(outcome.left.blocked, key=lambda item: not item.release)
    return [*blocked, *outcome.left.failed, *outcome.left.waiting]


def _told(item: Blocked | Waiting | Failed, *, width: int) -> Iterator[str]:
    match item:
        case Blocked():
            yield from _wrapped(f"! blocked {item.action} {item.key}", item.why, width=width)
            yield from lines_of(item.release, width=width) if item.release else ()
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
