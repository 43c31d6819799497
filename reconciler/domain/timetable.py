"""What all calendars together say of a resource at a moment, remembered so that each write can ask."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from reconciler.domain.model import Key
from reconciler.domain.policies import Calendar
from reconciler.domain.window_words import held
from reconciler.domain.windows import (
    STRICTNESS,
    Overrun,
    Standing,
    Steps,
    next_change,
    overruns,
    standings,
    stricter,
)

ZoneOf = Callable[[str], tzinfo]
"""Returns the wall clock of an IANA time zone."""
Labels = tuple[tuple[str, str], ...]

_DAY: Final = timedelta(days=1)
_NEVER: Final = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What the calendars say of one resource at a moment."""

    standing: Standing | None = None
    """The strictest that holds for sure; None where no calendar is about the resource."""
    overruns: tuple[Overrun, ...] = ()
    """What is stricter, the strictest first; each holds only if something that its calendar is about is on air."""

    def given(self, is_on_air: Callable[[Calendar], bool]) -> Standing | Overrun | None:
        """
        Return the strictest that holds; None where no calendar is about the resource.

        Args:
            is_on_air: whether something that a calendar is about is on air; only asked of calendars that may overrun.

        """
        return next((overrun for overrun in self.overruns if is_on_air(overrun.calendar)), self.standing)


def is_about(calendar: Calendar, key: Key, labels: Labels | None) -> bool:
    """
    Return whether a calendar is about a resource.

    Args:
        calendar: one with flows and labels is about what meets both.
        key: an output is met by the name of its flow, too.
        labels: the resource's own; None where nobody knows them, for no manifest is left: then all labels are met.

    """
    if calendar.flows and key.flow_key.name not in calendar.flows:
        return False
    return labels is None or all(label in labels for label in calendar.labels)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Day:
    """What is remembered of one calendar: one day of UTC."""

    begins: datetime
    standings: Steps[Standing]
    overruns: Steps[Overrun | None]
    asked: list[tuple[datetime, datetime | None]] = field(default_factory=list)
    """The last moment whose next change was asked for, and that change."""


class Timetable:
    """
    Calendars, whose names are unique, and their zones; what it remembers of a day changes no answer.

    Times are in UTC. Asked of one day after the other it keeps one; of days in turn, it works each out anew.
    """

    def __init__(self, calendars: Iterable[Calendar], zone_of: ZoneOf) -> None:
        self._zones = {calendar.name: (calendar, zone_of(calendar.zone)) for calendar in calendars}
        self._days: dict[str, _Day] = {}

    def ruling(self, key: Key, labels: Labels | None, at: datetime) -> Ruling:
        """Return what the calendars say of a resource; `labels` as in `is_about`."""
        days = [self._day(name, at) for name, (calendar, _) in self._zones.items() if is_about(calendar, key, labels)]
        if not days:
            return Ruling()
        standing = min((day.standings.at(at) for day in days), key=_lead)
        possible = (stricter(day.overruns.at(at), standing.kind) for day in days)
        found = sorted((each for each in possible if each is not None), key=_lead_of_overrun)
        return Ruling(standing=standing, overruns=tuple(found))

    def words(self, holds: Standing | Overrun, at: datetime) -> str:
        """Return what a calendar holds back at a moment, and until when, on its wall clock and in UTC."""
        name = holds.calendar.name
        until = None if isinstance(holds, Overrun) else self._until(name, at)
        return held(holds, at=at, until=until, zone=self._zones[name][1])

    def _until(self, name: str, at: datetime) -> datetime | None:
        asked = self._day(name, at).asked
        # Nothing changes between a moment and the next change after it.
        if not (asked and asked[0][0] <= at and (asked[0][1] is None or at < asked[0][1])):
            calendar, zone = self._zones[name]
            asked[:] = [(at, next_change(calendar, at, zone))]
        return asked[0][1]

    def _day(self, name: str, at: datetime) -> _Day:
        begins = at.replace(hour=0, minute=0, second=0, microsecond=0)
        known = self._days.get(name)
        if known is None or known.begins != begins:
            calendar, zone = self._zones[name]
            ends = begins + _DAY
            known = self._days[name] = _Day(
                begins=begins,
                standings=standings(calendar, begins, ends, zone),
                overruns=overruns(calendar, begins, ends, zone),
            )
        return known


def _lead(standing: Standing) -> tuple[int, timedelta, str]:
    """Return what puts the strictest first, and of those the one that ends last; all equal, by name."""
    left = timedelta.min if standing.opening is None else _NEVER - standing.opening.ends
    return STRICTNESS[standing.kind], left, standing.calendar.name


def _lead_of_overrun(overrun: Overrun) -> tuple[int, timedelta, str]:
    return STRICTNESS[overrun.kind], _NEVER - overrun.latest, overrun.calendar.name
