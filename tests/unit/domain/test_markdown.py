"""Text of others in Markdown, read by a parser of GitHub's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.domain.markdown import as_code, as_text
from tests.unit.cli.formats.samples import HOSTILE


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_means_anything(text: str) -> None:
    """No line ends, no markup, no mention, no cell that ends."""
    shown = as_text(text)

    assert len(shown.splitlines()) <= 1
    assert not set(shown) & set("\\`*_[]<>|~@$!:{}()\"'=")
    assert shown.isprintable()


def test_a_mention_is_none() -> None:
    """Between the sign and the name is a character of no width."""
    assert as_text("@team #1") == "&#64;&#8203;team &#35;&#8203;1"


@given(st.text(max_size=40))
def test_code_is_fenced_by_more_than_it_holds(text: str) -> None:
    """So that it cannot end its span."""
    shown = as_code(text)
    fence = shown[: len(shown) - len(shown.lstrip("`"))]

    assert shown.endswith(fence)
    assert len(shown.splitlines()) == 1
    inner = shown[len(fence) : -len(fence)]
    assert fence not in inner.strip()


def test_nothing_is_a_link_of_its_own() -> None:
    """Addresses, issues and commits are links to GitHub, in whatever text they stand."""
    shown = as_text("www.evil.example GH-1 0123456789abcdef https://evil.example")

    for word in ("www", "GH-", "0123456", "https"):
        assert word not in shown


def test_a_bar_is_escaped_in_tables_alone() -> None:
    """Elsewhere the backslash would be shown."""
    assert (as_code("a|b"), as_code("a|b", in_table=True)) == ("`a|b`", "`a\\|b`")
