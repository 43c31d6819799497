"""Tests of `cli.decision`: what `why` makes of the manifests and the journal."""

from dataclasses import replace

import pytest

from reconciler.cli.decision import Standing, knows, named_in
from reconciler.domain.model import Care
from reconciler.ports.journal import Note, Settled
from tests.unit.cli.decided import BLOCKED, FINISHED, OTHERS, READY, TOWER, UNREAD, Told, looked

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("said", "standing"),
    [
        pytest.param([], Standing.NOT_SEEN, id="nothing was written"),
        pytest.param([FINISHED], Standing.IN_STEP, id="no word of it in a pass over these files"),
        pytest.param([replace(FINISHED, revision="other")], Standing.QUIET, id="no word of it in a pass over others"),
        pytest.param([FINISHED, UNREAD], Standing.UNREAD, id="the backend is away"),
        pytest.param([BLOCKED, FINISHED], Standing.BLOCKED, id="held back"),
        pytest.param([BLOCKED, FINISHED, UNREAD], Standing.BLOCKED, id="held back, and the backend is away"),
        pytest.param([BLOCKED, READY], Standing.IN_STEP, id="held back once"),
        pytest.param([READY, BLOCKED], Standing.BLOCKED, id="held back again"),
        pytest.param([BLOCKED, Settled.DONE], Standing.IN_STEP, id="released"),
        pytest.param([Settled.DONE, BLOCKED], Standing.BLOCKED, id="made, then held back"),
        pytest.param([replace(BLOCKED, kind="change.waiting")], Standing.WAITING, id="waiting"),
        pytest.param([replace(BLOCKED, kind="change.failed")], Standing.FAILED, id="a secret is missing"),
        pytest.param([replace(BLOCKED, kind="change.skipped")], Standing.SKIPPED, id="not sent"),
        pytest.param([Settled.REFUSED], Standing.FAILED, id="refused"),
        pytest.param([Settled.UNKNOWN], Standing.OPEN, id="timed out"),
        pytest.param([None], Standing.OPEN, id="killed in between"),
        pytest.param([Settled.REFUSED, Settled.DONE], Standing.IN_STEP, id="refused once"),
        pytest.param([replace(BLOCKED, resource="flow/news"), FINISHED], Standing.IN_STEP, id="another is held back"),
    ],
)
async def test_the_last_word_counts(told: Told, said: list[Note | Settled | None], standing: Standing) -> None:
    """A resource stands as the newest call or decision about it says; without any, as the last pass does."""
    await told.write(*said)

    assert told.decision().standing is standing


def test_only_what_is_about_the_resource_is_told() -> None:
    """Findings, approvals, overrides, calendars and moves of others are not."""
    tower, news = looked(TOWER), looked("flow/news")

    assert ([finding.resource for finding in tower.findings], tower.errors) == ([TOWER], 2)
    assert [each.name for each in tower.policies.approvals] == ["ours"]
    assert [each.name for each in tower.policies.overrides] == ["ours", "outputs"]
    assert [each.name for each in tower.policies.calendars] == ["everything", "the_news", "labelled"]
    assert [each.name for each in tower.policies.moves] == ["ours"]
    assert [each.name for each in news.policies.calendars] == ["everything", "the_news"]
    assert [each.name for each in news.policies.overrides] == ["flows"]
    assert news.care == Care()


async def test_a_revision_that_a_pass_had_no_news_of_is_in_step(told: Told) -> None:
    """Passes without news are not written down; that the revision was taken is."""
    await told.write(Settled.DONE, FINISHED, Note(kind="tree.accepted", revision=OTHERS.revision))

    assert told.decision(OTHERS).standing is Standing.IN_STEP


async def test_whom_a_journal_knows(told: Told) -> None:
    """A resource is known by a call or by a note."""
    await told.write(None, Note(kind="change.blocked", resource="flow/news"), FINISHED)

    assert [knows(told.journal, each) for each in (TOWER, "flow/news", "flow/x")] == [True, True, False]
    assert named_in(told.journal) == {TOWER, "flow/news"}
