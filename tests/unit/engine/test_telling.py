"""What is told to whoever asked: transitions, a bulletin a pass, and what became of a revision."""

from dataclasses import replace

import pytest

from reconciler.domain.changes import Create, FlowAt
from reconciler.domain.errors import RejectedError
from reconciler.domain.findings import Severity
from reconciler.domain.model import FlowLink, OutputKey, Srt
from reconciler.domain.orders import Given, Pause
from reconciler.engine.apply import Outcome, Result
from reconciler.engine.bulletins import Bulletins
from reconciler.engine.plan import Tree
from reconciler.engine.telling import Teller
from reconciler.ports.notifier import Stage
from reconciler.ports.source import Revision, Verdict
from reconciler.ports.telemetry import CallMade, ChangeMade, PassMade, Untold
from tests.builders import flow, output
from tests.fakes.clock import FakeClock
from tests.fakes.notifier import Listener
from tests.unit.engine.broadcasts import put_on_air
from tests.unit.engine.loops import TIMING, running
from tests.unit.engine.worlds import BROKEN, Worldlet, a_world

pytestmark = pytest.mark.anyio

TOWER = OutputKey("news", "tower")


class Counted(Untold):
    """Implements `ports.telemetry.Telemetry`, and keeps what it is told."""

    def __init__(self) -> None:
        self.changes: list[ChangeMade] = []
        self.passes: list[PassMade] = []
        self.calls: list[CallMade] = []

    def change_made(self, made: ChangeMade) -> None:
        """Keep it."""
        self.changes.append(made)

    def pass_made(self, made: PassMade) -> None:
        """Keep it."""
        self.passes.append(made)


def heard(small: Worldlet) -> Listener:
    """Return who is told from now on."""
    listener = Listener()
    small.world = replace(small.world, notifier=listener)
    return listener


async def test_one_bulletin_a_pass_tells_what_has_changed() -> None:
    """The first pass tells of everything; passes that find the same tell nothing."""
    small = a_world()
    listener = heard(small)
    small.source.write("one", flow(), output())

    async with running(small) as run:
        await run.pass_time(3 * TIMING.observe_s)

    (bulletin,) = listener.bulletins
    assert (bulletin.stage, bulletin.revision, bulletin.done) == (Stage.APPLIED, "one", 3)
    assert {(one.resource, str(one.aspect)) for one in bulletin.transitions} >= {("output/news/tower", "Ready")}
    assert bulletin.held == ()
    assert bulletin.pass_id


async def test_a_revision_is_told_to_its_end() -> None:
    """Failed, then applied: the forge that shows the commit learns of both, and of each once."""
    small = a_world()
    listener = heard(small)
    small.source.write("one", flow(), output())
    small.backend.fault = lambda call: RejectedError("no such host") if call.key == TOWER else None

    async with running(small) as run:
        await run.pass_time(30)
        small.backend.fault = lambda _: None
        await run.pass_time(60)
        small.source.write("two", flow(), output())
        await run.prove()

    stages = [(one.revision, one.stage) for one in listener.bulletins]
    assert list(dict.fromkeys(stages)) == [("one", Stage.FAILED), ("one", Stage.APPLIED), ("two", Stage.APPLIED)]
    assert ("output/news/tower", "no such host") in {(held.resource, held.why) for held in listener.bulletins[0].held}


async def test_what_is_held_back_is_told_with_the_revision() -> None:
    """Blocked is not failed; who held it back is said."""
    small = a_world()
    listener = heard(small)
    small.source.write("one", flow(), output())

    async with running(small) as run:
        given = Given(author="anna", reason="storm", at=small.clock.now(), until=None)
        small.orders.give(Pause(resource=TOWER, given=given))
        small.source.write("two", flow(), output(latency_ms=500))
        await run.prove()

    last = listener.bulletins[-1]
    assert (last.revision, last.stage) == ("two", Stage.BLOCKED)
    assert [held.resource for held in last.held] == ["output/news/tower"]


async def test_the_command_that_releases_is_told_beside_the_reason() -> None:
    """Whoever writes a mail or a message puts it where people can copy it."""
    small = a_world()
    listener = heard(small)
    small.source.write("one", flow(), output())

    async with running(small) as run:
        put_on_air(small.backend, "tower")
        small.source.write("two", flow(), output(latency_ms=500))
        await run.prove()

    (held,) = listener.bulletins[-1].held
    assert held.why.endswith("and viewers would notice (reconnect).")
    assert held.release.startswith("reconciler apply --approve output/news/tower:edit:")


async def test_a_refused_tree_is_told_with_its_findings() -> None:
    """Whoever committed it learns that it changes nothing, and why."""
    small = a_world()
    listener = heard(small)
    small.source.write("one", flow(), output())

    async with running(small) as run:
        small.source.break_it("two")
        await run.settle()

    last = listener.bulletins[-1]
    assert (last.revision, last.stage, last.pass_id) == ("two", Stage.REFUSED, "")
    assert len(last.findings) == 1


def test_what_refuses_a_tree_stands_before_what_is_only_warned_of() -> None:
    """A message shows the first few, and a commit status one: it must be the reason."""
    warned = replace(BROKEN, severity=Severity.WARNING, message="any address may connect")
    tree = Tree(revision=Revision("two"), verdict=Verdict(findings=(warned, BROKEN), desired=None))

    told = Bulletins(clock=FakeClock(auto=False), source="manifests", backend="relay").of_tree(tree)

    assert told.findings == (str(BROKEN), str(warned))


async def test_passes_and_changes_are_counted() -> None:
    """Each change by kind, action and result; each pass by its result, also one that could not read the backend."""
    small = a_world()
    counted = Counted()
    small.world = replace(small.world, telemetry=counted)
    small.source.write("one", flow(), output())
    small.backend.fault = lambda call: RejectedError("no") if call.key == TOWER else None

    async with running(small) as run:
        small.backend.fault = lambda _: None
        await run.pass_time(5)

    made = [(one.kind, one.action, one.result) for one in counted.changes]
    assert made[:2] == [("flow", "create", "done"), ("output", "create", "failed")]
    assert ("output", "create", "done") in made[2:]
    assert [one.result for one in counted.passes] == ["failed", "done"]


async def test_what_is_tried_twice_in_a_pass_is_counted_once() -> None:
    """A caller waits for the flow that it calls, and when that is there, all of its own flow is tried again."""
    small = a_world()
    counted = Counted()
    small.world = replace(small.world, telemetry=counted)
    edge, caller = flow("edge"), output("caller")
    assert isinstance(caller.spec.settings, Srt)
    calling = replace(caller.spec.settings, peer=FlowLink(edge.key))
    linked = replace(caller, spec=replace(caller.spec, settings=calling))
    small.source.write("one", flow(), output(), linked, edge, output(of="edge"))
    small.backend.fault = lambda call: RejectedError("no") if call.key == TOWER else None

    async with running(small) as run:
        while not run.passes:
            await run.pass_time(0.1)
        tried = [event["resource"] for event in run.events("change.failed")]
        undone = [str(one.change.key) for one in run.passes[0].undone]

    assert tried == ["output/news/tower", "flow/news", "output/news/tower"]
    assert undone == ["output/news/tower"]
    assert [one.result for one in counted.changes].count("failed") == 1


def test_what_is_made_anew_beside_the_old_one_is_counted_once() -> None:
    """The half of it that is done when the new one was made is no change that is over."""
    counted = Counted()
    teller = Teller(replace(a_world().world, telemetry=counted))
    wanted = output()
    begun = Outcome(
        change=Create(key=wanted.key, at=FlowAt(wanted.spec.region, "news"), wanted=wanted),
        result=Result.DONE,
        is_half=True,
    )

    teller.change(begun)
    teller.change(replace(begun, is_half=False))

    assert [one.result for one in counted.changes] == ["done"]
