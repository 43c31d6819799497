"""When windows are open, what holds then, and what it lets pass."""

from datetime import UTC, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import pytest

from reconciler.domain.impact import Impact
from reconciler.domain.policies import Calendar, OneOff, Recurring, Window, WindowKind
from reconciler.domain.windows import allows, next_change, overrun_at, state_at

BERLIN: Final = ZoneInfo("Europe/Berlin")
FREEZE, CALM, NORMAL = WindowKind


def on(text: str) -> datetime:
    """Return a time on the wall, or a moment where the text says its zone."""
    return datetime.fromisoformat(text)


def once(kind: WindowKind, begins: str, ends: str, *, overruns: bool = False) -> OneOff:
    """Return a window that is once."""
    return OneOff(kind=kind, begins=on(begins), ends=on(ends), overruns=overruns)


def weekly(kind: WindowKind, days: str, begins: str, ends: str) -> Recurring:
    """Return a window of some weekdays, 0 for Monday."""
    return Recurring(
        kind=kind,
        days=frozenset(map(int, days)),
        begins=time.fromisoformat(begins),
        ends=time.fromisoformat(ends),
    )


def calendar(*windows: Window, outside: WindowKind = NORMAL, longest_overrun_s: float = 14_400) -> Calendar:
    """Return a calendar on the clock of Berlin."""
    return Calendar(
        name="cup", zone="Europe/Berlin", windows=windows, outside=outside, longest_overrun_s=longest_overrun_s
    )


FINAL: Final = once(FREEZE, "2026-11-28T18:00", "2026-11-28T23:00", overruns=True)
NIGHTS: Final = weekly(CALM, "01234", "22:00", "06:00")
UPKEEP: Final = weekly(NORMAL, "2", "10:00", "12:00")


@pytest.mark.parametrize(
    ("windows", "outside", "moment", "expected"),
    [
        pytest.param([], CALM, "2026-11-28T12:00Z", CALM, id="no window: what is outside"),
        pytest.param([FINAL], NORMAL, "2026-11-28T16:59:59Z", NORMAL, id="a second before it begins"),
        pytest.param([FINAL], NORMAL, "2026-11-28T17:00Z", FREEZE, id="as it begins"),
        pytest.param([FINAL], NORMAL, "2026-11-28T21:59:59Z", FREEZE, id="a second before it ends"),
        pytest.param([FINAL], NORMAL, "2026-11-28T22:00Z", NORMAL, id="as it ends"),
        pytest.param([NIGHTS], NORMAL, "2026-11-28T04:00Z", CALM, id="Friday's night goes on into Saturday"),
        pytest.param([NIGHTS], NORMAL, "2026-11-28T23:00Z", NORMAL, id="and Saturday has none"),
        pytest.param([UPKEEP], FREEZE, "2026-11-25T10:00Z", NORMAL, id="an exception to a stricter outside"),
        pytest.param([UPKEEP, FINAL], FREEZE, "2026-11-25T12:00Z", FREEZE, id="and the exception is over"),
        pytest.param(
            [weekly(NORMAL, "0123456", "00:00", "00:00"), FINAL],
            FREEZE,
            "2026-11-28T20:00Z",
            FREEZE,
            id="the strictest",
        ),
        pytest.param([weekly(CALM, "5", "08:00", "08:00")], NORMAL, "2026-11-29T06:59Z", CALM, id="a whole day long"),
        pytest.param(
            [once(FREEZE, "2026-03-29T02:30", "2026-03-29T04:00")], NORMAL, "2026-03-29T01:00Z", FREEZE, id="a gap"
        ),
        pytest.param(
            [once(FREEZE, "2026-10-25T01:00", "2026-10-25T02:30")],
            NORMAL,
            "2026-10-25T01:29Z",
            FREEZE,
            id="02:30 again",
        ),
        pytest.param(
            [once(FREEZE, "2026-10-25T02:30", "2026-10-25T04:00")],
            NORMAL,
            "2026-10-25T00:30Z",
            FREEZE,
            id="first 02:30",
        ),
        pytest.param([once(FREEZE, "0001-01-01", "9999-12-31")], NORMAL, "2026-01-01T00:00Z", FREEZE, id="for ever"),
    ],
)
def test_what_holds(windows: list[Window], outside: WindowKind, moment: str, expected: WindowKind) -> None:
    """The strictest of the open windows, and what is outside them where none is open."""
    assert state_at(calendar(*windows, outside=outside), on(moment), BERLIN).kind is expected


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        pytest.param(None, None, [CALM, CALM, CALM], id="for ever"),
        pytest.param("2026-11-24", None, [NORMAL, CALM, CALM], id="from a day on"),
        pytest.param(None, "2026-11-24", [CALM, CALM, NORMAL], id="until that day's has ended"),
    ],
)
def test_a_recurring_window_has_a_first_and_a_last_day(
    first: str | None, last: str | None, expected: list[WindowKind]
) -> None:
    """Both are days on which it begins."""
    window = Recurring(
        kind=CALM,
        days=frozenset({0, 1, 2}),
        begins=time(22),
        ends=time(6),
        first=on(first).date() if first else None,
        last=on(last).date() if last else None,
    )

    mornings = [on(f"2026-11-{day}T04:00Z") for day in (24, 25, 26)]

    assert [state_at(calendar(window), morning, BERLIN).kind for morning in mornings] == expected


def test_of_equally_strict_windows_the_one_that_ends_last_is_named() -> None:
    """Whatever their order, and when one of them is over while a longer one goes on."""
    longer = once(FREEZE, "2026-11-28T12:00", "2026-11-28T23:30")
    shorter = once(FREEZE, "2026-11-28T18:00", "2026-11-28T19:00")

    for windows in ((longer, FINAL, shorter), (shorter, FINAL, longer)):
        standing = state_at(calendar(*windows), on("2026-11-28T18:30Z"), BERLIN)

        assert standing.opening is not None
        assert standing.opening.window == longer
        assert standing.opening.ends == on("2026-11-28T22:30Z")


@pytest.mark.parametrize(
    ("windows", "outside", "expected"),
    [
        pytest.param([FINAL], NORMAL, "2026-11-28T22:00Z", id="the end of the window"),
        pytest.param(
            [FINAL, once(FREEZE, "2026-11-28T23:00", "2026-11-29T12:00")], NORMAL, "2026-11-29T11:00Z", id="two"
        ),
        pytest.param([once(FREEZE, "2026-11-28T00:00", "2027-06-01T00:00")], NORMAL, "2027-05-31T22:00Z", id="far"),
        pytest.param([FINAL], FREEZE, None, id="never: it is the same outside"),
        pytest.param([weekly(FREEZE, "0123456", "00:00", "00:00")], NORMAL, None, id="never: one after the other"),
    ],
)
def test_the_next_change(windows: list[Window], outside: WindowKind, expected: str | None) -> None:
    """It is when another kind holds, not when another window opens."""
    found = next_change(calendar(*windows, outside=outside), on("2026-11-28T20:00Z"), BERLIN)

    assert found == (None if expected is None else on(expected))


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        pytest.param("2026-11-28T21:59Z", None, id="it has not ended"),
        pytest.param("2026-11-28T22:00Z", FREEZE, id="it has"),
        pytest.param("2026-11-29T01:59Z", FREEZE, id="at its longest"),
        pytest.param("2026-11-29T02:00Z", None, id="over in any case"),
    ],
)
def test_an_overrun(moment: str, expected: WindowKind | None) -> None:
    """After its planned end a window may go on for a while, and for no longer."""
    found = overrun_at(calendar(FINAL), on(moment), BERLIN)

    assert (found.kind if found else None) is expected
    if found is not None:
        assert (found.since, found.latest) == (on("2026-11-28T22:00Z"), on("2026-11-29T02:00Z"))


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(calendar(once(FREEZE, "2026-11-28T18:00", "2026-11-28T23:00")), id="one that does not overrun"),
        pytest.param(calendar(FINAL, longest_overrun_s=0), id="no time for it"),
        pytest.param(calendar(FINAL, outside=FREEZE), id="as strict outside"),
        pytest.param(
            calendar(once(NORMAL, "2026-11-28T18:00", "2026-11-28T23:00", overruns=True), outside=FREEZE), id="looser"
        ),
    ],
)
def test_an_overrun_only_ever_makes_stricter(found: Calendar) -> None:
    """What is on air keeps no window open that lets more pass."""
    assert overrun_at(found, on("2026-11-28T22:30Z"), BERLIN) is None


def test_what_a_window_lets_pass() -> None:
    """A freeze nothing, a no-disruptive window what nobody notices, a normal one everything."""
    assert {kind: [impact for impact in Impact if allows(kind, impact)] for kind in WindowKind} == {
        FREEZE: [],
        CALM: [Impact.NONE],
        NORMAL: list(Impact),
    }


def test_many_windows_are_looked_at_once_each() -> None:
    """A thousand windows in a row make a thousand steps, and the end of the last is the next change."""
    begin = on("2026-11-01T00:00")
    hour = timedelta(hours=1)
    row = [OneOff(kind=CALM, begins=begin + n * hour, ends=begin + (n + 1) * hour) for n in range(1000)]

    assert next_change(calendar(*row), on("2026-11-01T00:00Z"), BERLIN) == on("2026-12-12T15:00Z")
    assert state_at(calendar(*row), datetime(2026, 12, 12, 15, tzinfo=UTC), BERLIN).kind is NORMAL
