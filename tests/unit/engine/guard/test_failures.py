"""Changes that cut something, failed and were put back: nobody is cut by another try that nobody agreed to."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from reconciler.domain.changes import Action, Call, Create, Edit, Hold
from reconciler.domain.errors import BackendError, QuotaExceededError, RejectedError, UnavailableError
from reconciler.domain.impact import EditRules
from reconciler.domain.model import FlowState, Output, Region
from reconciler.domain.safety.releases import command_for
from reconciler.engine.guard.facts import Mode
from reconciler.engine.guard.failures import KIND
from reconciler.engine.plan import Target
from reconciler.ports.source import Revision
from tests.builders import flow, found_flow, found_output, output
from tests.fakes.journal import MemoryJournal
from tests.unit.engine.broadcasts import LATER, approval, approved, held_change, holds, passed, put_on_air
from tests.unit.engine.worlds import MeddledBackend, Remains, Worldlet, a_world, restarted, say, worldlet_of

pytestmark = pytest.mark.anyio

AWAY = Region("eu-frankfurt")
REFUSED = RejectedError("bad latency")
LOST = UnavailableError("no answer", maybe_applied=False)
WANTED = output(latency_ms=500)


def a_flow(*, on_air: bool = True) -> Worldlet:
    """Return a world with a flow that has to stop for an edit, on air or not."""
    backend = MeddledBackend(regions=("local", AWAY))
    backend.rules = EditRules.CONSOLE_2022
    backend.hold(found_flow(flow(), found_output(output()), found_output(output("other"))))
    if on_air:
        put_on_air(backend, "input", "tower", "other")
    return a_world(backend)


def edited(small: Worldlet, *, revision: str = "one", mode: Mode = Mode.LOOP) -> Target:
    """Return as a target that one output has another latency."""
    return say(small, flow(), WANTED, output("other"), revision=revision, mode=mode)


def refuse(small: Worldlet, error: BackendError = REFUSED, when: Callable[[Call], bool] | None = None) -> None:
    """Have calls fail; edits, where it is not said which."""
    which = when or (lambda call: isinstance(call, Edit))
    small.backend.fault = lambda call: error if which(call) else None


async def released(small: Worldlet, target: Target) -> Target:
    """Return the target with the approval of the one change that is held back, as the loop has it by then."""
    await passed(small, target)
    await small.clock.advance(11)
    return approved(target, approval(held_change(await passed(small, target))))


async def again(small: Worldlet, target: Target) -> list[tuple[str, Hold]]:
    """Return what the third of three passes holds back."""
    for _ in range(2):
        await small.clock.advance(60)
        await passed(small, target)
        put_on_air(small.backend, *(each.live_name for each in small.backend.flow().outputs))
    await small.clock.advance(60)
    return holds(await passed(small, target))


def stops(small: Worldlet) -> int:
    """Return how often the flow was stopped."""
    return small.backend.sent.count("stop flow/news")


async def test_one_approval_is_good_for_one_cut() -> None:
    """An edit that is refused while the flow stands still is not tried again by the same approval."""
    small = a_flow()
    target = await released(small, edited(small))
    refuse(small)

    held = await again(small, target)

    assert held == [("edit flow/news", Hold.GIVEN_UP)]
    assert stops(small) == 1
    assert small.backend.flow().state is FlowState.RUNNING


async def test_what_was_given_up_says_what_failed_and_what_to_do() -> None:
    """The refusal, what became of the old one, until when it is left alone, and the command that tries again."""
    small = a_flow()
    target = await released(small, edited(small))
    refuse(small)

    await passed(small, target)
    (held,) = (await passed(small, target)).left.blocked

    assert held.change is not None
    assert held.release == command_for(held.change)
    assert held.why == (
        "it was tried, and failed after it had stopped or deleted something: bad latency. What was there before was "
        "put back, and to try again would cut it once more, so it is left alone until its manifest wants something "
        "else, or somebody approves it anew."
    )


async def test_an_output_that_cannot_be_made_anew_is_deleted_once() -> None:
    """The account refuses the new one, and the old one is made again; with every try receivers would lose it anew."""
    small = a_flow()
    anew = replace(output(), spec=replace(output().spec, region=AWAY))
    target = await released(small, say(small, flow(), anew, output("other"), mode=Mode.LOOP))
    refuse(small, when=lambda call: isinstance(call, Create) and _is_away(call))

    held = await again(small, target)

    assert held == [("recreate output/news/tower", Hold.GIVEN_UP)]
    assert small.backend.sent.count("delete output/news/tower") == 1
    assert small.backend.names() == {"news", "news/tower", "news/other"}


def _is_away(call: Create) -> bool:
    return isinstance(call.wanted, Output) and call.wanted.spec.region == AWAY


async def test_a_flow_whose_successor_does_not_start_is_stopped_once() -> None:
    """The old one runs on beside it."""
    small = a_flow()
    wider = replace(flow(), spec=replace(flow().spec, max_bandwidth_bps=20_000_000))
    target = await released(small, say(small, wider, output(), output("other"), mode=Mode.LOOP))
    refuse(small, QuotaExceededError("full"), lambda call: call.action is Action.START and call.at.live_name != "news")

    held = await again(small, target)

    assert held == [("recreate flow/news", Hold.GIVEN_UP)]
    assert stops(small) == 1


@pytest.mark.parametrize("revision", ["one", "another"])
async def test_an_approval_stays_used_up(revision: str) -> None:
    """Also in the next process, as a timer starts them; and whoever commits something else approves of nothing."""
    small = a_flow()
    target = await released(small, edited(small, mode=Mode.ONCE))
    refuse(small)
    await passed(small, target)

    outcome = await passed(restarted(small), replace(target, revision=Revision(revision)))

    assert holds(outcome) == [("edit flow/news", Hold.GIVEN_UP)]
    assert stops(small) == 1


async def test_an_approval_stays_used_up_without_a_journal() -> None:
    """It is lost, or cannot be written: the process remembers."""
    first = a_flow()
    forgetful = MemoryJournal(first.clock, most_notes=0)
    small = worldlet_of(
        first.source, first.backend, first.clock, first.vault, remains=Remains(journal=forgetful, orders=first.orders)
    )
    target = await released(small, edited(small))
    refuse(small)

    assert await again(small, target) == [("edit flow/news", Hold.GIVEN_UP)]
    assert stops(small) == 1


async def test_another_approval_tries_again() -> None:
    """Somebody has mended the account, and asks for it; the old approval beside it changes nothing."""
    small = a_flow()
    target = await released(small, edited(small))
    refuse(small)
    await passed(small, target)
    (old,) = target.policies.approvals
    small.backend.fault = lambda _: None

    await passed(small, approved(target, old, replace(old, expires=LATER + timedelta(minutes=1))))

    assert small.backend.latency_ms() == 500
    assert stops(small) == 2


@pytest.mark.parametrize("error", [REFUSED, LOST])
async def test_an_approval_is_used_up_whatever_the_failure(error: BackendError) -> None:
    """Viewers care little why they were cut."""
    small = a_flow()
    target = await released(small, edited(small))
    refuse(small, error)

    await again(small, target)

    assert stops(small) == 1


async def test_what_is_off_air_is_not_tried_for_ever_either() -> None:
    """It is left alone until the next revision, which tries again; and so does somebody who approves it."""
    small = a_flow(on_air=False)
    target = edited(small)
    refuse(small)
    await passed(small, target)

    held = await passed(small, target)
    later = await passed(restarted(small), target)
    await passed(small, edited(small, revision="two"))

    assert holds(held) == holds(later) == [("edit flow/news", Hold.GIVEN_UP)]
    assert "until the next revision of the manifests, or until somebody approves it" in held.left.blocked[0].why
    assert stops(small) == 2
    small.backend.fault = lambda _: None
    await passed(small, approved(target, approval(held_change(held))))
    assert small.backend.latency_ms() == 500


async def test_what_is_off_air_is_tried_again_where_the_service_did_not_answer() -> None:
    """Nobody was cut, and it says nothing of the change."""
    small = a_flow(on_air=False)
    target = edited(small)
    refuse(small, LOST)
    await passed(small, target)
    small.backend.fault = lambda _: None

    await passed(small, target)

    assert small.backend.latency_ms() == 500


async def test_what_disturbed_nothing_is_tried_again() -> None:
    """A plain edit that is refused has cut nobody."""
    small = a_flow(on_air=False)
    small.backend.rules = EditRules.LIVE_2023
    target = edited(small)
    refuse(small)
    await passed(small, target)
    await passed(small, target)

    assert small.backend.sent == ["edit output/news/tower", "edit output/news/tower"]
    assert not small.world.journal.notes(kind=KIND)


async def test_another_change_is_not_given_up() -> None:
    """The manifest was mended: with another value it is another change, and asks for an approval of its own."""
    small = a_flow()
    target = await released(small, edited(small))
    refuse(small)
    await passed(small, target)
    mended = say(small, flow(), output(latency_ms=400), output("other"), revision="two", mode=Mode.LOOP)

    outcome = await passed(small, approved(mended, *target.policies.approvals))

    assert holds(outcome) == [("edit flow/news", Hold.ON_AIR)]
