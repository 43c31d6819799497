"""An output that was changed on air: on air again, or put back once; a source that died is nobody's fault."""

import asyncio
from dataclasses import replace

import pytest

from reconciler.domain.errors import RejectedError, UnavailableError
from reconciler.domain.model import Flow, FlowState, Output, OutputKey
from reconciler.domain.orders import Given, Pause, Pin
from reconciler.domain.policies import Move, Policies
from reconciler.domain.safety.limits import Limits
from reconciler.engine.airing import STEP_S
from reconciler.engine.loop import TRIAL_PASS_S
from reconciler.engine.pinning import manifest_of
from reconciler.engine.trials import PROOF_S
from reconciler.manifests.writing import ManifestWriter
from reconciler.ports.backend import EndStatus
from tests.builders import flow, output
from tests.unit.engine.loops import TIMING, Running, running
from tests.unit.engine.test_board import rows
from tests.unit.engine.worlds import Worldlet, a_world, restarted

pytestmark = pytest.mark.anyio

TOWER = OutputKey("news", "tower")
ON, OFF = 5_000_000, 0
DEADLINE_S = Limits().trial_s
ENOUGH_S = DEADLINE_S + 4 * TRIAL_PASS_S


def carry(small: Worldlet, *, source: int, tower: int, of: str = "news") -> None:
    """Have the input and the output of a flow carry so many bits a second."""
    found = small.backend.flow(of)
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


async def changed(small: Worldlet, run: Running, *beside: Flow | Output) -> None:
    """Change the output while it is on air, by an edit that nobody would notice."""
    carry(small, source=ON, tower=ON)
    await run.pass_time(STEP_S)
    small.source.write("two", *lying("broken"), *beside)
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


def lying(text: str) -> tuple[Flow, Output]:
    """Return the manifests of a flow, and of an output that is described so."""
    wanted = output()
    return flow(), replace(wanted, spec=replace(wanted.spec, description=text))


async def test_what_somebody_rolled_back_is_not_on_trial() -> None:
    """His order stands though the output is dark, and nothing takes its place."""
    small = a_world()
    small.source.write("one", *lying("new"))

    async with running(small) as run:
        carry(small, source=ON, tower=ON)
        await run.pass_time(STEP_S)
        given = Given(author="anna", reason="the new one is dark", at=small.clock.now(), until=None)
        text = manifest_of(output(), [flow()], ManifestWriter())
        small.orders.give(Pin(resource=TOWER, revision="old", manifest=text, against="", given=given))
        await run.pass_time(2 * STEP_S)
        carry(small, source=ON, tower=OFF)
        await run.pass_time(ENOUGH_S)

        assert description(small) == ""
        assert [pin.given.author for pin in small.orders.read().pins] == ["anna"]
        assert small.orders.read().trials == ()


async def test_looks_count_once_the_change_was_made() -> None:
    """A call that waits for its turn is no proof that the output is on air after it."""
    small = a_world()
    small.source.write("one", flow(), output())

    async with running(small) as run:
        carry(small, source=ON, tower=ON)
        await run.pass_time(TIMING.observe_s + STEP_S)
        small.backend.hanging = asyncio.Event()
        small.source.write("two", *lying("broken"))
        await run.pass_time(3 * PROOF_S)
        during = (notes(small), len(small.orders.read().trials))
        small.backend.then = lambda _: carry(small, source=ON, tower=OFF)
        small.backend.hanging.set()
        await run.pass_time(ENOUGH_S)

        assert during == ([], 1)
        assert notes(small) == ["trial.failed"]
        assert description(small) == ""


async def test_a_change_whose_answer_was_lost_is_on_trial() -> None:
    """It may have been made, and has taken the output off air: then it is put back."""
    small = a_world()
    small.source.write("one", flow(), output())

    async with running(small) as run:
        carry(small, source=ON, tower=ON)
        await run.pass_time(STEP_S)
        small.backend.lost = lambda call: UnavailableError("gone", maybe_applied=True) if call.key == TOWER else None
        small.source.write("two", *lying("broken"))
        await run.prove()
        small.backend.lost = lambda _: None
        carry(small, source=ON, tower=OFF)
        await run.pass_time(ENOUGH_S)

        assert description(small) == ""
        assert notes(small) == ["trial.failed"]


async def test_what_was_put_back_may_be_tried_again_later() -> None:
    """A manifest that comes back after another one is a wish: nothing is left that holds it off."""
    small = a_world()
    small.source.write("one", flow(), output())

    async with running(small) as run:
        await changed(small, run)
        carry(small, source=ON, tower=OFF)
        await run.pass_time(ENOUGH_S)
        put_back = len(small.orders.read().pins)
        small.source.write("three", *lying("mended"))
        await run.prove()
        left = len(small.orders.read().pins)
        small.source.write("four", *lying("broken"))
        await run.prove()

        assert (put_back, left) == (1, 0)
        assert description(small) == "broken"


async def test_drift_that_was_put_right_has_no_spec_to_go_back_to() -> None:
    """What it was before is what the manifest says: it is told, and not called put back."""
    small = a_world()
    small.source.write("one", flow(), output())

    async with running(small) as run:
        await run.pass_time(STEP_S)
        found = small.backend.flow()
        (end,) = found.outputs
        assert end.spec is not None
        by_hand = replace(end, spec=replace(end.spec, description="by hand"))
        small.backend.flows[found.id] = replace(found, outputs=(by_hand,))
        carry(small, source=ON, tower=ON)
        await run.pass_time(2 * TIMING.observe_s)
        carry(small, source=ON, tower=OFF)
        small.backend.then = lambda _: carry(small, source=ON, tower=OFF)
        await run.pass_time(ENOUGH_S)

        assert small.orders.read().pins == ()
        assert rows(run.loop.board)["Ready"] == ("True", "InStep")


async def test_a_disk_that_is_full_costs_a_trial_and_no_pass() -> None:
    """Nothing that is kept beside git may end what keeps streams."""
    small = a_world()
    small.source.write("one", flow(), output())

    async with running(small) as run:
        carry(small, source=ON, tower=ON)
        await run.pass_time(STEP_S)
        small.orders.is_full = True
        small.source.write("two", *lying("broken"))
        await run.pass_time(ENOUGH_S)

        assert description(small) == "broken"
        assert not run.task.done()
        assert [event["why"] for event in run.events("trial.unkept")] == ["no space left"]


async def test_a_pause_that_comes_while_it_is_looked_at_is_kept_to() -> None:
    """Between the last question and the first call nothing waits."""
    small = a_world()
    small.source.write("one", flow(), output())

    async with running(small) as run:
        carry(small, source=ON, tower=ON)
        await run.pass_time(STEP_S)
        given = Given(author="anna", reason="storm", at=small.clock.now(), until=None)
        small.backend.on_status = lambda: small.orders.give(Pause(resource=TOWER, given=given))
        small.source.write("two", *lying("broken"))
        await run.prove()

        assert description(small) == ""


async def test_a_trial_without_a_source_reads_the_account_no_more_often() -> None:
    """It is looked at by its flow's status, and not by a list of everything every few seconds."""
    small = a_world()
    small.source.write("one", flow(), output())

    async with running(small) as run:
        await changed(small, run)
        carry(small, source=OFF, tower=OFF)
        await run.pass_time(TIMING.observe_s)
        before = small.backend.observed
        await run.pass_time(10 * TIMING.observe_s)

        assert small.backend.observed - before <= 11


async def test_who_only_looks_puts_nothing_back() -> None:
    """A trial that another process left is not ended by one that sends nothing."""
    small = a_world()
    small.source.write("one", flow(), output())
    async with running(small) as run:
        await changed(small, run)
        carry(small, source=ON, tower=OFF)

    again = restarted(small)
    async with running(again, observes=True) as run:
        await run.pass_time(ENOUGH_S)

        assert len(again.orders.read().trials) == 1
        assert again.orders.read().pins == ()


async def test_a_pause_goes_along_with_a_new_name() -> None:
    """A Move renames what is paused, too."""
    small = a_world()
    small.source.write("one", flow(), output())

    async with running(small) as run:
        given = Given(author="anna", reason="storm", at=small.clock.now(), until=None)
        small.orders.give(Pause(resource=TOWER, given=given))
        move = Move(name="north", before=TOWER, now=OutputKey("news", "north"))
        small.source.write("two", flow(), output("north", latency_ms=500), policies=Policies(moves=(move,)))
        await run.prove()

        assert small.backend.names() == {"news", "news/tower"}
        assert small.backend.latency_ms() == 120


async def test_what_cannot_be_written_down_is_not_put_back() -> None:
    """Where a put-back would be forgotten by the next start, it is not done at all, and somebody is told."""
    small = a_world()
    small.source.write("one", flow(), output())

    async with running(small) as run:
        await changed(small, run)
        carry(small, source=ON, tower=OFF)
        small.orders.is_full = True
        await run.pass_time(ENOUGH_S)

        assert description(small) == "broken"
        assert "cannot be written down, so it stays as it is" in run.events("trial.failed")[0]["why"]
        assert [event["why"] for event in run.events("trial.unkept")] == ["no space left"]


async def test_the_looks_at_one_flow_say_nothing_of_another() -> None:
    """A flow beside it is on air all the while, and its output is no proof."""
    small = a_world()
    beside = flow("sport"), output(of="sport")
    small.source.write("one", flow(), output(), *beside)

    async with running(small) as run:
        carry(small, source=ON, tower=ON, of="sport")
        await changed(small, run, *beside)
        carry(small, source=ON, tower=OFF)
        await run.pass_time(ENOUGH_S)

        assert description(small) == ""
        assert notes(small) == ["trial.failed"]
