"""Findings for people."""

from dataclasses import replace

import click

from reconciler.cli.formats import text
from reconciler.cli.formats.report import Report, summary
from reconciler.domain.findings import Excused, Finding, Position
from tests.unit.cli.formats.samples import ERROR, WARNING, report


def plain(told: Report, *, with_source: bool = True) -> list[str]:
    """Return the lines without colours."""
    return [click.unstyle(line) for line in text.lines(told, with_source=with_source)]


def with_line(line: str | None, finding: Finding = ERROR) -> Report:
    """Return a report whose source has this line."""
    return replace(report(finding), source_of=lambda _: line)


def test_a_line_a_finding() -> None:
    """Elsewhere than on a terminal, in the form that editors know."""
    assert plain(with_line("x"), with_source=False) == [str(ERROR)]


def test_the_caret_is_under_the_place() -> None:
    """Beside the number of the line."""
    assert plain(with_line("  protocol: RTP")) == [
        str(ERROR),
        "  3 |   protocol: RTP",
        "    |       ^",
        "",
    ]


def test_what_may_not_be_shown_is_not() -> None:
    """The finding is told all the same."""
    assert plain(with_line(None)) == [str(ERROR)]


def test_a_long_line_is_cut_around_the_place() -> None:
    """The caret is still under it."""
    far = replace(ERROR, at=Position("a.yaml", 12, 301))
    _, shown, caret, _ = plain(with_line("x" * 300 + "HERE" + "y" * 300, far))

    assert len(shown) < 120
    assert shown[caret.index("^") :].startswith("HERE")


def test_the_whole_is_summed_up() -> None:
    """Files, what they describe, errors and warnings; where to read on when there are any."""
    excused = Excused(finding=WARNING, reason="we know")

    assert summary(report()) == "2 files, 1 flow, 2 outputs: no errors, no warnings."
    assert summary(report(ERROR, WARNING)) == ("2 files: 1 error, 1 warning. `reconciler explain SL305` says more.")
    assert summary(report(excused=(excused,))) == "2 files, 1 flow, 2 outputs: no errors, no warnings, 1 excused."
    since = replace(report(), since="main", known=3)
    assert summary(since) == "2 files, 1 flow, 2 outputs: no errors, no warnings since main, 3 from before."
    assert "none from before" in summary(replace(since, known=0))
    nothing = replace(report(), files=(), flows=0, outputs=0)
    assert summary(nothing).endswith("no errors, no warnings; nothing was checked, for no .yaml or .yml is there.")
