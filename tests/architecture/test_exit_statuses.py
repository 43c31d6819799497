"""What the shell is told is written down for people."""

import re
from pathlib import Path
from typing import Final

from reconciler.domain.errors import ExitStatus, ReconcilerError

PAGE: Final = Path(__file__).parents[2] / "docs" / "exit-status.md"

CUT_SHORT: Final = frozenset({130, 143})
"""128 + SIGINT and 128 + SIGTERM: the shell's own words for a verb that was cut short."""


def documented() -> set[int]:
    """Return the statuses that have a row in the page's table."""
    return {int(number) for number in re.findall(r"^\|\s*`?(\d+)`?\s*\|", PAGE.read_text(), flags=re.MULTILINE)}


def failures(kind: type[ReconcilerError]) -> set[type[ReconcilerError]]:
    """Return `kind` and everything derived from it."""
    return {kind}.union(*(failures(child) for child in kind.__subclasses__()))


def test_every_status_is_documented_and_no_other() -> None:
    """The page has one row for each status that a verb can end with."""
    assert documented() == {status.value for status in ExitStatus} | CUT_SHORT


def test_every_failure_ends_with_a_documented_status() -> None:
    """No failure tells the shell something that the page does not explain."""
    assert {failure.exit_status for failure in failures(ReconcilerError)} <= documented()
