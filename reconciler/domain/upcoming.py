"""Which windows are open within a span and which open there, for showing."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from reconciler.domain.policies import Calendar, Recurring, WindowKind
from reconciler.domain.timetable import ZoneOf
from reconciler.domain.windows import STRICTNESS, Opening, openings

_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
AROUND: Final = timedelta(days=8)
"""How far beyond a span recurring windows are looked at: one more than the days after which they come again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A time without a break in which windows of one kind are open, whatever else is."""

    calendar: Calendar
    kind: WindowKind
    begins: datetime | None
    """In UTC; None where windows follow each other for longer than was looked at."""
    ends: datetime | None
    """As `begins`; the first moment that is not in it."""
    overruns: bool
    """Whether it goes on while something that the calendar is about is on air."""
    zone: tzinfo
    """The calendar's."""

    def holds(self, at: datetime) -> bool:
        """Return whether a moment is in it."""
        return (self.begins is None or self.begins <= at) and (self.ends is None or at < self.ends)


def upcoming(calendars: Iterable[Calendar], begin: datetime, end: datetime, zone_of: ZoneOf) -> tuple[Stretch, ...]:
    """
    Return what is open from `begin` until before `end`, or a part of that, in the order of begins.

    Windows of one calendar and kind that overlap or follow each other at once are one stretch, which is told whole.
    """
    found = [stretch for calendar in calendars for stretch in _of(calendar, begin, end, zone_of(calendar.zone))]
    return tuple(sorted(found, key=_order))


def _order(stretch: Stretch) -> tuple[datetime, int, str]:
    return stretch.begins or _LONG_AGO, STRICTNESS[stretch.kind], stretch.calendar.name


def _of(calendar: Calendar, begin: datetime, end: datetime, zone: tzinfo) -> Iterator[Stretch]:
    looked_at = (begin - AROUND, end + AROUND)
    found = sorted(openings(calendar, *looked_at, zone), key=lambda opening: opening.begins)
    for kind in WindowKind:
        for chain in _chains(opening for opening in found if opening.window.kind is kind):
            stretch = _stretch(calendar, chain, looked_at, zone)
            if (stretch.begins is None or stretch.begins < end) and (stretch.ends is None or stretch.ends > begin):
                yield stretch


def _chains(found: Iterable[Opening]) -> Iterator[list[Opening]]:
    """Yield those that overlap or follow each other at once, together; the one that ends last is last."""
    chain: list[Opening] = []
    for opening in found:
        if chain and chain[-1].ends < opening.begins:
            yield chain
            chain = []
        chain.append(opening)
        if len(chain) > 1 and chain[-2].ends > opening.ends:
            chain[-2:] = [opening, chain[-2]]
    if chain:
        yield chain


def _stretch(calendar: Calendar, chain: list[Opening], looked_at: tuple[datetime, datetime], zone: tzinfo) -> Stretch:
    first, last = min(chain, key=lambda opening: opening.begins), chain[-1]
    longest = timedelta(seconds=calendar.longest_overrun_s)
    return Stretch(
        calendar=calendar,
        kind=last.window.kind,
        begins=None if isinstance(first.window, Recurring) and first.begins <= looked_at[0] else first.begins,
        ends=None if isinstance(last.window, Recurring) and last.ends >= looked_at[1] else last.ends,
        overruns=any(opening.window.overruns and opening.ends + longest > last.ends for opening in chain),
        zone=zone,
    )
