"""Findings in SARIF; the official validator judges the same logs in tests/acceptance."""

import json
from dataclasses import replace
from typing import Any

import pytest

from reconciler.cli.formats import sarif
from reconciler.domain.findings import Excused, fit
from reconciler.domain.rules.catalogue import RULES
from tests.unit.cli.formats.samples import ERROR, HOSTILE, WARNING, hostile, report


def run_of(log: dict[str, Any]) -> dict[str, Any]:
    """Return the only run of a log."""
    (run,) = log["runs"]
    found: dict[str, Any] = run
    return found


def test_a_finding_has_its_place_its_rule_and_its_fingerprint() -> None:
    """In characters, from 1, relative to the root of the sources."""
    (result,) = run_of(sarif.log(report(ERROR)))["results"]

    location = result["locations"][0]
    assert result["ruleId"] == "SL305"
    assert result["level"] == "error"
    assert location["physicalLocation"] == {
        "artifactLocation": {"uri": "manifests/a.yaml", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 3, "startColumn": 7},
    }
    assert location["logicalLocations"] == [{"fullyQualifiedName": "output/news/tower", "kind": "resource"}]
    assert list(result["partialFingerprints"]) == ["reconciler/v1"]


def test_every_rule_is_there_with_help() -> None:
    """By the index that results name."""
    run = run_of(sarif.log(report(ERROR, WARNING)))
    rules = run["tool"]["driver"]["rules"]

    assert [rule["id"] for rule in rules] == list(RULES)
    assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in run["results"])
    assert all(rule["help"]["markdown"] and rule["name"].isidentifier() for rule in rules)


def test_moved_lines_change_no_fingerprint() -> None:
    """Nor does another order; two faults of one kind have two."""
    other = replace(ERROR, pointer="/spec/rtp")
    moved = [replace(one, at=replace(one.at, line=one.at.line + 40)) for one in (other, ERROR)]

    before = [result["partialFingerprints"] for result in run_of(sarif.log(report(ERROR, other)))["results"]]
    after = [result["partialFingerprints"] for result in run_of(sarif.log(report(*moved)))["results"]]

    assert before == after[::-1]
    assert before[0] != before[1]


def test_what_is_excused_is_suppressed_with_its_reason() -> None:
    """It is a result all the same."""
    excused = Excused(finding=WARNING, reason="the partner asked for it")

    (result,) = run_of(sarif.log(report(excused=(excused,))))["results"]

    assert result["suppressions"] == [
        {"kind": "inSource", "status": "accepted", "justification": "the partner asked for it"}
    ]


@pytest.mark.parametrize("text", HOSTILE)
def test_text_stays_text(text: str) -> None:
    """Braces are no places for arguments, brackets no links, and a path is a URI."""
    (result,) = run_of(json.loads(sarif.text(report(hostile(text)))))["results"]
    said = result["message"]["text"]

    assert said.replace("]\\(", "](").replace("{{", "{").replace("}}", "}") == f"{fit(text)} ({fit(text)})"
    assert "](" not in said
    assert set(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]).isdisjoint(' <>[]{}|\\^`"')


def test_braces_are_no_places_for_arguments() -> None:
    """A validator of SARIF takes `{0}` for one, so that they are doubled, as the standard says."""
    (result,) = run_of(sarif.log(report(replace(ERROR, message="use {env: NAME}", hint="or {0}"))))["results"]

    assert result["message"]["text"] == "use {{env: NAME}} (or {{0}})"
