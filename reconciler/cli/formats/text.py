"""Findings for people: a line each, and on a terminal the source with a caret."""

from collections.abc import Iterator
from typing import Final

import click

from reconciler.cli.formats.report import Report
from reconciler.domain.findings import Finding, Severity

COLOURS: Final = {Severity.ERROR: "red", Severity.WARNING: "yellow"}
_MAX_SHOWN: Final = 100
"""Characters of a source line that are shown around the place."""
_BEFORE: Final = 60


def lines(report: Report, *, with_source: bool) -> Iterator[str]:
    """Yield the lines of every finding."""
    for finding in report.findings:
        yield headline(finding)
        if with_source:
            yield from _source(finding, report.source_of(finding))


def headline(finding: Finding) -> str:
    """Return a finding in a line, coloured where colours are; without them it is the finding's own text."""
    at = click.style(str(finding.at), bold=True)
    rule = click.style(f"{finding.rule.id} {finding.weight}", fg=COLOURS[finding.weight], bold=True)
    hint = click.style(f" ({finding.hint})", dim=True) if finding.hint else ""
    return f"{at}: {rule}: {finding.message}{hint}"


def _source(finding: Finding, line: str | None) -> Iterator[str]:
    if line is None:
        return
    column = finding.at.column - 1
    begin = max(0, column - _BEFORE)
    number = str(finding.at.line)
    shown = line[begin : begin + _MAX_SHOWN]
    before = "…" if begin else ""
    after = "…" if len(line) > begin + _MAX_SHOWN else ""
    yield click.style(f"  {number} | ", dim=True) + before + shown + after
    caret = click.style("^", fg=COLOURS[finding.weight], bold=True)
    yield click.style(f"  {' ' * len(number)} | ", dim=True) + " " * (column - begin + len(before)) + caret
    yield ""
