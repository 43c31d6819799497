"""Tests of `cli.render`: what became of a plan."""

import click

from reconciler.cli import render
from reconciler.domain.changes import Action, Blocked, Failed, Hold, Plan, Start
from reconciler.domain.model import FlowKey, OutputKey
from reconciler.domain.safety.judging import held_back
from reconciler.engine.apply import Outcome, Result
from reconciler.engine.reconcile import PassOutcome
from reconciler.ports.source import Revision
from tests.builders import flow
from tests.unit.cli.plans import AT, edit


def outcome_of(left: Plan) -> PassOutcome:
    """Return a pass that did nothing and left this."""
    return PassOutcome(revision=Revision("one"), outcomes=(), left=left, refused=None, duration_s=0.1)


def test_an_outcome_says_what_was_done_and_what_was_not() -> None:
    """The last lines of an apply name what is left, then the totals."""
    change = edit("srt.latency", 120, 500)
    failed = Outcome(change=Start(key=flow().key, at=AT), result=Result.FAILED, why="no bandwidth", request_ids=("r",))
    left = Plan(failed=(Failed(key=OutputKey("news", "a"), why="no secret"),), unchanged=3)
    outcome = PassOutcome(
        revision=Revision("one"),
        outcomes=(Outcome(change=change, result=Result.DONE), failed),
        left=left,
        refused=None,
        duration_s=0.1,
    )

    lines = [click.unstyle(line) for line in render.outcome_text(outcome)]
    document = render.outcome_json(outcome, backend="memory")

    assert lines == [
        "! failed flow/news (start): no bandwidth",
        "! failed output/news/a: no secret",
        "Applied: 1 edited; 3 unchanged before; 0 blocked, 2 failed, 0 not sent.",
    ]
    assert click.unstyle(render.outcome_line(failed)) == "FAILED   start flow/news: no bandwidth"
    assert [item["result"] for item in document["changes"]] == ["done", "failed"]
    assert document["changes"][1]["error"] == "no bandwidth"
    assert document["counts"] == {
        "done": 1,
        "blocked": 0,
        "failed": 2,
        "skipped": 0,
        "unknown": 0,
        "waiting": 0,
        "unchanged": 3,
    }


def test_what_is_held_back_at_the_write_is_told_with_its_command() -> None:
    """In the line that appears while others are sent, and in one line each in the result."""
    change = edit("srt.latency", 120, 500)
    held = held_back(change, Hold.ON_AIR, "it is on air.", release="reconciler apply --approve x")
    outcome = Outcome(change=change, result=Result.BLOCKED, why=held.why, held=held)

    line, told = click.unstyle(render.outcome_line(outcome)), render.outcome_text(outcome_of(Plan(blocked=(held,))))

    said = "it is on air. To do it all the same: reconciler apply --approve x"
    assert line == f"blocked  edit output/news/tower: {said}"
    assert click.unstyle(next(told)) == f"! blocked output/news/tower (edit): {said}"


def test_a_result_repeats_nothing_that_was_just_told() -> None:
    """Whoever was asked has read what is held back; what was held back only later is news."""
    old, new = (Blocked(key=FlowKey(name), action=Action.DELETE, why=name, hold=Hold.OWNERSHIP) for name in "ab")
    outcome = outcome_of(Plan(blocked=(old, new)))

    lines = [click.unstyle(line) for line in render.outcome_text(outcome, told=Plan(blocked=(old,)))]

    assert lines[0] == "! blocked flow/b (delete): b"
    assert lines[1].endswith("2 blocked, 0 failed, 0 not sent.")


def test_what_was_not_sent_for_one_reason_is_one_line() -> None:
    """After Ctrl-C nobody reads three hundred lines that say the same."""
    starts = [Start(key=FlowKey(f"f{number}"), at=AT) for number in range(14)]
    skipped = [Outcome(change=start, result=Result.SKIPPED, why="interrupted") for start in starts[:12]]
    others = [
        Outcome(change=starts[12], result=Result.SKIPPED, why="its flow failed"),
        Outcome(change=starts[13], result=Result.UNKNOWN, why="nobody waited"),
    ]
    left = Plan(blocked=(Blocked(key=FlowKey("old"), action=Action.DELETE, why="not ours", hold=Hold.OWNERSHIP),))
    outcome = PassOutcome(
        revision=Revision("one"), outcomes=(*skipped, *others), left=left, refused=None, duration_s=0.1
    )

    lines = [click.unstyle(line) for line in render.outcome_text(outcome)]

    names = ", ".join(f"start flow/f{number}" for number in range(10))
    assert lines == [
        "! unknown flow/f13 (start): nobody waited",
        f"! skipped 12, interrupted: {names} and 2 more",
        "! skipped 1, its flow failed: start flow/f12",
        "! blocked flow/old (delete): not ours",
        "Applied: nothing; 0 unchanged before; 1 blocked, 0 failed, 13 not sent, 1 unknown.",
    ]
