"""Findings as a JUnit report; a schema judges the same reports in tests/acceptance."""

import xml.etree.ElementTree as ET

import pytest

from reconciler.cli.formats import junit
from tests.unit.cli.formats.samples import ERROR, HOSTILE, WARNING, hostile, many, report


def suite_of(text: str) -> ET.Element:
    """Return the only suite of a report."""
    root = ET.fromstring(text)  # noqa: S314 -- what we have just written
    (suite,) = root
    assert (root.tag, suite.tag) == ("testsuites", "testsuite")
    return suite


def test_an_error_fails_a_case_of_its_own() -> None:
    """A file without any passes; a warning is beside it."""
    suite = suite_of(junit.text(report(*many(2), WARNING)))
    cases = list(suite)

    assert (suite.get("tests"), suite.get("failures")) == ("3", "2")
    assert [case.get("classname") for case in cases] == ["manifests/a.yaml", "manifests/a.yaml", "manifests/b.yaml"]
    assert [case.find("failure") is not None for case in cases] == [True, True, False]
    assert cases[2].findtext("system-out") == str(WARNING)


def test_a_sound_tree_passes() -> None:
    """A case for each file."""
    suite = suite_of(junit.text(report()))

    assert (suite.get("tests"), suite.get("failures")) == ("2", "0")


def test_the_failure_says_all() -> None:
    """Rule, message and hint as attributes, the whole line as text."""
    failure = suite_of(junit.text(report(ERROR)))[0].find("failure")

    assert failure is not None
    assert failure.attrib == {"type": "SL305", "message": f"{ERROR.message} ({ERROR.hint})"}
    assert failure.text == str(ERROR)


@pytest.mark.parametrize("text", HOSTILE)
def test_text_stays_text(text: str) -> None:
    """It ends no element, and the report is XML whatever it says."""
    suite = suite_of(junit.text(report(hostile(text))))

    assert sorted(case.tag for case in suite) == ["testcase"] * 3
    assert all(child.tag == "failure" for case in suite for child in case)
