"""What calendars say at a moment and within a span after it, gathered for showing."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from reconciler.domain.policies import Calendar, WindowKind
from reconciler.domain.upcoming import Stretch, upcoming
from reconciler.domain.windows import next_change, overrun_at

if TYPE_CHECKING:
    from reconciler.domain.timetable import ZoneOf


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """What one calendar says at the moment: one for each kind of window that is open, else what is outside them."""

    calendar: Calendar
    zone: tzinfo
    kind: WindowKind
    until: datetime | None
    """In UTC; None where no end is near."""
    is_outside: bool = False
    """Whether no window is open."""
    overruns: bool = False
    """Whether it goes on then, while something that the calendar is about is on air."""
    ended: datetime | None = None
    """The planned end of a window which holds only if something that the calendar is about is on air; in UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """All calendars, by name, from a moment until another."""

    at: datetime
    until: datetime
    calendars: tuple[Calendar, ...]
    now: tuple[Now, ...]
    next: tuple[Stretch, ...]
    """What opens after the moment, in the order of time."""


def outlook(calendars: Iterable[Calendar], at: datetime, until: datetime, zone_of: "ZoneOf") -> Outlook:
    """Return what calendars say; `at` and `until` are in UTC."""
    named = tuple(sorted(calendars, key=lambda calendar: calendar.name))
    found = upcoming(named, at, until, zone_of)
    return Outlook(
        at=at,
        until=until,
        calendars=named,
        now=tuple(each for calendar in named for each in _now(calendar, at, zone_of(calendar.zone), found)),
        next=tuple(stretch for stretch in found if not stretch.holds(at)),
    )


def _now(calendar: Calendar, at: datetime, zone: tzinfo, found: Iterable[Stretch]) -> Iterator[Now]:
    opened = [stretch for stretch in found if stretch.calendar is calendar and stretch.holds(at)]
    over = overrun_at(calendar, at, zone)
    if over is not None:
        yield Now(calendar=calendar, zone=zone, kind=over.kind, until=over.latest, ended=over.since)
    if not opened:
        until = next_change(calendar, at, zone)
        yield Now(calendar=calendar, zone=zone, kind=calendar.outside, until=until, is_outside=True)
    for kind in WindowKind:
        for stretch in opened:
            if stretch.kind is kind:
                yield Now(calendar=calendar, zone=zone, kind=kind, until=stretch.ends, overruns=stretch.overruns)
