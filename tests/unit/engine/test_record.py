"""Tests of `engine.record`: the journal has what was decided, when that is news."""

from dataclasses import replace

import pytest

from reconciler.domain.change_ids import change_id
from reconciler.domain.changes import Action, Blocked, Failed, FlowAt, Hold, Plan, Start, Waiting
from reconciler.domain.errors import UnavailableError
from reconciler.domain.model import FlowKey, OutputKey, Region, RegionKey
from reconciler.engine.apply import Outcome, Result
from reconciler.engine.plan import Tree
from reconciler.engine.reconcile import PassOutcome
from reconciler.engine.record import Recorder
from reconciler.ports.journal import Note
from reconciler.ports.source import Revision, Verdict
from tests.builders import LOCAL, flow, resolved
from tests.fakes.clock import FakeClock
from tests.fakes.journal import MemoryJournal
from tests.unit.engine.worlds import BROKEN

NEWS, TOWER = FlowKey("news"), OutputKey("news", "tower")
START = Start(key=NEWS, at=FlowAt(LOCAL, "news"))
HELD = Blocked(key=NEWS, action=Action.START, why="frozen", hold=Hold.WINDOW, change=START)


@pytest.fixture
def journal() -> MemoryJournal:
    """Return an empty journal."""
    return MemoryJournal(FakeClock())


def a_pass(*outcomes: Outcome, left: Plan | None = None) -> PassOutcome:
    """Return what became of a pass."""
    return PassOutcome(
        revision=Revision("r1"), outcomes=outcomes, left=left or Plan(unchanged=3), refused=None, duration_s=1.23456
    )


def kinds(journal: MemoryJournal) -> list[str]:
    """Return the kinds of all notes, the oldest first."""
    return [noted.note.kind for noted in reversed(journal.notes())]


def last(journal: MemoryJournal, kind: str) -> Note:
    """Return the newest note of a kind."""
    return journal.notes(kind=kind)[0].note


def test_trees_are_noted_with_their_first_error(journal: MemoryJournal) -> None:
    """Taken or refused, and why."""
    recorder = Recorder(journal)

    recorder.tree(Tree(revision=Revision("r1"), verdict=Verdict(findings=(), desired=resolved(flow()).desired)))
    recorder.tree(Tree(revision=Revision("r2"), verdict=Verdict(findings=(BROKEN,), desired=None)))

    assert kinds(journal) == ["tree.accepted", "tree.refused"]
    assert last(journal, "tree.accepted").why == ""
    assert last(journal, "tree.refused") == Note(
        kind="tree.refused", revision="r2", why=str(BROKEN), fields={"errors": 1}
    )


def test_what_is_held_back_is_noted_once(journal: MemoryJournal) -> None:
    """When it begins, and again when the reason changes; a pass that says the same is no news."""
    recorder = Recorder(journal)

    recorder.pass_finished(a_pass(left=Plan(blocked=(HELD,))), pass_id="p1")
    recorder.pass_finished(a_pass(left=Plan(blocked=(HELD,))), pass_id="p2")

    assert kinds(journal) == ["change.blocked", "pass.finished"]
    note = last(journal, "change.blocked")
    assert (note.resource, note.why, note.pass_id, note.revision) == ("flow/news", "frozen", "p1", "r1")
    assert note.fields == {"action": "start", "hold": "window", "change": change_id(START)}


def test_the_command_that_releases_is_noted_beside_the_reason(journal: MemoryJournal) -> None:
    """Whoever reads it needs no words to find it by."""
    Recorder(journal).pass_finished(a_pass(left=Plan(blocked=(replace(HELD, release="do it"),))), pass_id="p1")

    note = last(journal, "change.blocked")
    assert (note.why, note.fields["release"]) == ("frozen", "do it")


def test_the_end_of_a_hold_is_noted(journal: MemoryJournal) -> None:
    """What was held back, and is so no more, is ready."""
    recorder = Recorder(journal)
    recorder.pass_finished(a_pass(left=Plan(blocked=(HELD,))), pass_id="p1")

    recorder.pass_finished(a_pass(), pass_id="p2")

    assert kinds(journal)[2:] == ["resource.ready", "pass.finished"]
    assert last(journal, "resource.ready").resource == "flow/news"


def test_what_waits_and_what_failed_are_noted_as_such(journal: MemoryJournal) -> None:
    """Each by its own kind; a region may be what is blocked, and then there is no change."""
    left = Plan(
        blocked=(Blocked(key=RegionKey(Region("far")), action=Action.DELETE, why="no answer", hold=Hold.UNREADABLE),),
        waiting=(Waiting(key=TOWER, why="no address yet"),),
        failed=(Failed(key=NEWS, why="no secret"),),
    )

    Recorder(journal).pass_finished(a_pass(left=left), pass_id="p1")

    assert kinds(journal) == ["change.blocked", "change.waiting", "change.failed", "pass.finished"]
    assert last(journal, "change.blocked").fields == {"action": "delete", "hold": "unreadable"}
    assert last(journal, "change.waiting").resource == "output/news/tower"
    assert last(journal, "change.failed").why == "no secret"


def test_what_was_not_done_is_noted_every_time(journal: MemoryJournal) -> None:
    """Each try is one; what became of it is in the kind."""
    failed = Outcome(change=START, result=Result.FAILED, why="busy")
    skipped = Outcome(change=START, result=Result.SKIPPED, why="stopping")
    recorder = Recorder(journal)

    recorder.pass_finished(a_pass(failed), pass_id="p1")
    recorder.pass_finished(a_pass(skipped), pass_id="p2")

    assert kinds(journal) == ["change.failed", "pass.finished", "change.skipped", "pass.finished"]
    assert last(journal, "change.failed").fields == {"action": "start", "change": change_id(START)}


def test_a_pass_is_noted_with_its_totals(journal: MemoryJournal) -> None:
    """What was done, what was not, and when the next one is due."""
    done = Outcome(change=START, result=Result.DONE)
    half = Outcome(change=START, result=Result.DONE, is_half=True)

    Recorder(journal).pass_finished(a_pass(done, half), pass_id="p1", next_in_s=2.00049)

    assert last(journal, "pass.finished").fields == {
        "done": 1,
        "blocked": 0,
        "waiting": 0,
        "failed": 0,
        "unchanged": 3,
        "duration_s": 1.235,
        "next_in_s": 2.0,
    }


def test_a_pass_that_found_nothing_to_do_is_not_noted(journal: MemoryJournal) -> None:
    """One every few seconds would push out what matters."""
    Recorder(journal).pass_finished(a_pass(), pass_id="p1", next_in_s=60.0)

    assert journal.notes() == ()


def test_a_pass_that_could_not_read_is_noted(journal: MemoryJournal) -> None:
    """With the code, how often in a row, and when it is tried again."""
    error = UnavailableError("no answer", maybe_applied=False, code="InternalError")

    Recorder(journal).pass_failed(error, failures=3, next_in_s=4.00012)

    note = last(journal, "pass.failed")
    assert note.why == "no answer"
    assert note.fields == {"failures": 3, "next_in_s": 4.0, "code": "InternalError"}
