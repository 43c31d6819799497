"""Findings as values."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.domain.findings import Excused, Finding, Position, Severity, has_errors, in_order
from reconciler.domain.rules.catalogue import HOST_BITS, MATRIX

ERROR = Finding(rule=MATRIX, at=Position("a.yaml", 3, 7), message="no", hint="yes")


def test_the_form_that_people_read() -> None:
    """The place, the rule, how much it matters, what is wrong and what helps."""
    assert str(ERROR) == "a.yaml:3:7: SL305 error: no (yes)"
    assert str(replace(ERROR, hint="", severity=Severity.WARNING)) == "a.yaml:3:7: SL305 warning: no"


def test_only_errors_keep_a_tree_from_being_applied() -> None:
    """A warning does not, nor does an error that was lowered to one."""
    warning = replace(ERROR, rule=HOST_BITS)

    assert has_errors([warning, ERROR])
    assert not has_errors([warning, replace(ERROR, severity=Severity.WARNING)])


PLACES = st.builds(Position, st.sampled_from(["a", "b"]), st.integers(1, 3), st.integers(1, 3))


@settings(deadline=None)
@given(st.lists(st.builds(Finding, rule=st.sampled_from([MATRIX, HOST_BITS]), at=PLACES, message=st.text(max_size=2))))
def test_the_order_is_that_of_the_places(findings: list[Finding]) -> None:
    """Whatever order they come in, they leave in the order of their places."""
    ordered = in_order(findings)

    assert ordered == in_order(reversed(findings))
    assert [finding.at for finding in ordered] == sorted(finding.at for finding in findings)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\n::set-output name=plan::/etc/passwd", "a\\u000a::set-output name=plan::/etc/passwd"),
        ("##[add-mask]x", "# #[add-mask]x"),
        ("\x1b]0;pwned\x07", "\\u001b]0;pwned\\u0007"),
        ("\u202eevil", "\\u202eevil"),
        ("x" * 5000, "x" * 1000 + "…"),
        ("Köln", "Köln"),
    ],
)
def test_what_is_told_is_text(text: str, expected: str) -> None:
    """Whatever a rule quotes: no line ends, and nothing steers a terminal or a runner."""
    found = Finding(rule=MATRIX, at=Position("a.yaml", 1, 1), message=text, hint=text)
    excused = Excused(finding=found, reason=text)

    assert (found.message, found.hint, excused.reason) == (expected, expected, expected)
