"""Fingerprints of findings."""

from dataclasses import replace

from reconciler.domain.findings import Finding, Position
from reconciler.domain.fingerprints import fingerprints, new_since
from reconciler.domain.rules.catalogue import MATRIX, MISSING_PROPERTY

ONE = Finding(
    rule=MATRIX, at=Position("a.yaml", 3, 7), message="no", pointer="/spec/protocol", resource="output/news/tower"
)


def test_a_finding_that_has_moved_is_the_same() -> None:
    """To another line, and to another file with its resource."""
    moved = replace(ONE, at=Position("b.yaml", 90, 1))

    assert fingerprints([ONE]) == fingerprints([moved])


def test_another_rule_resource_place_or_message_is_another_one() -> None:
    """Without a resource, another file is."""
    others = [
        replace(ONE, rule=MISSING_PROPERTY),
        replace(ONE, resource="output/news/other"),
        replace(ONE, pointer="/spec"),
        replace(ONE, message="neither"),
        replace(ONE, resource=""),
        replace(ONE, resource="", at=Position("b.yaml", 3, 7)),
    ]

    assert len(set(fingerprints([ONE, *others]))) == 7


def test_equal_ones_are_counted() -> None:
    """So each has its own."""
    assert len(set(fingerprints([ONE, ONE, ONE]))) == 3


def test_only_what_was_not_there_is_new() -> None:
    """A second fault of the same kind is, too."""
    other = replace(ONE, pointer="/spec/srt")

    assert new_since([ONE], [ONE, other]) == (other,)
    assert new_since([ONE], [ONE, ONE]) == (ONE,)
    assert new_since([ONE, other], [ONE]) == ()
