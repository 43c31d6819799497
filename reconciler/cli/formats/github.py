"""
Findings as workflow commands of GitHub Actions, which annotate the lines of a pull request.

GitHub shows 10 errors and 10 warnings of a step, and drops the rest without a word: what is beyond them is told in the
step's summary. Source: GitHub, Workflow commands for GitHub Actions, and the limits of annotations.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from reconciler.cli.formats.report import Report, summary, words
from reconciler.domain.findings import Finding, Severity
from reconciler.domain.markdown import as_code, as_text

MOST_OF_A_KIND: Final = 10
"""Annotations of a step that are shown, of errors and of warnings each; of a job 50 in all, which two tens leave."""
MOST_IN_SUMMARY: Final = 500
"""Rows of the summary."""
SUMMARY_BYTES: Final = 900_000
"""Of the summary; more than 1 MiB would be refused as a whole, and other steps may have written some of it."""


def commands(report: Report) -> Iterator[str]:
    """Yield a command for each finding that will be shown, errors first."""
    for severity in (Severity.ERROR, Severity.WARNING):
        for finding in _of(report, severity)[:MOST_OF_A_KIND]:
            yield _command(finding)


def quoted(lines: Iterable[str], token: str) -> Iterator[str]:
    """Yield lines among which the runner looks for no command; nobody who wrote one of them knows the token."""
    yield f"::stop-commands::{token}"
    yield from lines
    yield f"::{token}::"


def left_out(report: Report) -> int:
    """Return how many findings have no annotation."""
    return sum(max(0, count - MOST_OF_A_KIND) for count in report.counts.values())


def step_summary(report: Report) -> str:
    """Return the step's summary, in Markdown: every finding in a table."""
    rows: list[str] = []
    room = SUMMARY_BYTES
    for finding in report.findings[:MOST_IN_SUMMARY]:
        row = _row(finding)
        room -= len(row.encode()) + 1
        if room < 0:
            break
        rows.append(row)
    beyond = len(report.findings) - len(rows)
    table = ["| where | rule | what |", "| --- | --- | --- |", *rows] if rows else []
    tail = [f"\n{beyond} more are in the log of this step."] if beyond else []
    return "\n".join([f"### Manifests\n\n{as_text(summary(report))}\n", *table, *tail]) + "\n"


def _of(report: Report, severity: Severity) -> list[Finding]:
    return [finding for finding in report.findings if finding.weight is severity]


def _command(finding: Finding) -> str:
    where = {
        "file": finding.at.file,
        "line": str(finding.at.line),
        "col": str(finding.at.column),
        "title": f"{finding.rule.id} {finding.rule.name}",
    }
    properties = ",".join(f"{name}={_property(value)}" for name, value in where.items())
    return f"::{finding.weight} {properties}::{_data(words(finding))}"


def _row(finding: Finding) -> str:
    place = as_code(str(finding.at), in_table=True)
    return f"| {place} | {finding.rule.id} {finding.weight} | {as_text(words(finding))} |"


def _data(text: str) -> str:
    """Return text as the value of a command; it cannot end the command, nor begin another one."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
