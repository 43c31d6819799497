"""The ownership mark in a Description."""

import pytest

from reconciler.domain.marks import Mark, Owner, join, split

OURS = Mark(owner=Owner("news-team"), name="city_news")


@pytest.mark.parametrize(
    ("description", "text", "mark"),
    [
        pytest.param("", "", None, id="nothing"),
        pytest.param("Written by hand", "Written by hand", None, id="only text"),
        pytest.param("[gitops:v1 o=news-team n=city_news]", "", OURS, id="only a mark"),
        pytest.param("To Köln [gitops:v1 o=news-team n=city_news]", "To Köln", OURS, id="text and mark"),
        pytest.param("[gitops:v1 o=news-team n=city_news] moved", None, None, id="a mark that is not last"),
        pytest.param("[gitops:v2 o=news-team n=city_news]", None, None, id="another version"),
        pytest.param("[gitops:v1 o=News n=city_news]", None, None, id="no owner's name"),
        pytest.param(
            "x [gitops:v1 o=a n=b s=7 p t]",
            "x",
            Mark(owner=Owner("a"), name="b", secret_versions=7, protected=True, twin=True),
            id="everything",
        ),
    ],
)
def test_a_description_is_split(description: str, text: str | None, mark: Mark | None) -> None:
    """A Description is the text that people wrote and, last, our mark; anything else is text."""
    assert split(description) == (description if text is None else text, mark)


@pytest.mark.parametrize("text", ["", "To Köln", "[brackets] of mine"])
@pytest.mark.parametrize(
    "mark", [OURS, Mark(owner=Owner("a"), name="b", secret_versions=12), Mark(owner=Owner("a"), name="b", twin=True)]
)
def test_joining_and_splitting_are_inverse(text: str, mark: Mark) -> None:
    """What was joined is split into the same parts."""
    assert split(join(text, mark)) == (text, mark)
