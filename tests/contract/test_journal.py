"""What every journal keeps, whatever it writes to."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from reconciler.journal.bounds import BATCH, Bounds
from reconciler.journal.sqlite import SqliteJournal
from reconciler.ports.journal import Intent, Journal, Note, Settled, Step
from tests.fakes.clock import FakeClock
from tests.fakes.journal import MemoryJournal

Make = Callable[[int], Journal]

TOWER: Final = "output/news/tower"
INTENT: Final = Intent(
    pass_id="p1", revision="r1", resource=TOWER, action="create", change="0123456789ab", live_name="tower"
)
NOTE: Final = Note(
    kind="change.blocked",
    resource=TOWER,
    why="it is on air",
    pass_id="p1",
    revision="r1",
    fields={"hold": "on-air", "receivers": 2, "bitrate_mbps": 1.5, "again": True},
)


@pytest.fixture
def clock() -> FakeClock:
    """Return the time that journals write down."""
    return FakeClock(auto=False)


@pytest.fixture(params=["sqlite", "memory"])
def make(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> Iterator[Make]:
    """Return what makes a journal that keeps so many of each."""
    made: list[Journal] = []

    def one(most: int) -> Journal:
        if request.param == "sqlite":
            made.append(SqliteJournal(tmp_path / "state" / "journal", clock, most=Bounds(calls=most, notes=most)))
        else:
            made.append(MemoryJournal(clock, most_calls=most, most_notes=most))
        return made[-1]

    yield one
    for journal in made:
        journal.close()


@pytest.fixture
def journal(make: Make) -> Journal:
    """Return a journal that has room for all of a test."""
    return make(10_000)


def intent(number: int = 0, *, resource: str = TOWER) -> Intent:
    """Return an intent that is told from others by its pass."""
    return Intent(pass_id=f"p{number}", revision="r", resource=resource, action="edit", change="c")


@pytest.mark.anyio
async def test_an_intent_is_there_until_it_is_settled(journal: Journal, clock: FakeClock) -> None:
    """Nothing is known of a call that is only intended, and all that it was is kept."""
    await clock.advance(1.000_001)
    at = clock.now()

    number = journal.intend(INTENT)
    (open_one,) = journal.unsettled()
    await clock.advance(1)
    journal.settle(number, Settled.DONE, request_id="req-1", duration_s=0.25)
    (settled,) = journal.calls()

    assert (open_one.number, open_one.intent, open_one.at) == (number, INTENT, at)
    assert (open_one.settled, open_one.why, open_one.request_id, open_one.duration_s) == (None, "", "", None)
    assert journal.unsettled() == ()
    assert (settled.intent, settled.at, settled.settled) == (INTENT, at, Settled.DONE)
    assert (settled.request_id, settled.duration_s) == ("req-1", 0.25)


def test_what_is_refused_says_why(journal: Journal) -> None:
    """A refused call is settled: nothing was changed."""
    journal.settle(journal.intend(INTENT), Settled.REFUSED, why="the account is full", request_id="req-2")

    (refused,) = journal.calls()

    assert (refused.settled, refused.why) == (Settled.REFUSED, "the account is full")
    assert journal.unsettled() == ()


def test_an_unknown_outcome_stays_open_until_somebody_looked(journal: Journal) -> None:
    """What was found by looking counts, and the request id of the call itself stays."""
    number = journal.intend(INTENT)
    journal.settle(number, Settled.UNKNOWN, why="timed out", request_id="req-3", duration_s=30.0)

    before = journal.unsettled()
    journal.settle(number, Settled.DONE, why="found by listing")
    (after,) = journal.calls()

    assert [call.number for call in before] == [number]
    assert journal.unsettled() == ()
    assert (after.settled, after.why, after.request_id, after.duration_s) == (
        Settled.DONE,
        "found by listing",
        "req-3",
        30.0,
    )


def test_what_was_not_written_down_is_settled_silently(journal: Journal) -> None:
    """The number 0, and one that is long gone, are of no call."""
    journal.settle(0, Settled.DONE)
    journal.settle(77, Settled.DONE)

    assert journal.calls() == ()


def test_unsettled_calls_come_oldest_first_and_others_newest_first(journal: Journal) -> None:
    """What is to be settled is settled in the order of sending; what is read is read from now on backwards."""
    numbers = [journal.intend(intent(number)) for number in range(5)]
    journal.settle(numbers[2], Settled.DONE)

    assert [call.number for call in journal.unsettled()] == [numbers[each] for each in (0, 1, 3, 4)]
    assert [call.number for call in journal.calls()] == numbers[::-1]
    assert numbers == sorted(set(numbers))


def test_calls_of_one_resource_and_so_many(journal: Journal) -> None:
    """Those of others take no place of the limit."""
    for number in range(6):
        journal.intend(intent(number, resource=f"flow/f{number % 2}"))

    assert [call.intent.pass_id for call in journal.calls(resource="flow/f1", limit=2)] == ["p5", "p3"]
    assert [call.intent.pass_id for call in journal.calls(limit=2)] == ["p5", "p4"]
    assert journal.calls(resource="flow/F1") == ()


@pytest.mark.anyio
async def test_a_note_is_kept_with_all_its_fields(journal: Journal, clock: FakeClock) -> None:
    """Each field keeps its value and its type."""
    await clock.advance(3)
    journal.note(NOTE)

    (noted,) = journal.notes()

    assert noted.note == NOTE
    assert [type(value) for value in noted.note.fields.values()] == [str, int, float, bool]
    assert noted.at == clock.now()
    assert noted.at.utcoffset() == timedelta(0)


def test_notes_are_chosen_by_resource_and_kind(journal: Journal) -> None:
    """Both together, either, or neither; the newest first."""
    for number, (resource, kind) in enumerate([("a", "x"), ("a", "y"), ("b", "x"), ("a", "x"), ("", "y")]):
        journal.note(Note(kind=kind, resource=resource, why=str(number)))

    def found(*, resource: str = "", kind: str = "", limit: int = 100) -> str:
        return "".join(noted.note.why for noted in journal.notes(resource=resource, kind=kind, limit=limit))

    assert found() == "43210"
    assert found(resource="a") == "310"
    assert found(kind="x") == "320"
    assert found(resource="a", kind="x") == "30"
    assert found(resource="a", kind="x", limit=1) == "3"
    assert found(resource="b", kind="y") == ""


def test_the_oldest_go_first(make: Make) -> None:
    """A journal has never more than its bound and one batch, and always the newest."""
    journal = make(100)
    written = 3 * BATCH
    most_seen = 0

    for number in range(written):
        journal.intend(intent(number))
        journal.note(Note(kind="k", why=str(number)))
        if number % 50 == 0:
            most_seen = max(most_seen, len(journal.calls(limit=written)), len(journal.notes(limit=written)))

    assert most_seen <= 100 + BATCH
    assert [call.intent.pass_id for call in journal.calls(limit=2)] == [f"p{written - 1}", f"p{written - 2}"]
    assert [noted.note.why for noted in journal.notes(limit=100)] == [str(written - 1 - each) for each in range(100)]


@pytest.mark.parametrize("text", ["", "ü ✓ 直播", "a\nb\x00c\x1b[31m", "'; DROP TABLE calls; --"])
def test_any_text_comes_back_as_it_was(journal: Journal, text: str) -> None:
    """A journal reads nothing into what it keeps."""
    number = journal.intend(intent(resource=f"flow/{text}"))
    journal.settle(number, Settled.REFUSED, why=text)
    journal.note(Note(kind="k", resource=text, why=text, fields={text: text}))

    assert [(call.intent.resource, call.why) for call in journal.calls()] == [(f"flow/{text}", text)]
    assert [(noted.note.resource, noted.note.fields) for noted in journal.notes()] == [(text, {text: text})]


def test_the_newest_step_of_each_resource_is_kept(journal: Journal) -> None:
    """With what a resource was last in step is one word, whatever was written before."""
    journal.intend(INTENT)
    first = journal.keep([Step(resource=TOWER, generation="a1"), Step(resource="flow/news", generation="b1")])
    journal.intend(INTENT)
    second = journal.keep([Step(resource=TOWER, generation="a2", is_in_step=False)])

    assert (first, second) == (True, True)
    assert journal.steps() == (
        Step(resource="flow/news", generation="b1", after=1),
        Step(resource=TOWER, generation="a2", is_in_step=False, after=2),
    )
