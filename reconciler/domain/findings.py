"""Findings: what is wrong in manifests, as values, each with its place."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a finding matters; only errors keep a tree from being applied."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule that manifests must keep; its id is stable for ever and has a page in `docs/rules.md`."""

    id: str
    """`SL` and three digits."""
    name: str
    """A few words, for lists and reports."""
    severity: Severity
    explanation: str
    """Why the rule is there and what to do, in whole sentences."""


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a manifest file."""

    file: str
    """The path as it was given or found."""
    line: int
    """From 1."""
    column: int
    """From 1, in code points."""

    def __str__(self) -> str:
        """Return `file:line:column`."""
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One fault. It quotes no value and no source line at a property that may hold a secret."""

    rule: Rule
    at: Position
    message: str
    hint: str = ""
    pointer: str = ""
    """JSON pointer of the offending value in its document, "" for the document itself."""
    severity: Severity | None = None
    """Only when it differs from the rule's own."""

    @property
    def weight(self) -> Severity:
        """Return the severity that counts."""
        return self.severity or self.rule.severity

    def __str__(self) -> str:
        """Return the design's form, `file:line:column: SL101 error: message (hint)`."""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.at}: {self.rule.id} {self.weight}: {self.message}{hint}"


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the findings by place, then rule; the same whatever order they came in."""
    return tuple(sorted(findings, key=_order))


def _order(finding: Finding) -> tuple[str, int, int, str, str]:
    # Plain tuples: comparing positions themselves takes ten times as long, and a large tree may have thousands.
    return (finding.at.file, finding.at.line, finding.at.column, finding.rule.id, finding.message)


def has_errors(findings: Iterable[Finding]) -> bool:
    """Return whether any finding keeps the tree from being applied."""
    return any(finding.weight is Severity.ERROR for finding in findings)
