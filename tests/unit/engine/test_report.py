"""Tests of `engine.report`, and that `docs/events.md` promises what is sent."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from structlog.testing import capture_logs

from reconciler.domain.changes import Action, Blocked, Create, Failed, FlowAt, Hold, Plan, Waiting
from reconciler.domain.errors import SourceUnreadableError, UnavailableError
from reconciler.domain.model import Desired, FlowKey, OutputKey
from reconciler.engine import report
from reconciler.engine.apply import Outcome, Result
from reconciler.engine.plan import Tree
from reconciler.engine.reconcile import PassOutcome
from reconciler.ports.source import Revision, Verdict
from reconciler.relay import service, supervisor
from reconciler.relay.faults import injection, turns
from reconciler.relay.recording import recorder, records
from reconciler.streamlink import breaker
from tests.builders import LOCAL, flow
from tests.unit.engine.worlds import BROKEN

PROMISED: Final = (records, recorder, injection, turns, service, supervisor, breaker)
"""Where events of the relay and of the client are that the page promises; the others may change."""
FREE: Final = re.compile(r"(relay|streamlink)\.")
SENT: Final = re.compile(r'(?:log\.[a-z]+|emit|tell)\(\s*"([a-z_]+\.[a-z_]+)"')
PAGE: Final = Path(__file__).parents[3] / "docs" / "events.md"
CHANGE: Final = Create(key=FlowKey("news"), at=FlowAt(LOCAL, "news"), wanted=flow())
HELD: Final = Plan(
    blocked=(Blocked(key=FlowKey("old"), action=Action.DELETE, why="one a revision", hold=Hold.OWNERSHIP),),
    waiting=(Waiting(key=OutputKey("news", "link"), why="no address yet"),),
    failed=(Failed(key=OutputKey("news", "a"), why="no secret"),),
    unchanged=7,
)


def a_pass(left: Plan, *outcomes: Outcome) -> PassOutcome:
    """Return what became of a pass."""
    return PassOutcome(revision=Revision("one"), outcomes=outcomes, left=left, refused=None, duration_s=0.12345)


def documented() -> dict[str, set[str]]:
    """Return the fields of every event that the page promises."""
    rows = re.findall(r"^\| `([a-z_.]+)` \|[^|]*\|([^|]*)\|", PAGE.read_text(), flags=re.MULTILINE)
    return {event: set(re.findall(r"`([a-z_]+)`", fields)) for event, fields in rows}


def sent_by_source() -> set[str]:
    """Return the names of every event in our code; of those of calls and of engines, what is not for people alone."""
    room = PAGE.parents[1] / "reconciler"
    told = {path: set(SENT.findall(path.read_text())) for path in room.rglob("*.py")}
    promised = {Path(module.__file__) for module in PROMISED if module.__file__}
    return {name for path, names in told.items() for name in names if path in promised or not FREE.match(name)}


def everything() -> list[dict[str, Any]]:
    """Return an event of every kind that `report` sends."""
    down = UnavailableError("it does not answer", maybe_applied=False)
    with capture_logs() as logs:
        reporter = report.Reporter()
        for result in Result:
            reporter.change(Outcome(change=CHANGE, result=result, why="because", request_ids=("r",)))
        reporter.pass_finished(a_pass(HELD))
        report.pass_failed(down, failures=1, retry_in_s=0.5)
        report.source_unreadable(SourceUnreadableError("gone"))
        for desired in (Desired(), None):
            verdict = Verdict(findings=(BROKEN,), desired=desired)
            report.tree(Tree(revision=Revision("one"), verdict=verdict), last_good=None)
    return [dict(event) for event in logs]


def test_every_event_is_documented_and_no_other() -> None:
    """The page has a row for each event."""
    assert set(documented()) == sent_by_source()


def test_the_fields_are_those_that_the_page_promises() -> None:
    """Dashboards find each promised field, and nothing else comes along."""
    promised = documented()

    for event in everything():
        name = event.pop("event")
        del event["log_level"]
        assert set(event) == promised[name], name


@pytest.mark.parametrize(
    ("outcome", "level"),
    [
        pytest.param(a_pass(Plan()), "debug", id="nothing to do is no news"),
        pytest.param(a_pass(Plan(), Outcome(change=CHANGE, result=Result.DONE)), "info", id="a change is"),
        pytest.param(a_pass(Plan(), Outcome(change=CHANGE, result=Result.FAILED)), "warning", id="a failure warns"),
        pytest.param(a_pass(HELD), "warning", id="so does what cannot be planned"),
    ],
)
def test_the_level_of_a_pass(outcome: PassOutcome, level: str) -> None:
    """People see the passes that matter."""
    with capture_logs() as logs:
        report.Reporter().pass_finished(outcome)

    assert logs[-1]["log_level"] == level


def test_the_command_that_releases_is_a_field_of_its_own() -> None:
    """Beside the reason; "" where no command does."""
    held = replace(HELD.blocked[0], release="do it")

    with capture_logs() as logs:
        report.Reporter().pass_finished(a_pass(Plan(blocked=(held, HELD.blocked[0]))))

    told = [(event["why"], event["release"]) for event in logs if event["event"] == "change.blocked"]
    assert told == [(held.why, "do it"), (held.why, "")]


def test_a_pass_is_one_wide_line() -> None:
    """Counts are of what was made; seconds are rounded."""
    with capture_logs() as logs:
        report.Reporter().pass_finished(a_pass(Plan(unchanged=3), Outcome(change=CHANGE, result=Result.DONE)))

    assert logs == [
        {
            "event": "reconcile.pass_finished",
            "log_level": "info",
            "revision": "one",
            "creates": 1,
            "edits": 0,
            "recreates": 0,
            "deletes": 0,
            "starts": 0,
            "stops": 0,
            "unchanged": 3,
            "blocked": 0,
            "waiting": 0,
            "failures": 0,
            "duration_s": 0.123,
        }
    ]


def test_what_is_held_back_is_told_once() -> None:
    """The same reason is no news in the next pass; another reason is."""
    other = Plan(blocked=(Blocked(key=FlowKey("old"), action=Action.DELETE, why="not ours", hold=Hold.OWNERSHIP),))
    reporter = report.Reporter()

    with capture_logs() as logs:
        for left in (HELD, HELD, other):
            reporter.pass_finished(a_pass(left))

    held = [(event["event"], event["why"]) for event in logs if event["event"] != "reconcile.pass_finished"]
    assert held == [
        ("change.blocked", "one a revision"),
        ("resource.delayed", "no address yet"),
        ("resource.failed", "no secret"),
        ("change.blocked", "not ours"),
    ]
