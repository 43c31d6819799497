"""Rules about windows."""

from datetime import UTC, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from reconciler.domain.rules.calendars import DAYS, days, window, zone

BERLIN = ZoneInfo("Europe/Berlin")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")


def told(written: dict[str, Any], clock: tzinfo | None = BERLIN) -> list[str]:
    """Return what is wrong with a window: rules and properties."""
    return [f"{fault.rule.id} {fault.path[-1]}" for fault in window(written, ("spec", "windows", 0), clock)]


def once(begins: str, ends: str) -> dict[str, Any]:
    """Return a window that is once."""
    return {"kind": "freeze", "from": begins, "to": ends}


def weekly(**more: Any) -> dict[str, Any]:
    """Return a window that recurs."""
    return {"kind": "freeze", "every": "sat", "from": "18:00", "to": "23:00", **more}


@pytest.mark.parametrize(
    ("begins", "ends", "expected"),
    [
        pytest.param("2026-11-28T19:00", "2026-11-28T23:00", [], id="an evening"),
        pytest.param("2026-11-28T19:00", "2026-11-28T19:00", ["SL404 to"], id="no minute"),
        pytest.param("2026-11-28T19:00", "2026-11-27T23:00", ["SL404 to"], id="backwards"),
        pytest.param("2026-02-29T19:00", "2026-03-01T23:00", ["SL402 from"], id="no such day"),
        pytest.param("2026-02-28T19:00", "2026-02-29T23:00", ["SL402 to"], id="no such last day"),
        pytest.param("2026-02-29T19:00", "2026-02-30T23:00", ["SL402 from", "SL402 to"], id="neither"),
        pytest.param("0000-01-01T19:00", "2026-02-28T23:00", ["SL402 from"], id="no such year"),
        pytest.param("2027-03-28T02:00", "2027-03-28T03:00", ["SL405 from"], id="the hour that is skipped"),
        pytest.param("2027-03-28T02:15", "2027-03-28T02:16", ["SL405 from"], id="a minute of it"),
        pytest.param("2027-03-28T01:59", "2027-03-28T03:00", [], id="begins before it"),
        pytest.param("2027-03-28T02:00", "2027-03-28T03:01", [], id="ends after it"),
        pytest.param("2026-03-29T02:30", "2027-03-28T02:30", [], id="from one such hour to the next"),
        pytest.param("2027-10-31T02:00", "2027-10-31T03:00", [], id="the hour that is twice"),
        pytest.param("0001-01-01T00:00", "0001-01-01T01:00", [], id="the first hour of all"),
        pytest.param("9999-12-31T22:00", "9999-12-31T23:00", [], id="the last hour of all"),
    ],
)
def test_a_window_that_is_once(begins: str, ends: str, expected: list[str]) -> None:
    """It has two times that there are, the later one last, and clocks show it."""
    assert told(once(begins, ends)) == expected


def test_gaps_are_those_of_the_zone() -> None:
    """Half an hour on Lord Howe Island, none in UTC, and unknown in a zone that there is not."""
    half = once("2026-10-04T02:00", "2026-10-04T02:30")

    assert told(half, LORD_HOWE) == ["SL405 from"]
    assert told(once("2026-10-04T02:00", "2026-10-04T02:31"), LORD_HOWE) == []
    assert told(half, UTC) == told(half, timezone(timedelta(hours=14))) == []
    assert told(once("2027-03-28T02:00", "2027-03-28T03:00"), None) == []


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        pytest.param({}, [], id="for ever"),
        pytest.param({"to": "17:00"}, [], id="into the next day"),
        pytest.param({"since": "2026-11-01"}, [], id="from a day on"),
        pytest.param({"until": "2026-11-01"}, [], id="up to a day"),
        pytest.param({"since": "2026-11-07", "until": "2026-11-07"}, [], id="on one Saturday"),
        pytest.param({"since": "2026-11-08", "until": "2026-11-14"}, [], id="one week, which ends on it"),
        pytest.param({"since": "2026-11-08", "until": "2026-11-13"}, ["SL405 every"], id="the days between"),
        pytest.param({"since": "2026-11-09", "until": "2026-11-09", "every": "day"}, [], id="any day"),
        pytest.param({"since": "2026-11-08", "until": "2026-11-07"}, ["SL404 until"], id="backwards"),
        pytest.param({"since": "2026-02-29"}, ["SL402 since"], id="no such day"),
        pytest.param({"since": "2026-02-01", "until": "2026-02-29"}, ["SL402 until"], id="no such last day"),
    ],
)
def test_a_window_that_recurs(more: dict[str, Any], expected: list[str]) -> None:
    """Its dates are there, in order, and one of its days is between them."""
    assert told(weekly(**more)) == expected


@pytest.mark.parametrize(
    ("every", "expected"),
    [
        ("mon", {0}),
        (["sat", "sun"], {5, 6}),
        (["sun"], {6}),
        ("day", set(range(7))),
        (["mon", "day"], set(range(7))),
        (DAYS, set(range(7))),
    ],
)
def test_days_are_counted_from_monday(every: str | list[str], expected: set[int]) -> None:
    """One, several, or all of them."""
    assert days(every) == expected


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Europe/Berlin", []),
        ("europe/berlin", ["there is no time zone europe/berlin (did you mean Europe/Berlin?)"]),
        ("CEST", ["there is no time zone CEST (write its IANA name, such as Europe/Berlin)"]),
        ("", ["there is no time zone  (write its IANA name, such as Europe/Berlin)"]),
        ("\x1b[2J", ["there is no time zone of this name (write its IANA name, such as Europe/Berlin)"]),
    ],
)
def test_a_zone_is_one_of_those_that_are_known(name: str, said: list[str]) -> None:
    """By its exact name."""
    faults = zone(name, {"Europe/Berlin", "UTC"}, ("spec", "zone"))

    assert [f"{fault.message} ({fault.hint})" for fault in faults] == said
