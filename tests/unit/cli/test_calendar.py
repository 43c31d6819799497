"""`reconciler calendar`: what is open, what opens, and how it is told."""

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta
from io import StringIO
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import click
import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from reconciler.cli import calendar_view
from reconciler.cli.calendar_tables import tables
from reconciler.cli.main import cli
from reconciler.cli.outlook import Outlook, outlook
from reconciler.domain.policies import Calendar, OneOff, Recurring, WindowKind

FREEZE, CALM, NORMAL = WindowKind
FLOW: Final = """\
apiVersion: reconciler/v1
kind: Flow
metadata: {name: news}
spec:
  region: local
  state: idle
  input: {protocol: RTMP, allowlist: [10.0.0.0/8]}
"""


def run(arguments: Sequence[str | Path]) -> Result:
    """Run the command in an environment without our settings."""
    clean = {name: "" for name in os.environ if name.startswith(("RECONCILER_", "TENCENTCLOUD_"))}
    return CliRunner(env=clean).invoke(cli, ["calendar", *map(str, arguments)])


def on(text: str) -> datetime:
    """Return a time on the wall, or a moment where the text says its zone."""
    return datetime.fromisoformat(text)


FINAL: Final = OneOff(kind=FREEZE, begins=on("2026-11-28T18:00"), ends=on("2026-11-28T23:00"), overruns=True)
CUP: Final = Calendar(name="cup_final", zone="Europe/Berlin", windows=(FINAL,), flows=frozenset({"sport", "news"}))
PRIME: Final = Calendar(
    name="prime",
    zone="Asia/Singapore",
    windows=(Recurring(kind=CALM, days=frozenset({5, 6}), begins=time(20), ends=time(2, 0, 30)),),
    labels=(("tier", "[red]1\x1b[2J"),),
)
ALWAYS: Final = Calendar(
    name="always", zone="UTC", windows=(Recurring(kind=CALM, days=frozenset(range(7)), begins=time(), ends=time()),)
)


ON_AIR: Final = "is on air; about flows news, sport"
LABELLED: Final = r"what is labelled tier=[red]1\x1b[2J"


def seen(at: str, *calendars: Calendar, days: int = 2) -> Outlook:
    """Return the outlook of some days."""
    return outlook(calendars, on(at), on(at) + timedelta(days=days), ZoneInfo)


def told(outlook: Outlook) -> list[str]:
    """Return its lines without colours, and with blanks as one."""
    return [re.sub(" +", " ", click.unstyle(line)) for line in calendar_view.lines(outlook)]


def test_what_is_open_and_what_opens() -> None:
    """Each with its calendar, its times on that calendar's clock and in UTC, and what it is about."""
    assert told(seen("2026-11-28T19:14Z", PRIME, CUP)) == [
        "At Sat 2026-11-28 19:14 UTC:",
        f"freeze cup_final until Sat 2026-11-28 23:00 Europe/Berlin (22:00 UTC), longer while something {ON_AIR}",
        f"normal prime outside its windows, until Sun 2026-11-29 20:00 Asia/Singapore (12:00 UTC); about {LABELLED}",
        "Opens until Mon 2026-11-30 19:14 UTC:",
        "no-disruptive prime Sun 2026-11-29 20:00 to Mon 2026-11-30 02:00:30 Asia/Singapore (12:00 to 18:00:30 UTC)",
    ]


def test_what_may_go_on_after_its_end_is_told_as_a_possibility() -> None:
    """Beside what holds otherwise; that nothing opens is told, too."""
    one_flow = replace(CUP, name="cup", flows=frozenset({"news"}), labels=PRIME.labels)
    latest = "Sun 2026-11-29 03:00 Europe/Berlin (02:00 UTC) at the latest; planned to end Sat 2026-11-28 23:00"

    assert told(seen("2026-11-28T22:30Z", one_flow)) == [
        "At Sat 2026-11-28 22:30 UTC:",
        f"freeze cup if something is on air, until {latest}; about flow news and {LABELLED}",
        f"normal cup outside its windows, for more than a year; about flow news and {LABELLED}",
        "Nothing opens until Mon 2026-11-30 22:30 UTC.",
    ]


def test_what_has_no_end_is_told_so() -> None:
    """Windows that follow each other at once, open now or later."""
    begins = Recurring(kind=FREEZE, days=frozenset(range(7)), begins=time(), ends=time(), first=on("2026-11-29").date())
    later = replace(ALWAYS, name="later", windows=(begins,))

    lines = told(seen("2026-11-28T12:00Z", ALWAYS, later))

    assert lines[1] == "no-disruptive always for more than 8 days; about everything"
    assert lines[-1] == "freeze later from Sun 2026-11-29 00:00 UTC (00:00 UTC) for more than 8 days"


def test_every_window_that_is_open_is_told_the_strictest_first() -> None:
    """A freeze within a calmer window ends before it."""
    calm = OneOff(kind=CALM, begins=on("2026-11-28T08:00"), ends=on("2026-11-29T08:00"))
    view = seen("2026-11-28T19:14Z", Calendar(name="cup", zone="Europe/Berlin", windows=(calm, FINAL)))

    assert [now.kind for now in view.now] == [FREEZE, CALM]
    assert calendar_view.document(view, ())["calendars"][0]["holds"] == "freeze"


def test_what_programs_read() -> None:
    """A version, every moment in UTC and on the calendar's clock, and the errors of the manifests."""
    document = json.loads(json.dumps(calendar_view.document(seen("2026-11-28T22:30Z", CUP, PRIME), ("a.yaml: x",))))

    cup, prime = document.pop("calendars")
    assert document == {
        "version": 1,
        "at": "2026-11-28T22:30:00+00:00",
        "until": "2026-11-30T22:30:00+00:00",
        "errors": ["a.yaml: x"],
    }
    assert cup == {
        "name": "cup_final",
        "zone": "Europe/Berlin",
        "flows": ["news", "sport"],
        "labels": {},
        "outside": "normal",
        "holds": "normal",
        "now": [
            {
                "kind": "freeze",
                "state": "overrun",
                "until": "2026-11-29T02:00:00+00:00",
                "local_until": "2026-11-29T03:00:00+01:00",
                "planned_end": "2026-11-28T22:00:00+00:00",
                "overruns": False,
            },
            {
                "kind": "normal",
                "state": "outside",
                "until": None,
                "local_until": None,
                "planned_end": None,
                "overruns": False,
            },
        ],
        "next": [],
    }
    assert prime["next"] == [
        {
            "kind": "no-disruptive",
            "begins": "2026-11-29T12:00:00+00:00",
            "ends": "2026-11-29T18:00:30+00:00",
            "local_begins": "2026-11-29T20:00:00+08:00",
            "local_ends": "2026-11-30T02:00:30+08:00",
            "overruns": False,
        }
    ]


def on_a_terminal(outlook: Outlook, width: int) -> str:
    """Return what a terminal of this many columns shows."""
    console = Console(file=StringIO(), width=width, force_terminal=True, color_system="standard", highlight=False)
    with console.capture() as captured:
        for part in tables(outlook, width):
            console.print(part)
    return captured.get()


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("at", ["2026-11-28T19:14Z", "2026-11-28T22:30Z", "2027-03-01T00:00Z"])
def test_a_terminal_of_any_width_shows_everything(width: int, at: str) -> None:
    """Nothing is cut off, nothing is wider than it, kinds have their colours, and what people wrote is no markup."""
    view = seen(at, CUP, PRIME, ALWAYS)

    shown = on_a_terminal(view, width)

    plain = click.unstyle(shown)
    assert max(map(len, plain.splitlines())) <= width
    words = "".join(plain.split())
    assert all(calendar.name in words for calendar in view.calendars)
    assert "[red]1" in words
    assert "\x1b[2J" not in shown
    assert "\x1b[33mno-disruptive\x1b[0m" in shown


def test_times_are_never_broken_in_the_tables() -> None:
    """At 80 columns names and words give way."""
    shown = click.unstyle(on_a_terminal(seen("2026-11-28T22:30Z", CUP, PRIME), 80))

    assert "Sun 2026-11-29 03:00" in shown
    assert "Sun 2026-11-29 20:00   Mon 2026-11-30 02:00:30" in shown
    assert "planned" not in shown


def test_a_tree_without_calendars_says_how_one_is_written(tmp_path: Path) -> None:
    """And ends well: nothing is wrong."""
    (tmp_path / "news.yaml").write_text(FLOW)

    result = run([tmp_path])

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == f"{calendar_view.NONE}\n"
    assert on_a_terminal(seen("2026-11-28T22:30Z"), 80).split() == calendar_view.NONE.split()


def test_errors_of_manifests_end_with_3(tmp_path: Path) -> None:
    """They are told on stderr, warnings are not, and what else there is to say is said."""
    (tmp_path / "news.yaml").write_text(FLOW.replace("idle", "ide").replace("local", "moon-base"))

    result = run([tmp_path, "-o", "json", "--at", "2026-11-28T18:00+01:00", "--next", "12h"])

    assert result.exit_code == 3
    assert result.stderr.count("error:") == 1
    assert "warning" not in result.stderr
    document = json.loads(result.stdout)
    assert len(document.pop("errors")) == 1
    assert document == {
        "version": 1,
        "at": "2026-11-28T17:00:00+00:00",
        "until": "2026-11-29T05:00:00+00:00",
        "calendars": [],
    }


def test_a_tree_with_errors_is_not_said_to_have_no_calendar(tmp_path: Path) -> None:
    """It may have one that cannot be read."""
    (tmp_path / "news.yaml").write_text(FLOW.replace("idle", "ide"))

    result = run([tmp_path])

    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr.endswith(f"{calendar_view.NONE_SOUND}\n")


@pytest.mark.parametrize(
    ("option", "said", "expected"),
    [
        pytest.param("--next", "7", "write a number with h, d or w", id="no unit"),
        pytest.param("--next", "0d", "write a number with h, d or w", id="nothing"),
        pytest.param("--next", "53w", "is 371 days; at most 366", id="too long"),
        pytest.param("--next", "99999w", "at most 366", id="far too long"),
        pytest.param("--at", "tomorrow", "write one such as 2026-11-28T18:00Z", id="no time"),
        pytest.param("--at", "2026-11-28T18:00", "does not say where", id="without a zone"),
        pytest.param("--at", "0001-01-01T00:00+14:00", "too far away", id="long ago"),
        pytest.param("--at", "9999-12-31T23:00-14:00", "too far away", id="in the far future"),
    ],
)
def test_what_is_no_span_and_no_time_is_wrong_usage(tmp_path: Path, option: str, said: str, expected: str) -> None:
    """It is told how one is written."""
    result = run([tmp_path, option, said])

    assert (result.exit_code, result.stdout) == (64, "")
    assert expected in " ".join(result.stderr.replace("│", " ").split())


def test_a_path_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    """As for every verb."""
    result = run([tmp_path / "nothing"])

    assert result.exit_code == 64
    assert "There is nothing at" in result.stderr


def test_the_verb_knows_a_terminal(tmp_path: Path) -> None:
    """There the same is shown, fit to its columns."""
    (tmp_path / "news.yaml").write_text(FLOW)
    ours, theirs = pty.openpty()

    done = subprocess.run(
        [sys.executable, "-m", "reconciler", "calendar", str(tmp_path)],
        stdout=theirs,
        env={**os.environ, "COLUMNS": "40"},
        check=False,
        timeout=30,
    )

    os.close(theirs)
    shown = os.read(ours, 4096).decode().replace("\r\n", "\n")
    os.close(ours)
    assert done.returncode == 0
    assert "There is no Calendar among these \nmanifests" in shown
