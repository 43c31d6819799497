"""Tests of `engine.backoff`."""

import pytest

from reconciler.engine.backoff import BASE_S, MOST_S, pause_s


@pytest.mark.parametrize(
    ("failures", "jitter", "expected"),
    [
        pytest.param(1, 0.0, 0.0, id="full jitter may be none"),
        pytest.param(1, 0.5, BASE_S / 2, id="half of the first ceiling"),
        pytest.param(2, 0.5, BASE_S, id="the ceiling doubles"),
        pytest.param(100, 0.5, MOST_S / 2, id="the ceiling ends"),
        pytest.param(10_000_000, 0.5, MOST_S / 2, id="a year of failures overflows nothing"),
    ],
)
def test_pause(failures: int, jitter: float, expected: float) -> None:
    """A pause is a random part of a ceiling that doubles with each failure, up to a bound."""
    assert pause_s(failures, jitter=jitter) == expected
