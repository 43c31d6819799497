"""One history: a tree, an account with viewers, and a reconciler that is started, killed and started again."""

import contextlib
from collections.abc import Callable, Iterator
from random import Random
from typing import Final

from reconciler.domain.changes import Change, Create, FlowAt, Plan, Start
from reconciler.domain.errors import BackendError
from reconciler.domain.impact import EditRules
from reconciler.domain.model import FlowState, OutputKey
from reconciler.domain.safety.limits import Limits
from reconciler.engine.apply import Outcome, Terms
from reconciler.engine.guard import Guard
from reconciler.engine.guard.facts import Keeper, Mode
from reconciler.engine.plan import Target
from reconciler.engine.reconcile import PassOutcome, carry_out, reconcile
from reconciler.engine.world import World
from reconciler.manifests.reader import ManifestReader
from reconciler.manifests.writing import ManifestWriter
from reconciler.ports.source import Revision
from tests.builders import US
from tests.fakes.journal import MemoryJournal
from tests.onair import trees
from tests.onair.people import People
from tests.onair.releases import Book
from tests.onair.stage import Log, Stage
from tests.onair.trees import Tree
from tests.onair.virtual import VirtualClock
from tests.unit.engine.worlds import MemoryReader, MemorySource, MemoryVault
from tests.unit.engine.worlds import keeper as keeper_of

LIMITS: Final = Limits(twin_deadline_s=12.0, settling_s=12.0)
"""Those of the product, but for what would only make a history longer."""

MakeGuard = Callable[[Keeper], Guard]


class Dice(Random):
    """Chances that come again with their seed."""


class Story:
    """What is going on in one history."""

    def __init__(self, seed: int, make_guard: MakeGuard = Guard) -> None:
        self.rng = Dice(seed)
        self.clock = VirtualClock()
        self.log = Log()
        self.stage = Stage(self.rng, self.clock, self.rng.choice(list(EditRules)), self.log)
        self.stage.is_approved = lambda change: self.book.approves(change, now=self.clock.now())
        self.stage.legs = self._legs
        self.people = People(self.stage, self.clock, self.rng)
        self.journal = MemoryJournal(self.clock)
        self.source = MemorySource()
        self.book = Book()
        self.tree = trees.first(self.rng)
        self.revision = 0
        self._make_guard = make_guard
        self.world = self._a_world()
        self.write(self.tree)

    def set_up(self) -> None:
        """Put on the account what the first tree says."""
        for flow in self.tree.flows:
            at = FlowAt(flow.spec.region, flow.live_name)
            self.stage.put(Create(key=flow.key, at=at, wanted=flow))
            for output in self.tree.of(flow):
                self.stage.put(Create(key=output.key, at=at, wanted=output))
            if flow.spec.state is FlowState.RUNNING:
                self.stage.put(Start(key=flow.key, at=at))

    def write(self, tree: Tree) -> None:
        """Commit a tree."""
        self.revision += 1
        self.tree = tree
        self.source.trees[str(self.revision)] = tree.desired
        self.source.current = str(self.revision)

    def restart(self, *, keeps_journal: bool) -> None:
        """Kill the reconciler, and start another one."""
        if not keeps_journal:
            self.journal = MemoryJournal(self.clock)
        self.world = self._a_world()

    def target(self, mode: Mode) -> Target:
        """Return what a pass is to reach."""
        return Target(
            revision=Revision(str(self.revision)), desired=self.tree.desired, policies=self.book.policies, mode=mode
        )

    async def a_pass(self, mode: Mode, *, plan: Plan | None = None, target: Target | None = None) -> PassOutcome | None:
        """Return what became of a pass; None where the account could not be read."""
        self.stage.under_way.clear()
        terms = Terms(on_begin=self._begins, on_outcome=self._ends)
        aim = target or self.target(mode)
        with contextlib.suppress(BackendError):
            if plan is not None:
                return await carry_out(self.world, aim, plan, terms=terms)
            return await reconcile(self.world, aim, terms=terms)
        return None

    def _legs(self) -> Iterator[frozenset[OutputKey]]:
        groups = {output.care.redundancy_group for output in self.tree.outputs} - {""}
        for group in groups:
            yield frozenset(each.key for each in self.tree.outputs if each.care.redundancy_group == group)

    def _begins(self, change: Change) -> None:
        self.stage.under_way[change.key.flow_key] = change

    def _ends(self, outcome: Outcome) -> None:
        self.stage.under_way.pop(outcome.change.key.flow_key, None)

    def _a_world(self) -> World:
        keeper = keeper_of(self.stage, self.clock, self.journal, limits=LIMITS)
        return world_of(keeper, self.source, guard=self._make_guard(keeper))


def world_of(keeper: Keeper, source: MemorySource, *, guard: Guard) -> World:
    """Return the world of what a guard works with."""
    return World(
        source=source,
        reader=MemoryReader(source),
        pin_reader=ManifestReader(),
        writer=ManifestWriter(),
        vault=MemoryVault(),
        backend=keeper.backend,
        clock=keeper.clock,
        journal=keeper.journal,
        guard=guard,
        owner=US,
    )
