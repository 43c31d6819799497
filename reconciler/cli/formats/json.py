"""Findings for other programs: a document that `schemas/v1/findings.json` describes."""

import json
import re
from typing import Any, Final

from reconciler.cli.formats.report import Report
from reconciler.domain.findings import Finding, Severity

_CONTROL: Final = re.compile(r"[\x7f-\x9f]")


def text(report: Report) -> str:
    """Return the document."""
    return dumped(document(report))


def dumped(value: object) -> str:
    """Return a value as JSON that may be printed anywhere: on a terminal, and where `##[` would be a command."""
    text = json.dumps(value, indent=2, ensure_ascii=False).replace("##[", r"\u0023#[")
    # JSON itself escapes the controls of ASCII, and neither DEL nor those above it, which terminals obey, too.
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def document(report: Report) -> dict[str, Any]:
    """Return what is in the document."""
    marks = report.fingerprints
    return {
        "version": 1,
        "errors": report.counts[Severity.ERROR],
        "warnings": report.counts[Severity.WARNING],
        "files": len(report.files),
        "flows": report.flows,
        "outputs": report.outputs,
        "since": report.since or None,
        "known": report.known,
        "findings": [_entry(one, mark) for one, mark in zip(report.findings, marks, strict=True)],
        "excused": [{**_place(one.finding), "reason": one.reason} for one in report.excused],
    }


def _entry(finding: Finding, mark: str) -> dict[str, Any]:
    return {**_place(finding), "fingerprint": mark}


def _place(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule.id,
        "name": finding.rule.name,
        "severity": str(finding.weight),
        "file": finding.at.file,
        "line": finding.at.line,
        "column": finding.at.column,
        "resource": finding.resource,
        "pointer": finding.pointer,
        "message": finding.message,
        "hint": finding.hint,
    }
