"""
Ten thousand random histories of an account on air, and a checker in it that counts writes which should not have been.

Then each guard that lacks something plays until it is seen.
"""

import time
from typing import Final

from rich.table import Table

from benchmarks.stage.terminal import console, say
from tests.onair.mutants import MUTANTS
from tests.onair.playing import Found, play

_AT_ONCE: Final = 500
"""Histories between two lines of progress."""
_SHOWN: Final = 10
"""What is told of what was found, at most."""


def show(*, histories: int) -> bool:
    """Play them, and return whether nothing was wrong and every lesser guard was seen."""
    began_s, whole = time.monotonic(), Found()
    for first in range(0, histories, _AT_ONCE):
        whole.add(play(range(first, min(first + _AT_ONCE, histories))))
        say(f"{whole.histories} histories, {len(whole.unsafe)} writes that should not have been")
    _print(whole, seconds=time.monotonic() - began_s)
    unseen = [name for name, make in MUTANTS.items() if not _is_seen(name, play(range(histories), make, stops=True))]
    return not whole.wrong and not unseen


def _print(found: Found, *, seconds: float) -> None:
    table = Table(title="Nothing on air is disturbed unasked")
    table.add_column("what")
    table.add_column("how many", justify="right")
    table.add_row("histories", f"{found.histories:,}")
    table.add_row("writes", f"{found.counted['writes']:,}")
    table.add_row("… that disturbed what was proven to be off air", f"{found.counted['off air']:,}")
    table.add_row("… that disturbed what was on air, with a live approval", f"{found.counted['approved']:,}")
    table.add_row("… that should not have been", f"{len(found.unsafe):,}")
    table.add_row("histories in which something was left undone", f"{len(found.undone):,}")
    table.add_row("seconds", f"{seconds:.0f}")
    console().print(table)
    for each in found.wrong[:_SHOWN]:
        console().print(each)


def _is_seen(name: str, found: Found) -> bool:
    said = f"seen in history {found.histories}" if found.unsafe else "NOT SEEN"
    console().print(f"a guard that {name}: {said}")
    return bool(found.unsafe)
