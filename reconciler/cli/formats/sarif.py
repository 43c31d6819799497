"""Findings in SARIF 2.1.0, which code scanning and editors read. Source: OASIS, SARIF Version 2.1.0."""

from typing import Any, Final
from urllib.parse import quote

from reconciler import __version__
from reconciler.cli.formats.json import dumped
from reconciler.cli.formats.pages import rule_page
from reconciler.cli.formats.report import Report, words
from reconciler.domain.findings import Excused, Finding, Rule
from reconciler.domain.fingerprints import fingerprints
from reconciler.domain.rules.catalogue import RULES

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_FINGERPRINT: Final = "reconciler/v1"
_ROOT: Final = "%SRCROOT%"


def text(report: Report) -> str:
    """Return the log."""
    return dumped(log(report))


def log(report: Report) -> dict[str, Any]:
    """Return what is in the log."""
    numbers = {rule_id: number for number, rule_id in enumerate(RULES)}
    standing = [_result(one, mark, numbers) for one, mark in zip(report.findings, report.fingerprints, strict=True)]
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": _driver()},
                "columnKind": "unicodeCodePoints",
                "originalUriBaseIds": {
                    _ROOT: {"description": {"text": "The directory that the paths are relative to."}}
                },
                "results": standing + _suppressed(report.excused, numbers),
            }
        ],
    }


def _driver() -> dict[str, Any]:
    return {
        "name": "reconciler",
        "semanticVersion": __version__,
        "rules": [_rule(rule) for rule in RULES.values()],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "name": "".join(word[:1].upper() + word[1:] for word in rule.name.replace("-", " ").split()),
        "shortDescription": {"text": _message(f"{rule.name[:1].upper()}{rule.name[1:]}.")},
        "fullDescription": {"text": _message(rule.explanation)},
        "help": {"text": _message(f"{rule.explanation} {rule.remedy}"), "markdown": rule_page(rule)},
        "defaultConfiguration": {"level": str(rule.severity)},
        "properties": {"tags": ["manifests"], "precision": "very-high"},
    }


def _result(finding: Finding, mark: str, numbers: dict[str, int]) -> dict[str, Any]:
    location: dict[str, Any] = {
        "physicalLocation": {
            "artifactLocation": _artifact(finding.at.file),
            "region": {"startLine": finding.at.line, "startColumn": finding.at.column},
        }
    }
    if finding.resource:
        location["logicalLocations"] = [{"fullyQualifiedName": finding.resource, "kind": "resource"}]
    return {
        "ruleId": finding.rule.id,
        "ruleIndex": numbers[finding.rule.id],
        "level": str(finding.weight),
        "message": {"text": _message(words(finding))},
        "locations": [location],
        "partialFingerprints": {_FINGERPRINT: mark},
    }


def _suppressed(excused: tuple[Excused, ...], numbers: dict[str, int]) -> list[dict[str, Any]]:
    marks = fingerprints(one.finding for one in excused)
    return [
        {
            **_result(one.finding, mark, numbers),
            "suppressions": [{"kind": "inSource", "status": "accepted", "justification": one.reason}],
        }
        for one, mark in zip(excused, marks, strict=True)
    ]


def _artifact(file: str) -> dict[str, str]:
    """Return where a file is: relative to the root of the sources unless its path is absolute."""
    uri = quote(file, safe="/", errors="replace")
    return {"uri": f"file://{uri}"} if file.startswith("/") else {"uri": uri, "uriBaseId": _ROOT}


def _message(said: str) -> str:
    """Return text as a message: braces would be places for arguments, and brackets before a parenthesis a link."""
    return said.replace("{", "{{").replace("}", "}}").replace("](", "]\\(")
