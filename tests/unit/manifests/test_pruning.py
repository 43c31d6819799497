"""What is looked at of a document that does not fit its schema."""

import pytest

from reconciler.domain.documents import Fault, Path
from reconciler.domain.findings import Rule
from reconciler.domain.rules.catalogue import HOST_BITS, OPEN_ALLOWLIST, TOO_FEW_PLACES, UNENCRYPTED, WRONG_TYPE
from reconciler.manifests.pruning import apart_from, pruned


def at(*path: str | int) -> Fault:
    """Return a fault at a path."""
    return Fault(rule=WRONG_TYPE, path=path, message="x")


@pytest.mark.parametrize(
    ("path", "left"),
    [
        (("a",), {"b": {"c": [1, 2], "d": 3}}),
        (("b", "d"), {"a": 0, "b": {"c": [1, 2]}}),
        (("b", "c", 1), {"a": 0, "b": {"d": 3}}),
        (("b", "gone"), {"a": 0, "b": {"c": [1, 2], "d": 3}}),
        (("b",), {"a": 0}),
    ],
)
def test_what_does_not_fit_is_left_out(path: Path, left: object) -> None:
    """A list as a whole; the document itself stays as it is."""
    value = {"a": 0, "b": {"c": [1, 2], "d": 3}}

    assert pruned(value, [at(*path)]) == left
    assert value == {"a": 0, "b": {"c": [1, 2], "d": 3}}


@pytest.mark.parametrize(
    ("other", "is_apart"),
    [(("b", "d"), True), (("b", "c", 0), False), (("b",), False), ((), False), (("a",), True)],
)
def test_what_is_said_of_the_rest_has_nothing_to_do_with_it(other: Path, *, is_apart: bool) -> None:
    """Neither what is around what is left out, which would be said to lack it, nor what is in it."""
    assert bool(list(apart_from([at(*other)], [at("b", "c", 1)]))) is is_apart


@pytest.mark.parametrize(
    ("rule", "gone", "is_told"),
    [
        (OPEN_ALLOWLIST, ("spec", "alowlist"), False),
        (UNENCRYPTED, ("spec", "srts"), False),
        (TOO_FEW_PLACES, ("spec", "maxConcurrent"), False),
        (UNENCRYPTED, ("metadata", "colour"), True),
        (HOST_BITS, ("spec", "alowlist"), True),
    ],
)
def test_nothing_is_missed_that_may_be_what_was_left_out(rule: Rule, gone: Path, *, is_told: bool) -> None:
    """A slip in a name is one fault, and not also the lack of what was meant."""
    fault = Fault(rule=rule, path=("spec", "input", "srt"), message="x")

    assert bool(apart_from([fault], [at(*gone)])) is is_told
