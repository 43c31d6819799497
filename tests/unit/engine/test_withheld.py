"""What is said of deletes: loudly and once where distrust holds them back, by name where an override lets them go."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from structlog.testing import capture_logs

from reconciler.domain.changes import Action, Blocked, Hold, Plan
from reconciler.domain.model import FlowKey, Output, OutputKey, ResourceKind
from reconciler.domain.policies import Limit, Override, Policies
from reconciler.domain.safety.renames import STORM
from reconciler.domain.safety.tree import withheld
from reconciler.engine.apply import Terms
from reconciler.engine.guard.facts import Mode
from reconciler.engine.reconcile import PassOutcome, reconcile
from reconciler.engine.record import Recorder
from reconciler.engine.report import Reporter
from reconciler.ports.source import Revision
from tests.builders import flow, output
from tests.fakes.clock import FakeClock
from tests.fakes.journal import MemoryJournal
from tests.unit.engine.worlds import Worldlet, a_world, finish, say

pytestmark = pytest.mark.anyio

OUTPUTS = tuple(f"tower_{number}" for number in range(8))


def held(*reasons: str, hold: Hold = Hold.TREE) -> Plan:
    """Return a plan in which a delete is held back for each of these reasons."""
    return Plan(
        blocked=tuple(
            Blocked(key=OutputKey("news", f"o{number}"), action=Action.DELETE, why=why, hold=hold)
            for number, why in enumerate(reasons)
        )
    )


def a_pass(left: Plan) -> PassOutcome:
    """Return a pass that left this."""
    return PassOutcome(revision=Revision("one"), outcomes=(), left=left, refused=None, duration_s=0.0)


def test_each_reason_is_told_once_until_it_changes() -> None:
    """As a warning and in the journal, with how many it holds back; what is over and comes again is news."""
    journal = MemoryJournal(FakeClock())
    reporter, recorder = Reporter(), Recorder(journal)

    with capture_logs() as told:
        for left in (held("empty", "empty"), held("empty", "empty"), Plan(), held("empty"), held("storm")):
            reporter.pass_finished(a_pass(left))
            recorder.pass_finished(a_pass(left), pass_id="p")

    expected = [("empty", 2), ("empty", 1), ("storm", 1)]
    warnings = [event for event in told if event["event"] == "deletes.withheld"]
    notes = [noted.note for noted in journal.notes(kind="deletes.withheld")[::-1]]
    assert [(event["why"], event["count"]) for event in warnings] == expected
    assert {event["log_level"] for event in warnings} == {"warning"}
    assert [(note.why, note.fields["count"]) for note in notes] == expected


def test_many_renames_are_told_as_one_thing() -> None:
    """Each is held back for itself; from three on it is the tree that is wrong."""
    few = withheld(held(*["it looks like"] * (STORM - 1), hold=Hold.RENAME))
    many = withheld(held(*["it looks like"] * STORM, hold=Hold.RENAME))

    assert not few
    assert list(many.values()) == [STORM]


async def passed(small: Worldlet, *outputs: Output, policies: Policies) -> PassOutcome:
    """Return what became of one pass."""
    target = replace(say(small, flow(), *outputs, mode=Mode.ONCE), policies=policies)
    return await finish(small, reconcile(small.world, target, terms=Terms()))


@pytest.mark.parametrize(
    ("of", "gone"),
    [(ResourceKind.OUTPUT, 3), (OutputKey("news", "tower_0"), 1), (ResourceKind.FLOW, 0)],
)
async def test_an_override_lets_go_what_it_names_and_is_noted(of: ResourceKind | OutputKey, gone: int) -> None:
    """Three of nine are more than a quarter: for each that goes, who allowed it is written down, and for no other."""
    small = a_world()
    await passed(small, *map(output, OUTPUTS), policies=Policies())
    override = Override(
        name="meant",
        of=of,
        action=Action.DELETE,
        lifts=frozenset({Limit.BUDGET}),
        reason="the cup is over",
        expires=datetime(2099, 1, 1, tzinfo=UTC),
    )

    outcome = await passed(small, *map(output, OUTPUTS[3:]), policies=Policies(overrides=(override,)))

    notes = [noted.note for noted in small.world.journal.notes(kind="override.used")]
    assert len(outcome.done) == len(notes) == gone
    assert {note.resource for note in notes} == {str(change.key) for change in outcome.done}
    assert all(note.fields == {"action": "delete", "lifts": "budget", "name": "meant"} for note in notes)
    assert all(note.why == "the cup is over" for note in notes)


async def test_an_override_of_what_is_within_the_limits_is_no_news() -> None:
    """It lifts nothing, so nothing is written down."""
    small = a_world()
    await passed(small, *map(output, OUTPUTS), policies=Policies())
    override = Override(
        name="meant",
        of=FlowKey("news"),
        action=Action.DELETE,
        lifts=frozenset({Limit.TREE, Limit.BUDGET}),
        reason="never needed",
        expires=datetime(2099, 1, 1, tzinfo=UTC),
    )

    outcome = await passed(small, *map(output, OUTPUTS[1:]), policies=Policies(overrides=(override,)))

    assert len(outcome.done) == 1
    assert small.world.journal.notes(kind="override.used") == ()
