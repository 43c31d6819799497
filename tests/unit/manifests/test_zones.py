"""Time zones."""

from datetime import datetime, timedelta

from reconciler.manifests.zones import clock, names


def test_zones_are_those_of_the_package() -> None:
    """The same on every machine: what that calls its own local time is no zone."""
    assert {"UTC", "Europe/Berlin", "Asia/Singapore", "America/Argentina/Buenos_Aires"} <= names()
    assert names().isdisjoint({"localtime", "Factory", "posixrules"})


def test_every_zone_has_a_clock() -> None:
    """And nothing else has."""
    assert all(clock(name) is not None for name in names())
    assert clock("Mars/Olympus") is None


def test_a_clock_knows_when_it_is_changed() -> None:
    """An hour forth in spring."""
    berlin = clock("Europe/Berlin")

    offsets = [datetime(2027, 3, 28, hour, tzinfo=berlin).utcoffset() for hour in (1, 4)]

    assert offsets == [timedelta(hours=1), timedelta(hours=2)]
