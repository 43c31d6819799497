"""One history: somebody commits, a reconciler follows and dies, the weather is bad, and in the end all is as wanted."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any, Final
from zoneinfo import ZoneInfo

import httpx

from reconciler.domain.change_ids import change_id
from reconciler.domain.changes import Action, Blocked, Create, FlowAt, Hold
from reconciler.domain.errors import BackendError
from reconciler.domain.marks import Owner
from reconciler.domain.model import ResourceKind
from reconciler.domain.policies import Approval, Limit, Override, Policies
from reconciler.engine.apply import Terms
from reconciler.engine.guard import Guard
from reconciler.engine.guard.facts import Keeper, Mode
from reconciler.engine.plan import Target, plan_for
from reconciler.engine.reconcile import PassOutcome, reconcile
from reconciler.engine.world import World
from reconciler.manifests.reader import ManifestReader
from reconciler.manifests.writing import ManifestWriter
from reconciler.ports.source import ManifestFile, Revision, Snapshot, Verdict
from reconciler.relay.addresses import Ports
from reconciler.relay.api.app import create_app
from reconciler.relay.api.door import Door
from reconciler.relay.carriage import Carriage
from reconciler.relay.catalogue import Catalogue
from reconciler.relay.engines.none import NoMedia
from reconciler.relay.giving import Giver
from reconciler.relay.ids import IdMaker
from reconciler.relay.plane import ControlPlane
from reconciler.streamlink.backend import StreamLinkBackend
from reconciler.streamlink.client import ClientSettings, StreamLinkClient
from reconciler.streamlink.wire import ACTIONS
from tests.builders import US, flow, output, resolved
from tests.fakes.api import KEYS
from tests.fakes.journal import MemoryJournal
from tests.histories import virtual
from tests.histories.lives import KilledError, Life, LivingClock, LivingJournal
from tests.histories.trees import REGIONS, Trees
from tests.histories.virtual import VirtualClock, VirtualLoop
from tests.histories.weather import Transport, Weather, handler
from tests.histories.witness import BrokenPromiseError, Witness, is_ours, mark_of
from tests.unit.engine.worlds import MemoryVault, Nobody

COMMITS: Final = 5
MOST_PASSES: Final = 40
"""In good weather, until nothing is left to do; a few of them wait for what a late list may show."""
_LIFE: Final = 250
"""Points in a life, at most."""
_STRANGERS: Final = Owner("others")


@dataclass(slots=True)
class Figures:
    """What was seen in one history, or in many."""

    histories: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    deaths: Counter[str] = field(default_factory=Counter)
    passes: int = 0
    points: int = 0
    longest: int = 0
    """Most passes in good weather until nothing was left to do."""

    def add(self, other: "Figures") -> None:
        """Add those of another history."""
        self.histories += other.histories
        for mine, theirs in ((self.faults, other.faults), (self.calls, other.calls), (self.deaths, other.deaths)):
            mine.update(theirs)
        self.passes += other.passes
        self.points += other.points
        self.longest = max(self.longest, other.longest)

    def told(self) -> Iterator[str]:
        """Yield what was seen, in words."""
        writes = sum(count for action, count in self.calls.items() if ACTIONS[action].writes)
        yield (
            f"{self.histories} histories, {self.passes} passes, {self.calls.total()} calls ({writes} writes), "
            f"{self.points} points at which it could have died, {self.deaths.total()} deaths; after the last fault at "
            f"most {self.longest} passes until nothing was left to do"
        )
        for kind, counted in (("faults", self.faults), ("deaths", self.deaths)):
            yield f"{kind}: {', '.join(f'{count} {name}' for name, count in counted.most_common())}"


def run(seed: int, directory: Path) -> Figures:
    """
    Return what was seen in the history of this seed.

    Raises:
        BrokenPromiseError: something happened that never may.

    """
    return virtual.run(lambda loop: _run(loop, seed, directory))


async def _run(loop: VirtualLoop, seed: int, directory: Path) -> Figures:
    clock = VirtualClock(loop)
    weather = Weather(Drawn(f"weather {seed}"), loop.time)
    async with _relay(clock, Drawn(f"relay {seed}"), directory) as plane:
        return await _History(plane, clock, weather, Drawn(f"history {seed}")).run()


class Drawn(Random):
    """What a seed draws, the same each time."""


@asynccontextmanager
async def _relay(clock: VirtualClock, numbers: Random, directory: Path) -> AsyncIterator[ControlPlane]:
    catalogue = await Catalogue.open(directory)
    try:
        yield ControlPlane(
            catalogue=catalogue,
            carriage=Carriage(NoMedia()),
            giver=Giver(Ports("127.0.0.1"), numbers.randbytes),
            ids=IdMaker(lambda: clock.now().timestamp(), numbers.randbytes),
            regions=REGIONS,
            known_regions=REGIONS,
            host="127.0.0.1",
            now_s=lambda: clock.now().timestamp(),
        )
    finally:
        await catalogue.close()


class _History:
    """The world in which it happens, and what is left of it when a process dies."""

    def __init__(self, plane: ControlPlane, clock: VirtualClock, weather: Weather, random: Random) -> None:
        self._plane = plane
        self._clock = clock
        self._weather = weather
        self._random = random
        self._witness = Witness(clock.monotonic_s)
        door = Door(credentials=KEYS, now_s=lambda: clock.now().timestamp())
        self._app = create_app(plane, door, handler=handler(weather, self._witness.before, self._witness.after))
        self._fair_app = create_app(plane, door)
        self._journal = MemoryJournal(clock)
        self._trees = Trees(random)
        weather.tell = self._witness.tell
        self._approvals: tuple[Approval, ...] = ()
        self._commit = 0
        self._figures = Figures(histories=1)
        self._life = Life(0)
        self._world = self._born(random.randint(1, _LIFE))

    async def run(self) -> Figures:
        """Live through it."""
        await self._strangers_come()
        strangers = self._strangers()
        for _ in range(COMMITS):
            self._trees.commit()
            self._commit += 1
            self._witness.tell(f"commit {self._commit}")
            for _ in range(self._random.randint(1, 4)):
                await self._pass()
                await self._clock.sleep(self._random.uniform(0.5, 15))
        await self._settle_down()
        if self._strangers() != strangers:
            raise BrokenPromiseError("what is not ours was changed")
        self._figures.faults, self._figures.calls = self._weather.met, self._witness.calls
        return self._figures

    async def _settle_down(self) -> None:
        """Let the weather clear up, and pass until nothing is left to do."""
        self._weather.clear_up()
        self._world = self._born(0)
        told = ""
        for number in range(MOST_PASSES):
            outcome = await self._pass()
            if outcome is not None:
                told = _told(outcome)
            plan = await plan_for(self._world, self.target(Mode.LOOP))
            if plan.is_empty:
                self._figures.longest = number
                self._demand_all_as_wanted()
                return
            await self._clock.sleep(self._random.uniform(5, 15))
        raise BrokenPromiseError(
            f"after {MOST_PASSES} passes in good weather: {told}\n" + "\n".join(self._witness.log[-30:])
        )

    async def _pass(self) -> PassOutcome | None:
        """Make one pass; the next one is of a new life where this one has died."""
        self._figures.passes += 1
        mode = self._random.choice([Mode.LOOP, Mode.LOOP, Mode.SHOWN])
        task = asyncio.ensure_future(reconcile(self._world, self.target(mode), terms=Terms()))
        self._life.task = task
        outcome = None
        try:
            outcome = await task
        except BackendError:
            pass
        except (KilledError, asyncio.CancelledError, BaseExceptionGroup):
            if not self._life.died_at:
                raise
        if outcome is not None:
            self._look_at(outcome)
        if self._life.died_at:
            self._life.is_cancelled = False
            self._figures.deaths[self._life.died_at] += 1
            self._witness.tell(f"death {self._life.died_at}")
            await self._clock.sleep(self._random.choice([0.0, 1.0, 10.0, 40.0]))
            self._world = self._born(self._random.randint(1, _LIFE))
        if self._witness.broken:
            raise BrokenPromiseError("\n".join([*self._witness.broken[:3], *self._witness.log[-60:]]))
        return outcome

    def _look_at(self, outcome: PassOutcome) -> None:
        """Approve of what looks like another name, and is none."""
        renamed = [held for held in outcome.left.blocked if held.hold is Hold.RENAME and held.action is Action.DELETE]
        self._approvals += tuple(_approval(held, self._clock) for held in renamed if held.change is not None)

    def _born(self, points: int) -> World:
        """Return the world of a new process."""
        self._figures.points += self._life.passed
        only_writes = self._random.random() < 1 / 2
        life = self._life = Life(
            points // 5 if only_writes else points,
            only_writes=only_writes,
            is_cancelled=self._random.random() < 1 / 4,
        )
        clock, journal = LivingClock(self._clock, life), LivingJournal(self._journal, life)
        backend = StreamLinkBackend(
            StreamLinkClient(
                ClientSettings(credentials=KEYS, endpoint="127.0.0.1:9", rate_per_s=1000.0, breaker_pause_s=5.0),
                clock=clock,
                random_fraction=self._random.random,
                transport=Transport(self._app, self._weather, life.point),
            ),
            owner=US,
            regions=REGIONS,
            clock=clock,
        )
        keeper = Keeper(backend=backend, clock=clock, journal=journal, verifier=Nobody(), owner=US, zone_of=ZoneInfo)
        return World(
            source=_Repository(self),
            reader=_Repository(self),
            pin_reader=ManifestReader(),
            writer=ManifestWriter(),
            vault=MemoryVault(),
            backend=backend,
            clock=clock,
            journal=journal,
            guard=Guard(keeper),
            owner=US,
        )

    def target(self, mode: Mode) -> Target:
        """Return what the last commit asks for."""
        later = self._clock.now() + timedelta(days=1)
        overrides = tuple(
            Override(
                name=f"{kind}-{action}",
                of=kind,
                action=action,
                lifts=frozenset({Limit.BUDGET, Limit.TREE}),
                reason="histories are wild",
                expires=later,
            )
            for kind in ResourceKind
            for action in Action
        )
        policies = Policies(approvals=self._approvals, overrides=overrides, moves=self._trees.moves)
        desired = resolved(*self._trees.resources).desired
        return Target(revision=Revision(f"commit-{self._commit}"), desired=desired, policies=policies, mode=mode)

    async def _strangers_come(self) -> None:
        """Have flows of nobody and of somebody else there, one of them by a name that ours may have, too."""
        for owner, name in ((_STRANGERS, "theirs"), (Owner("gone"), "by_hand")):
            client = StreamLinkClient(
                ClientSettings(credentials=KEYS, endpoint="127.0.0.1:9"),
                clock=self._clock,
                random_fraction=lambda: 0.0,
                transport=httpx.ASGITransport(self._fair_app),
            )
            backend = StreamLinkBackend(client, owner=owner, regions=REGIONS, clock=self._clock)
            wanted = flow("again", live_name=name)
            at = FlowAt(wanted.spec.region, name)
            await backend.apply(Create(key=wanted.key, at=at, wanted=wanted))
            end = output("again", of="again")
            await backend.apply(Create(key=end.key, at=at, wanted=end))
        found = next(each for each in self._plane.catalogue.flows() if each.name == "by_hand")
        bare = tuple(replace(end, asked={**end.asked, "Description": "made by hand"}) for end in found.inputs)
        await self._plane.commit(replace(found, inputs=bare))

    def _strangers(self) -> list[Any]:
        return [each for each in self._plane.catalogue.flows() if not is_ours(each)]

    def _demand_all_as_wanted(self) -> None:
        """Demand that each thing that is wanted is there once, and nothing else of ours."""
        ours = [each for each in self._plane.catalogue.flows() if is_ours(each)]
        there = Counter(mark.name for each in ours if (mark := mark_of(each)) is not None)
        wanted = Counter(key.name for key in self._trees.flows)
        ends, wanted_ends = sum(len(each.outputs) for each in ours), len(self._trees.outputs)
        if there != wanted or ends != wanted_ends:
            raise BrokenPromiseError(f"wanted are {wanted} with {wanted_ends} outputs, and there are {there}, {ends}")


class _Repository:
    """What is committed; implements `ports.source.Source` and `Reader`."""

    name = "commits"
    is_whole = False
    proven_at = None

    def __init__(self, history: _History) -> None:
        self._history = history

    async def snapshot(self) -> Snapshot:
        """Return the last commit."""
        return Snapshot(revision=self._history.target(Mode.LOOP).revision, files=())

    def read(self, files: Sequence[ManifestFile]) -> Verdict:
        """Return what it says."""
        del files
        target = self._history.target(Mode.LOOP)
        return Verdict(findings=(), desired=target.desired, policies=target.policies)

    def watch(self, hint: asyncio.Event) -> None:
        """Do nothing: passes are made when it is their turn."""

    def wake(self) -> None:
        """Nobody watches."""

    def close(self) -> None:
        """Do nothing."""


def _approval(held: Blocked, clock: VirtualClock) -> Approval:
    if held.change is None or not isinstance(held.key, type(held.change.key)):
        raise TypeError(held)
    return Approval(
        name=f"approve-{change_id(held.change)}",
        resource=held.change.key,
        action=held.action,
        change=change_id(held.change),
        reason="it is another thing",
        expires=clock.now() + timedelta(days=1),
    )


def _told(outcome: PassOutcome) -> str:
    undone = [f"{one.result} {one.change.action} {one.change.key}: {one.why}" for one in outcome.undone]
    left = outcome.left
    held = [f"{one.key}: {one.why}" for one in left.blocked]
    waiting = [f"{one.key}: {one.why}" for one in left.waiting]
    failed = [f"{one.key}: {one.why}" for one in left.failed]
    return "\n".join(undone + held + waiting + failed)
