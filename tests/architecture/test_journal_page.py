"""The page on the journal names what the code knows."""

import re
from pathlib import Path
from typing import Final

from reconciler.cli import decision
from reconciler.cli.decision import BLOCKED, FAILED, READY, SKIPPED, UNREAD, WAITING
from reconciler.cli.holds import HOLDS
from reconciler.cli.journal_view import OPEN
from reconciler.journal.bounds import BATCH, Bounds
from reconciler.journal.file import BROKEN_KEPT
from reconciler.journal.rows import MOST_CHARACTERS
from reconciler.ports.journal import Settled

PAGE: Final = (Path(__file__).parents[2] / "docs" / "journal.md").read_text()
ROWS: Final = set(re.findall(r"^\| (.*?) \|", PAGE, flags=re.MULTILINE))


def test_every_result_is_explained() -> None:
    """Also that of a call of which nothing is known."""
    assert {*map(str, Settled), OPEN} <= ROWS


def test_every_kind_that_why_looks_at_is_explained() -> None:
    """Whoever filters by kind finds it."""
    named = {name for row in ROWS for name in re.findall(r"`([a-z]+\.[a-z]+)`", row)}

    assert {BLOCKED, WAITING, FAILED, SKIPPED, READY, UNREAD, *decision.RELEASES} <= named


def test_every_hold_is_named() -> None:
    """In the order in which `why` knows them."""
    listed = re.search(r"says by what: (.*?) \|", PAGE)

    assert listed is not None
    assert listed[1].split(", ") == list(HOLDS)


def test_the_bounds_are_those_that_hold() -> None:
    """The numbers of the page are the code's."""
    most = Bounds()

    for said in (
        f"{most.calls:,} calls",
        f"{most.notes:,} notes",
        f"{most.file_bytes // 2**20} MiB",
        f"{BATCH} at a time",
        f"{MOST_CHARACTERS:,} characters",
        f"to `-{BROKEN_KEPT}`",
    ):
        assert said in PAGE
