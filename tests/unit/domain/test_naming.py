"""Names for what was made without them."""

import pytest

from reconciler.domain.naming import LONGEST, Names, fit


@pytest.mark.parametrize(
    ("live_name", "name"),
    [
        pytest.param("city_news", "city_news", id="what is fit stays"),
        pytest.param("_city_", "_city_", id="its underscores, too"),
        pytest.param("City News (1)", "City_News_1", id="what does not fit becomes one underscore"),
        pytest.param("Frühstück", "Fruhstuck", id="accents are dropped"),
        pytest.param("早安", "flow", id="nothing that fits"),
        pytest.param("x" * 40, "x" * LONGEST, id="too long"),
    ],
)
def test_a_live_name_becomes_one_that_fits(live_name: str, name: str) -> None:
    """It is as near to what people see as the form allows."""
    assert fit(live_name, otherwise="flow") == name


def test_no_name_is_given_twice() -> None:
    """Case does not count, and a number takes room from a name that is as long as may be."""
    names = Names(["news"])

    given = [names.give(wish) for wish in ("News", "sport", "NEWS", "x" * LONGEST, "x" * LONGEST)]

    assert given == ["News_2", "sport", "NEWS_3", "x" * LONGEST, "x" * (LONGEST - 2) + "_2"]


def test_a_name_may_be_as_long_as_it_likes() -> None:
    """Names of variables have no longest."""
    names = Names()

    assert [names.give("x" * 50, longest=None) for _ in range(2)] == ["x" * 50, "x" * 50 + "_2"]
