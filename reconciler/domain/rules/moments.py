"""Rules about dates and times, as people write them; each has the form that its schema asks for already."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime

from reconciler.domain.documents import Fault, Path
from reconciler.domain.rules.catalogue import TIME


def instant(text: str) -> datetime:
    """
    Return the instant, in UTC, of a time of RFC 3339.

    Raises:
        ValueError: there is no such date or time, or it is beyond the years 1 to 9999 in UTC.

    """
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except OverflowError as error:
        raise ValueError(str(error)) from error


def impossible_instant(text: str, path: Path) -> Iterator[Fault]:
    """Return what is wrong with a time of RFC 3339."""
    return _impossible(instant, text, path)


def impossible_time(text: str, path: Path) -> Iterator[Fault]:
    """Return what is wrong with a date and time on a wall clock."""
    return _impossible(datetime.fromisoformat, text, path)


def impossible_date(text: str, path: Path) -> Iterator[Fault]:
    """Return what is wrong with a date."""
    return _impossible(date.fromisoformat, text, path)


def _impossible(read: Callable[[str], object], text: str, path: Path) -> Iterator[Fault]:
    try:
        read(text)
    except ValueError:
        message = f"there is no such date or time: {text}"
        yield Fault(rule=TIME, path=path, message=message, hint="look it up in a calendar")
