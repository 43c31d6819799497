"""`reconciler why`, on a tree and a journal."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner, Result

from reconciler.cli.main import cli
from reconciler.coordination.alone import AloneInDirectory
from reconciler.domain.errors import ExitStatus
from reconciler.journal.sqlite import SqliteJournal
from reconciler.ports.journal import Intent, Note
from reconciler.sources.clock import SystemClock

MANIFESTS: Final = """\
# the news
apiVersion: reconciler/v1
kind: Flow
metadata: {name: news}
spec: {region: local, input: {protocol: RTMP, allowlist: [127.0.0.0/8]}}
---
apiVersion: reconciler/v1
kind: Output
metadata: {name: tower}
spec: {flow: news, protocol: RTMP_PULL, maxConcurrent: 9, allowlist: [127.0.0.0/8]}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """A tree with one error, a state directory, and `why`."""

    folder: Path
    journal: SqliteJournal

    @property
    def state(self) -> Path:
        """Return the state directory."""
        return self.folder / "state"

    def why(self, *words: str) -> Result:
        """Ask about a resource."""
        return CliRunner().invoke(cli, ["--state", str(self.state), "why", *words])

    def document(self, resource: str) -> Any:
        """Return the answer for programs."""
        return json.loads(self.why(resource, str(self.folder / "manifests"), "-o", "json").stdout)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """Return a home without a journal yet."""
    (tmp_path / "manifests").mkdir()
    (tmp_path / "manifests" / "news.yaml").write_text(MANIFESTS)
    journal = SqliteJournal(tmp_path / "state" / "journal.sqlite3", SystemClock())
    yield Home(folder=tmp_path, journal=journal)
    journal.close()


def test_the_manifest_and_its_findings_are_told(home: Home) -> None:
    """Where the resource is described, and what is wrong with it, before any pass has seen it."""
    document = home.document("news/tower")
    flow = home.document("news")

    file = str(home.folder / "manifests" / "news.yaml")
    assert document["tree"]["places"] == [{"file": file, "line": 7, "column": 1}]
    assert [(each["severity"], each["line"]) for each in document["tree"]["findings"]] == [("error", 10)]
    assert flow["tree"]["places"] == [{"file": file, "line": 2, "column": 1}]
    assert (flow["tree"]["findings"], flow["tree"]["errors"]) == ([], 1)
    assert (document["standing"], document["is_held"]) == ("not_seen", False)
    assert "There is no journal at" in document["journal"]["trouble"]


def test_a_name_that_two_documents_bear_has_two_places(home: Home) -> None:
    """Whoever wonders which of them counts sees both."""
    (home.folder / "manifests" / "again.yaml").write_text(MANIFESTS)

    assert [at["file"].rpartition("/")[2] for at in home.document("news")["tree"]["places"]] == [
        "again.yaml",
        "news.yaml",
    ]


def test_what_was_decided_is_told_in_words(home: Home) -> None:
    """The whole answer, with the revision that a pass over these very files had."""
    revision = home.document("news")["tree"]["revision"]
    home.journal.note(Note(kind="tree.accepted", revision=revision))
    home.journal.note(
        Note(
            kind="change.blocked", resource="flow/news", why="2 receivers", fields={"hold": "on-air", "action": "edit"}
        )
    )
    home.journal.note(Note(kind="pass.finished", revision=revision, fields={"done": 0, "next_in_s": 600.0}))
    coordinator = AloneInDirectory(home.state)
    coordinator.acquire()

    result = home.why("flow/news", str(home.folder / "manifests"))
    coordinator.release()

    assert result.exit_code == ExitStatus.OK
    first, *rest = result.stdout.splitlines()
    assert first.startswith("flow/news: held back since 2")
    assert [line[:14].strip() for line in rest] == [
        "decision", "manifest", "errors", "revision", "guard", "window", "last pass", "next try"
    ]  # fmt: skip
    assert rest[-1].endswith((", in 10 min 0 s", ", in 9 min 59 s"))


def test_an_unknown_resource_is_a_usage_error(home: Home) -> None:
    """It names what may be meant: by the same name elsewhere, else by likeness, of manifests and journal."""
    home.journal.intend(Intent(pass_id="p", revision="r", resource="flow/weather", action="delete", change="c"))
    tree = str(home.folder / "manifests")

    by_name, by_likeness, by_journal, by_nothing = (
        home.why(name, tree) for name in ("tower", "nwes", "flow/weathr", "zzz")
    )

    assert {each.exit_code for each in (by_name, by_likeness, by_journal, by_nothing)} == {ExitStatus.USAGE}
    assert "know flow/tower; did you mean output/news/tower?" in by_name.stderr
    assert "did you mean flow/news?" in by_likeness.stderr
    assert "did you mean flow/weather?" in by_journal.stderr
    assert by_nothing.stderr.startswith(
        "error: Neither the manifests nor the journal know flow/zzz; the manifests have"
    )


def test_what_a_broken_file_may_hold_is_not_said_to_be_deleted(home: Home) -> None:
    """A slip in the YAML hides what stands in the file: that is said, whether or not the journal knows it."""
    home.journal.note(Note(kind="resource.ready", resource="output/news/tower"))
    (home.folder / "manifests" / "news.yaml").write_text("kind: [\n")
    tree = str(home.folder / "manifests")

    known, unknown = home.why("news/tower", tree), home.why("sport/zzz", tree)

    assert "no document that can be read names it" in known.stdout
    assert "is deleted" not in known.stdout
    assert "the manifests have errors (1), which may hide it" in unknown.stderr


def test_a_resource_that_is_gone_is_known_by_the_journal(home: Home) -> None:
    """No manifest names it, and what was done with it is still told."""
    home.journal.intend(Intent(pass_id="p", revision="r", resource="flow/weather", action="delete", change="c"))

    document = home.document("weather")

    assert (document["tree"]["places"], document["standing"]) == ([], "open")
    assert document["journal"]["last_call"]["action"] == "delete"


def test_a_path_that_is_given_must_be_there(home: Home) -> None:
    """A slip in a path is said, and not answered with half of the truth."""
    result = home.why("news", str(home.folder / "nothing"))

    assert result.exit_code == ExitStatus.USAGE
    assert "There is nothing at" in result.stderr


def test_without_manifests_the_journal_is_told(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine that has only the state directory, what was decided is still told."""
    monkeypatch.chdir(home.state.parent / "manifests")
    home.journal.note(Note(kind="change.waiting", resource="flow/news", why="it waits"))

    known, unknown = home.why("news"), home.why("sport")

    assert known.exit_code == ExitStatus.OK
    assert "manifest    not looked at: There is nothing at manifests." in known.stdout
    assert unknown.exit_code == ExitStatus.USAGE
    assert "the manifests could not be looked at" in unknown.stderr


def test_a_journal_that_cannot_be_read_hides_no_manifest(home: Home) -> None:
    """Its trouble is told, and the rest of the answer is there."""
    home.state.mkdir()
    (home.state / "journal.sqlite3").write_bytes(b"no database" * 1000)

    document = home.document("news")

    assert "file is not a database" in document["journal"]["trouble"]
    assert len(document["tree"]["places"]) == 1


CALENDARS: Final = """\
apiVersion: reconciler/v1
kind: Calendar
metadata: {name: always}
spec: {zone: Europe/Berlin, outside: freeze, windows: [{kind: freeze, from: 2001-01-01T00:00, to: 2001-01-02T00:00}]}
---
apiVersion: reconciler/v1
kind: Calendar
metadata: {name: cups}
spec:
  zone: Europe/Berlin
  outside: freeze
  flows: [news]
  labels: {event: cup}
  windows: [{kind: freeze, from: 2001-01-01T00:00, to: 2001-01-02T00:00}]
"""


def test_the_windows_of_now_are_told(home: Home) -> None:
    """In sentences with an end; of a calendar with flows and labels, only where the resource meets both."""
    manifest = home.folder / "manifests" / "news.yaml"
    manifest.write_text(MANIFESTS.replace("maxConcurrent: 9", "maxConcurrent: 4"))
    (home.folder / "manifests" / "calendars.yaml").write_text(CALENDARS)

    windows = home.document("news/tower")["windows"]
    text = home.why("news/tower", str(home.folder / "manifests")).stdout

    (said,) = windows
    assert said.startswith("the calendar always freezes everything outside its windows")
    assert f"  window      {said}" in text


def test_of_what_no_manifest_names_every_calendar_of_its_flow_holds(home: Home) -> None:
    """Nobody knows its labels any more, and a freeze does not end where somebody deletes a file."""
    (home.folder / "manifests" / "calendars.yaml").write_text(CALENDARS)
    home.journal.note(Note(kind="change.blocked", resource="output/news/gone", why="x", fields={"hold": "window"}))

    document = home.document("news/gone")

    assert [said.split()[2] for said in document["windows"]] in (["always"], ["cups"])
    assert document["tree"]["calendars"] == ["always", "cups"]
