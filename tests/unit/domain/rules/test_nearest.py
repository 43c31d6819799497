"""What somebody may have meant."""

import pytest

from reconciler.domain.rules.nearest import did_you_mean, nearest


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
