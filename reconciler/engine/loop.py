"""
The loop: when to pass.

An event only wakes the loop; truth is a snapshot, taken on a hint and on a timer. A pass follows when the tree has
changed, when the last one failed (after a pause that grows), and now and then to mend what drifted. A tree that does
not validate changes nothing: the last good one stays the target until it is mended.
"""

import asyncio
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import structlog

from reconciler.domain.errors import BackendError, CredentialsRefusedError, SourceUnreadableError, UnavailableError
from reconciler.engine.airing import Patrol
from reconciler.engine.apply import Outcome, Result, Terms
from reconciler.engine.backoff import pause_s
from reconciler.engine.board import StatusBoard
from reconciler.engine.cutting import CutError, unless
from reconciler.engine.guard.facts import Mode
from reconciler.engine.plan import Target, Tree, judge
from reconciler.engine.reconcile import PassOutcome, passing, reconcile
from reconciler.engine.telling import Teller
from reconciler.engine.trials import Trials
from reconciler.engine.world import World
from reconciler.ports.source import Revision
from reconciler.ports.status import Phase

log = structlog.get_logger()

TRIAL_PASS_S: Final = 10.0
"""Between two passes while something is on trial."""
STOP_S: Final = 30.0
"""How long a stop waits for the call in flight; what is not known then is written down as unknown, and looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """When the loop looks and passes."""

    debounce_s: float = 0.1
    """Quiet that must follow a hint: editors and checkouts write several files."""
    max_wait_s: float = 2.0
    """Longest wait for that quiet."""
    rescan_s: float = 10.0
    """Between two looks at the manifests without a hint; hints get lost."""
    observe_s: float = 60.0
    """Between two passes without a reason: the longest that drift goes unseen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watcher:
    """What the loop needs besides the world, and whom it tells."""

    jitter: Callable[[], float]
    """Returns a random number, 0 <= number < 1."""
    on_pass: Callable[[PassOutcome], None] = lambda _: None
    """Told of every finished pass."""


class Loop:
    """One reconciler at work; `run` it once, `stop` it from a signal handler."""

    def __init__(
        self,
        world: World,
        timing: Timing,
        watcher: Watcher,
        *,
        board: StatusBoard | None = None,
        observes: bool = False,
    ) -> None:
        """
        Prepare to work; nothing is read yet.

        Args:
            world: the ports.
            timing: when to look and pass.
            watcher: whom to tell.
            board: where what is true now is written; None for a new one. What the loop before it aimed at is kept to
                until a tree without errors has been read.
            observes: whether nothing is ever sent.

        """
        self._world = world
        self._mode = Mode.OBSERVE if observes else Mode.LOOP
        self._timing = timing
        self._watcher = watcher
        self._wake = asyncio.Event()
        """Set for whatever ends a rest: a hint, an order, a stop."""
        self._hint = _Hint(self._wake)
        self._stopping = asyncio.Event()
        self._cut = asyncio.Event()
        self._good: Target | None = None
        self._seen = Revision("")
        self._failures = 0
        self._reached = False
        self._look_at_s = -math.inf
        self._pass_at_s = math.inf
        self._is_owed = False
        """Whether another pass was asked for since the last one began."""
        self._teller = Teller(world, board=board, observes=observes)
        self._trials = Trials(world, self._pass_again)
        if self.board.target is not None:
            self._good, self._pass_at_s = self.board.target, -math.inf

    @property
    def board(self) -> StatusBoard:
        """Return where what is true now is written."""
        return self._teller.board

    def stop(self) -> None:
        """Ask the loop to end: reading ends at once, the call in flight is waited for, nothing more is sent."""
        self._stopping.set()
        self._wake.set()

    async def run(self) -> None:
        """
        Keep the backend as the manifests say, until `stop`.

        Raises:
            CredentialsRefusedError: the account has not accepted us even once.

        """
        self._world.source.watch(self._hint)
        log.info("loop.started", source=self._world.source.name, backend=self._world.backend.name)
        patrol = Patrol(self._world, self.board, self._trials, tell=self._teller.turned, on_step=self._look_at_orders)
        beside = [asyncio.create_task(self._lose_patience()), asyncio.create_task(patrol.run())]
        try:
            while not self._stopping.is_set():
                _demand_alive(beside)
                await self._turn()
                await self._rest()
        except CutError:
            # Whoever stops it while it reads waits for nobody.
            pass
        except Exception as error:
            log.error("loop.ended", kind=type(error).__name__)  # noqa: TRY400 -- a traceback may quote secrets
            raise
        finally:
            for task in beside:
                task.cancel()
            await asyncio.wait(beside)
            self._world.source.close()
        log.info("loop.stopped")

    async def _lose_patience(self) -> None:
        """Stop waiting for the call in flight when a stop has lasted long enough."""
        await self._stopping.wait()
        self.board.turn(Phase.STOPPING)
        await self._world.clock.sleep(STOP_S)
        self._cut.set()

    async def _turn(self) -> None:
        """Look at the manifests, and pass when there is a reason to."""
        self.board.turn(Phase.LOOKING)
        await self._look()
        self.board.proven(self._world.source.proven_at)
        self._look_at_s = self._now_s() + self._timing.rescan_s
        if self._good is not None and self._now_s() >= self._pass_at_s:
            self.board.turn(Phase.PASSING)
            self._is_owed = False
            # What is ordered by now, this pass keeps to; what is ordered from now on asks for another one.
            self._teller.ordered()
            await self._pass(self._good)

    async def _rest(self) -> None:
        """Wait for a hint, an order or the next timer; after a hint, for quiet."""
        self.board.turn(Phase.RESTING)
        # Without a target there is nothing to pass for, whatever was ordered: that waits for the first tree.
        pass_at_s = math.inf if self._good is None else self._pass_at_s
        pause = max(0.0, min(self._look_at_s, pass_at_s) - self._now_s())
        if not await self._world.clock.wait(self._wake, pause):
            return
        self._wake.clear()
        if not self._hint.is_set():
            # Nothing was written that could still be half of something.
            return
        self._hint.clear()
        self.board.hinted()
        until_s = self._now_s() + self._timing.max_wait_s
        if self._world.source.is_whole:
            return
        while not self._stopping.is_set() and (left_s := until_s - self._now_s()) > 0:
            if not await self._world.clock.wait(self._wake, min(self._timing.debounce_s, left_s)):
                break
            self._wake.clear()
            self._hint.clear()

    async def _look(self) -> None:
        """Learn what the manifests say; a tree that has not changed is not news."""
        try:
            snapshot = await unless(self._stopping, self._world.source.snapshot())
        except SourceUnreadableError as error:
            self._teller.unreadable(error)
            return
        self._teller.looked(snapshot)
        if snapshot.revision != self._seen:
            self._seen = snapshot.revision
            self._take(judge(snapshot, self._world.reader))

    def _take(self, tree: Tree) -> None:
        """Make a tree the target, unless it has errors; then the last good one stays."""
        target = Target.of(tree, self._mode)
        self._teller.tree(tree, target)
        if target is None:
            return
        self._good = target
        self._failures = 0
        self._next_pass_in(0)

    async def _pass(self, good: Target) -> None:
        with passing(self._world, good) as target:
            try:
                outcome = await reconcile(self._world, target, terms=self._terms())
            except CredentialsRefusedError as error:
                if not self._reached:
                    raise
                self._retry(error, target)
            except BackendError as error:
                self._retry(error, target)
            else:
                self._finish(outcome, target)

    def _terms(self) -> Terms:
        """Return terms under which a stop, and a hint or an order once something has failed, end a pass early."""
        failed = asyncio.Event()

        def hold() -> str:
            if self._stopping.is_set():
                return "not sent, because the loop is stopping"
            if failed.is_set() and self._hint.is_set():
                return "not sent, because something has failed and the manifests seem to have changed"
            if failed.is_set() and self._is_owed:
                return "not sent, because something has failed and something else was ordered meanwhile"
            return ""

        def on_outcome(outcome: Outcome) -> None:
            self._teller.change(outcome)
            self._trials.ended(outcome)
            if outcome.result is Result.FAILED:
                failed.set()

        return Terms(
            hold=hold,
            prepare=self._trials.prepare,
            on_begin=self._trials.begin,
            on_outcome=on_outcome,
            cut=self._cut,
            stop=self._stopping,
        )

    def _retry(self, error: BackendError, target: Target) -> None:
        left_alone_s = error.retry_in_s if isinstance(error, UnavailableError) else None
        if left_alone_s is None:
            self._failures += 1
            pause = pause_s(self._failures, jitter=self._watcher.jitter())
        else:
            # Nothing was sent, so nothing has failed once more; a new revision waits no longer than for the breaker.
            pause = left_alone_s + pause_s(1, jitter=self._watcher.jitter())
        pause = self._next_pass_in(pause)
        self._teller.pass_failed(error, target, failures=self._failures, retry_in_s=pause)

    def _finish(self, outcome: PassOutcome, target: Target) -> None:
        self._reached = True
        self._failures = self._failures + 1 if outcome.has_failed else 0
        pause = self._timing.observe_s
        if outcome.has_failed:
            pause = min(pause, pause_s(self._failures, jitter=self._watcher.jitter()))
        self._trials.sweep(target.desired)
        if self._trials.wants_reading:
            # What was made anew is known by its new id only after another reading.
            pause = min(pause, TRIAL_PASS_S)
        if outcome.continues_in_s is not None:
            pause = min(pause, outcome.continues_in_s)
        self._teller.passed(outcome, target, next_in_s=self._next_pass_in(pause))
        self._watcher.on_pass(outcome)

    def _look_at_orders(self) -> None:
        """Pass at once when people have ordered something else, or what they ordered is over."""
        if self._teller.ordered():
            self._pass_again()

    def _pass_again(self) -> None:
        """Pass as soon as the pass that is under way, if any, has ended."""
        self._is_owed = True
        self._next_pass_in(0)
        self._wake.set()

    def _next_pass_in(self, wait_s: float) -> float:
        """Pass after so long, or at once where that was asked for meanwhile; return which."""
        wait_s = 0.0 if self._is_owed else wait_s
        self._pass_at_s = self._now_s() + wait_s
        self.board.due(self._pass_at_s)
        return wait_s

    def _now_s(self) -> float:
        return self._world.clock.monotonic_s()


class _Hint(asyncio.Event):
    """Set by the source; whoever rests is woken by it, and can tell it from an order."""

    def __init__(self, wake: asyncio.Event) -> None:
        super().__init__()
        self._wake = wake

    def set(self) -> None:
        """Say that the manifests may have changed."""
        super().set()
        self._wake.set()


def _demand_alive(tasks: Iterable["asyncio.Task[None]"]) -> None:
    """Let a bug beside the loop end the loop as one of its own would."""
    for task in tasks:
        if task.done() and not task.cancelled():
            task.result()
