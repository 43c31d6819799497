"""Points in time and durations, for people on a terminal and for files that others read later."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

Moment = Callable[[datetime], str]
"""Says when something was."""

_MINUTE_S: Final = 60
_HOUR_S: Final = 3600
_DAY_S: Final = 86_400


def local(at: datetime) -> str:
    """Return a time as the clock on the wall shows it, with its zone."""
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")


def utc(at: datetime) -> str:
    """Return a time that means the same wherever it is read."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def span(seconds: float) -> str:
    """Return a duration in its two largest units, such as `2 min 5 s`."""
    whole = max(0, round(seconds))
    if whole < _MINUTE_S:
        return f"{whole} s"
    if whole < _HOUR_S:
        return f"{whole // _MINUTE_S} min {whole % _MINUTE_S} s"
    if whole < _DAY_S:
        return f"{whole // _HOUR_S} h {whole % _HOUR_S // _MINUTE_S} min"
    return f"{whole // _DAY_S} d {whole % _DAY_S // _HOUR_S} h"


def took(duration_s: float | None) -> str:
    """Return how long a call took; `-` while that is not known."""
    return "-" if duration_s is None else f"{duration_s:.2f} s"
