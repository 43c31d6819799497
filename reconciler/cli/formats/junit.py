"""Findings as a JUnit report: a case for each error, and one that passes for each file without any."""

import xml.etree.ElementTree as ET
from collections.abc import Iterable
from itertools import groupby

from reconciler.cli.formats.report import Report, words
from reconciler.domain.findings import Finding, Severity


def text(report: Report) -> str:
    """Return the report."""
    by_file = {file: list(found) for file, found in groupby(report.findings, key=lambda finding: finding.at.file)}
    cases: list[ET.Element] = []
    for file in sorted({*report.files, *by_file}):
        cases += _cases(file, by_file.get(file, []))
    failures = str(report.counts[Severity.ERROR])
    totals = {"tests": str(len(cases)), "failures": failures, "errors": "0"}
    suites = ET.Element("testsuites", {"name": "reconciler validate", **totals})
    suite = ET.SubElement(suites, "testsuite", {"name": "manifests", **totals, "skipped": "0"})
    suite.extend(cases)
    ET.indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(suites, encoding="unicode")


def _cases(file: str, findings: list[Finding]) -> Iterable[ET.Element]:
    errors = [finding for finding in findings if finding.weight is Severity.ERROR]
    warnings = [str(finding) for finding in findings if finding.weight is not Severity.ERROR]
    cases = [_failed(file, finding) for finding in errors] or [_case(file, "validates")]
    if warnings:
        ET.SubElement(cases[-1], "system-out").text = _allowed("\n".join(warnings))
    return cases


def _failed(file: str, finding: Finding) -> ET.Element:
    at = finding.at
    case = _case(file, f"{finding.rule.id} {finding.rule.name} at {at.line}:{at.column}")
    attributes = {"type": finding.rule.id, "message": _allowed(words(finding))}
    ET.SubElement(case, "failure", attributes).text = _allowed(str(finding))
    return case


def _case(file: str, name: str) -> ET.Element:
    return ET.Element("testcase", {"classname": _allowed(file), "name": _allowed(name)})


def _allowed(said: str) -> str:
    """Return text without the characters that XML 1.0 has no place for."""
    return "".join(char if char in "\n\t" or char.isprintable() else f"\\u{ord(char):04x}" for char in said)
