"""What is told of one validation, whatever the form."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from reconciler.domain.findings import Excused, Finding, Severity
from reconciler.domain.fingerprints import fingerprints


@dataclass(frozen=True, kw_only=True)
class Report:
    """Findings, and what they were found in."""

    findings: tuple[Finding, ...]
    """Those to tell, in order."""
    excused: tuple[Excused, ...]
    files: tuple[str, ...]
    """Every file that was read, in order."""
    flows: int | None
    """None when the manifests have errors."""
    outputs: int | None
    """None when the manifests have errors."""
    known: int = 0
    """Findings that were there at the revision that is compared with; they are not told."""
    since: str = ""
    """That revision, "" when there is none."""
    source_of: Callable[[Finding], str | None] = lambda _: None
    """Returns the line that a finding is at, None where it may hold a secret."""

    @cached_property
    def fingerprints(self) -> tuple[str, ...]:
        """Return a fingerprint for each finding."""
        return fingerprints(self.findings)

    @cached_property
    def counts(self) -> Counter[Severity]:
        """Return how many findings there are of each severity."""
        return Counter(finding.weight for finding in self.findings)


def words(finding: Finding) -> str:
    """Return the message with its hint."""
    return f"{finding.message} ({finding.hint})" if finding.hint else finding.message


def summary(report: Report) -> str:
    """Return the whole in a line."""
    parts = [_counted(len(report.files), "file")]
    if report.flows is not None and report.outputs is not None:
        parts += [_counted(report.flows, "flow"), _counted(report.outputs, "output")]
    told = f"{_counted(report.counts[Severity.ERROR], 'error')}, {_counted(report.counts[Severity.WARNING], 'warning')}"
    if report.since:
        told += f" since {report.since}, {report.known or 'none'} from before"
    if report.excused:
        told += f", {len(report.excused)} excused"
    if not report.files:
        told += "; nothing was checked, for no .yaml or .yml is there"
    example = f" `reconciler explain {report.findings[0].rule.id}` says more." if report.findings else ""
    return f"{', '.join(parts)}: {told}.{example}"


def _counted(count: int, what: str) -> str:
    return f"{count or 'no'} {what}{'s' * (count != 1)}"
