"""Findings: what is wrong in manifests, as values, each with its place."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

HERE: Final = "<here>"
"""Where an example stands in its frame."""


class Severity(StrEnum):
    """How much a finding matters; only errors keep a tree from being applied."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """What breaks a rule, and the same put right, as people would see it in their files."""

    wrong: str
    """YAML: a part of a document, or whole documents."""
    right: str
    """The same, and no rule has a word about it."""
    frame: str = HERE
    """The documents that both are parts of, with `HERE` in their place."""

    def whole(self, part: str) -> str:
        """Return the documents with a part of the example in its place, indented as the place is."""
        before, _, after = self.frame.partition(HERE)
        indent = " " * (len(before) - before.rfind("\n") - 1)
        return before + part.rstrip("\n").replace("\n", f"\n{indent}") + after


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule that manifests must keep; its id is stable for ever and has a page in `docs/rules.md`."""

    id: str
    """`SL` and three digits."""
    name: str
    """A few words, for lists and reports."""
    severity: Severity
    explanation: str
    """Why the rule is there, in whole sentences."""
    remedy: str
    """What to do, in whole sentences."""
    example: Example | str
    """In words where no manifest can show it."""
    is_judgement: bool = False
    """Whether an error is one that people may know better about; what the manifests say can be done all the same."""

    @property
    def can_be_excused(self) -> bool:
        """Return whether a resource may be excused from it, with a reason."""
        return self.is_judgement or self.severity is Severity.WARNING


_MAX_WORDS: Final = 1000


def fit(text: str) -> str:
    """
    Return text that steers neither a terminal nor a runner of workflows, wherever it is printed.

    `##[` anywhere in a line is a command to GitHub's runner. Source: actions/runner, ActionCommand.
    """
    if len(text) > _MAX_WORDS:
        text = f"{text[:_MAX_WORDS]}…"
    if not text.isprintable():
        text = "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)
    return text.replace("##[", "# #[")


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
    resource: str = ""
    """The address of the resource that the document describes, as far as that can be told."""
    severity: Severity | None = None
    """Only when it differs from the rule's own."""

    def __post_init__(self) -> None:
        # Whatever a rule quotes, by design or by mistake, is text here and no more.
        object.__setattr__(self, "message", fit(self.message))
        object.__setattr__(self, "hint", fit(self.hint))

    @property
    def weight(self) -> Severity:
        """Return the severity that counts."""
        return self.severity or self.rule.severity

    def __str__(self) -> str:
        """Return the design's form, `file:line:column: SL101 error: message (hint)`."""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.at}: {self.rule.id} {self.weight}: {self.message}{hint}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Excused:
    """A finding that its resource is excused from, and the reason that somebody wrote down."""

    finding: Finding
    reason: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "reason", fit(self.reason))


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the findings by place, then rule; the same whatever order they came in."""
    return tuple(sorted(findings, key=_order))


def _order(finding: Finding) -> tuple[str, int, int, str, str]:
    # Plain tuples: comparing positions themselves takes ten times as long, and a large tree may have thousands.
    return (finding.at.file, finding.at.line, finding.at.column, finding.rule.id, finding.message)


def has_errors(findings: Iterable[Finding]) -> bool:
    """Return whether any finding keeps the tree from being applied."""
    return any(finding.weight is Severity.ERROR for finding in findings)
