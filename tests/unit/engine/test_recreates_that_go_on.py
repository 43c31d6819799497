"""Recreates that take several passes: late lists, twins that come to nothing, wishes that are taken back."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from reconciler.domain.change_ids import change_id
from reconciler.domain.changes import Action, Hold
from reconciler.domain.errors import RejectedError
from reconciler.domain.marks import Mark
from reconciler.domain.model import Flow, FlowState, FoundFlow, Output, Region, Srt
from reconciler.domain.policies import Approval, Policies
from reconciler.domain.protocols import SrtMode
from reconciler.engine.apply import Result, Terms
from reconciler.engine.guard.facts import Mode
from reconciler.engine.plan import Target, plan_for
from reconciler.engine.reconcile import PassOutcome, reconcile
from tests.builders import US, flow, found_flow, found_output, output
from tests.unit.engine.airing import put_on_air
from tests.unit.engine.worlds import (
    MeddledBackend,
    MemorySource,
    MemoryVault,
    PatientClock,
    Remains,
    Worldlet,
    finish,
    say,
    worldlet_of,
)

pytestmark = pytest.mark.anyio


DOWN = RejectedError("not now", field="")
Look = Callable[[], None]


class LateBackend(MeddledBackend):
    """A backend whose list is late with what was made beside something, for as long as a test wants."""

    def __init__(self) -> None:
        super().__init__()
        self.is_late = False
        self.look: Look = lambda: None
        """What happens right before a list is read."""

    async def observe(self, region: Region) -> tuple[FoundFlow, ...]:
        """Return all flows of a region, without twins while it is late."""
        self.look()
        found = await super().observe(region)
        return tuple(_without_twins(each) for each in found) if self.is_late else found


def _without_twins(found: FoundFlow) -> FoundFlow:
    kept = (output for output in found.outputs if output.mark is None or not output.mark.twin)
    return replace(found, outputs=tuple(kept))


def pulled(*, region: str = "local") -> Output:
    """Return an output that receivers call, so that two of it can be there at once."""
    made = output(region=Region(region))
    return replace(made, spec=replace(made.spec, settings=Srt(mode=SrtMode.LISTENER)))


def serving() -> tuple[Worldlet, LateBackend]:
    """Return a world with a running flow, whose only output has a receiver."""
    backend = LateBackend()
    small = worldlet_of(MemorySource(), backend, PatientClock(auto=False), MemoryVault())
    backend.hold(found_flow(flow(), found_output(pulled())))
    put_on_air(small, "id-tower")
    return small, backend


async def moving(small: Worldlet, revision: str, region: str = "eu-frankfurt") -> Target:
    """Return the wish to have the output in another region, wanted for long enough and approved for an hour."""
    return await approved(small, say(small, flow(), pulled(region=region), revision=revision, mode=Mode.LOOP))


async def approved(small: Worldlet, target: Target) -> Target:
    """Return the wish for one change, wanted for long enough and approved for an hour."""
    (held,) = (await plan_for(small.world, target)).blocked
    change = held.change
    assert change is not None
    await small.clock.advance(10)
    approval = Approval(
        name="moved",
        resource=change.key,
        action=change.action,
        change=change_id(change),
        reason="the partner moved",
        expires=small.clock.now() + timedelta(hours=1),
    )
    return replace(target, policies=Policies(approvals=(approval,)))


async def a_pass(small: Worldlet, target: Target, *, after_s: float = 0.0) -> PassOutcome:
    """Return what became of a pass, some time later."""
    await small.clock.advance(after_s)
    return await finish(small, reconcile(small.world, target, terms=Terms()))


def creates(small: Worldlet) -> int:
    """Return how many creates of the output were sent."""
    return small.backend.sent.count("create output/news/tower")


async def test_a_list_that_is_late_makes_no_second_twin() -> None:
    """What was made a moment ago is looked for, and not made again, also where the process was started anew."""
    small, backend = serving()
    target = await moving(small, "moved")
    first = await a_pass(small, target)
    backend.is_late = True

    again = await a_pass(small, target, after_s=2)
    restarted = worldlet_of(
        small.source,
        backend,
        small.clock,
        small.vault,
        remains=Remains(journal=small.world.journal, orders=small.orders),
    )
    after = await a_pass(restarted, target, after_s=2)

    assert [each.is_half for each in first.outcomes] == [True]
    assert creates(small) == 1
    assert [str(each.key) for each in (*again.left.waiting, *after.left.waiting)] == ["output/news/tower"] * 2


async def test_a_late_list_is_waited_for_by_who_passes_once() -> None:
    """A one-shot verb sees its recreate through, although the list shows the twin only after a while."""
    small, backend = serving()
    target = replace(await moving(small, "moved"), mode=Mode.SHOWN)
    backend.is_late = True

    def appear() -> None:
        backend.is_late = creates(small) == 0 or small.clock.monotonic_s() < 20
        if len(backend.flow().outputs) > 1:
            put_on_air(small, backend.flow().outputs[1].id)

    backend.look = appear
    outcome = await a_pass(small, target)

    assert [each.result for each in outcome.outcomes] == [Result.DONE]
    assert creates(small) == 1
    assert [each.spec and each.spec.region for each in backend.flow().outputs] == [Region("eu-frankfurt")]


async def test_what_was_given_up_wakes_nobody() -> None:
    """A twin that never delivers goes, and until the manifests change the loop passes in its own time."""
    small, _ = serving()
    target = await moving(small, "moved")
    await a_pass(small, target)
    await a_pass(small, target, after_s=2)

    given_up = await a_pass(small, target, after_s=125)
    later = await a_pass(small, target, after_s=60)

    assert [each.result for each in given_up.outcomes] == [Result.FAILED]
    assert [(each.action, each.hold) for each in later.left.blocked] == [(Action.RECREATE, Hold.GIVEN_UP)]
    assert later.continues_in_s is None
    assert len(small.backend.flow().outputs) == 1


async def test_a_twin_that_nobody_comes_to_is_not_watched_for_ever() -> None:
    """Where both are on air and the new one carries less, nobody is cut off, and nobody passes every 2 s for it."""
    small, _ = serving()
    target = await moving(small, "moved")
    await a_pass(small, target)
    put_on_air(small, small.backend.flow().outputs[1].id, bitrate_bps=1_000_000)
    await a_pass(small, target, after_s=2)

    later = await a_pass(small, target, after_s=125)

    assert len(small.backend.flow().outputs) == 2
    assert [each.hold for each in later.left.blocked] == [Hold.GIVEN_UP]
    assert later.continues_in_s is None


async def test_a_second_try_has_its_own_time() -> None:
    """A wish that was taken back and comes again finds the twin of its own, and not the deadline of the former one."""
    small, _ = serving()
    target = await moving(small, "moved")
    await a_pass(small, target)
    await a_pass(small, target, after_s=2)
    await a_pass(small, say(small, flow(), pulled(), revision="back", mode=Mode.LOOP), after_s=2)
    await a_pass(small, say(small, flow(), pulled(), revision="back", mode=Mode.LOOP), after_s=15)
    assert len(small.backend.flow().outputs) == 1
    await small.clock.advance(600)
    again = await moving(small, "moved again")
    await a_pass(small, again)

    looked = await a_pass(small, again, after_s=2)

    assert [each.hold for each in looked.left.blocked] == [Hold.TWIN]
    assert len(small.backend.flow().outputs) == 2


async def test_the_new_flow_of_a_half_done_recreate_is_guarded() -> None:
    """After a crash between start and delete the new flow is on air, and an edit of it waits for an approval."""
    small, backend = serving()
    new = backend.flow()
    twin = Mark(owner=US, name="news", twin=True)
    old = replace(new, id="old", state=FlowState.IDLE, live_name="news", outputs=(), region=Region("local"))
    backend.flows[new.id] = replace(new, live_name="news_t", mark=twin)
    backend.hold(replace(old, spec=replace(flow(region=Region("ap-tokyo")).spec, state=FlowState.IDLE)))
    wanted = replace(pulled(), spec=replace(pulled().spec, settings=Srt(mode=SrtMode.LISTENER, latency_ms=500)))

    outcome = await a_pass(small, say(small, flow(), wanted, mode=Mode.SHOWN))

    assert backend.latency_ms(of="news_t") == 120
    assert (Action.EDIT, Hold.ON_AIR) in [(each.action, each.hold) for each in outcome.left.blocked]
    assert "old" not in backend.flows


async def test_a_second_recreate_of_the_same_output_is_seen_through() -> None:
    """What stayed under its temporary name is the old one by now, and goes by the approval that was given."""
    small, backend = serving()
    found = backend.flow()
    kept = replace(found.outputs[0], live_name="tower_t", mark=Mark(owner=US, name="tower", twin=True))
    backend.flows[found.id] = replace(found, outputs=(kept,))
    target = await moving(small, "moved")
    await a_pass(small, target)
    new = next(each for each in backend.flow().outputs if each.id != kept.id)
    waits = await a_pass(small, target, after_s=2)
    put_on_air(small, new.id)
    await a_pass(small, target, after_s=2)

    outcome = await a_pass(small, target, after_s=5)

    assert [each.hold for each in waits.left.blocked] == [Hold.TWIN]
    assert [each.result for each in outcome.outcomes] == [Result.DONE]
    assert [each.id for each in backend.flow().outputs] == [new.id]


async def test_another_name_and_another_region_at_once_are_one_pair() -> None:
    """The new one bears its own name at once, and the two are known for what they are in the pass after."""
    small, backend = serving()
    renamed = replace(pulled(region="eu-frankfurt"), live_name="mast")
    target = await approved(small, say(small, flow(), renamed, mode=Mode.LOOP))
    await a_pass(small, target)

    later = await a_pass(small, target, after_s=2)

    assert [each.live_name for each in backend.flow().outputs] == ["tower", "mast"]
    assert [each.hold for each in later.left.blocked] == [Hold.TWIN]


async def test_a_flow_that_was_made_anew_twice_is_no_riddle_after_a_crash() -> None:
    """Of the flow that kept its temporary name and the new one under its own, the one that fits stays."""
    small, backend = serving()
    found = backend.flow()
    others = [output(f"to_{number}", of="other") for number in range(8)]
    backend.hold(found_flow(flow("other"), *map(found_output, others)))
    twin = Mark(owner=US, name="news", twin=True)
    backend.flows[found.id] = replace(found, live_name="news_t", mark=twin, spec=flow(region=Region("ap-tokyo")).spec)
    backend.statuses.clear()
    wanted: list[Flow | Output] = [flow(), pulled(), flow("other"), *others]
    backend.fault = lambda call: DOWN if call.action in {Action.STOP, Action.DELETE} else None

    await a_pass(small, say(small, *wanted))
    left = sorted(each.live_name for each in backend.flows.values())
    backend.fault = lambda _: None
    await a_pass(small, say(small, *wanted), after_s=30)

    assert left == ["news", "news_t", "other"]
    assert sorted(each.live_name for each in backend.flows.values()) == ["news", "other"]
    assert backend.flow().state is FlowState.RUNNING
    assert len(backend.flow().outputs) == 1


async def test_a_wish_that_is_taken_back_never_gives_up_the_old_one() -> None:
    """Receivers have gone over to the twin already: both stay, somebody is told, and nobody is woken for it."""
    small, backend = serving()
    target = await moving(small, "moved")
    await a_pass(small, target)
    twin = next(each for each in backend.flow().outputs if each.live_name == "tower_t")
    put_on_air(small, twin.id)
    del backend.statuses["id-tower"]
    back = say(small, flow(), pulled(), revision="back", mode=Mode.LOOP)
    await a_pass(small, back, after_s=2)
    waits = await a_pass(small, back, after_s=12)

    later = await a_pass(small, back, after_s=125)

    assert [each.hold for each in waits.left.blocked] == [Hold.TWIN]
    assert [each.hold for each in later.left.blocked] == [Hold.GIVEN_UP]
    assert later.continues_in_s is None
    assert [each.live_name for each in backend.flow().outputs] == ["tower", "tower_t"]


@pytest.mark.parametrize("fits", [True, False])
async def test_of_two_flows_that_are_alike_the_twin_goes(*, fits: bool) -> None:
    """Where both are as they are to be, or neither is, the one that bears the mark of a twin is the one too many."""
    small, backend = serving()
    others = [output(f"to_{number}", of="other") for number in range(8)]
    found = backend.flow()
    spec = flow().spec if fits else flow(region=Region("ap-tokyo")).spec
    twin = Mark(owner=US, name="news", twin=True)
    backend.hold(found_flow(flow("other"), *map(found_output, others)), replace(found, spec=spec))
    idle = replace(spec, state=FlowState.IDLE)
    backend.hold(replace(found, id="two", live_name="news_t", mark=twin, outputs=(), state=FlowState.IDLE, spec=idle))

    await a_pass(small, say(small, flow(), pulled(), flow("other"), *others))

    assert sorted(backend.flows) == ["id-news", "id-other"]
    assert backend.flow().outputs == found.outputs
