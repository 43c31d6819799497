"""One process of the reconciler: the real loop on a real journal and real orders, until it is stopped or killed."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Final

from reconciler.coordination.orders import OrdersInDirectory
from reconciler.engine.guard import Guard
from reconciler.engine.loop import Loop, Timing, Watcher
from reconciler.engine.reconcile import PassOutcome
from reconciler.engine.world import World
from reconciler.journal.bounds import Bounds
from reconciler.journal.schema import FILE_NAME
from reconciler.journal.sqlite import SqliteJournal
from reconciler.manifests.reader import ManifestReader
from reconciler.manifests.writing import ManifestWriter
from reconciler.ports.clock import Clock
from reconciler.ports.journal import Journal
from reconciler.ports.notifier import Bulletin
from reconciler.ports.orders import OrderBook
from reconciler.ports.status import Phase
from tests.builders import US
from tests.histories.lives import KilledError, Life, LivingClock, LivingJournal
from tests.histories.virtual import VirtualClock
from tests.production.soak.account import Account
from tests.production.soak.counting import Counters, Ledger
from tests.production.soak.repository import Repository
from tests.unit.engine.worlds import MemoryVault, keeper

BOUNDS: Final = Bounds(calls=2000, notes=4000, file_bytes=2 * 1024 * 1024)
"""More than an hour writes, and far less than a day does: so the bounds are kept, and each hour can be counted."""
_UNWRITTEN: Final = {("change", "blocked"), *(("pass", result) for result in ("done", "failed", "blocked"))}
"""What the journal keeps only when it is news."""
_END_S: Final = 120.0
"""How long a process that is asked to end may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What outlives a process."""

    clock: VirtualClock
    account: Account
    repository: Repository
    state: Path


def world_in(place: Place, clock: Clock, journal: Journal, orders: OrderBook) -> World:
    """Return the world of a process there."""
    return World(
        source=place.repository,
        reader=ManifestReader(),
        pin_reader=ManifestReader(),
        writer=ManifestWriter(),
        vault=MemoryVault(),
        backend=place.account,
        clock=clock,
        journal=journal,
        guard=Guard(keeper(place.account, clock, journal, orders=orders)),
        owner=US,
    )


@dataclass(slots=True)
class Told:
    """Implements `ports.notifier.Notifier`: counts what it is told."""

    bulletins: int = 0

    def tell(self, bulletin: Bulletin) -> None:
        """Count it."""
        del bulletin
        self.bulletins += 1


class Process:
    """A reconciler at work."""

    def __init__(self, place: Place, dice: Random, on_pass: Callable[[PassOutcome], None]) -> None:
        self.counters = Counters()
        self.notifier = Told()
        self.followed = 0
        """Turns of the board that somebody read as they came."""
        self._place = place
        self._dice = dice
        self._life = Life(0)
        self._journal = SqliteJournal(place.state / FILE_NAME, place.clock, most=BOUNDS)
        self.ledger = Ledger(self._journal)
        self.ledger.read_on()
        self.ledger.told.clear()
        self.world = self._a_world()
        self.loop = Loop(self.world, Timing(), Watcher(jitter=dice.random, on_pass=on_pass))
        self.task = asyncio.ensure_future(self.loop.run())
        self._reading = asyncio.ensure_future(self._read())
        self._lagging = contextlib.ExitStack()
        self.follow_anew()

    @property
    def is_dead(self) -> bool:
        """Return whether it was killed."""
        return bool(self._life.died_at)

    async def stop(self) -> None:
        """Ask it to end, and wait until it has."""
        self.loop.stop()
        async with asyncio.timeout(_END_S):
            await self.task
        await self._let_go()

    async def kill(self) -> None:
        """Let it die at one of the next points at which it waits or writes."""
        self._life.points_left = self._dice.randint(1, 40)
        async with asyncio.timeout(_END_S):
            with contextlib.suppress(KilledError, BaseExceptionGroup):
                await asyncio.shield(self.task)
        await self._let_go()

    def follow_anew(self) -> None:
        """Let whoever follows the board and never reads begin once more: what is kept for him is full after a while."""
        self._lagging.close()
        self._lagging.enter_context(self.loop.board.follow())

    async def between_passes(self) -> None:
        """Wait until no pass is under way, so that what was counted can be compared with what is written."""
        while self.loop.board.vitals().phase is Phase.PASSING:
            if self.task.done():
                self.task.result()
            await self._place.clock.sleep(0.01)

    def differences(self) -> Iterator[str]:
        """Yield where the counters and the journal do not agree about what this process did since the last time."""
        self.ledger.read_on()
        told, written = self.counters.told, self.ledger.told
        for kind in sorted({*told, *written}):
            if kind not in _UNWRITTEN and told[kind] != written[kind] and not self.is_dead:
                yield f"{' '.join(kind)}: {told[kind]} were counted, {written[kind]} are in the journal"
        told.clear()
        written.clear()

    async def _let_go(self) -> None:
        """Close what the kernel closes when a process ends."""
        self._reading.cancel()
        await asyncio.wait({self._reading})
        self._lagging.close()
        self.ledger.read_on()
        self._journal.close()

    async def _read(self) -> None:
        with self.loop.board.follow() as news:
            while True:
                self.followed += len(await news.next())

    def _a_world(self) -> World:
        place = self._place
        clock, journal = LivingClock(place.clock, self._life), LivingJournal(self._journal, self._life)
        orders = OrdersInDirectory(place.state, clock)
        world = world_in(place, clock, journal, orders)
        return replace(world, notifier=self.notifier, telemetry=self.counters)
