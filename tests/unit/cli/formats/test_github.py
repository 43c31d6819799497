"""Findings as workflow commands; read back by a parser of what the runner documents."""

import re
from dataclasses import dataclass, replace

import pytest

from reconciler.cli.formats import github
from reconciler.domain.findings import Position, fit
from tests.unit.cli.formats.samples import ERROR, HOSTILE, WARNING, hostile, many, report

COMMAND = re.compile(r"::(?P<name>\w+) (?P<properties>.*?)::(?P<data>.*)", re.DOTALL)


@dataclass(frozen=True)
class Command:
    """A command as the runner understands it. Source: actions/runner, ActionCommand."""

    name: str
    properties: dict[str, str]
    data: str


def parsed(line: str) -> Command:
    """Return what the runner makes of a line of the log."""
    assert "\n" not in line
    assert "\r" not in line
    found = COMMAND.fullmatch(line)
    assert found is not None
    properties = dict(part.split("=", 1) for part in found["properties"].split(","))
    return Command(
        found["name"], {name: _unescaped(value) for name, value in properties.items()}, _unescaped(found["data"])
    )


def _unescaped(text: str) -> str:
    for code, char in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(code, char)
    return text


def test_a_finding_is_at_its_line() -> None:
    """The severity is the command, the rule the title, the hint is told."""
    (line,) = github.commands(report(ERROR))

    assert parsed(line) == Command(
        "error",
        {"file": "manifests/a.yaml", "line": "3", "col": "7", "title": f"SL305 {ERROR.rule.name}"},
        f"{ERROR.message} ({ERROR.hint})",
    )


def test_errors_come_first_and_no_more_than_are_shown() -> None:
    """Ten of each; the rest is in the summary."""
    told = report(*many(12, WARNING), *many(15))

    commands = [parsed(line) for line in github.commands(told)]

    assert [command.name for command in commands] == ["error"] * 10 + ["warning"] * 10
    assert github.left_out(told) == 7
    assert github.step_summary(told).count("| SL305 error |") == 15


def test_few_findings_leave_nothing_out() -> None:
    """All of them are annotations."""
    assert github.left_out(report(*many(10), *many(10, WARNING))) == 0


def test_the_summary_is_bounded() -> None:
    """What it does not list, it counts; it stays far below the 1 MiB that a step may write."""
    page = github.step_summary(report(*many(3000)))

    assert "2500 more are in the log of this step." in page
    assert len(page.encode()) < 1024 * 1024


@pytest.mark.parametrize("text", HOSTILE)
def test_text_stays_text(text: str) -> None:
    """It ends no command and begins none, and comes out as it was; in the summary it ends no row."""
    told = report(hostile(text))

    (line,) = github.commands(told)
    page = github.step_summary(told)

    assert parsed(line).data == f"{fit(text)} ({fit(text)})"
    assert parsed(line).properties["file"] == text
    (row,) = [line for line in page.splitlines() if "SL104 error" in line]
    assert len(re.findall(r"(?<!\\)\|", row)) == 4
    assert "<img" not in re.sub(r"`+[^`]*`+", "", row)


def test_what_is_no_annotation_is_no_command() -> None:
    """Whoever wrote it does not know the word that ends the silence."""
    lines = list(github.quoted(["::error::x", "y"], "token"))

    assert lines == ["::stop-commands::token", "::error::x", "y", "::token::"]


def test_the_summary_has_room_beside_it() -> None:
    """More than a mebibyte would be refused as a whole, and a character may be several bytes."""
    far = [replace(ERROR, at=Position("ä" * 900 + f"{number}.yaml", 1, 1), message="ü" * 900) for number in range(500)]

    page = github.step_summary(report(*far))

    assert len(page.encode()) < 1_000_000
    assert "more are in the log" in page
