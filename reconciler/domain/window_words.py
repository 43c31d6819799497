"""What windows hold back, in words, with times on the calendar's wall clock and in UTC."""

from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from typing import Final

from reconciler.domain.policies import Calendar, WindowKind
from reconciler.domain.windows import Overrun, Standing, on_the_wall

DOES: Final[Mapping[WindowKind, str]] = {
    WindowKind.FREEZE: "freezes everything",
    WindowKind.NO_DISRUPTIVE: "lets pass only what viewers do not notice",
    WindowKind.NORMAL: "lets everything pass",
}
"""What a calendar does, by what holds."""


def held(holds: Standing | Overrun, *, at: datetime, until: datetime | None, zone: tzinfo) -> str:
    """
    Return what a calendar does at a moment, and until when.

    Args:
        holds: what it says then.
        at: the moment, in UTC.
        until: when a standing ends, in UTC; None where no end of it is near.
        zone: the calendar's.

    """
    calendar = holds.calendar
    lead = f"the calendar {calendar.name} {DOES[holds.kind]}"
    there = f"it is {wall(at, zone)} there"
    if isinstance(holds, Overrun):
        return (
            f"{lead} for as long as something that it is about is on air or cannot be read, at most until "
            f"{spelled(holds.latest, calendar, zone)}; its window was to end at {wall(holds.since, zone)}, and {there}"
        )
    where = " outside its windows" if holds.opening is None else ""
    if until is None:
        return f"{lead}{where}, and no end of that is near; {there}, in {calendar.zone}"
    return f"{lead}{where} until {spelled(until, calendar, zone)}; {there}"


def spelled(moment: datetime, calendar: Calendar, zone: tzinfo) -> str:
    """Return a moment on the calendar's wall clock and in UTC: `2026-11-28 23:00 Europe/Berlin (22:00 UTC)`."""
    there = on_the_wall(moment, zone)
    return f"{_minutes(there)} {calendar.zone} ({utc(moment, beside=there)} UTC)"


def utc(moment: datetime, *, beside: datetime) -> str:
    """Return a moment of UTC without what it has in common with the time that it stands beside: the day."""
    told = _minutes(moment.astimezone(UTC).replace(tzinfo=None))
    return told.removeprefix(f"{beside:%Y-%m-%d} ")


def wall(moment: datetime, zone: tzinfo) -> str:
    """Return a moment as the clock of a zone shows it: `2026-11-28 23:00`, with seconds only where there are any."""
    return _minutes(on_the_wall(moment, zone))


def _minutes(shown: datetime) -> str:
    return shown.isoformat(" ", "seconds").removesuffix(":00")
