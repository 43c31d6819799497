"""What somebody may have meant."""

import difflib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.domain.rules.nearest import Vocabulary, did_you_mean, nearest


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        pytest.param("maxBandwith", "maxBandwidth", id="a letter is missing"),
        pytest.param("maxbandwidth", "maxBandwidth", id="another case"),
        pytest.param("zebra", None, id="nothing is close"),
        pytest.param("m" * 65, None, id="no name is so long"),
    ],
)
def test_nearest(word: str, expected: str | None) -> None:
    """Only what is close counts as a slip."""
    assert nearest(word, ["maxBandwidth", "region"]) == expected


def test_did_you_mean() -> None:
    """The hint is a question, or nothing."""
    assert did_you_mean("regoin", ["region"]) == "did you mean region?"
    assert did_you_mean("x", ["region"]) == ""


def test_the_nearest_of_many() -> None:
    """A slip of any sort is found among a thousand names that are much alike."""
    names = [f"studio_{number}" for number in range(1000)] + ["city_news", "tv", "Regional_Parliament"]
    vocabulary = Vocabulary(names)
    slips = {
        "stadium_517": "studio_517",
        "studio517": "studio_517",
        "tsudio_517": "studio_517",
        "ity_news": "city_news",
        "city_newz": "city_news",
        "citynews": "city_news",
        "tv_": "tv",
        "regional_parlament": "Regional_Parliament",
        "zebra": None,
        "": None,
    }

    assert {slip: vocabulary.nearest(slip) for slip in slips} == slips


@given(st.lists(st.text("abc_1", min_size=1, max_size=8), min_size=41, max_size=80, unique=True), st.data())
def test_a_letter_too_few_is_found_among_many(words: list[str], data: st.DataObject) -> None:
    """What is found is as close as the word that was meant, or closer."""
    word = data.draw(st.sampled_from([word for word in words if len(word) > 4] or words))
    slip = word[:2] + word[3:]

    found = Vocabulary(words).nearest(slip)

    if likeness(word, slip) >= 0.7:
        assert found is not None
        assert likeness(found, slip) >= likeness(word, slip)


def likeness(word: str, slip: str) -> float:
    """Return how much alike two words are, as difflib counts it."""
    return difflib.SequenceMatcher(a=word, b=slip).ratio()
