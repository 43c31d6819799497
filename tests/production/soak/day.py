"""A day of a reconciler in production, on a clock that is moved: what goes wrong, what it takes, and how it ends."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

from reconciler.coordination.orders import FOLDER, OrdersInDirectory
from reconciler.engine.guard.facts import Mode
from reconciler.engine.plan import Target, plan_for, read_tree
from reconciler.engine.reconcile import PassOutcome
from reconciler.journal.bounds import BATCH
from reconciler.journal.schema import FILE_NAME
from tests.fakes.journal import MemoryJournal
from tests.histories import virtual
from tests.histories.virtual import VirtualClock, VirtualLoop
from tests.production.soak.account import Account
from tests.production.soak.measuring import Footprint, footprint
from tests.production.soak.people import VIEWERS_S, Console, Operator
from tests.production.soak.processes import BOUNDS, Place, Process, world_in
from tests.production.soak.repository import Repository

HOUR_S: Final = 3600.0
MOST_BLOCKS: Final = 1000
"""By so many pieces of memory a process may grow from the first count to the last, in the same state of the world."""
BLOCKS_AN_HOUR: Final = 250
"""And by so many more an hour: the reader of manifests remembers up to 50,000 words that it has read."""
MOST_OBJECTS: Final = 100
"""So many objects of one type more, at most."""
MOST_OURS: Final = 30
"""Of a type of the product."""
MOST_RSS_BYTES: Final = 16 * 1024 * 1024
"""By so much, for what was taken for a busy moment is seldom given back; after two days it grows no more."""
MOST_ORDERS: Final = 200
"""Files in the folder of orders, at most."""
_REST_S: Final = 2 * HOUR_S
"""How long it may take until nothing is left to do, when nothing fails any more."""
_WAL_BYTES: Final = 4 * 1024 * 1024 + 64 * 1024
_TURNS: Final = 4
"""Lives before the long one, every other one killed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How long what goes on."""

    seed: int
    hours: float = 24.0
    first_h: float = 2.0
    """After so long the one process begins that lives to the end, and is measured for the first time."""
    quiet_s: float = HOUR_S
    """How long nothing may be written when nothing is left to do."""
    on_pass: Callable[[PassOutcome], None] = lambda _: None
    """Told of every pass of every process."""
    tell: Callable[[str], None] = lambda _: None
    """Told how far it is, once in a simulated hour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """How it came to rest."""

    passes: int
    """Until nothing was left to do, after the last fault."""
    after_s: float
    found: Footprint


@dataclass(slots=True)
class Seen:
    """What was seen."""

    hours: list[Footprint] = field(default_factory=list)
    """One at the end of each hour."""
    rests: list[Rest] = field(default_factory=list)
    told: Counter[str] = field(default_factory=Counter)
    """What happened, in words, and how often."""
    most: Counter[str] = field(default_factory=Counter)
    """The largest that each queue and table was."""
    wrong: list[str] = field(default_factory=list)


def play(course: Course, directory: Path) -> Seen:
    """Return what was seen on such a day."""
    return virtual.run(lambda loop: _lived(course, directory, loop))


async def _lived(course: Course, directory: Path, loop: VirtualLoop) -> Seen:
    return await _Day(course, directory, loop).run()


class Dice(Random):
    """Chances that come again with their seed."""


class _Day:
    """The world, the people in it, and the process of now."""

    def __init__(self, course: Course, directory: Path, loop: VirtualLoop) -> None:
        self._course = course
        self._clock = VirtualClock(loop)
        account = Account(Dice(f"account {course.seed}"), self._clock)
        repository = Repository(Dice(f"repository {course.seed}"))
        self._place = Place(clock=self._clock, account=account, repository=repository, state=directory)
        self._dice = Dice(f"day {course.seed}")
        self._operator = Operator(
            Dice(f"operator {course.seed}"),
            self._clock,
            repository,
            OrdersInDirectory(directory, self._clock),
            loop.call_later,
        )
        self._console = Console(Dice(f"console {course.seed}"), self._clock, account)
        self._seen = Seen()
        self._last: PassOutcome | None = None
        self._passes = 0
        self._process = self._begun()

    async def run(self) -> Seen:
        """Live through it."""
        beside = [asyncio.ensure_future(work) for work in (self._operator.work(), self._console.work(), self._live())]
        first_s = self._course.first_h * HOUR_S
        for number in range(_TURNS):
            await self._until(first_s * (number + 1) / (_TURNS + 1))
            await self._another(is_killed=number % 2 == 1)
        await self._until(first_s)
        await self._rest()
        self._go_on()
        await self._until(self._course.hours * HOUR_S)
        await self._rest()
        await self._end(is_killed=False)
        for task in beside:
            task.cancel()
        await asyncio.wait(beside)
        self._tell_of_all()
        self._judge()
        return self._seen

    async def _live(self) -> None:
        """Let viewers and sources come and go."""
        while True:
            await self._clock.sleep(self._dice.expovariate(1 / VIEWERS_S))
            if not self._operator.is_off:
                self._place.account.turn()

    async def _until(self, at_s: float) -> None:
        """Let time go by, and look at everything once in an hour."""
        while (now_s := self._clock.monotonic_s()) < at_s:
            hour_s = HOUR_S * (now_s // HOUR_S + 1)
            await self._clock.sleep(min(hour_s, at_s) - now_s)
            await self._look()

    async def _another(self, *, is_killed: bool) -> None:
        """Let the process end, and begin another one."""
        await self._end(is_killed=is_killed)
        await self._clock.sleep(self._dice.choice((0.0, 5.0, 60.0)))
        self._process = self._begun()

    async def _end(self, *, is_killed: bool) -> None:
        self._seen.told["processes killed" if is_killed else "processes stopped"] += 1
        await (self._process.kill() if is_killed else self._process.stop())
        self._compare()

    def _begun(self) -> Process:
        self._place.account.faults.meet()
        return Process(self._place, Dice(f"process {self._dice.random()}"), self._on_pass)

    def _on_pass(self, outcome: PassOutcome) -> None:
        self._passes += 1
        self._last = outcome
        self._place.account.faults.is_known = True
        self._seen.told["passes"] += 1
        self._seen.told["made beside an old output"] += sum(one.is_half for one in outcome.outcomes)
        self._course.on_pass(outcome)
        for held in outcome.left.blocked:
            self._seen.told[f"held back: {held.hold}"] += 1
            if self._operator.is_off:
                self._operator.approve(held)
            else:
                self._operator.looked_at(held)

    async def _rest(self) -> None:
        """Let nothing fail and nobody meddle, until nothing is left to do and nothing was written for a while."""
        place = self._place
        self._console.leave()
        self._operator.mend_all()
        place.account.faults.clear_up()
        place.account.go_home()
        began_s, began = self._clock.monotonic_s(), self._passes
        self._last = None
        while not self._is_at_rest():
            if self._clock.monotonic_s() - began_s > _REST_S:
                self._seen.wrong.append(f"it does not come to rest: {self._left()}")
                break
            await self._clock.sleep(1.0)
        passes, after_s = self._passes - began, self._clock.monotonic_s() - began_s
        writes = place.account.writes
        await self._clock.sleep(self._course.quiet_s)
        if place.account.writes != writes:
            self._seen.wrong.append(f"{place.account.writes - writes} writes although nothing was left to do")
        await self._demand_empty_plan()
        await self._look()
        self._process.follow_anew()
        found = footprint(self._clock.monotonic_s(), counts=True)
        self._seen.rests.append(Rest(passes=passes, after_s=after_s, found=found))

    def _go_on(self) -> None:
        """Let everybody be back, and calls fail."""
        self._place.account.faults.is_fair = False
        self._console.is_off = self._operator.is_off = False

    def _is_at_rest(self) -> bool:
        last = self._last
        if last is None or last.revision != self._place.repository.revision or last.outcomes:
            return False
        left = last.left
        return not (left.blocked or left.waiting or left.failed or left.changes)

    def _left(self) -> str:
        if self._last is None:
            return "no pass has ended"
        left = self._last.left
        told = [f"{one.key}: {one.why}" for one in left.blocked]
        told += [f"{one.key}: {one.why}" for one in left.waiting]
        return "; ".join([*told, *(f"{one.key}: {one.why}" for one in left.failed)])

    async def _demand_empty_plan(self) -> None:
        """See that a process of its own has nothing to do either."""
        place, clock = self._place, self._clock
        world = world_in(place, clock, MemoryJournal(clock), OrdersInDirectory(place.state, clock))
        target = Target.of(await read_tree(world), Mode.SHOWN)
        plan = None if target is None else await plan_for(world, target)
        if plan is None or not plan.is_empty:
            self._seen.wrong.append(f"the plan is not empty: {plan}")

    async def _look(self) -> None:
        """Compare the counters with the journal, and see how large everything is."""
        await self._process.between_passes()
        self._compare()
        now_s = self._clock.monotonic_s()
        self._seen.hours.append(footprint(now_s))
        for name, size in self._sizes().items():
            self._seen.most[name] = max(self._seen.most[name], size)
        self._course.tell(f"{now_s / HOUR_S:.1f} of {self._course.hours:g} hours, {self._passes} passes")

    def _compare(self) -> None:
        self._seen.wrong += self._process.differences()

    def _sizes(self) -> dict[str, int]:
        """Return how large each queue and table is."""
        state = self._place.state
        calls, notes = self._process.world.journal.calls(limit=10**6), self._process.world.journal.notes(limit=10**6)
        files = [path.stat().st_size for path in state.glob(f"{FILE_NAME}*")]
        return {
            "rows of calls": len(calls),
            "rows of notes": len(notes),
            "bytes of the journal": sum(files),
            "orders on disk": len(list(state.glob(f"{FOLDER}/*"))),
            "resources on the board": len(self._process.loop.board.resources()),
            "resources in the repository": len(self._place.repository.flows) + len(self._place.repository.outputs),
        }

    def _tell_of_all(self) -> None:
        account, told = self._place.account, self._seen.told
        told.update({"calls": account.calls, "calls that failed": account.failed, "writes": account.writes})
        told.update({"done by the operator": self._operator.does, "done in the console": self._console.does})
        told.update({f"fault: {kind}": count for kind, count in account.faults.met.items()})

    def _judge(self) -> None:
        """Say what is beyond its bounds."""
        wrong, most = self._seen.wrong, self._seen.most
        first, last = (rest.found for rest in self._seen.rests)
        bounds = {
            "rows of calls": BOUNDS.calls + BATCH,
            "rows of notes": BOUNDS.notes + BATCH,
            "bytes of the journal": BOUNDS.file_bytes + _WAL_BYTES,
            "orders on disk": MOST_ORDERS,
            "resources on the board": 2 * most["resources in the repository"],
        }
        wrong += [
            f"{most[name]} {name}, and {bound} are allowed" for name, bound in bounds.items() if most[name] > bound
        ]
        grown = {
            "bytes of memory": (last.rss_bytes - first.rss_bytes, MOST_RSS_BYTES),
            "descriptors": (last.descriptors - first.descriptors, 0),
            "pieces of memory": (last.blocks - first.blocks, MOST_BLOCKS + int(BLOCKS_AN_HOUR * self._course.hours)),
            **{
                f"objects {kind}": (more, MOST_OURS if kind.startswith("reconciler.") else MOST_OBJECTS)
                for kind, more in last.grown(first).items()
            },
        }
        wrong += [
            f"{more} {name} more, and {bound} are allowed" for name, (more, bound) in grown.items() if more > bound
        ]
