"""What is told of windows that are open within a span."""

from datetime import UTC, datetime, time
from typing import Final
from zoneinfo import ZoneInfo

from reconciler.domain.policies import Calendar, OneOff, Recurring, Window, WindowKind
from reconciler.domain.upcoming import upcoming

FREEZE, CALM, NORMAL = WindowKind
BEGIN: Final = datetime(2026, 11, 25, 12, tzinfo=UTC)
END: Final = datetime(2026, 11, 28, 12, tzinfo=UTC)


def once(kind: WindowKind, begins: str, ends: str, *, overruns: bool = False) -> OneOff:
    """Return a window of that month."""
    return OneOff(
        kind=kind,
        begins=datetime.fromisoformat(f"2026-11-{begins}"),
        ends=datetime.fromisoformat(f"2026-11-{ends}"),
        overruns=overruns,
    )


def every_day(kind: WindowKind, begins: int, ends: int) -> Recurring:
    """Return a window of each day of the week."""
    return Recurring(kind=kind, days=frozenset(range(7)), begins=time(begins), ends=time(ends))


def told(*windows: Window, name: str = "any") -> list[tuple[WindowKind, str, str, bool]]:
    """Return the stretches of a calendar in the span."""
    calendar = Calendar(name=name, zone="UTC", windows=windows)
    return [
        (each.kind, short(each.begins), short(each.ends), each.overruns)
        for each in upcoming([calendar], BEGIN, END, ZoneInfo)
    ]


def short(moment: datetime | None) -> str:
    """Return the day and the hour."""
    return "" if moment is None else f"{moment:%dT%H}"


def test_what_is_open_in_a_part_of_the_span_is_told_whole() -> None:
    """And what has ended before it, or begins after it, is not."""
    assert told(
        once(FREEZE, "28T10", "29T10"),
        once(CALM, "24T10", "25T13"),
        once(FREEZE, "24T10", "25T12"),
        once(FREEZE, "28T12", "28T13"),
    ) == [(CALM, "24T10", "25T13", False), (FREEZE, "28T10", "29T10", False)]


def test_windows_of_one_kind_that_touch_are_one_stretch() -> None:
    """Also where one is within the other, and only where the last to end may overrun does the stretch."""
    assert told(
        once(FREEZE, "26T10", "26T20"),
        once(FREEZE, "26T12", "26T13"),
        once(FREEZE, "26T15", "26T21", overruns=True),
        once(CALM, "26T19", "26T20", overruns=True),
        once(FREEZE, "26T21", "26T22"),
        once(FREEZE, "27T01", "27T02"),
    ) == [
        (FREEZE, "26T10", "26T22", True),
        (CALM, "26T19", "26T20", True),
        (FREEZE, "27T01", "27T02", False),
    ]


def test_an_overrun_that_is_over_before_the_stretch_is_none() -> None:
    """Four hours after the planned end at the latest."""
    assert told(once(FREEZE, "26T10", "26T12", overruns=True), once(FREEZE, "26T11", "26T16")) == [
        (FREEZE, "26T10", "26T16", False)
    ]


def test_what_comes_again_and_again_without_a_break_has_no_begin_and_no_end() -> None:
    """As far as anybody looked."""
    assert told(every_day(CALM, 0, 0), every_day(FREEZE, 22, 2))[0] == (CALM, "", "", False)
    (always,) = upcoming([Calendar(name="any", zone="UTC", windows=(every_day(CALM, 0, 0),))], BEGIN, END, ZoneInfo)
    assert always.holds(BEGIN)


def test_what_has_an_end_far_away_is_told_with_it() -> None:
    """It is written, so it is known."""
    window = OneOff(kind=FREEZE, begins=datetime.fromisoformat("2020-01-05"), ends=datetime.fromisoformat("2040-01-06"))

    assert told(window) == [(FREEZE, "05T00", "06T00", False)]


def test_the_calendars_are_told_in_the_order_of_time() -> None:
    """At the same time the strictest first, and then by name."""
    calendars = [
        Calendar(name="b", zone="UTC", windows=(once(CALM, "26T10", "26T11"),)),
        Calendar(name="c", zone="UTC", windows=(once(FREEZE, "26T10", "26T11"), once(FREEZE, "26T08", "26T09"))),
        Calendar(name="a", zone="Europe/Berlin", windows=(once(CALM, "26T11", "26T12"),)),
    ]

    names = [each.calendar.name for each in upcoming(calendars, BEGIN, END, ZoneInfo)]

    assert names == ["c", "c", "a", "b"]
