"""Tests of `cli.apply`: what is asked before anything is sent."""

import pytest
from click.testing import CliRunner

from reconciler.cli.apply import warnings
from reconciler.cli.main import cli
from reconciler.domain.changes import Action, Delete, FlowAt, Plan, Sequence, Start, Stop
from reconciler.domain.errors import ExitStatus
from reconciler.domain.impact import Impact
from reconciler.domain.model import FlowKey
from tests.builders import LOCAL, found_output, output

AT = FlowAt(LOCAL, "news")
NEWS = FlowKey("news")


def test_the_question_names_what_cannot_be_taken_back() -> None:
    """Deletes, recreates and interruptions are named one by one; the plan above counts all."""
    tower = output().key
    delete = Delete(key=tower, at=AT, found=found_output(output()), impact=Impact.INTERRUPT)
    recreate = Sequence(
        key=NEWS,
        at=AT,
        action=Action.RECREATE,
        calls=(),
        differences=(),
        impact=Impact.RECREATE,
        why="region cannot be edited",
    )
    plan = Plan(changes=(Stop(key=NEWS, at=AT), delete, recreate, Start(key=NEWS, at=AT)))

    assert list(warnings(plan)) == [
        "  deleted: output/news/tower",
        "  made anew, with new addresses: flow/news",
        "  interrupted: flow/news, output/news/tower",
    ]


def test_harmless_changes_are_not_warned_of() -> None:
    """The plan above the question counts them."""
    assert list(warnings(Plan(changes=(Start(key=NEWS, at=AT),)))) == []


def test_without_a_terminal_it_does_not_ask_but_refuses() -> None:
    """A script that forgot to approve is told so, and nothing is sent."""
    result = CliRunner().invoke(cli, ["apply"])

    assert result.exit_code == ExitStatus.USAGE
    assert "--auto-approve" in result.stderr


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--approve", "flow/news:stop:0123456789ab"], "recorded with its reason"),
        (["--plan", "missing.json"], "The plan missing.json cannot be read"),
    ],
)
def test_what_was_given_is_looked_at_before_the_terminal(words: list[str], why: str) -> None:
    """Otherwise --auto-approve would be the first thing said, and what is wrong the second."""
    result = CliRunner().invoke(cli, ["apply", *words])

    assert result.exit_code == ExitStatus.USAGE
    assert why in result.stderr
