"""An output that was changed on air: on air again, or put back once; a source that died is nobody's fault."""

from dataclasses import replace

import pytest

from reconciler.domain.errors import RejectedError
from reconciler.domain.model import FlowState, OutputKey
from reconciler.domain.safety.limits import Limits
from reconciler.engine.airing import STEP_S
from reconciler.engine.loop import TRIAL_PASS_S
from reconciler.engine.trials import PROOF_S
from reconciler.ports.backend import EndStatus
from tests.builders import flow, output
from tests.unit.engine.loops import Running, running
from tests.unit.engine.test_board import rows
from tests.unit.engine.worlds import Worldlet, a_world, restarted

pytestmark = pytest.mark.anyio

TOWER = OutputKey("news", "tower")
ON, OFF = 5_000_000, 0
DEADLINE_S = Limits().trial_s
ENOUGH_S = DEADLINE_S + 4 * TRIAL_PASS_S


def carry(small: Worldlet, *, source: int, tower: int) -> None:
    """Have the input and the output carry so many bits a second."""
    found = small.backend.flow()
    (end,) = found.outputs
    for id_, is_input, rate in ((f"{found.id}-input", True, source), (end.id, False, tower)):
        small.backend.statuses[id_] = EndStatus(
            id=id_,
            is_input=is_input,
            state="Connected" if rate else "Waiting",
            bitrate_bps=rate,
            connected_ms=0,
            reconnections=0,
        )


async def changed(small: Worldlet, run: Running) -> None:
    """Change the output while it is on air, by an edit that nobody would notice."""
    carry(small, source=ON, tower=ON)
    await run.pass_time(STEP_S)
    wanted = output()
    small.source.write("two", flow(), replace(wanted, spec=replace(wanted.spec, description="broken")))
    await run.prove()


def description(small: Worldlet) -> str:
    """Return what the output's description is."""
    (end,) = small.backend.flow().outputs
    assert end.spec is not None
    return end.spec.description


def notes(small: Worldlet) -> list[str]:
    """Return what the journal says of trials, the oldest first."""
    kinds = [noted.note.kind for noted in small.world.journal.notes(resource="output/news/tower")]
    return [kind for kind in reversed(kinds) if kind.startswith("trial.")]


async def test_what_is_on_air_again_has_passed() -> None:
    """Nothing is put back, and the trial is over."""
    small = a_world()
    small.source.write("one", flow(), output())

    async with running(small) as run:
        await changed(small, run)
        during = rows(run.loop.board)["Reconciling"]
        await run.pass_time(ENOUGH_S)

        assert during == ("True", "OnTrial")
        assert description(small) == "broken"
        assert notes(small) == ["trial.passed"]
        assert small.orders.read().trials == ()
        assert rows(run.loop.board)["Ready"] == ("True", "InStep")


async def test_what_stays_dark_is_put_back_once_and_marked() -> None:
    """After its deadline the spec before stands again, until the manifest is another one."""
    small = a_world()
    small.source.write("one", flow(), output())

    async with running(small) as run:
        await changed(small, run)
        carry(small, source=ON, tower=OFF)
        await run.pass_time(DEADLINE_S / 2)
        early = description(small)
        await run.pass_time(ENOUGH_S)
        edits = [call for call in small.backend.sent if call == "edit output/news/tower"]
        carry(small, source=ON, tower=ON)
        await run.pass_time(3 * ENOUGH_S)

        assert (early, description(small)) == ("broken", "")
        assert len(edits) == 2
        assert [call for call in small.backend.sent if call == "edit output/news/tower"] == edits
        assert notes(small) == ["trial.failed"]
        assert rows(run.loop.board)["Ready"] == ("False", "PutBack")
        assert rows(run.loop.board)["Stalled"] == ("True", "PutBack")
        (pin,) = small.orders.read().pins
        assert (pin.revision, pin.given.author) == ("one", "reconciler")


async def test_what_was_put_back_follows_the_next_manifest() -> None:
    """A revision that says something else of it ends the pin; one that says the same does not."""
    small = a_world()
    small.source.write("one", flow(), output())

    async with running(small) as run:
        await changed(small, run)
        carry(small, source=ON, tower=OFF)
        await run.pass_time(ENOUGH_S)
        wanted = output()
        small.source.write("three", flow(), replace(wanted, spec=replace(wanted.spec, description="broken")))
        await run.prove()
        same = description(small)
        small.source.write("four", flow(), replace(wanted, spec=replace(wanted.spec, description="mended")))
        await run.prove()

        assert (same, description(small)) == ("", "mended")
        assert rows(run.loop.board)["Ready"] == ("True", "InStep")


async def test_a_source_that_died_is_nobodys_fault() -> None:
    """The output is dark because nobody publishes: nothing is put back, however long that lasts."""
    small = a_world()
    small.source.write("one", flow(), output())

    async with running(small) as run:
        await changed(small, run)
        carry(small, source=OFF, tower=OFF)
        await run.pass_time(5 * ENOUGH_S)
        dark = (description(small), notes(small), rows(run.loop.board)["OnAir"])
        carry(small, source=ON, tower=ON)
        await run.pass_time(PROOF_S + 2 * STEP_S)

        assert dark == ("broken", [], ("False", "NoSource"))
        assert notes(small) == ["trial.passed"]


async def test_the_time_of_a_trial_is_that_of_its_source() -> None:
    """A source that comes and goes is waited for; only the seconds in which it was there count."""
    small = a_world()
    small.source.write("one", flow(), output())

    async with running(small) as run:
        await changed(small, run)
        for _ in range(4):
            carry(small, source=ON, tower=OFF)
            await run.pass_time(DEADLINE_S / 5)
            carry(small, source=OFF, tower=OFF)
            await run.pass_time(DEADLINE_S)
        early = notes(small)
        carry(small, source=ON, tower=OFF)
        await run.pass_time(ENOUGH_S)

        assert (early, notes(small)) == ([], ["trial.failed"])


async def test_what_was_dark_before_is_not_on_trial() -> None:
    """An edit of what nobody watches breaks nothing."""
    small = a_world()
    small.source.write("one", flow(), output())

    async with running(small) as run:
        carry(small, source=ON, tower=OFF)
        wanted = output()
        small.source.write("two", flow(), replace(wanted, spec=replace(wanted.spec, description="broken")))
        await run.prove()

        assert small.orders.read().trials == ()
        await run.pass_time(ENOUGH_S)
        assert description(small) == "broken"


async def test_a_trial_goes_on_after_a_restart() -> None:
    """Whoever is killed in the middle of a trial leaves it to the next, which puts back what stays dark."""
    small = a_world()
    small.source.write("one", flow(), output())
    async with running(small) as run:
        await changed(small, run)
        carry(small, source=ON, tower=OFF)
        await run.pass_time(STEP_S)

    again = restarted(small)
    async with running(again) as run:
        await run.pass_time(ENOUGH_S)

        assert description(again) == ""
        assert notes(again) == ["trial.failed"]


async def test_what_nobody_remembers_is_only_told() -> None:
    """Changed right after a start by a process that never saw it in step: it stays, and somebody is told."""
    small = a_world()
    small.source.write("one", flow(), output())
    async with running(small):
        pass
    carry(small, source=ON, tower=ON)
    wanted = output()
    small.source.write("two", flow(), replace(wanted, spec=replace(wanted.spec, description="broken")))

    async with running(restarted(small)) as run:
        await run.prove()
        carry(small, source=ON, tower=OFF)
        await run.pass_time(ENOUGH_S)

        assert description(small) == "broken"
        assert notes(small) == ["trial.failed"]
        assert small.orders.read().pins == ()


async def test_a_new_manifest_ends_a_trial() -> None:
    """Whoever mends it in git is faster than the deadline, and nothing is put back afterwards."""
    small = a_world()
    small.source.write("one", flow(), output())

    async with running(small) as run:
        await changed(small, run)
        carry(small, source=ON, tower=OFF)
        await run.pass_time(DEADLINE_S / 2)
        wanted = output()
        small.source.write("three", flow(), replace(wanted, spec=replace(wanted.spec, description="mended")))
        await run.pass_time(ENOUGH_S)

        assert description(small) == "mended"
        assert notes(small) == []


async def test_a_flow_that_is_stopped_has_nothing_on_trial() -> None:
    """What the manifests want idle is dark by their own wish."""
    small = a_world()
    small.source.write("one", flow(), output())

    async with running(small) as run:
        await changed(small, run)
        carry(small, source=OFF, tower=OFF)
        wanted = output()
        broken = replace(wanted, spec=replace(wanted.spec, description="broken"))
        small.source.write("three", flow(state=FlowState.IDLE), broken)
        await run.pass_time(ENOUGH_S)

        assert small.orders.read().trials == ()
        assert notes(small) == []


async def test_a_change_that_failed_is_not_on_trial() -> None:
    """What was refused has changed nothing."""
    small = a_world()
    small.source.write("one", flow(), output())

    async with running(small) as run:
        small.backend.fault = lambda call: RejectedError("no") if call.key == TOWER else None
        await changed(small, run)

        assert small.orders.read().trials == ()
