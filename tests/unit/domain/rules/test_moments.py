"""Rules about dates and times."""

from datetime import UTC, datetime

import pytest

from reconciler.domain.rules.moments import impossible_date, impossible_instant, impossible_time, instant


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-28T18:00:00Z", datetime(2026, 11, 28, 18, tzinfo=UTC)),
        ("2026-11-28T18:00:00+01:00", datetime(2026, 11, 28, 17, tzinfo=UTC)),
        ("2026-11-28T00:30:00.5-08:00", datetime(2026, 11, 28, 8, 30, 0, 500_000, tzinfo=UTC)),
    ],
)
def test_an_instant_is_in_utc(text: str, expected: datetime) -> None:
    """Whatever the offset."""
    assert instant(text) == expected
    assert instant(text).tzinfo is UTC
    assert list(impossible_instant(text, ("x",))) == []


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-29T18:00:00Z",
        "2026-11-28T25:00:00Z",
        "2026-11-28T18:60:00Z",
        "2016-12-31T23:59:60Z",
        "2026-11-28T18:00:00+24:00",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
    ],
)
def test_an_instant_that_there_is_not(text: str) -> None:
    """No day, no hour, no leap second, or beyond the years that there are."""
    with pytest.raises(ValueError, match=r"."):
        instant(text)
    (fault,) = impossible_instant(text, ("spec", "expires"))

    assert (fault.rule.id, fault.message) == ("SL402", f"there is no such date or time: {text}")


def test_dates_and_times_of_a_wall_clock() -> None:
    """The same, without a zone."""
    assert list(impossible_time("2026-02-28T18:00", ())) == list(impossible_date("2028-02-29", ())) == []
    assert [one.rule.id for one in impossible_time("2026-02-29T18:00", ())] == ["SL402"]
    assert [one.rule.id for one in impossible_date("2026-02-29", ())] == ["SL402"]
