"""The page on the journal names what the code knows."""

import re
from pathlib import Path
from typing import Final

from reconciler.cli import decision
from reconciler.cli.decision import BLOCKED, FAILED, READY, SKIPPED, UNREAD, WAITING
from reconciler.cli.events import KINDS
from reconciler.cli.holds import HOLDS
from reconciler.cli.journal_view import OPEN
from reconciler.engine.apply import Result
from reconciler.journal.bounds import BATCH, Bounds
from reconciler.journal.file import BROKEN_KEPT
from reconciler.journal.rows import MOST_CHARACTERS
from reconciler.ports.journal import Settled

ENGINE: Final = Path(__file__).parents[2] / "reconciler" / "engine"
PAGE: Final = (Path(__file__).parents[2] / "docs" / "journal.md").read_text()
ROWS: Final = set(re.findall(r"^\| (.*?) \|", PAGE, flags=re.MULTILINE))


def test_every_result_is_explained() -> None:
    """Also that of a call of which nothing is known."""
    assert {*map(str, Settled), OPEN} <= ROWS


def test_every_kind_is_explained() -> None:
    """Whoever filters by kind finds it: what the page names is what there is, and all that is noted."""
    named = {name for row in ROWS for name in re.findall(r"`([a-z]+\.[a-z]+)`", row)}
    noted = {name for path in ENGINE.rglob("*.py") for name in re.findall(r'\bkind="([a-z.]+)"', path.read_text())}

    assert named == set(KINDS)
    assert noted <= named
    assert {f"change.{result}" for result in Result if result not in {Result.DONE, Result.BLOCKED}} <= named
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
