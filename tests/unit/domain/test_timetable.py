"""What all calendars say of one resource, and in which words."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import pytest

from reconciler.domain.model import FlowKey, Key, OutputKey
from reconciler.domain.policies import Calendar, OneOff, Recurring, WindowKind
from reconciler.domain.timetable import Labels, Timetable, is_about

NEWS, CLEAN, SPORT = FlowKey("news"), OutputKey("news", "clean"), FlowKey("sport")
CUP: Final[Labels] = (("event", "cup"), ("tier", "1"))

FREEZE: Final = OneOff(
    kind=WindowKind.FREEZE,
    begins=datetime.fromisoformat("2026-11-28T18:00"),
    ends=datetime.fromisoformat("2026-11-28T23:00"),
    overruns=True,
)
EVERY_EVENING: Final = Recurring(kind=WindowKind.NO_DISRUPTIVE, days=frozenset(range(7)), begins=time(20), ends=time(2))
FINAL: Final = Calendar(name="cup_final", zone="Europe/Berlin", windows=(FREEZE,), flows=frozenset({"news"}))
PRIME: Final = Calendar(name="prime_time", zone="Asia/Singapore", windows=(EVERY_EVENING,))
DURING: Final = datetime(2026, 11, 28, 19, 14, tzinfo=UTC)
AFTER: Final = datetime(2026, 11, 28, 23, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("flows", "labels", "key", "own", "expected"),
    [
        pytest.param("", (), NEWS, (), True, id="without selectors it is about all"),
        pytest.param("news", (), NEWS, (), True, id="a flow by its name"),
        pytest.param("news", (), CLEAN, (), True, id="an output by its flow's name"),
        pytest.param("news", (), SPORT, CUP, False, id="another flow"),
        pytest.param("", CUP[:1], CLEAN, CUP, True, id="by one label of several"),
        pytest.param("", CUP, CLEAN, CUP[:1], False, id="all labels must be there"),
        pytest.param("", CUP[:1], CLEAN, (("event", "league"),), False, id="with the same value"),
        pytest.param("news", CUP, NEWS, CUP, True, id="name and labels"),
        pytest.param("news", CUP, NEWS, (), False, id="the name alone is not enough"),
        pytest.param("sport", CUP, NEWS, CUP, False, id="nor are the labels"),
        pytest.param("news", CUP, NEWS, None, True, id="labels that nobody knows are met"),
        pytest.param("sport", CUP, NEWS, None, False, id="but the name is known"),
    ],
)
def test_whom_a_calendar_is_about(flows: str, labels: Labels, key: Key, own: Labels | None, *, expected: bool) -> None:
    """What is written must be met, all of it."""
    calendar = replace(PRIME, flows=frozenset(flows.split()), labels=labels)

    assert is_about(calendar, key, own) is expected


def test_the_strictest_calendar_rules() -> None:
    """Of those that are about the resource, in any order."""
    for calendars in ((FINAL, PRIME), (PRIME, FINAL)):
        timetable = Timetable(calendars, ZoneInfo)

        of_news = timetable.ruling(NEWS, (), datetime(2026, 11, 28, 17, 30, tzinfo=UTC)).standing
        of_sport = timetable.ruling(SPORT, (), datetime(2026, 11, 28, 17, 30, tzinfo=UTC)).standing

        assert of_news is not None
        assert of_sport is not None
        assert (of_news.calendar.name, of_news.kind) == ("cup_final", WindowKind.FREEZE)
        assert (of_sport.calendar.name, of_sport.kind) == ("prime_time", WindowKind.NO_DISRUPTIVE)


def test_of_equally_strict_calendars_the_one_that_holds_longest_is_named() -> None:
    """What holds outside all windows holds longest of all."""
    longer = replace(FINAL, name="longer", windows=(replace(FREEZE, ends=datetime.fromisoformat("2026-11-29T01:00")),))
    always = replace(FINAL, name="always", windows=(), outside=WindowKind.FREEZE)

    two = Timetable([FINAL, longer], ZoneInfo).ruling(NEWS, (), DURING).standing
    three = Timetable([FINAL, longer, always], ZoneInfo).ruling(NEWS, (), DURING).standing

    assert two is not None
    assert two.calendar is longer
    assert three is not None
    assert three.calendar is always


def test_nothing_rules_what_no_calendar_is_about() -> None:
    """Then nothing is held back."""
    ruling = Timetable([FINAL], ZoneInfo).ruling(SPORT, (), DURING)

    assert (ruling.standing, ruling.overruns) == (None, ())
    assert ruling.given(lambda _: True) is None


def test_an_overrun_holds_while_something_of_its_calendar_is_on_air() -> None:
    """Nobody is asked of calendars that do not overrun; off air, what holds for sure does."""
    ruling = Timetable([FINAL, PRIME], ZoneInfo).ruling(CLEAN, (), AFTER)
    asked: list[str] = []

    def is_on_air(calendar: Calendar) -> bool:
        asked.append(calendar.name)
        return True

    on_air = ruling.given(is_on_air)
    off_air = ruling.given(lambda _: False)

    assert on_air is not None
    assert on_air.kind is WindowKind.FREEZE
    assert asked == ["cup_final"]
    assert off_air is ruling.standing
    assert off_air is not None
    assert off_air.kind is WindowKind.NORMAL


def test_the_strictest_overrun_comes_first() -> None:
    """Of several calendars."""
    calm = replace(FINAL, name="calm", windows=(replace(FREEZE, kind=WindowKind.NO_DISRUPTIVE),))

    ruling = Timetable([calm, FINAL], ZoneInfo).ruling(NEWS, (), AFTER)

    assert [overrun.calendar.name for overrun in ruling.overruns] == ["cup_final", "calm"]


@pytest.mark.parametrize(
    ("calendar", "at", "expected"),
    [
        pytest.param(
            FINAL,
            DURING,
            "the calendar cup_final freezes everything until 2026-11-28 23:00 Europe/Berlin (22:00 UTC); "
            "it is 2026-11-28 20:14 there",
            id="a freeze",
        ),
        pytest.param(
            PRIME,
            datetime(2026, 11, 28, 12, 0, 30, tzinfo=UTC),
            "the calendar prime_time lets pass only what viewers do not notice until 2026-11-29 02:00 Asia/Singapore "
            "(2026-11-28 18:00 UTC); it is 2026-11-28 20:00:30 there",
            id="another day in UTC, and seconds",
        ),
        pytest.param(
            replace(PRIME, outside=WindowKind.FREEZE),
            DURING,
            "the calendar prime_time freezes everything outside its windows until 2026-11-29 20:00 Asia/Singapore "
            "(12:00 UTC); it is 2026-11-29 03:14 there",
            id="outside",
        ),
        pytest.param(
            replace(PRIME, windows=(), outside=WindowKind.FREEZE),
            DURING,
            "the calendar prime_time freezes everything outside its windows, and no end of that is near; "
            "it is 2026-11-29 03:14 there, in Asia/Singapore",
            id="without an end",
        ),
    ],
)
def test_what_holds_is_told_in_words(calendar: Calendar, at: datetime, expected: str) -> None:
    """With its end on the calendar's clock and in UTC, and what the clock shows now; the same when asked again."""
    timetable = Timetable([calendar], ZoneInfo)
    standing = timetable.ruling(NEWS, (), at).standing
    assert standing is not None

    told = [timetable.words(standing, at) for _ in range(2)]

    assert told == [expected] * 2


def test_each_end_is_told_as_it_comes() -> None:
    """What was told of a moment is not told of an earlier or later one for which it is not so."""
    timetable = Timetable([PRIME], ZoneInfo)
    told = []
    for hours in (12, 11, 19, 36):
        at = datetime(2026, 11, 28, tzinfo=UTC) + timedelta(hours=hours)
        standing = timetable.ruling(NEWS, (), at).standing
        assert standing is not None
        told.append(timetable.words(standing, at).partition("until ")[2][:16])

    assert told == ["2026-11-29 02:00", "2026-11-28 20:00", "2026-11-29 20:00", "2026-11-30 02:00"]


def test_an_overrun_is_told_in_words() -> None:
    """With the end that was planned, and the last one."""
    timetable = Timetable([FINAL], ZoneInfo)

    (overrun,) = timetable.ruling(NEWS, (), AFTER).overruns

    assert timetable.words(overrun, AFTER) == (
        "the calendar cup_final freezes everything for as long as something that it is about is on air or cannot be "
        "read, at most until 2026-11-29 03:00 Europe/Berlin (02:00 UTC); its window was to end at 2026-11-28 23:00, "
        "and it is 2026-11-29 00:30 there"
    )
