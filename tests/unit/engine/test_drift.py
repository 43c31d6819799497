"""What somebody else has changed: put right, told and left, or put right once it is off air."""

from dataclasses import replace
from datetime import timedelta

import pytest

from reconciler.domain.change_ids import change_id
from reconciler.domain.changes import Action, Hold
from reconciler.domain.conditions import Aspect, Standing
from reconciler.domain.model import Care, DriftMode, Flow, FlowKey, FlowState, Output, OutputKey, Region, Srt
from reconciler.domain.policies import Approval, Policies
from reconciler.ports.backend import EndStatus
from tests.builders import flow, output
from tests.fakes.journal import MemoryJournal
from tests.unit.engine.loops import TIMING, Running, running
from tests.unit.engine.test_board import rows
from tests.unit.engine.worlds import MeddledBackend, Worldlet, a_world, restarted

pytestmark = pytest.mark.anyio

WARNED = Care(drift=DriftMode.WARN)
TOWER = OutputKey("news", "tower")


def tower(mode: DriftMode, *, latency_ms: int = 120) -> Output:
    """Return an output with this drift mode."""
    return replace(output(latency_ms=latency_ms), care=Care(drift=mode))


def kept(mode: DriftMode) -> Flow:
    """Return a flow with this drift mode."""
    return replace(flow(), care=Care(drift=mode))


def edit_by_hand(small: Worldlet, latency_ms: int) -> None:
    """Give the output another latency in the console."""
    found = small.backend.flow()
    (end,) = found.outputs
    assert end.spec is not None
    assert isinstance(end.spec.settings, Srt)
    settings = replace(end.spec.settings, latency_ms=latency_ms)
    changed = replace(end, spec=replace(end.spec, settings=settings))
    small.backend.flows[found.id] = replace(found, outputs=(changed,))


def carry(small: Worldlet, *, bitrate_bps: int) -> None:
    """Have the output carry so much."""
    (end,) = small.backend.flow().outputs
    state = "Connected" if bitrate_bps else "Waiting"
    small.backend.statuses[end.id] = EndStatus(
        id=end.id, is_input=False, state=state, bitrate_bps=bitrate_bps, connected_ms=0, reconnections=0
    )


async def drifted(small: Worldlet, run: Running, latency_ms: int = 300) -> None:
    """Let somebody change the output, and the loop find it."""
    edit_by_hand(small, latency_ms)
    await run.pass_time(2 * TIMING.observe_s)


async def test_drift_is_put_right_where_nobody_says_otherwise() -> None:
    """The default: what somebody changed comes back, and nothing has drifted afterwards."""
    small = a_world()
    small.source.write("one", flow(), tower(DriftMode.CORRECT))

    async with running(small) as run:
        await drifted(small, run)

        assert small.backend.latency_ms() == 120
        assert rows(run.loop.board)["Drifted"] == ("False", "InStep")


async def test_what_is_only_told_stays_until_its_manifest_changes() -> None:
    """`warn`: it is told with how to put it right, and the next wish of the manifest is done."""
    small = a_world()
    small.source.write("one", flow(), tower(DriftMode.WARN))

    async with running(small) as run:
        await drifted(small, run)
        told = rows(run.loop.board)
        (held,) = run.passes[-1].left.blocked
        left = small.backend.latency_ms()
        small.source.write("two", flow(), tower(DriftMode.WARN, latency_ms=500))
        await run.prove()

        assert (left, small.backend.latency_ms()) == (300, 500)
        assert told["Ready"] == ("False", "Blocked")
        assert told["Stalled"] == ("True", "Blocked")
        assert told["Drifted"] == ("True", "Drift")
        assert held.hold is Hold.DRIFT
        assert held.release
        assert rows(run.loop.board)["Drifted"] == ("False", "InStep")


async def test_an_approval_puts_right_what_is_only_told() -> None:
    """Whoever looked at exactly this change may have it made."""
    small = a_world()
    small.source.write("one", flow(), tower(DriftMode.WARN))

    async with running(small) as run:
        await drifted(small, run)
        (held,) = run.passes[-1].left.blocked
        assert held.change is not None
        approval = Approval(
            name="yes",
            resource=TOWER,
            action=Action.EDIT,
            change=change_id(held.change),
            reason="it was a slip",
            expires=small.clock.now() + timedelta(hours=1),
        )
        policies = Policies(approvals=(approval,))
        small.source.write("two", flow(), tower(DriftMode.WARN), policies=policies)
        await run.prove()

        assert small.backend.latency_ms() == 120


async def test_drift_is_told_from_a_new_wish_after_a_restart() -> None:
    """What changed by hand while nobody looked stays; what the manifest wants by now is done."""
    small = a_world()
    small.source.write("one", flow(), tower(DriftMode.WARN))
    async with running(small):
        pass
    edit_by_hand(small, 300)

    again = restarted(small)
    async with running(again) as run:
        await run.pass_time(TIMING.observe_s)
        left, told = again.backend.latency_ms(), rows(run.loop.board)
    once_more = restarted(small)
    small.source.write("two", flow(), tower(DriftMode.WARN, latency_ms=500))
    async with running(once_more) as run:
        await run.prove()

    assert (left, told["Drifted"]) == (300, ("True", "Drift"))
    assert small.backend.latency_ms() == 500


async def test_who_has_forgotten_leaves_it_alone() -> None:
    """Without a journal nobody knows who changed what: it stays, and that is said."""
    small = a_world()
    small.source.write("one", flow(), output())
    async with running(small):
        pass
    edit_by_hand(small, 300)
    small.source.write("two", flow(), tower(DriftMode.WARN))

    async with running(restarted(small)) as run:
        await run.pass_time(TIMING.observe_s)
        (held,) = run.passes[-1].left.blocked

        assert small.backend.latency_ms() == 300
        assert "nobody remembers that it ever was in step" in held.why


@pytest.mark.parametrize("is_restarted", [False, True])
async def test_what_nobody_knows_is_left_until_its_manifest_changes(*, is_restarted: bool) -> None:
    """The manifest that was there at the first look is remembered, and another one is a new wish."""
    small = a_world()
    small.source.write("one", flow(), output(latency_ms=300))
    async with running(small):
        pass
    small.source.write("two", flow(), tower(DriftMode.WARN))
    again = restarted(small)
    async with running(again) as run:
        await run.pass_time(TIMING.observe_s)
        left = small.backend.latency_ms()
        if not is_restarted:
            small.source.write("three", flow(), tower(DriftMode.WARN, latency_ms=500))
            await run.pass_time(2 * TIMING.observe_s)
    if is_restarted:
        small.source.write("three", flow(), tower(DriftMode.WARN, latency_ms=500))
        async with running(restarted(again)) as run:
            await run.prove()

    assert (left, small.backend.latency_ms()) == (300, 500)


async def test_a_journal_that_is_locked_for_a_while_is_asked_again() -> None:
    """It forgets nothing: neither what was in step before, nor what comes to be meanwhile."""
    small = a_world()
    journal = small.world.journal
    assert isinstance(journal, MemoryJournal)
    small.source.write("one", flow(), tower(DriftMode.WARN))
    async with running(small):
        pass
    journal.is_locked = True
    small.source.write("two", flow(), tower(DriftMode.WARN, latency_ms=500), replace(output("b"), care=WARNED))
    async with running(restarted(small)) as run:
        await run.pass_time(TIMING.observe_s)
        locked = small.backend.latency_ms()
        journal.is_locked = False
        await run.pass_time(2 * TIMING.observe_s)

    assert (locked, small.backend.latency_ms()) == (120, 500)
    assert {step.resource for step in journal.steps() or ()} == {"output/news/tower", "output/news/b"}


@pytest.mark.parametrize("is_restarted", [False, True])
async def test_what_is_wanted_again_is_made_again(*, is_restarted: bool) -> None:
    """A commit took it away and another one is its revert: what is missing was deleted by nobody else."""
    small = a_world()
    small.source.write("one", flow(), tower(DriftMode.WARN), output("b"))
    async with running(small) as run:
        if not is_restarted:
            small.source.write("two", flow(), output("b"))
            await run.pass_time(3 * TIMING.observe_s)
    if is_restarted:
        # Its manifest goes while nobody runs, and the output by hand.
        small.source.write("two", flow(), output("b"))
        small.backend.drop_output()
    async with running(restarted(small)) as run:
        await run.pass_time(TIMING.observe_s)
        gone = small.backend.names()
        small.source.write("three", flow(), tower(DriftMode.WARN), output("b"))
        await run.pass_time(TIMING.observe_s)

        assert run.passes[-1].left.blocked == ()
        assert (gone, small.backend.names()) == ({"news", "news/b"}, {"news", "news/b", "news/tower"})


async def test_what_no_plan_could_speak_of_was_not_in_step() -> None:
    """Two flows bear the name, so nothing is planned in either: what the outputs are to be is still to be made."""
    small = a_world()
    small.source.write("one", flow(), tower(DriftMode.WARN))

    async with running(small) as run:
        small.backend.hold(replace(small.backend.flow(), id="copy", outputs=()))
        small.source.write("two", flow(), tower(DriftMode.WARN, latency_ms=500))
        await run.prove()
        before = small.world.guard.before(TOWER)
        del small.backend.flows["copy"]
        await run.pass_time(2 * TIMING.observe_s)

        assert before is not None
        assert before.resource.spec == tower(DriftMode.WARN).spec
        assert small.backend.latency_ms() == 500


@pytest.mark.parametrize("mode", [DriftMode.WARN, DriftMode.CORRECT])
async def test_what_is_made_anew_with_its_flow_has_not_drifted(mode: DriftMode) -> None:
    """The flow moves because its manifest says so, and takes along an output of which nobody changed anything."""
    small = a_world(MeddledBackend(regions=("local", "other")))
    small.source.write("one", flow(), tower(mode))

    async with running(small) as run:
        small.source.write("two", flow(region=Region("other")), tower(mode))
        await run.prove()
        (held,) = run.passes[-1].left.blocked
        told = run.loop.board.resources()[FlowKey("news")].conditions[Aspect.DRIFTED].standing
        await run.pass_time(4 * TIMING.observe_s)

        assert (held.hold, told) == (Hold.AGAIN, Standing.FALSE)
        assert small.backend.flow().region == Region("other")


async def test_what_is_new_is_made_whatever_its_mode() -> None:
    """What was never there has not drifted."""
    small = a_world()
    small.source.write("one", kept(DriftMode.WARN), tower(DriftMode.CORRECT_WHEN_OFF_AIR))

    async with running(small):
        assert small.backend.names() == {"news", "news/tower"}
        assert small.backend.flow().state is FlowState.RUNNING


async def test_what_was_deleted_or_stopped_by_hand_is_drift_too() -> None:
    """`warn` neither makes it anew nor starts it again."""
    small = a_world()
    small.source.write("one", kept(DriftMode.WARN), tower(DriftMode.WARN))

    async with running(small) as run:
        small.backend.drop_output()
        found = small.backend.flow()
        small.backend.flows[found.id] = replace(small.backend.flow(), state=FlowState.IDLE)
        await run.pass_time(TIMING.observe_s)

        assert {(str(item.key), item.action, item.hold) for item in run.passes[-1].left.blocked} == {
            ("output/news/tower", "create", Hold.DRIFT),
            ("flow/news", "start", Hold.DRIFT),
        }
        assert small.backend.names() == {"news"}


async def test_what_waits_for_off_air_is_put_right_then() -> None:
    """`correctWhenOffAir`: on air it stays, though nobody would notice the edit; off air it is put right."""
    small = a_world()
    small.source.write("one", flow(), tower(DriftMode.CORRECT_WHEN_OFF_AIR))

    async with running(small) as run:
        carry(small, bitrate_bps=5_000_000)
        await drifted(small, run)
        left, told = small.backend.latency_ms(), rows(run.loop.board)
        (held,) = run.passes[-1].left.blocked
        carry(small, bitrate_bps=0)
        await run.pass_time(2 * TIMING.observe_s)

        assert (left, small.backend.latency_ms()) == (300, 120)
        assert told["Drifted"] == ("True", "Drift")
        assert "It is put right once that is off air" in held.why
        assert rows(run.loop.board)["Ready"] == ("True", "InStep")


async def test_a_new_wish_does_not_wait_for_off_air() -> None:
    """The mode is about drift alone: what the manifest wants is judged as everything else."""
    small = a_world()
    wanted = tower(DriftMode.CORRECT_WHEN_OFF_AIR)
    small.source.write("one", flow(), wanted)

    async with running(small) as run:
        carry(small, bitrate_bps=5_000_000)
        described = replace(wanted, spec=replace(wanted.spec, description="the tower"))
        small.source.write("two", flow(), described)
        await run.prove()

        assert run.passes[-1].left.blocked == ()
        (end,) = small.backend.flow().outputs
        assert end.spec is not None
        assert end.spec.description == "the tower"
