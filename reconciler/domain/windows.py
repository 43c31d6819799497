"""
When the windows of a calendar are open, and what holds at a moment: wall clocks and weekdays become moments in UTC.

A wall clock skips times and shows others twice where it is changed. A window begins when the clock shows its begin for
the first time, and ends when it shows its end for the last time; a time that is skipped is the moment of the skip. So
no window is shorter than people think.
"""

import heapq
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final, Generic, TypeVar

from reconciler.domain.impact import Impact
from reconciler.domain.policies import Calendar, OneOff, Window, WindowKind

Value = TypeVar("Value")

STRICTNESS: Final[Mapping[WindowKind, int]] = {kind: number for number, kind in enumerate(WindowKind)}
"""A place for each kind, the strictest first."""

_SECOND: Final = timedelta(seconds=1)
_DAY: Final = timedelta(days=1)
_JUMP: Final = timedelta(days=1)
"""A clock jumps by a day at most: where a country goes over to the other side of the date line."""
_EARLIEST: Final = datetime.combine(date(1900, 1, 1), time())
_LATEST: Final = datetime.combine(date(9000, 1, 1), time())
"""What is written beyond these years means them: a moment in UTC, and a year more, can still be told."""
_AHEAD: Final = (timedelta(days=2), timedelta(days=16), timedelta(days=400))
"""How far the next change is looked for: near first, for most are near."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """One time that a window is open; a recurring window has many."""

    window: Window
    begins: datetime
    """In UTC."""
    ends: datetime
    """In UTC, the first moment that is not in it; later than `begins`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a calendar says at a moment, whatever is on air."""

    calendar: Calendar
    kind: WindowKind
    opening: Opening | None = None
    """The strictest that is open, and of those the one that ends last; None outside all windows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrun:
    """What a calendar says after the planned end of a window, if something that it is about is on air."""

    calendar: Calendar
    kind: WindowKind
    since: datetime
    """The planned end, in UTC."""
    latest: datetime
    """When it ends in any case, in UTC."""


@dataclass(frozen=True, slots=True)
class Steps(Generic[Value]):
    """A value for each moment of a span, which changes at certain moments only."""

    edges: tuple[datetime, ...]
    """From when each value holds, the begin of the span first."""
    values: tuple[Value, ...]

    def at(self, moment: datetime) -> Value:
        """Return the value of a moment within the span."""
        return self.values[bisect_right(self.edges, moment) - 1]


def allows(kind: WindowKind, impact: Impact) -> bool:
    """Return whether a change with this impact may be sent while this kind of window is open."""
    return kind is WindowKind.NORMAL or (kind is WindowKind.NO_DISRUPTIVE and impact is Impact.NONE)


def state_at(calendar: Calendar, at: datetime, zone: tzinfo) -> Standing:
    """
    Return what holds for sure: the strictest of all open windows, and what is outside them where none is.

    `at` is in UTC, here and below; `zone` is the calendar's.
    """
    return standings(calendar, at, at + _SECOND, zone).at(at)


def overrun_at(calendar: Calendar, at: datetime, zone: tzinfo) -> Overrun | None:
    """
    Return what holds instead if something that the calendar is about is on air; None where that makes no difference.

    An overrun is never less strict than what holds for sure.
    """
    overrun = overruns(calendar, at, at + _SECOND, zone).at(at)
    return stricter(overrun, state_at(calendar, at, zone).kind)


def stricter(overrun: Overrun | None, kind: WindowKind) -> Overrun | None:
    """Return the overrun where it is stricter than a kind."""
    return overrun if overrun is not None and STRICTNESS[overrun.kind] < STRICTNESS[kind] else None


def next_change(calendar: Calendar, at: datetime, zone: tzinfo) -> datetime | None:
    """Return when another kind than now holds for sure, in UTC; None where that is more than a year away, or never."""
    kind = state_at(calendar, at, zone).kind
    begin = at
    for ahead in _AHEAD:
        steps = standings(calendar, begin, at + ahead, zone)
        for edge, standing in zip(steps.edges, steps.values, strict=True):
            if standing.kind is not kind:
                return edge
        begin = at + ahead
    return None


def standings(calendar: Calendar, begin: datetime, end: datetime, zone: tzinfo) -> Steps[Standing]:
    """Return what holds for sure at each moment from `begin` until before `end`."""
    steps = _strictest(openings(calendar, begin, end, zone), begin, end)
    outside = Standing(calendar=calendar, kind=calendar.outside)
    return Steps(
        steps.edges,
        tuple(
            outside if opening is None else Standing(calendar=calendar, kind=opening.window.kind, opening=opening)
            for opening in steps.values
        ),
    )


def overruns(calendar: Calendar, begin: datetime, end: datetime, zone: tzinfo) -> Steps[Overrun | None]:
    """Return the strictest overrun that is possible at each moment from `begin` until before `end`."""
    longest = timedelta(seconds=calendar.longest_overrun_s)
    after = [
        Opening(window=opening.window, begins=opening.ends, ends=opening.ends + longest)
        for opening in openings(calendar, begin - longest, end, zone)
        if opening.window.overruns and longest
    ]
    steps = _strictest(after, begin, end)
    return Steps(
        steps.edges,
        tuple(
            Overrun(calendar=calendar, kind=over.window.kind, since=over.begins, latest=over.ends) if over else None
            for over in steps.values
        ),
    )


def openings(calendar: Calendar, begin: datetime, end: datetime, zone: tzinfo) -> Iterator[Opening]:
    """Yield each time that a window is open within a span, whole, in the order of the windows."""
    first, last = on_the_wall(begin, zone) - _JUMP, on_the_wall(end, zone) + _JUMP
    for window in calendar.windows:
        for begins, ends in _written(window, first, last):
            if begins <= last and first <= ends:
                opening = Opening(window=window, begins=moments(begins, zone)[0], ends=moments(ends, zone)[1])
                # All of it may be skipped by the clock: then it is never open.
                if opening.begins < min(end, opening.ends) and begin < opening.ends:
                    yield opening


def moments(wall: datetime, zone: tzinfo) -> tuple[datetime, datetime]:
    """
    Return the first and the last moment at which the clock shows a time, in UTC.

    They differ where the clock is put back over it. A time that the clock skips is taken for the moment of the skip.
    """
    wall = min(max(wall, _EARLIEST), _LATEST)
    first, last = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first <= last:
        return first, last
    skip = _skip(wall, (last, first), zone)
    return skip, skip


def on_the_wall(moment: datetime, zone: tzinfo) -> datetime:
    """Return what the clock of a zone shows, without the zone."""
    return moment.astimezone(zone).replace(tzinfo=None)


def _skip(wall: datetime, around: tuple[datetime, datetime], zone: tzinfo) -> datetime:
    """Return the first moment, of a whole second, at which the clock shows more than `wall`, which it skips."""
    before, after = (moment.replace(microsecond=0) for moment in around)
    while after - before > _SECOND:
        middle = before + (after - before) // _SECOND // 2 * _SECOND
        if on_the_wall(middle, zone) < wall:
            before = middle
        else:
            after = middle
    return after


def _written(window: Window, first: datetime, last: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield begins and ends of a window on its wall clock: at least all of those that are in a span."""
    if isinstance(window, OneOff):
        yield window.begins, window.ends
        return
    lasts_over_midnight = window.ends <= window.begins
    earliest = max((first - _DAY).date(), window.first or date.min)
    latest = min(last.date(), window.last or date.max)
    for number in range(earliest.toordinal(), latest.toordinal() + 1):
        day = date.fromordinal(number)
        if day.weekday() in window.days:
            ends_on = day + lasts_over_midnight * _DAY
            yield datetime.combine(day, window.begins), datetime.combine(ends_on, window.ends)


def _strictest(found: Iterable[Opening], begin: datetime, end: datetime) -> Steps[Opening | None]:
    """Return the strictest that is open at each moment of a span; of those equally strict the one that ends last."""
    coming = sorted(found, key=lambda opening: opening.begins)
    edges = sorted({begin, *(edge for each in coming for edge in (each.begins, each.ends) if begin < edge < end)})
    # Those that have opened, the strictest on top; one that is over is dropped when it comes to the top.
    opened: list[tuple[int, timedelta, int]] = []
    count = 0
    values: list[Opening | None] = []
    for edge in edges:
        while count < len(coming) and coming[count].begins <= edge:
            heapq.heappush(opened, (STRICTNESS[coming[count].window.kind], begin - coming[count].ends, count))
            count += 1
        while opened and coming[opened[0][2]].ends <= edge:
            heapq.heappop(opened)
        values.append(coming[opened[0][2]] if opened else None)
    return Steps(tuple(edges), tuple(values))
