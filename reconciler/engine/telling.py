"""Telling: what happens is written into the log, the journal and onto the board, counted, and told to whoever asked."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from reconciler.domain.conditions import Aspect, Transition
from reconciler.domain.errors import BackendError, SourceUnreadableError
from reconciler.domain.findings import Severity
from reconciler.domain.model import Key
from reconciler.domain.orders import Orders
from reconciler.engine import report
from reconciler.engine.apply import Outcome, Result
from reconciler.engine.board import StatusBoard
from reconciler.engine.bulletins import Bulletins, stage_of
from reconciler.engine.pinning import in_force
from reconciler.engine.plan import Target, Tree
from reconciler.engine.reconcile import PassOutcome
from reconciler.engine.record import Recorder
from reconciler.engine.world import World
from reconciler.ports.notifier import Bulletin, Stage
from reconciler.ports.source import Revision, Snapshot
from reconciler.ports.status import Phase, Vitals
from reconciler.ports.telemetry import ChangeMade, PassMade

_LOGGED: Final = frozenset({Aspect.ON_AIR, Aspect.DRIFTED, Aspect.STALLED})
"""What has no event of its own already."""
_FINAL: Final = frozenset({Result.DONE, Result.BLOCKED})
"""What no later round of the pass tries again."""


class Teller:
    """Tells of passes and of the manifests, each thing once; one for as long as a process lives."""

    def __init__(self, world: World, *, board: StatusBoard | None = None, observes: bool = False) -> None:
        """
        Begin to tell.

        Args:
            world: the ports.
            board: where what is true now is written; None for a new one.
            observes: whether nothing is ever sent.

        """
        self._world = world
        self._reporter = report.Reporter()
        self._recorder = Recorder(world.journal)
        self._bulletins = Bulletins(clock=world.clock, source=world.source.name, backend=world.backend.name)
        self._source_trouble = ""
        """What the source said at the last look."""
        self._refused = (Revision(""), "")
        """The newest revision that has errors, and the trouble that it is for as long as it is the newest."""
        self._told: tuple[Revision, Stage] | None = None
        self._unread = False
        self._resources = 0
        self._orders = Orders()
        self.board = board or board_of(world, observes=observes)
        self.board.named(source=world.source.name, backend=world.backend.name)

    def looked(self, snapshot: Snapshot) -> None:
        """Tell of a look at the manifests, where it shows that they are behind."""
        if snapshot.trouble and snapshot.trouble != self._source_trouble:
            report.source_behind(snapshot)
        self._source_trouble = snapshot.trouble
        self._looked(snapshot.revision)

    def unreadable(self, error: SourceUnreadableError) -> None:
        """Tell that the manifests cannot be read, once a reason."""
        if str(error) != self._source_trouble:
            report.source_unreadable(error)
        self._source_trouble = str(error)
        self._looked(Revision(self.board.vitals().seen))

    def tree(self, seen: Tree, target: Target | None) -> None:
        """Tell of a tree that is seen for the first time: it is the target from now on, or has errors."""
        good = self.board.vitals().revision
        report.tree(seen, last_good=Revision(good) if good else None)
        self._recorder.tree(seen)
        if target is not None:
            self._refused = (Revision(""), "")
            self._looked(seen.revision)
            self.board.aimed(target)
            return
        errors = sum(finding.weight is Severity.ERROR for finding in seen.verdict.findings)
        stays = f"; {good[:12]} stays the target" if good else "; there is no target yet"
        counted = f"{errors} error{'s' * (errors != 1)}"
        self._refused = (seen.revision, f"revision {seen.revision[:12]} has {counted} and changes nothing{stays}")
        self._looked(seen.revision)
        self._notify(self._bulletins.of_tree(seen))

    def ordered(self) -> bool:
        """Tell what people order beside git, where that is other than when it was last told; return whether it is."""
        before, self._orders = self._orders, self._world.guard.orders.read()
        # Trials are nobody's orders.
        is_other = replace(before, trials=()) != replace(self._orders, trials=())
        if is_other:
            report.ordered(self._orders)
            self.board.ordered(self._orders)
        return is_other

    def change(self, outcome: Outcome) -> None:
        """Tell what became of one change, as it comes."""
        self._reporter.change(outcome)
        # What replaces something is counted once, when the old one is gone; what failed, when the pass is over: it may
        # be tried again in that.
        if not outcome.is_half and outcome.result in _FINAL:
            self._count(outcome)

    def _count(self, outcome: Outcome) -> None:
        held = outcome.held
        self._world.telemetry.change_made(
            ChangeMade(
                kind=str(outcome.change.key).partition("/")[0],
                action=str(outcome.change.action),
                result=str(outcome.result),
                reason="" if held is None else str(held.hold),
            )
        )

    def passed(self, outcome: PassOutcome, target: Target, *, next_in_s: float | None = None) -> None:
        """Tell what a pass did, and what it left."""
        facts = self._world.guard.facts
        self._reporter.pass_finished(outcome)
        self._recorder.pass_finished(outcome, pass_id=facts.pass_id, next_in_s=next_in_s)
        for undone in outcome.undone:
            self._count(undone)
        self._world.telemetry.pass_made(PassMade(result=_result_of(outcome), duration_s=outcome.duration_s))
        orders = in_force(self._world.guard.ordered(target.policies), target.desired)
        news = self.board.passed(outcome, target, orders, drifted=self._drifted(outcome))
        self.turned(news)
        is_other = self._is_other(outcome, orders)
        if news or outcome.done or self._unread or is_other:
            self._notify(self._bulletins.of_pass(outcome, news, self.board, orders.pins, pass_id=facts.pass_id))
        self._unread = False

    def pass_failed(self, error: BackendError, target: Target, *, failures: int, retry_in_s: float) -> None:
        """Tell of a pass that could not read the backend; nothing was sent."""
        report.pass_failed(error, failures=failures, retry_in_s=retry_in_s)
        self._recorder.pass_failed(error, failures=failures, next_in_s=retry_in_s)
        self._world.telemetry.pass_made(PassMade(result="unreadable", duration_s=0.0))
        self.board.unread(error, failures=failures)
        self._unread = True
        self._world.notifier.tell(self._bulletins.of_unread(error, target))

    def turned(self, news: Iterable[Transition]) -> None:
        """Log what became another standing and has no event of its own."""
        for turned in news:
            if turned.aspect in _LOGGED and turned.before is not None:
                report.turned(turned)

    def _drifted(self, outcome: PassOutcome) -> Iterator[Key]:
        """Yield what somebody else has changed, and is not put right."""
        left = [item.change for item in outcome.left.blocked if item.change is not None]
        left += [one.change for one in outcome.undone] + list(outcome.left.changes)
        yield from (change.key for change in left if self._world.guard.is_drift(change))

    def _is_other(self, outcome: PassOutcome, orders: Orders) -> bool:
        """Return whether the revision has come further, or there are other resources than when it was last told."""
        before, self._resources = self._resources, len(self.board.keys())
        return (outcome.revision, stage_of(outcome, orders.pins)) != self._told or before != self._resources

    def _looked(self, seen: Revision) -> None:
        """Write on the board what was seen, with all that is wrong: each look tells of the source alone."""
        revision, why = self._refused
        refusal = why if seen == revision else ""
        self.board.looked(seen=seen, trouble="; ".join(filter(None, (self._source_trouble, refusal))))

    def _notify(self, bulletin: Bulletin) -> None:
        self._told = Revision(bulletin.revision), bulletin.stage
        self._world.notifier.tell(bulletin)


def board_of(world: World, *, observes: bool) -> StatusBoard:
    """Return a board on which nothing stands yet."""
    vitals = Vitals(
        phase=Phase.STARTING,
        phase_s=0.0,
        source=world.source.name,
        backend=world.backend.name,
        owner=str(world.owner),
        observes=observes,
        started_at=world.clock.now(),
    )
    return StatusBoard(world.clock, vitals)


def _result_of(outcome: PassOutcome) -> str:
    if outcome.has_failed:
        return "failed"
    return "blocked" if outcome.left.blocked else "done"
