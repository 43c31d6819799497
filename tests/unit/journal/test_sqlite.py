"""Tests of `journal.sqlite`: the file, what it survives, and what it says when it cannot be used."""

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
from structlog.testing import capture_logs

from reconciler.journal.bounds import BATCH, Bounds
from reconciler.journal.file import BROKEN_KEPT
from reconciler.journal.reader import JournalReader
from reconciler.journal.rows import MOST_CHARACTERS
from reconciler.journal.schema import FORM, MIGRATIONS, UnknownFormError, migrate
from reconciler.journal.sqlite import PAUSE_S, SqliteJournal
from reconciler.ports.journal import Intent, Note, Settled, Step
from tests.fakes.clock import FakeClock

INTENT: Final = Intent(pass_id="p", revision="r", resource="flow/news", action="create", change="c")
WRITER: Final = """
import os, signal, sys
from pathlib import Path
from reconciler.journal.sqlite import SqliteJournal
from reconciler.ports.journal import Intent, Settled
from reconciler.sources.clock import SystemClock

journal = SqliteJournal(Path(sys.argv[1]), SystemClock())
def intend(number):
    return journal.intend(Intent(pass_id=sys.argv[2], revision="r", resource="flow/news", action="edit", change="c"))
"""
KILLED_AFTER_INTENT: Final = f"{WRITER}\nintend(0)\nos.kill(os.getpid(), signal.SIGKILL)\n"
MANY: Final = f"""{WRITER}
for number in range(int(sys.argv[3])):
    journal.settle(intend(number), Settled.DONE, duration_s=1.0)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the journal is to be, in a directory that is not there yet."""
    return tmp_path / "state" / "journal.sqlite3"


@pytest.fixture
def clock() -> FakeClock:
    """Return the journal's time."""
    return FakeClock(auto=False)


@pytest.fixture
def journal(path: Path, clock: FakeClock) -> Iterator[SqliteJournal]:
    """Return a journal of which nothing is on the disk yet."""
    made = SqliteJournal(path, clock)
    yield made
    made.close()


def run(script: str, *words: str) -> "subprocess.Popen[bytes]":
    """Start a process that writes a journal."""
    return subprocess.Popen([sys.executable, "-c", script, *words])


def test_the_file_is_for_its_owner_alone(journal: SqliteJournal, path: Path) -> None:
    """The directory is made, and everything that SQLite puts there is 0600, whatever the mode was before."""
    path.parent.mkdir(mode=0o700)
    path.touch(0o644)

    journal.intend(INTENT)

    assert {found.name: stat.S_IMODE(found.stat().st_mode) for found in path.parent.iterdir()} == {
        "journal.sqlite3": 0o600,
        "journal.sqlite3-wal": 0o600,
        "journal.sqlite3-shm": 0o600,
    }


@pytest.mark.skipif(os.geteuid() != 0, reason="only root writes for somebody else")
def test_what_root_begins_is_the_services_to_write(journal: SqliteJournal, path: Path) -> None:
    """An order that root gives before the service has begun is noted in a file that this one can go on with."""
    path.parent.mkdir(mode=0o700)
    os.chown(path.parent, 64_001, 64_002)

    journal.intend(INTENT)

    found = {(each.stat().st_uid, each.stat().st_gid) for each in path.parent.iterdir()}
    assert found == {(64_001, 64_002)}


def test_a_missing_directory_is_made_private(journal: SqliteJournal, path: Path) -> None:
    """Nobody else may look into the state directory."""
    journal.intend(INTENT)

    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_nothing_is_made_before_it_is_needed(journal: SqliteJournal, path: Path) -> None:
    """A verb that writes nothing leaves no file."""
    journal.close()

    assert not path.parent.exists()


def test_an_intent_survives_a_kill(path: Path, clock: FakeClock) -> None:
    """A process that is killed right after it wrote its intent down has written it down."""
    assert run(KILLED_AFTER_INTENT, str(path), "killed").wait(30) == -signal.SIGKILL

    journal = SqliteJournal(path, clock)
    (open_one,) = journal.unsettled()
    journal.close()

    assert (open_one.intent.pass_id, open_one.settled) == ("killed", None)


def test_several_processes_write_at_once(path: Path) -> None:
    """An `apply` beside a `run`, from the file's first moment on: nothing is lost, and every number is one call's."""
    writers = [run(MANY, str(path), f"w{number}", "300") for number in range(3)]

    ends = [writer.wait(60) for writer in writers]
    reader = JournalReader(path)
    calls = reader.calls(limit=10_000)
    reader.close()

    assert ends == [0, 0, 0]
    assert len({call.number for call in calls}) == 900
    assert {call.settled for call in calls} == {Settled.DONE}
    assert {call.intent.pass_id for call in calls} == {"w0", "w1", "w2"}


def test_others_read_while_one_writes(journal: SqliteJournal, path: Path) -> None:
    """A reader sees what was written before and after it came."""
    journal.intend(INTENT)
    reader = JournalReader(path)
    before = len(reader.calls())
    journal.intend(INTENT)
    after = len(reader.calls())
    reader.close()

    assert (before, after) == (1, 2)


def test_what_is_closed_is_opened_again(journal: SqliteJournal) -> None:
    """Closing lets go of the file and forgets nothing."""
    first = journal.intend(INTENT)
    journal.close()

    assert journal.intend(INTENT) == first + 1
    assert len(journal.calls()) == 2


@pytest.mark.parametrize("leave", [(), ("-wal", "-shm")], ids=["with all of it", "without what lies beside it"])
def test_a_deleted_journal_is_begun_anew(journal: SqliteJournal, path: Path, leave: tuple[str, ...]) -> None:
    """Whoever deletes it loses history, and what comes next is written where others find it."""
    before = journal.intend(INTENT)
    for suffix in {"", "-wal", "-shm"} - set(leave):
        path.with_name(path.name + suffix).unlink()

    number = journal.intend(INTENT)
    journal.settle(before, Settled.DONE)
    journal.close()
    reader = JournalReader(path)
    calls = reader.calls()
    reader.close()

    assert [(call.number, call.settled) for call in calls] == [(number, None)]
    assert number > before


def newer(path: Path) -> None:
    """Make it a journal of a newer program."""
    database = sqlite3.connect(path)
    database.execute(f"PRAGMA user_version = {FORM + 1}")
    database.close()


def foreign(path: Path) -> None:
    """Put somebody else's database there."""
    path.unlink()
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE calls (them TEXT)")
    database.close()


def strange(path: Path) -> None:
    """Write a word into a row that none of ours holds."""
    database = sqlite3.connect(path)
    database.execute("UPDATE calls SET settled = 'perhaps'")
    database.commit()
    database.close()


def torn(path: Path) -> None:
    """Overwrite what is behind the first page."""
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xa5" * (len(content) - 4096))


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(newer, id="of a newer program"),
        pytest.param(foreign, id="another database"),
        pytest.param(strange, id="words that are not ours"),
        pytest.param(torn, id="torn pages"),
        pytest.param(lambda path: path.write_bytes(b"not a database, " * 1000), id="no database"),
    ],
)
def test_a_broken_journal_is_moved_aside(journal: SqliteJournal, path: Path, spoil: object) -> None:
    """It is kept as it is, told loudly, and a new one begun; nothing is raised."""
    journal.intend(INTENT)
    journal.close()
    assert callable(spoil)
    spoil(path)
    content = path.read_bytes()

    with capture_logs() as events:
        found = journal.calls()
        number = journal.intend(INTENT)
        journal.note(Note(kind="k"))

    aside = path.with_name("journal.sqlite3.broken-1")
    assert (found, len(journal.calls()), len(journal.notes())) == ((), 1, 1)
    assert number == 2
    assert aside.read_bytes() == content
    assert [(event["event"], event["log_level"], event["to"]) for event in events] == [
        ("journal.moved_aside", "error", str(aside))
    ]


def test_broken_journals_have_a_bound(journal: SqliteJournal, path: Path) -> None:
    """The first ones stay, and the newest takes the last place."""
    for number in range(BROKEN_KEPT + 3):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"%d is no database" % number)
        journal.intend(INTENT)
        journal.close()

    kept = {found.name: found.read_bytes() for found in path.parent.glob("*.broken-*")}

    assert len(kept) == BROKEN_KEPT
    assert kept["journal.sqlite3.broken-1"].startswith(b"0 ")
    assert kept[f"journal.sqlite3.broken-{BROKEN_KEPT}"].startswith(b"%d " % (BROKEN_KEPT + 2))


@pytest.mark.anyio
async def test_trouble_is_told_once_and_once_more_when_it_is_over(
    journal: SqliteJournal, path: Path, clock: FakeClock
) -> None:
    """A pass goes on without its journal, and is not told so at every call."""
    path.parent.write_text("a file where the directory should be")

    with capture_logs() as events:
        for _ in range(10):
            assert journal.intend(INTENT) == 0
            journal.settle(0, Settled.DONE)
            journal.note(Note(kind="k"))
            assert (journal.unsettled(), journal.calls(), journal.notes()) == ((), (), ())
            await clock.advance(PAUSE_S)
        path.parent.unlink()
        number = journal.intend(INTENT)

    assert number == 1
    assert [(event["event"], event["log_level"]) for event in events] == [
        ("journal.failed", "error"),
        ("journal.recovered", "info"),
    ]
    assert events[0]["why"] == "EEXIST: File exists"


@pytest.mark.anyio
async def test_another_writer_that_does_not_let_go_holds_nobody_up(
    journal: SqliteJournal, path: Path, clock: FakeClock
) -> None:
    """After one wait nothing is tried for a while, so that a long pass does not wait at every call."""
    journal.intend(INTENT)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with capture_logs() as events:
        held = journal.intend(INTENT)
        other.execute("COMMIT")
        soon = journal.intend(INTENT)
        await clock.advance(PAUSE_S)
        later = journal.intend(INTENT)
    other.close()

    assert (held, soon, later) == (0, 0, 2)
    assert [event["event"] for event in events] == ["journal.failed", "journal.recovered"]
    assert "locked" in events[0]["why"]


@pytest.mark.anyio
async def test_steps_that_cannot_be_had_are_not_taken_for_none(
    journal: SqliteJournal, path: Path, clock: FakeClock
) -> None:
    """Whoever asks learns that there is no answer, and whoever writes that nothing was written."""
    step = Step(resource="flow/news", generation="a1")
    journal.keep([step])
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    held = journal.keep([replace(step, generation="a2")])
    other.execute("COMMIT")
    other.close()
    unread = journal.steps()
    await clock.advance(PAUSE_S)

    assert (held, unread, journal.steps()) == (False, None, (step,))


FULL: Final = f"""{WRITER}
numbers = [intend(number) for number in range(20_000)]
filled = numbers.index(0)
print(filled > 0, any(numbers[filled:]), len(journal.calls(limit=100_000)) in (0, filled))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_full_disk_stops_nothing(tmp_path: Path) -> None:
    """What does not go in has the number 0, told once; what went in before stays."""
    mount = 'mount -t tmpfs -o size=1m,mode=700 none "$0" && exec "$@"'
    words = (sys.executable, "-c", FULL, str(tmp_path / "journal.sqlite3"), "p")

    ended = subprocess.run(
        ["unshare", "--mount", "sh", "-c", mount, str(tmp_path), *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert ended.stdout.splitlines()[-1] == "True False True"
    assert ended.stdout.count("journal.failed") == 1


def test_the_file_has_a_bound(path: Path, clock: FakeClock) -> None:
    """Long texts are bounded by the size of the file, whatever their number; the newest stay."""
    most = Bounds(file_bytes=4 * 1024 * 1024)
    journal = SqliteJournal(path, clock, most=most)
    largest = 0

    for number in range(24 * BATCH):
        journal.note(Note(kind="k", why="w" * MOST_CHARACTERS, revision=str(number)))
        largest = max(largest, path.stat().st_size)
    newest = journal.notes(limit=10_000)
    journal.close()

    assert largest <= most.file_bytes + BATCH * (MOST_CHARACTERS + 500) + 2 * 1024 * 1024
    assert path.stat().st_size <= most.file_bytes + 2 * 1024 * 1024
    assert newest[0].note.revision == str(24 * BATCH - 1)
    assert len(newest) > BATCH


def test_a_tighter_bound_gives_room_back(path: Path, clock: FakeClock) -> None:
    """The file itself becomes smaller, and not only what is in it."""
    wide, tight = Bounds(), Bounds(file_bytes=1024 * 1024)
    sizes = []

    for most in (wide, tight):
        journal = SqliteJournal(path, clock, most=most)
        for _ in range(8 * BATCH):
            journal.note(Note(kind="k", why="w" * MOST_CHARACTERS))
        journal.close()
        sizes.append(path.stat().st_size)

    assert sizes[0] > 4 * 1024 * 1024
    assert sizes[1] <= tight.file_bytes + BATCH * (MOST_CHARACTERS + 500) + 1024 * 1024


def test_a_bound_below_an_empty_file_empties_it(path: Path, clock: FakeClock) -> None:
    """There is nothing more to remove, and that is no trouble."""
    journal = SqliteJournal(path, clock, most=Bounds(file_bytes=1))

    with capture_logs() as events:
        for _ in range(BATCH):
            journal.intend(INTENT)
    left = journal.calls()
    journal.close()

    assert (left, events) == ((), [])


def test_a_long_text_is_cut_and_a_strange_one_kept(journal: SqliteJournal) -> None:
    """A row has a bound, and a name that is no Unicode is no trouble."""
    journal.note(Note(kind="k", why="w" * 10_000, resource="flow/\udcff", fields={"long": "f" * 10_000, "number": 1}))

    (noted,) = journal.notes()

    assert (len(noted.note.why), noted.note.why[-2:]) == (MOST_CHARACTERS, "w…")
    assert noted.note.resource == "flow/\\udcff"
    assert len(str(noted.note.fields["long"])) == MOST_CHARACTERS
    assert noted.note.fields["number"] == 1


@pytest.mark.parametrize(
    "question",
    [
        "SELECT 1 FROM calls WHERE resource = 'x' ORDER BY number DESC LIMIT 10",
        "SELECT 1 FROM calls WHERE settled IS NULL OR settled = 'unknown' ORDER BY number",
        "SELECT 1 FROM notes WHERE resource = 'x' ORDER BY number DESC LIMIT 10",
        "SELECT 1 FROM notes WHERE kind = 'x' ORDER BY number DESC LIMIT 10",
        "SELECT 1 FROM notes WHERE resource = 'x' AND kind = 'x' ORDER BY number DESC LIMIT 10",
    ],
)
def test_every_question_is_answered_by_an_index(question: str) -> None:
    """Neither the whole table is looked at, nor anything sorted."""
    database = sqlite3.connect(":memory:", isolation_level=None)
    migrate(database)

    steps = [row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {question}")]
    database.close()

    assert len(steps) == 1
    assert " USING " in steps[0]
    assert "INDEX" in steps[0]


def test_an_older_form_becomes_the_newest() -> None:
    """Nothing in it is lost, and a migration that fails leaves the file as it was."""
    database = sqlite3.connect(":memory:", isolation_level=None)
    migrate(database)
    database.execute("INSERT INTO notes VALUES (1, 0, 'k', '', '', '', '', '{}')")
    added = "ALTER TABLE notes ADD COLUMN told INTEGER NOT NULL DEFAULT 7; CREATE INDEX notes_told ON notes (told);"

    with pytest.raises(sqlite3.OperationalError):
        migrate(database, (*MIGRATIONS, added, "CREATE TABLE notes (again INTEGER)"))
    untouched = database.execute("SELECT * FROM notes").fetchall()
    migrate(database, (*MIGRATIONS, added))
    migrate(database, (*MIGRATIONS, added))
    migrated = database.execute("SELECT kind, told FROM notes").fetchall()
    with pytest.raises(UnknownFormError, match=f"form {FORM + 1}"):
        migrate(database)
    database.close()

    assert len(untouched[0]) == 8
    assert migrated == [("k", 7)]
