"""What is seen right before a write counts, and not what was there when it was planned."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from reconciler.domain.change_ids import change_id
from reconciler.domain.changes import Action, Call, Create, Hold, Plan
from reconciler.domain.errors import BackendError, RejectedError
from reconciler.domain.impact import EditRules
from reconciler.domain.model import Care, Flow, FlowState, FoundOutput, Output, Region, ResourceKind
from reconciler.domain.policies import Approval, Calendar, Limit, OneOff, Override, Policies, WindowKind
from reconciler.engine.apply import Result, Terms
from reconciler.engine.guard import Guard
from reconciler.engine.guard.facts import Mode
from reconciler.engine.plan import Target, plan_for
from reconciler.engine.reconcile import PassOutcome, carry_out
from reconciler.engine.world import World
from reconciler.ports.backend import EndStatus
from reconciler.ports.source import Revision
from tests.builders import flow, found_flow, found_output, output, resolved
from tests.fakes.journal import MemoryJournal
from tests.onair import virtual
from tests.onair.story import world_of
from tests.onair.virtual import VirtualClock
from tests.unit.engine.worlds import MeddledBackend, MemorySource, keeper

NEWS: Final = flow()
TOWER: Final = output()
LATER: Final = output(latency_ms=300)
ROOMY: Final = replace(NEWS, spec=replace(NEWS.spec, max_bandwidth_bps=20_000_000))
"""The flow with another bandwidth, for which it is made anew."""
FAR: Final = datetime(2099, 1, 1, tzinfo=UTC)


class Watched(MeddledBackend):
    """A backend of which tests say who is connected; `then` happens right before the next answer about a flow."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0
        self.at: dict[int, Callable[[], object]] = {}
        """What happens before the status with this number."""

    async def status(self, region: Region, flow_id: str) -> tuple[EndStatus, ...]:
        """Return how the ends are, after what happens before."""
        self.asked += 1
        self.at.get(self.asked, lambda: None)()
        return await super().status(region, flow_id)

    def connect(self, id_: str, *, bps: int = 3_000_000) -> None:
        """Let an end carry so much."""
        is_input = id_.endswith("-input")
        self.statuses[id_] = EndStatus(
            id=id_, is_input=is_input, state="Connected", bitrate_bps=bps, connected_ms=1, reconnections=0
        )

    def leave(self, id_: str) -> None:
        """Let whoever is connected to an end go."""
        del self.statuses[id_]


@dataclass
class Scene:
    """A small world on virtual time."""

    world: World
    source: MemorySource
    backend: Watched
    clock: VirtualClock

    async def send(self, target: Target, *, meanwhile: Callable[[], object] = lambda: None) -> PassOutcome:
        """Plan, let something happen, and carry the plan out."""
        plan = await plan_for(self.world, target)
        meanwhile()
        return await self.carry_out(target, plan)

    async def carry_out(self, target: Target, plan: Plan) -> PassOutcome:
        """Return what became of a plan."""
        return await carry_out(self.world, target, plan, terms=Terms())


def played(play: Callable[[Scene], Coroutine[Any, Any, None]]) -> None:
    """Play a scene."""
    clock, backend, source = VirtualClock(), Watched(), MemorySource()

    async def scene() -> None:
        made = keeper(backend, clock, MemoryJournal(clock))
        await play(Scene(world_of(made, source, guard=Guard(made)), source, backend, clock))

    virtual.run(scene())


def wanted(scene: Scene, *resources: Flow | Output) -> Target:
    """Return the target that wants these resources, however much of the little there is goes for it."""
    lifted = (
        _lifting(ResourceKind.FLOW, Action.RECREATE, Limit.BUDGET),
        _lifting(ResourceKind.FLOW, Action.DELETE, Limit.BUDGET),
        _lifting(ResourceKind.OUTPUT, Action.EDIT, Limit.WINDOW),
    )
    scene.source.write("drawn", *resources)
    desired = resolved(*resources).desired
    policies = Policies(overrides=lifted)
    return Target(revision=Revision("drawn"), desired=desired, policies=policies, mode=Mode.SAVED)


def _lifting(kind: ResourceKind, action: Action, limit: Limit) -> Override:
    return Override(
        name=f"{action}-{limit}",
        of=kind,
        action=action,
        lifts=frozenset({limit}),
        reason="there is not more",
        expires=FAR,
    )


def there(scene: Scene, *outputs: Output, state: FlowState = FlowState.RUNNING) -> tuple[FoundOutput, ...]:
    """Put the flow with these outputs there."""
    found = tuple(map(found_output, outputs))
    scene.backend.hold(found_flow(NEWS, *found, state=state))
    return found


def holds(outcome: PassOutcome) -> list[Hold]:
    """Return what held changes back."""
    return [held.hold for held in outcome.left.blocked]


def test_an_idle_flow_that_was_started_since_is_looked_at() -> None:
    """Nobody noticed the edit when it was planned; whoever is there by now would."""

    async def play(scene: Scene) -> None:
        (tower,) = there(scene, TOWER, state=FlowState.IDLE)
        idle = replace(NEWS, spec=replace(NEWS.spec, state=FlowState.IDLE))

        def start() -> None:
            scene.backend.hold(found_flow(NEWS, tower))
            scene.backend.connect(tower.id)

        outcome = await scene.send(wanted(scene, idle, LATER), meanwhile=start)

        assert (holds(outcome), scene.backend.latency_ms()) == ([Hold.ON_AIR], 120)

    played(play)


def test_an_idle_flow_is_edited_after_one_look() -> None:
    """That it stands still is proof enough."""

    async def play(scene: Scene) -> None:
        there(scene, TOWER, state=FlowState.IDLE)
        idle = replace(NEWS, spec=replace(NEWS.spec, state=FlowState.IDLE))

        await scene.send(wanted(scene, idle, LATER))

        assert (scene.backend.latency_ms(), scene.clock.monotonic_s()) == (300, 0.0)

    played(play)


def test_an_output_that_was_added_since_is_not_stopped() -> None:
    """A stop that was planned when nobody was there does not take away what somebody has made by hand."""

    async def play(scene: Scene) -> None:
        (tower,) = there(scene, TOWER)
        idle = replace(NEWS, spec=replace(NEWS.spec, state=FlowState.IDLE))
        by_hand = replace(found_output(output("guest")), mark=None)

        def add() -> None:
            scene.backend.hold(found_flow(NEWS, tower, by_hand))
            scene.backend.connect(by_hand.id)

        outcome = await scene.send(wanted(scene, idle, TOWER), meanwhile=add)

        assert (holds(outcome), scene.backend.flow().state) == ([Hold.ON_AIR], FlowState.RUNNING)

    played(play)


def test_an_output_that_was_given_back_since_is_not_deleted() -> None:
    """Who takes our mark from an output decides about it, however late in a pass."""

    async def play(scene: Scene) -> None:
        tower, mast = there(scene, TOWER, output("mast"))

        def give_back() -> None:
            scene.backend.hold(found_flow(NEWS, replace(tower, mark=None), mast))

        outcome = await scene.send(wanted(scene, NEWS, output("mast")), meanwhile=give_back)

        (ended,) = outcome.outcomes
        assert (ended.result, ended.why) == (Result.FAILED, "output/news/tower is not ours any more")
        assert scene.backend.names() == {"news", "news/tower", "news/mast"}

    played(play)


@pytest.mark.parametrize("guest", [output("guest"), TOWER], ids=["made", "given back"])
def test_a_flow_that_goes_is_not_stopped_with_what_is_not_ours_by_now(guest: Output) -> None:
    """Its delete would fail on that and leave it off air; so nothing of it is begun."""

    async def play(scene: Scene) -> None:
        there(scene, TOWER, output("mast"))
        other, outputs = flow("other"), [output(f"o{number}", of="other") for number in range(4)]
        scene.backend.hold(found_flow(other, *map(found_output, outputs)))

        def meddle() -> None:
            known = {found.live_name: found for found in scene.backend.flow().outputs}
            theirs = {guest.live_name: found_output(guest, owner=None)}
            scene.backend.hold(found_flow(NEWS, *(known | theirs).values()))

        outcome = await scene.send(wanted(scene, other, *outputs), meanwhile=meddle)

        (ended,) = outcome.outcomes
        assert (ended.change.action, ended.result) == (Action.DELETE, Result.FAILED)
        assert scene.backend.flow().state is FlowState.RUNNING
        assert {"news/tower", "news/mast", f"news/{guest.live_name}"} <= scene.backend.names()

    played(play)


def test_whoever_has_just_left_is_waited_for() -> None:
    """A look that saw somebody is no proof of anything: after two that saw nobody, the edit goes."""

    async def play(scene: Scene) -> None:
        (tower,) = there(scene, TOWER)
        scene.backend.connect(tower.id)
        target = wanted(scene, NEWS, LATER)
        plan = await plan_for(scene.world, target)
        await scene.world.guard.prepare(plan)
        await scene.clock.sleep(20)
        scene.backend.leave(tower.id)

        outcome = await scene.carry_out(target, plan)

        assert (holds(outcome), scene.backend.latency_ms()) == ([], 300)
        assert scene.clock.monotonic_s() == 25.0

    played(play)


def test_whoever_came_and_went_between_two_looks_was_there() -> None:
    """Two looks prove nothing where one between them saw somebody."""

    async def play(scene: Scene) -> None:
        (tower,) = there(scene, TOWER)
        target = wanted(scene, NEWS, LATER)
        plan = await plan_for(scene.world, target)
        await scene.world.guard.prepare(plan)
        await scene.clock.sleep(8)
        scene.backend.connect(tower.id)
        await scene.world.guard.prepare(plan)
        await scene.clock.sleep(2)
        scene.backend.leave(tower.id)

        await scene.carry_out(target, plan)

        assert (scene.backend.latency_ms(), scene.clock.monotonic_s()) == (300, 15.0)

    played(play)


def approved(target: Target, plan: Plan, *, until: datetime) -> Target:
    """Return the target with an approval of the only change of a plan."""
    (change,) = plan.changes
    approval = Approval(
        name="seen",
        resource=change.key,
        action=change.action,
        change=change_id(change),
        reason="seen",
        expires=until,
    )
    return replace(target, policies=replace(target.policies, approvals=(approval,)))


def connecting_after(scene: Scene, action: str, id_: str) -> Callable[[Call], BackendError | None]:
    """Return what lets somebody connect when a call of this action arrives."""

    def fault(call: Call) -> None:
        if call.action == action:
            scene.backend.connect(id_)

    return fault


def test_who_connects_between_two_calls_is_not_cut_off() -> None:
    """A flow whose successor was being made keeps its viewers, and the successor goes again."""

    async def play(scene: Scene) -> None:
        (tower,) = there(scene, TOWER)
        scene.backend.fault = connecting_after(scene, "create", tower.id)

        outcome = await scene.send(wanted(scene, ROOMY, TOWER))

        (held,) = outcome.left.blocked
        assert held.hold is Hold.ON_AIR
        assert "viewers would notice (recreate); " in held.why
        assert held.why.endswith(" (after 2 of its 6 calls)")
        assert held.release.startswith("reconciler apply --approve flow/news:recreate:")
        assert scene.backend.names() == {"news", "news/tower"}
        assert scene.backend.flow().state is FlowState.RUNNING

    played(play)


@pytest.mark.parametrize(("seconds", "is_made"), [(0.5, False), (60.0, True)])
def test_an_approval_holds_until_the_call_that_needs_it(seconds: float, *, is_made: bool) -> None:
    """One that expires while the successor is being made releases no stop."""

    async def play(scene: Scene) -> None:
        (tower,) = there(scene, TOWER)
        scene.backend.connect(tower.id)
        scene.backend.pause = lambda: scene.clock.sleep(1)
        target = wanted(scene, ROOMY, TOWER)
        plan = await plan_for(scene.world, target)
        until = scene.clock.now() + timedelta(seconds=seconds)

        outcome = await scene.send(approved(target, plan, until=until))

        assert holds(outcome) == ([] if is_made else [Hold.ON_AIR])
        bandwidths = [found.spec.max_bandwidth_bps for found in scene.backend.flows.values() if found.spec is not None]
        assert bandwidths == [20_000_000 if is_made else 10_000_000]

    played(play)


def test_the_leg_that_stands_in_is_looked_at_last() -> None:
    """It is not enough that it was on air before the time for a proof was waited for."""

    async def play(scene: Scene) -> None:
        pair = Care(redundancy_group="pair")
        legs = [replace(output(name), care=pair) for name in ("tower", "studio")]
        tower, studio = there(scene, *legs)
        scene.backend.connect(studio.id)
        changed = replace(legs[0], spec=LATER.spec)

        def swap() -> None:
            scene.backend.leave(studio.id)
            scene.backend.connect(tower.id)

        target = wanted(scene, NEWS, changed, legs[1])
        plan = await plan_for(scene.world, target)
        scene.backend.at[3] = swap

        outcome = await scene.send(approved(target, plan, until=FAR))

        assert holds(outcome) == [Hold.REDUNDANCY]

    played(play)


def test_who_connects_while_a_window_is_asked_about_is_seen() -> None:
    """Whether a window goes on is asked before the last look, and not after it."""

    async def play(scene: Scene) -> None:
        (tower,) = there(scene, TOWER)
        ended = (scene.clock.now() - timedelta(seconds=1)).replace(tzinfo=None)
        window = OneOff(kind=WindowKind.FREEZE, begins=ended - timedelta(hours=1), ends=ended, overruns=True)
        show = Calendar(name="show", zone="UTC", windows=(window,))
        target = wanted(scene, NEWS, LATER)
        target = replace(target, policies=replace(target.policies, calendars=(show,)))
        # A first sample, one for the window, two looks for the proof, and one for the window again.
        scene.backend.at[5] = lambda: scene.backend.connect(tower.id)

        outcome = await scene.send(target)

        assert (holds(outcome), scene.backend.latency_ms()) == ([Hold.ON_AIR], 120)

    played(play)


def test_the_input_of_legs_that_was_started_since_waits_for_another_leg() -> None:
    """An approval lets what is on air be disturbed, but not all that stand in for each other at once."""

    async def play(scene: Scene) -> None:
        leg = replace(TOWER, care=Care(redundancy_group="pair"))
        (tower,) = there(scene, leg, state=FlowState.IDLE)
        slower = flow(state=FlowState.IDLE, latency_ms=300)

        def start() -> None:
            scene.backend.hold(found_flow(NEWS, tower))
            scene.backend.connect(tower.id)

        target = wanted(scene, slower, leg)
        plan = await plan_for(scene.world, target)

        outcome = await scene.send(approved(target, plan, until=FAR), meanwhile=start)

        assert holds(outcome) == [Hold.REDUNDANCY]

    played(play)


def successors(scene: Scene, action: str) -> Callable[[Call], BackendError | None]:
    """Return what starts the successor by hand, or makes it unreadable, when a call of this action has failed."""

    def fault(call: Call) -> BackendError | None:
        if not isinstance(call, Create) or not isinstance(call.wanted, Output):
            return None
        made = scene.backend.flow("news_t")
        if action == "start":
            scene.backend.at[scene.backend.asked + 1] = lambda: scene.backend.hold(
                replace(made, state=FlowState.RUNNING)
            )
        else:
            scene.backend.at[scene.backend.asked + 1] = lambda: scene.backend.flows.pop(made.id)
        return RejectedError("no room", field="")

    return fault


@pytest.mark.parametrize("action", ["start", "lose"])
def test_a_successor_is_taken_away_only_while_it_is_known_to_stand_still(action: str) -> None:
    """It was idle when it was listed; who starts it by hand before it goes again keeps it."""

    async def play(scene: Scene) -> None:
        there(scene, TOWER)
        scene.backend.fault = successors(scene, action)

        outcome = await scene.send(wanted(scene, ROOMY, TOWER))

        assert "so it stays" in outcome.undone[0].why
        assert scene.backend.sent == ["create flow/news", "create output/news/tower"]

    played(play)


def test_what_is_held_back_is_told_although_the_flow_gets_another_name() -> None:
    """Both are edits of one flow: the name is given to it live, and the rest that it has to stop for is not lost."""

    async def play(scene: Scene) -> None:
        (tower,) = there(scene, TOWER)
        scene.backend.rules = EditRules.STRICT_2021
        scene.backend.connect(tower.id)

        outcome = await scene.send(wanted(scene, replace(NEWS, live_name="news_live"), LATER))

        assert [str(each.impact) for each in outcome.done] == ["none"]
        assert holds(outcome) == [Hold.ON_AIR]
        assert scene.backend.flow("news_live").state is FlowState.RUNNING

    played(play)
