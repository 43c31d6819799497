"""`history` and `events` as people and programs read them."""

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import click
import pytest
from click.testing import CliRunner, Result

from reconciler.cli import journal_view, moments
from reconciler.cli.addresses import address_of
from reconciler.cli.journal_view import Page
from reconciler.cli.main import cli
from reconciler.domain.errors import ExitStatus, UsageError
from reconciler.journal.sqlite import SqliteJournal
from reconciler.ports.journal import Intent, Note, Settled
from tests.fakes.clock import FakeClock

REVISION: Final = "0123456789abcdef0123456789abcdef"
REFUSAL: Final = "the account is full: 20 of 20 flows; delete one, or ask for a larger quota"


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """A state directory with a journal, and the verbs on it."""

    state: Path
    journal: SqliteJournal

    def run(self, *words: str) -> Result:
        """Run a verb."""
        return CliRunner().invoke(cli, ["--state", str(self.state), *words])

    def json(self, *words: str) -> Any:
        """Return what a verb says for programs."""
        return json.loads(self.run(*words, "-o", "json").stdout)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """Return a home whose journal is written by somebody else meanwhile."""
    journal = SqliteJournal(tmp_path / "state" / "journal.sqlite3", FakeClock())
    yield Home(state=tmp_path / "state", journal=journal)
    journal.close()


@pytest.fixture
def filled(home: Home) -> Home:
    """Return a home with three calls and two notes."""
    for resource, action, settled in (
        ("flow/news", "create", Settled.DONE),
        ("flow/sport", "create", Settled.REFUSED),
        ("output/news/tower", "create", None),
    ):
        number = home.journal.intend(
            Intent(pass_id="p1", revision=REVISION, resource=resource, action=action, change="c0ffee", live_name="x")
        )
        if settled is not None:
            why = REFUSAL if settled is Settled.REFUSED else ""
            home.journal.settle(number, settled, request_id=f"req-{number}", duration_s=0.1234, why=why)
    home.journal.note(Note(kind="tree.accepted", revision=REVISION))
    home.journal.note(
        Note(
            kind="change.blocked",
            resource="output/news/tower",
            why="2 receivers",
            revision=REVISION,
            fields={"hold": "on-air", "change": "c0ffee"},
        )
    )
    return home


def test_history_has_the_newest_last(filled: Home) -> None:
    """A line a call, with how it ended, and below it why."""
    result = filled.run("history")

    assert result.exit_code == ExitStatus.OK
    assert result.stdout.splitlines() == [
        "TIME                  RESOURCE           ACTION  RESULT   TOOK    CHANGE  REVISION      REQUEST",
        "2026-01-01T00:00:00Z  flow/news          create  done     0.12 s  c0ffee  0123456789ab  req-1",
        "2026-01-01T00:00:00Z  flow/sport         create  refused  0.12 s  c0ffee  0123456789ab  req-2",
        f"    ! {REFUSAL}",
        "2026-01-01T00:00:00Z  output/news/tower  create  open     -       c0ffee  0123456789ab  -",
    ]


def test_history_of_one_resource_and_so_many(filled: Home) -> None:
    """The newest of all are kept by the limit, and others are left out."""
    newest = filled.json("history", "--limit", "2")["calls"]
    news = filled.json("history", "news")["calls"]

    assert [call["resource"] for call in newest] == ["flow/sport", "output/news/tower"]
    assert [call["resource"] for call in news] == ["flow/news"]


def test_history_for_programs(filled: Home) -> None:
    """Whole revisions, times of UTC, and null for what is not known."""
    document = filled.json("history")

    assert document["version"] == 1
    assert document["calls"][2] == {
        "number": 3,
        "at": "2026-01-01T00:00:00+00:00",
        "resource": "output/news/tower",
        "action": "create",
        "result": None,
        "why": "",
        "request_id": "",
        "duration_s": None,
        "change": "c0ffee",
        "revision": REVISION,
        "pass_id": "p1",
        "live_name": "x",
    }
    assert document["calls"][0]["duration_s"] == 0.1234


def test_a_narrow_terminal_has_the_request_below(filled: Home) -> None:
    """The columns fit, and words are broken where it ends."""
    page = Page(width=90)
    lines = click.unstyle("\n".join(journal_view.calls_text(filled.journal.calls()[::-1], page))).splitlines()

    assert "REQUEST" not in lines[0]
    assert lines[2] == "    request req-1"
    assert max(map(len, lines)) <= 90
    assert " ".join(" ".join(lines[4:-1]).split()) == f"request req-2 ! {REFUSAL}"


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120])
def test_no_id_is_broken_on_any_terminal(filled: Home, width: int) -> None:
    """What has no room beside the others stands below, whole."""
    page = Page(width=width)
    text = click.unstyle("\n".join(journal_view.calls_text(filled.journal.calls()[::-1], page)))

    assert text.count("0123456789ab") == text.count("c0ffee") == len(filled.journal.calls())
    assert width < 80 or max(map(len, text.splitlines())) <= width


def test_events_have_the_newest_last(filled: Home) -> None:
    """A line a note, below it why, and whatever else it says."""
    result = filled.run("events")

    assert result.exit_code == ExitStatus.OK
    assert result.stdout.splitlines() == [
        "TIME                  KIND            RESOURCE           REVISION",
        "2026-01-01T00:00:00Z  tree.accepted   -                  0123456789ab",
        "2026-01-01T00:00:00Z  change.blocked  output/news/tower  0123456789ab",
        "    2 receivers",
        "    hold: on-air, change: c0ffee",
    ]


@pytest.mark.parametrize("width", [None, 60])
def test_the_command_that_releases_stands_behind_the_reason(home: Home, width: int | None) -> None:
    """Whole, or broken where a shell goes on, and not once more among the fields."""
    command = "reconciler apply site --approve output/news/tower:edit:c0ffee --reason 'WHY'"
    fields = {"hold": "on-air", "release": command}
    home.journal.note(Note(kind="change.blocked", resource="output/news/tower", why="2 receivers.", fields=fields))

    lines = click.unstyle("\n".join(journal_view.notes_text(home.journal.notes(), Page(width=width)))).splitlines()

    said = " ".join(line.strip().removesuffix(" \\") for line in lines[2:-1])
    assert said == f"2 receivers. To do it all the same: {command}"
    assert len(lines[2:-1]) == (1 if width is None else 4)
    assert lines[-1] == "    hold: on-air"


def test_events_are_chosen_by_resource_and_kind(filled: Home) -> None:
    """And told to programs with every field."""
    by_kind = filled.json("events", "--kind", "tree.accepted")["notes"]
    by_resource = filled.json("events", "news/tower")["notes"]

    assert [note["kind"] for note in by_kind] == ["tree.accepted"]
    assert [note["fields"] for note in by_resource] == [{"hold": "on-air", "change": "c0ffee"}]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("history", "flow/x"), "its past is under that: `reconciler why flow/x` says which."),
        (("events", "--kind", "fields.learnt"), "has no events of the kind fields.learnt."),
    ],
)
def test_an_empty_answer_says_so(filled: Home, words: tuple[str, ...], sentence: str) -> None:
    """On stderr, so that stdout stays a result; it is no failure."""
    result = filled.run(*words)

    assert (result.exit_code, result.stdout) == (ExitStatus.OK, "")
    assert result.stderr.rstrip().endswith(sentence)
    assert filled.json(*words)["version"] == 1


@pytest.mark.parametrize(
    ("kind", "hint"),
    [("change.bloked", "did you mean change.blocked?"), ("foo", "there are pass.finished, pass.failed")],
)
def test_a_kind_that_there_is_not_is_refused(filled: Home, kind: str, hint: str) -> None:
    """Nothing found would read as nothing that happened."""
    result = filled.run("events", "--kind", kind)

    assert (result.exit_code, result.stdout) == (ExitStatus.USAGE, "")
    assert f"There is no kind of event {kind}; {hint}" in result.stderr


@pytest.mark.parametrize("verb", ["history", "events"])
def test_without_a_journal_it_is_said_who_writes_one(home: Home, verb: str) -> None:
    """Nobody has written anything yet."""
    result = home.run(verb)

    assert (result.exit_code, result.stdout) == (ExitStatus.OK, "")
    assert "There is no journal at" in result.stderr
    assert "`run` and `apply` write one" in result.stderr
    assert not home.state.exists()


@pytest.mark.parametrize("verb", ["history", "events"])
def test_a_journal_that_cannot_be_read_is_a_failure(home: Home, verb: str) -> None:
    """It says why, and is left where it is."""
    home.state.mkdir()
    (home.state / "journal.sqlite3").write_bytes(b"no database" * 1000)

    result = home.run(verb)

    assert result.exit_code == ExitStatus.ALL_FAILED
    assert "file is not a database" in result.stderr
    assert [found.name for found in home.state.iterdir()] == ["journal.sqlite3"]


def test_text_of_others_steers_nothing(home: Home) -> None:
    """A backend's words are shown as text, on a terminal and in a runner's log."""
    number = home.journal.intend(
        Intent(pass_id="p", revision="r\x1b[2J", resource="flow/\x1b[31m", action="create", change="##[error]")
    )
    home.journal.settle(number, Settled.REFUSED, why="\x1b]0;title\x07\n##[group]", request_id="\x9b")
    home.journal.note(Note(kind="k\x1b", resource="\x1b[1m", why="##[x]\x07", fields={"\x1b": "\x07"}))

    for words in (("history",), ("events",), ("history", "-o", "json"), ("events", "-o", "json")):
        said = home.run(*words).stdout

        assert said
        assert not {char for char in said if not char.isprintable()} - {"\n"}
        assert "##[" not in said


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("flow/news", "flow/news"),
        ("news", "flow/news"),
        ("output/news/tower", "output/news/tower"),
        ("news/tower", "output/news/tower"),
    ],
)
def test_addresses_may_be_short(given: str, address: str) -> None:
    """A name is of a flow, and two are of an output."""
    assert address_of(given) == address


@pytest.mark.parametrize("given", ["", "a/b/c", "output/news", "flow/a/b", "/", "output//x", "flow/"])
def test_what_is_no_address_is_refused(given: str) -> None:
    """It is said what is one."""
    with pytest.raises(UsageError, match=r"say flow/NAME or output/FLOW/NAME"):
        address_of(given)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (-3, "0 s"),
        (59.4, "59 s"),
        (60, "1 min 0 s"),
        (3599, "59 min 59 s"),
        (3600, "1 h 0 min"),
        (86_399, "23 h 59 min"),
        (200_000, "2 d 7 h"),
    ],
)
def test_spans_have_two_units(seconds: float, expected: str) -> None:
    """As people say them."""
    assert moments.span(seconds) == expected


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put this process into a zone with summer time."""
    before = os.environ.get("TZ")
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    yield
    if before is None:
        monkeypatch.delenv("TZ")
    else:
        monkeypatch.setenv("TZ", before)
    time.tzset()


@pytest.mark.usefixtures("berlin")
def test_times_are_local_with_their_zone() -> None:
    """Each as the clock on the wall showed it then, winter or summer; or the same everywhere."""
    winter = datetime(2026, 1, 1, 23, 30, tzinfo=UTC)
    summer = winter + timedelta(days=181)

    assert [moments.local(at) for at in (winter, summer)] == ["2026-01-02 00:30:00 CET", "2026-07-02 01:30:00 CEST"]
    assert moments.utc(winter) == "2026-01-01T23:30:00Z"
