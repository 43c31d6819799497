"""Tests of `engine.news`, and that the log and the journal keep to it."""

from dataclasses import replace
from typing import Final

import pytest
from structlog.testing import capture_logs

from reconciler.domain.change_ids import change_id
from reconciler.domain.changes import Blocked, Change, Delete, FlowAt, Hold, Plan, Stop, Waiting
from reconciler.domain.impact import Impact
from reconciler.domain.model import FlowKey, OutputKey
from reconciler.engine.apply import Outcome, Result
from reconciler.engine.news import Held, news_of
from reconciler.engine.reconcile import PassOutcome
from reconciler.engine.record import Recorder
from reconciler.engine.report import Reporter
from reconciler.ports.source import Revision
from tests.builders import LOCAL, found_output, output
from tests.fakes.clock import FakeClock
from tests.fakes.journal import MemoryJournal

AT: Final = FlowAt(LOCAL, "news")
STOP: Final = Stop(key=FlowKey("news"), at=AT)
DELETE: Final = Delete(key=output().key, at=AT, found=found_output(output()), impact=Impact.INTERRUPT)


def held(why: str, change: Change = STOP, hold: Hold = Hold.ON_AIR) -> Blocked:
    """Return a change that is held back."""
    return Blocked(key=change.key, action=change.action, why=why, hold=hold, change=change)


def a_pass(*items: Held) -> PassOutcome:
    """Return a pass that held these back, and sent nothing."""
    left = Plan(
        blocked=tuple(item for item in items if isinstance(item, Blocked)),
        waiting=tuple(item for item in items if isinstance(item, Waiting)),
    )
    return PassOutcome(revision=Revision("one"), outcomes=(), left=left, refused=None, duration_s=0.1)


@pytest.mark.parametrize(
    ("before", "after", "times"),
    [
        pytest.param(held("at 1.1 Mb/s"), held("at 12 Mb/s"), 1, id="a number moves"),
        pytest.param(held("is on air"), held("cannot be asked"), 2, id="another reason"),
        pytest.param(held("it"), held("it", hold=Hold.WINDOW), 2, id="another guard"),
        pytest.param(held("it"), held("it", DELETE), 2, id="another change"),
        pytest.param(
            held("it", DELETE),
            held("it", replace(DELETE, found=replace(DELETE.found, live_name="x"))),
            2,
            id="another id",
        ),
        pytest.param(
            Waiting(key=OutputKey("news", "a"), why="sent 3 s ago"),
            Waiting(key=OutputKey("news", "a"), why="sent 14 s ago"),
            1,
            id="an age grows",
        ),
    ],
)
def test_what_is_news(before: Held, after: Held, times: int) -> None:
    """Another reason, guard or change is told again; a number that moves is not."""
    assert len({news_of(before), news_of(after)}) == times


def test_what_is_on_air_for_hours_is_told_once() -> None:
    """Neither the log nor the journal grows because a bitrate is never the same twice."""
    journal = MemoryJournal(FakeClock())
    recorder, reporter = Recorder(journal), Reporter()

    with capture_logs() as logs:
        for mbps in (1.1, 1.2, 10.3):
            outcome = a_pass(held(f"is on air ({mbps} Mb/s)"), Waiting(key=FlowKey("news"), why=f"{mbps} s ago"))
            recorder.pass_finished(outcome, pass_id="p")
            reporter.pass_finished(outcome)

    assert sorted(noted.note.kind for noted in journal.notes()) == ["change.blocked", "change.waiting", "pass.finished"]
    assert [event["event"] for event in logs].count("change.blocked") == 1


def test_what_was_told_and_ends_is_told_as_ready() -> None:
    """And once it begins anew, it is news again."""
    journal = MemoryJournal(FakeClock())
    recorder = Recorder(journal)

    for outcome in (a_pass(held("is on air")), a_pass(), a_pass(held("is on air"))):
        recorder.pass_finished(outcome, pass_id="p")

    kinds = [noted.note.kind for noted in journal.notes() if noted.note.resource]
    assert kinds == ["change.blocked", "resource.ready", "change.blocked"]


def test_what_the_guard_held_back_is_no_failure_in_the_log() -> None:
    """It is told with its pass, as blocked."""
    with capture_logs() as logs:
        Reporter().change(Outcome(change=STOP, result=Result.BLOCKED, why="is on air"))

    assert logs == []


def test_what_whoever_observes_would_send_is_told_once() -> None:
    """With its id, for it may be approved; another change of the same resource is another one."""
    reporter = Reporter()

    with capture_logs() as logs:
        for change in (STOP, STOP, DELETE):
            outcome = replace(a_pass(), left=Plan(changes=(change,)))
            reporter.pass_finished(outcome)

    told = [(event["resource"], event["change"]) for event in logs if event["event"] == "change.planned"]
    assert told == [("flow/news", change_id(STOP)), ("output/news/tower", change_id(DELETE))]
