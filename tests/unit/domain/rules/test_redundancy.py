"""Outputs that stand in for each other."""

from dataclasses import replace

import pytest

from reconciler.domain.documents import Document, LostDocument, OutputDocument
from reconciler.domain.model import Care
from tests.unit.domain.rules.worlds import InFile, flow, found, ids, output


def leg(name: str, group: str, *, of: str = "news") -> OutputDocument:
    """Return the document of an output in a group."""
    document = output(name, of=of)
    assert document.draft is not None
    return replace(document, draft=replace(document.draft, care=Care(redundancy_group=group)))


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        pytest.param([leg("a", "x"), leg("b", "x")], [], id="two in one flow"),
        pytest.param([leg("a", "x"), leg("b", "x", of="sports")], [], id="two in two flows"),
        pytest.param([leg("a", "x")], ["SL409"], id="one"),
        pytest.param([leg("a", "x"), leg("b", "y")], ["SL409", "SL409"], id="two groups"),
        pytest.param([leg("a", "x"), output("b")], ["SL409"], id="one, and one that nothing stands in for"),
        pytest.param([output("a"), output("b")], [], id="no group"),
        pytest.param([leg("a", "x"), LostDocument(place=InFile("c"), name="b")], [], id="another may be lost"),
        pytest.param(
            [leg("a", "x"), OutputDocument(place=InFile("c"), name="b", flow="news", draft=None)], [], id="or broken"
        ),
    ],
)
def test_a_leg_needs_another_one(outputs: list[Document], expected: list[str]) -> None:
    """Alone it is a warning, as far as that can be told."""
    assert ids(flow(), flow("sports", file="c.yaml"), *outputs) == expected


def test_the_nearest_group_is_suggested() -> None:
    """A slip makes two groups of one."""
    one, other = found(flow(), leg("a", "towers"), leg("b", "twoers"))

    assert (one.hint, other.hint) == ("did you mean twoers?", "did you mean towers?")
