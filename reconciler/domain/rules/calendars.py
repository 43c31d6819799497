"""Rules about the windows of one calendar; what is asked of a time zone is a parameter."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import MAXYEAR, MINYEAR, UTC, date, datetime, timedelta, tzinfo
from typing import Any, Final

from reconciler.domain.documents import Fault, Path
from reconciler.domain.rules import moments
from reconciler.domain.rules.catalogue import NEVER_OPEN, WINDOW_ENDS, ZONE
from reconciler.domain.rules.nearest import did_you_mean

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""In the order of `date.weekday`."""
_EVERY_DAY: Final = "day"
_MINUTE: Final = timedelta(minutes=1)
"""The smallest step of a wall clock that people write."""
_DAY: Final = timedelta(days=1)


def days(every: str | Sequence[str]) -> frozenset[int]:
    """Return the days on which a recurring window begins, 0 for Monday to 6 for Sunday."""
    words = {every} if isinstance(every, str) else set(every)
    return frozenset(number for number, word in enumerate(DAYS) if word in words or _EVERY_DAY in words)


def zone(name: str, known: AbstractSet[str], path: Path) -> Iterator[Fault]:
    """Return what is wrong with the name of a time zone; `known` are all that there are."""
    if name not in known:
        hint = did_you_mean(name, known) or "write its IANA name, such as Europe/Berlin"
        shown = f" {name}" if name.isprintable() else " of this name"
        yield Fault(rule=ZONE, path=path, message=f"there is no time zone{shown}", hint=hint)


def window(written: Mapping[str, Any], path: Path, clock: tzinfo | None) -> Iterator[Fault]:
    """
    Return what is wrong with a window.

    Args:
        written: the window, as it fits its schema.
        path: where it is.
        clock: the zone whose wall clock its times are on; None when that is not known.
    """
    return _recurring(written, path) if "every" in written else _one_off(written, path, clock)


def _one_off(written: Mapping[str, Any], path: Path, clock: tzinfo | None) -> Iterator[Fault]:
    begins, ends = written["from"], written["to"]
    impossible = [
        *moments.impossible_time(begins, (*path, "from")),
        *moments.impossible_time(ends, (*path, "to")),
    ]
    yield from impossible
    if not impossible:
        yield from _span(datetime.fromisoformat(begins), datetime.fromisoformat(ends), path, clock)


def _span(begins: datetime, ends: datetime, path: Path, clock: tzinfo | None) -> Iterator[Fault]:
    if ends <= begins:
        message = f"the window is to end at {ends:%Y-%m-%dT%H:%M} and begins at {begins:%Y-%m-%dT%H:%M}"
        yield Fault(rule=WINDOW_ENDS, path=(*path, "to"), message=message, hint="write a later time")
    elif clock is not None and _is_skipped(begins, ends, clock):
        message = "the clocks are put forward over this window, so that it never opens"
        yield Fault(rule=NEVER_OPEN, path=(*path, "from"), message=message, hint="write times that the clocks show")


def _is_skipped(begins: datetime, ends: datetime, clock: tzinfo) -> bool:
    """Return whether the clocks show no time of a window: its first and last minute are in one gap."""
    # Zones differ from UTC by a day at most, so that nothing is skipped at the very ends of the calendar.
    if begins.year == MINYEAR or ends.year == MAXYEAR or ends - begins > _DAY:
        return False
    return all(_is_in_gap(one.replace(tzinfo=clock)) for one in (begins, ends - _MINUTE))


def _is_in_gap(local: datetime) -> bool:
    there_and_back = local.astimezone(UTC).astimezone(local.tzinfo)
    return there_and_back.replace(tzinfo=None) != local.replace(tzinfo=None)


def _recurring(written: Mapping[str, Any], path: Path) -> Iterator[Fault]:
    bounds = {name: written[name] for name in ("since", "until") if name in written}
    impossible = [fault for name, text in bounds.items() for fault in moments.impossible_date(text, (*path, name))]
    yield from impossible
    if impossible or len(bounds) < len(("since", "until")):
        return
    first, last = date.fromisoformat(bounds["since"]), date.fromisoformat(bounds["until"])
    if last < first:
        message = f"the window is to recur until {last}, and since {first}"
        yield Fault(rule=WINDOW_ENDS, path=(*path, "until"), message=message, hint="write a later date")
    elif days(written["every"]).isdisjoint(_weekdays(first, last)):
        message = f"none of these days is from {first} to {last}, so that the window never opens"
        yield Fault(rule=NEVER_OPEN, path=(*path, "every"), message=message, hint="correct the days or the dates")


def _weekdays(first: date, last: date) -> Collection[int]:
    """Return the days of the week from one date to another, both included."""
    count = min((last - first).days + 1, len(DAYS))
    return {(first.weekday() + more) % len(DAYS) for more in range(count)}
