"""
Windows agree, in every zone and around every change of its clock, with what a walk over the minutes finds.

The walk is the definition: a window is open from the first minute at which the clock shows its begin or more, until
before the last minute at which it shows its end, or the first one after that where it skips the end.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from hypothesis import given
from hypothesis import strategies as st

from reconciler.domain.model import FlowKey
from reconciler.domain.policies import Calendar, OneOff, Recurring, Window, WindowKind
from reconciler.domain.timetable import Timetable
from reconciler.domain.upcoming import upcoming
from reconciler.domain.windows import (
    STRICTNESS,
    moments,
    next_change,
    on_the_wall,
    overrun_at,
    overruns,
    standings,
    state_at,
    stricter,
)

ZONES: Final = sorted(available_timezones())
DAY: Final = timedelta(days=1)
MINUTE: Final = timedelta(minutes=1)
FIRST: Final = datetime(1973, 1, 1, tzinfo=UTC)
"""From then on all clocks of the world are changed at whole minutes."""
LAST: Final = datetime(2037, 1, 1, tzinfo=UTC)
DAYS_LOST_AND_GAINED: Final = (
    (ZoneInfo("Pacific/Apia"), datetime(2011, 12, 30, 10, tzinfo=UTC)),
    (ZoneInfo("Pacific/Kwajalein"), datetime(1993, 8, 21, 12, tzinfo=UTC)),
    (ZoneInfo("Pacific/Kwajalein"), datetime(1969, 9, 30, 13, tzinfo=UTC)),
)
"""Where a country went over to the other side of the date line: the farthest that a clock ever jumped."""


@cache
def changes_of(zone: ZoneInfo, first: datetime = FIRST, last: datetime = LAST) -> tuple[datetime, ...]:
    """Return when a clock is changed within a time; its first day where it never is."""
    found = []
    weeks = [first + number * 7 * DAY for number in range((last - first).days // 7)]
    for before, after in pairwise(weeks):
        if before.astimezone(zone).utcoffset() != after.astimezone(zone).utcoffset():
            found.append(change_between(zone, before, after))
    return tuple(found) or (first,)


def change_between(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """Return the first moment after a change of a clock."""
    offset = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) / 2
        before, after = (middle, after) if middle.astimezone(zone).utcoffset() == offset else (before, middle)
    return after.replace(microsecond=0)


@lru_cache(maxsize=64)
def walk(zone: ZoneInfo, change: datetime) -> tuple[tuple[datetime, datetime], ...]:
    """Return each minute around a change, in UTC and on the wall."""
    start = change - 3 * DAY
    return tuple((at, on_the_wall(at, zone)) for at in (start + number * MINUTE for number in range(6 * 24 * 60)))


def by_walking(calendar: Calendar, minutes: tuple[tuple[datetime, datetime], ...]) -> list[WindowKind]:
    """Return what holds at each minute, by the definition."""
    found: list[WindowKind | None] = [None] * len(minutes)
    for window in calendar.windows:
        for begins, ends in written(window, minutes[0][1].date(), minutes[-1][1].date()):
            first = next((number for number, (_, wall) in enumerate(minutes) if wall >= begins), len(minutes))
            past = [number for number, (_, wall) in enumerate(minutes) if wall > ends]
            shown = [number for number, (_, wall) in enumerate(minutes) if wall == ends]
            for number in range(first, shown[-1] if shown else past[0] if past else len(minutes)):
                known = found[number]
                if known is None or STRICTNESS[window.kind] < STRICTNESS[known]:
                    found[number] = window.kind
    return [calendar.outside if kind is None else kind for kind in found]


def written(window: Window, first: date, last: date) -> Iterator[tuple[datetime, datetime]]:
    """Yield the begins and ends of a window on its wall clock, of a few more days than asked."""
    if isinstance(window, OneOff):
        yield window.begins, window.ends
        return
    for days in range(-4, (last - first).days + 4):
        day = first + timedelta(days=days)
        is_between = (window.first is None or window.first <= day) and (window.last is None or day <= window.last)
        if is_between and day.weekday() in window.days:
            ends_on = day + DAY if window.ends <= window.begins else day
            yield datetime.combine(day, window.begins), datetime.combine(ends_on, window.ends)


@st.composite
def changes(draw: st.DrawFn) -> tuple[ZoneInfo, datetime]:
    """Build a zone, and a moment at which its clock is changed, if it is at all in those years."""
    if draw(st.integers(0, 4)) == 0:
        return draw(st.sampled_from(DAYS_LOST_AND_GAINED))
    zone = ZoneInfo(draw(st.sampled_from(ZONES)))
    return zone, draw(st.sampled_from(changes_of(zone)))


@st.composite
def calendars(draw: st.DrawFn, zone: ZoneInfo, change: datetime, name: str = "any") -> Calendar:
    """Build a calendar whose windows begin and end around a moment."""
    near = on_the_wall(change, zone).replace(second=0)
    return Calendar(
        name=name,
        zone=zone.key,
        windows=tuple(draw(st.lists(windows(near), max_size=5))),
        outside=draw(st.sampled_from(WindowKind)),
        longest_overrun_s=draw(st.sampled_from([0.0, 3600.0, 200_000.0])),
    )


@st.composite
def windows(draw: st.DrawFn, near: datetime) -> Window:
    """Build a window that begins within a day and a half of a time."""
    kind, over = draw(st.sampled_from(WindowKind)), draw(st.booleans())
    # Clocks are changed by half hours and hours: there the traps are.
    offsets = st.sampled_from(range(-180, 181, 30)) | st.integers(-150, 150) | st.integers(-2000, 2000)
    begins, ends = sorted(near + minutes * MINUTE for minutes in draw(st.tuples(offsets, offsets)))
    lasts = max(MINUTE, ends - begins)
    if draw(st.booleans()):
        return OneOff(kind=kind, begins=begins, ends=begins + lasts, overruns=over)
    first, last = (near + draw(st.integers(-3, 3)) * DAY for _ in range(2))
    return Recurring(
        kind=kind,
        days=frozenset(draw(st.sets(st.integers(0, 6), min_size=1))),
        begins=begins.time(),
        ends=(begins + lasts).time(),
        first=draw(st.sampled_from([None, first.date()])),
        last=draw(st.sampled_from([None, last.date()])),
        overruns=over,
    )


def test_every_change_of_every_clock_is_met() -> None:
    """No window across a change of this year or the next is shorter than its times on the wall, in any zone."""
    instant = timedelta(microseconds=1)
    years = datetime(2026, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)
    met = [(zone, change) for zone in map(ZoneInfo, ZONES) for change in changes_of(zone, *years)]
    for zone, change in met:
        near = on_the_wall(change, zone)
        for begin, end in pairwise(near + number * 15 * MINUTE for number in range(-14, 15)):
            opens, closes = moments(begin, zone)[0], moments(end, zone)[1]
            assert opens <= closes, zone
            assert on_the_wall(opens - instant, zone) < begin <= on_the_wall(opens, zone), zone
            assert on_the_wall(closes, zone) >= end, zone
            assert all(on_the_wall(closes + number * 15 * MINUTE, zone) > end for number in range(1, 14)), zone


@given(st.data())
def test_what_holds_is_what_a_walk_over_the_minutes_finds(data: st.DataObject) -> None:
    """At every minute around a change of the clock, whether asked of a span or of that moment alone."""
    zone, change = data.draw(changes())
    calendar = data.draw(calendars(zone, change))
    minutes = walk(zone, change)
    expected = by_walking(calendar, minutes)

    whole = standings(calendar, minutes[0][0], minutes[-1][0] + MINUTE, zone)

    assert [whole.at(at).kind for at, _ in minutes] == expected
    asked = sorted({*range(0, len(minutes), 211), *(number for number, _ in edges(expected))})
    assert [state_at(calendar, minutes[number][0], zone).kind for number in asked] == [expected[n] for n in asked]


@given(st.data())
def test_what_is_to_come_agrees_with_what_holds(data: st.DataObject) -> None:
    """The strictest stretch of those that are told is what holds at each minute, and outside them what is outside."""
    zone, change = data.draw(changes())
    calendar = data.draw(calendars(zone, change))
    minutes = walk(zone, change)
    expected = by_walking(calendar, minutes)

    told = upcoming([calendar], minutes[0][0], minutes[-1][0] + MINUTE, ZoneInfo)

    for number in range(0, len(minutes), 7):
        at = minutes[number][0]
        kinds = [stretch.kind for stretch in told if stretch.holds(at)]
        assert min(kinds, key=STRICTNESS.__getitem__, default=calendar.outside) is expected[number]
    for stretch in told:
        assert stretch.begins is None or stretch.ends is None or stretch.begins < stretch.ends


@given(st.data())
def test_the_next_change_is_the_first_minute_that_differs(data: st.DataObject) -> None:
    """Until then nothing changes, and then it does."""
    zone, change = data.draw(changes())
    calendar = data.draw(calendars(zone, change))
    minutes = walk(zone, change)
    expected = by_walking(calendar, minutes)
    start = data.draw(st.integers(0, len(minutes) - 1))

    found = next_change(calendar, minutes[start][0], zone)

    differs = next((at for at, _ in edges(expected) if at > start), None)
    if differs is None:
        assert found is None or found > minutes[-1][0]
    else:
        assert found == minutes[differs][0]


@given(st.data())
def test_an_overrun_begins_at_the_end_that_was_planned(data: st.DataObject) -> None:
    """It ends in time, is stricter than what holds for sure, and is the same asked of a span or of a moment."""
    zone, change = data.draw(changes())
    calendar = data.draw(calendars(zone, change))
    at = change + data.draw(st.integers(-3000, 3000)) * MINUTE

    found = overrun_at(calendar, at, zone)

    sure = state_at(calendar, at, zone).kind
    assert found == stricter(overruns(calendar, at - DAY, at + DAY, zone).at(at), sure)
    possible = [
        window.kind
        for window in calendar.windows
        for begins, ends in written(window, (at - 5 * DAY).date(), (at + 3 * DAY).date())
        if window.overruns
        and moments(begins, zone)[0] < moments(ends, zone)[1]
        and moments(ends, zone)[1] <= at < moments(ends, zone)[1] + timedelta(seconds=calendar.longest_overrun_s)
    ]
    worst = min([sure, *possible], key=STRICTNESS.__getitem__)
    assert (sure if found is None else found.kind) is worst


@given(st.data())
def test_a_timetable_remembers_what_is_so(data: st.DataObject) -> None:
    """Whatever it was asked before, it says the strictest of all calendars."""
    zone, change = data.draw(changes())
    several = [data.draw(calendars(zone, change, name)) for name in ("a", "b")]
    timetable = Timetable(several, ZoneInfo)
    for minutes in data.draw(st.lists(st.integers(-3000, 3000), min_size=1, max_size=5)):
        at = change + minutes * MINUTE

        ruling = timetable.ruling(FlowKey("news"), (), at)

        found = [state_at(calendar, at, zone).kind for calendar in several]
        strictest = min(found, key=STRICTNESS.__getitem__)
        assert ruling.standing is not None
        assert ruling.standing.kind is strictest
        over = [overrun for calendar in several if (overrun := overrun_at(calendar, at, zone)) is not None]
        assert sorted(each.calendar.name for each in ruling.overruns) == sorted(
            each.calendar.name for each in over if stricter(each, strictest)
        )


def edges(values: list[WindowKind]) -> list[tuple[int, WindowKind]]:
    """Return where a value is another one than before, and what it is then."""
    return [(number, after) for number, (before, after) in enumerate(pairwise(values), start=1) if before is not after]


def test_a_clock_that_lost_a_day_skips_the_windows_of_that_day() -> None:
    """In Apia there was no 30 December 2011: what was to be within it never was, and the rest is as written."""
    zone = ZoneInfo("Pacific/Apia")
    skip = datetime(2011, 12, 30, 10, tzinfo=UTC)

    assert moments(datetime.combine(date(2011, 12, 30), time(12)), zone) == (skip, skip)
    assert frozen_hours(zone, OneOff(kind=WindowKind.FREEZE, begins=december(30, 9), ends=december(30, 17))) == 0
    assert frozen_hours(zone, OneOff(kind=WindowKind.FREEZE, begins=december(29, 23), ends=december(31, 1))) == 2


def frozen_hours(zone: ZoneInfo, window: Window) -> int:
    """Return for how many hours a window is open in those days."""
    calendar = Calendar(name="any", zone=zone.key, windows=(window,))
    hours = (datetime(2011, 12, 28, tzinfo=UTC) + number * timedelta(hours=1) for number in range(120))
    return sum(state_at(calendar, hour, zone).kind is WindowKind.FREEZE for hour in hours)


def december(day: int, hour: int) -> datetime:
    """Return a time of December 2011, on the wall."""
    return datetime.combine(date(2011, 12, day), time(hour))


def test_a_clock_that_is_put_back_over_midnight_keeps_the_window_of_two_days_before() -> None:
    """In St. John's it went from 00:01 to 23:01: half a minute of Sunday was within what began on Friday."""
    friday = Recurring(kind=WindowKind.FREEZE, days=frozenset({4}), begins=time(23, 30), ends=time(23, 30))
    zone = ZoneInfo("America/St_Johns")
    sunday = datetime(2010, 11, 7, 2, 30, 30, tzinfo=UTC)

    standing = state_at(Calendar(name="any", zone=zone.key, windows=(friday,)), sunday, zone)

    assert on_the_wall(sunday, zone) == datetime.combine(date(2010, 11, 7), time(0, 0, 30))
    assert standing.opening is not None
    assert standing.opening.ends == datetime(2010, 11, 7, 3, tzinfo=UTC)
