"""What calendars say, as lines of text and as JSON; every time is on the calendar's clock and in UTC."""

from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from typing import Any, Final

import click

from reconciler.cli.formats.values import safe
from reconciler.cli.outlook import Now, Outlook
from reconciler.domain.policies import Calendar, WindowKind
from reconciler.domain.upcoming import AROUND, Stretch
from reconciler.domain.window_words import utc
from reconciler.domain.windows import on_the_wall

COLOURS: Final = {WindowKind.FREEZE: "red", WindowKind.NO_DISRUPTIVE: "yellow", WindowKind.NORMAL: "green"}
_KIND_WIDTH: Final = max(map(len, WindowKind))
_WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

NONE: Final = """\
There is no Calendar among these manifests, so no window holds anything back. One is written like this:

apiVersion: reconciler/v1
kind: Calendar
metadata: {name: cup_final}
spec:
  zone: Europe/Berlin
  flows: [city_news]
  windows:
    - kind: freeze
      from: "2026-11-28T18:00"
      to: "2026-11-28T23:00"
      overrun: true
    - kind: no-disruptive
      every: [sat, sun]
      from: "18:00"
      to: "23:30\""""
"""What is told where there are none."""
NONE_SOUND: Final = "No Calendar can be shown; where one has errors, what it holds back is told once they are mended."
"""What is told where manifests have errors, and there are none beside."""


def lines(seen: Outlook) -> Iterator[str]:
    """Yield the lines of an outlook: what is open, a line each, and what opens."""
    if not seen.calendars:
        yield NONE
        return
    name_width = max(len(calendar.name) for calendar in seen.calendars)
    yield f"At {moment(seen.at)}:"
    for now in seen.now:
        yield f"{_lead(now, name_width)}  {state(now)}; about {about(now.calendar)}"
    yield f"Opens until {moment(seen.until)}:" if seen.next else f"Nothing opens until {moment(seen.until)}."
    for stretch in seen.next:
        yield f"{_lead(stretch, name_width)}  {times(stretch)}"


def state(now: Now) -> str:
    """Return whether a window is open, and until when, in words."""
    if now.is_outside and now.until is None:
        return "outside its windows, for more than a year"
    until = _end(now.until, now.calendar, now.zone)
    if now.ended is not None:
        return f"if something is on air, {until} at the latest; planned to end {there(now.ended, now.zone)}"
    return f"{'outside its windows, ' if now.is_outside else ''}{until}{_goes_on(overruns=now.overruns)}"


def times(stretch: Stretch) -> str:
    """Return from when until when a stretch is, in words."""
    goes_on = _goes_on(overruns=stretch.overruns)
    if stretch.begins is None or stretch.ends is None:
        begins = "" if stretch.begins is None else f"from {both(stretch.begins, stretch.calendar, stretch.zone)} "
        return f"{begins}{_end(stretch.ends, stretch.calendar, stretch.zone)}{goes_on}"
    on_wall = f"{there(stretch.begins, stretch.zone)} to {there(stretch.ends, stretch.zone)} {stretch.calendar.zone}"
    ends = utc(stretch.ends, beside=stretch.begins)
    return f"{on_wall} ({utc(stretch.begins, beside=on_the_wall(stretch.begins, stretch.zone))} to {ends} UTC){goes_on}"


def about(calendar: Calendar) -> str:
    """Return what a calendar is about, in words."""
    flows = ", ".join(sorted(calendar.flows))
    labels = ", ".join(f"{name}={value}" for name, value in calendar.labels)
    named = [f"{'flow' if len(calendar.flows) == 1 else 'flows'} {flows}"] if flows else []
    labelled = [f"what is labelled {labels}"] if labels else []
    return safe(" and ".join([*named, *labelled])) or "everything"


def moment(at: datetime) -> str:
    """Return a moment in UTC, with its weekday."""
    return f"{there(at, UTC)} UTC"


def both(at: datetime, calendar: Calendar, zone: tzinfo) -> str:
    """Return a moment on the calendar's clock and in UTC."""
    return f"{there(at, zone)} {calendar.zone} ({in_utc(at, zone)})"


def there(at: datetime, zone: tzinfo) -> str:
    """Return a moment as the clock of a zone shows it, with its weekday: `Sat 2026-11-28 23:00`."""
    shown = on_the_wall(at, zone)
    return f"{_WEEKDAYS[shown.weekday()]} {shown:%Y-%m-%d %H:%M}{_seconds(shown)}"


def in_utc(at: datetime, zone: tzinfo) -> str:
    """Return a moment in UTC, as it is told beside the same on the clock of a zone."""
    return f"{utc(at, beside=on_the_wall(at, zone))} UTC"


def document(seen: Outlook, errors: tuple[str, ...]) -> dict[str, Any]:
    """Return an outlook as JSON says it; `errors` are those of the manifests."""
    return {
        "version": 1,
        "at": _iso(seen.at, UTC),
        "until": _iso(seen.until, UTC),
        "errors": list(errors),
        "calendars": [_calendar_json(seen, calendar) for calendar in seen.calendars],
    }


def _lead(item: Now | Stretch, name_width: int) -> str:
    kind = click.style(f"{item.kind:{_KIND_WIDTH}}", fg=COLOURS[item.kind])
    return f"{kind}  {item.calendar.name:{name_width}}"


def _end(ends: datetime | None, calendar: Calendar, zone: tzinfo) -> str:
    return f"for more than {AROUND.days} days" if ends is None else f"until {both(ends, calendar, zone)}"


def _goes_on(*, overruns: bool) -> str:
    return ", longer while something is on air" if overruns else ""


def _seconds(shown: datetime) -> str:
    return f":{shown:%S}" if shown.second else ""


def _calendar_json(seen: Outlook, calendar: Calendar) -> dict[str, Any]:
    mine = [now for now in seen.now if now.calendar is calendar]
    return {
        "name": calendar.name,
        "zone": calendar.zone,
        "flows": sorted(calendar.flows),
        "labels": dict(calendar.labels),
        "outside": str(calendar.outside),
        "holds": str(min((now for now in mine if now.ended is None), key=_strictness).kind),
        "now": [_now_json(now) for now in mine],
        "next": [
            {
                "kind": str(stretch.kind),
                "begins": _iso(stretch.begins, UTC),
                "ends": _iso(stretch.ends, UTC),
                "local_begins": _iso(stretch.begins, stretch.zone),
                "local_ends": _iso(stretch.ends, stretch.zone),
                "overruns": stretch.overruns,
            }
            for stretch in seen.next
            if stretch.calendar is calendar
        ],
    }


def _strictness(now: Now) -> int:
    return list(WindowKind).index(now.kind)


def _now_json(now: Now) -> dict[str, Any]:
    return {
        "kind": str(now.kind),
        "state": "outside" if now.is_outside else "overrun" if now.ended is not None else "open",
        "until": _iso(now.until, UTC),
        "local_until": _iso(now.until, now.zone),
        "planned_end": _iso(now.ended, UTC),
        "overruns": now.overruns,
    }


def _iso(at: datetime | None, zone: tzinfo) -> str | None:
    """Return a moment in the form of RFC 3339, with the offset that its zone has then."""
    return None if at is None else at.astimezone(zone).isoformat()
