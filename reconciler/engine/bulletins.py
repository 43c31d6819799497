"""Bulletins: what a pass, or a look at the manifests, is told to people and forges as."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from reconciler.domain.changes import Hold
from reconciler.domain.conditions import Transition
from reconciler.domain.errors import BackendError
from reconciler.domain.findings import Severity
from reconciler.domain.order_words import BY_ITSELF, pinned
from reconciler.domain.orders import Pin
from reconciler.engine.board import StatusBoard
from reconciler.engine.plan import Target, Tree
from reconciler.engine.reconcile import PassOutcome
from reconciler.ports.clock import Clock
from reconciler.ports.notifier import Bulletin, Held, Stage

MOST_FINDINGS: Final = 50
"""Of a refused tree; whoever mends one sees the rest in the pull request."""

_SOON: Final = frozenset({Hold.AGAIN, Hold.TWIN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Bulletins:
    """Writes bulletins of one reconciler."""

    clock: Clock
    source: str
    """As the source names itself."""
    backend: str
    """As the backend names itself."""

    def of_tree(self, seen: Tree) -> Bulletin:
        """Return what is told of a tree that has errors, and changes nothing."""
        # What refuses it comes first: whoever reads only the beginning must not take a warning for the reason.
        worst_first = sorted(seen.verdict.findings, key=lambda finding: finding.weight is not Severity.ERROR)
        findings = tuple(map(str, worst_first[:MOST_FINDINGS]))
        return Bulletin(
            at=self.clock.now(),
            source=self.source,
            backend=self.backend,
            revision=seen.revision,
            stage=Stage.REFUSED,
            findings=findings,
        )

    def of_unread(self, error: BackendError, target: Target) -> Bulletin:
        """Return what is told of a pass that could not read the backend."""
        return Bulletin(
            at=self.clock.now(),
            source=self.source,
            backend=self.backend,
            revision=target.revision,
            stage=Stage.FAILED,
            pass_id=target.pass_id,
            unreadable=str(error),
        )

    def of_pass(
        self, outcome: PassOutcome, news: Sequence[Transition], board: StatusBoard, pins: Sequence[Pin], *, pass_id: str
    ) -> Bulletin:
        """Return what is told of a pass, and of what is on the board after it."""
        return Bulletin(
            at=self.clock.now(),
            source=self.source,
            backend=self.backend,
            revision=outcome.revision,
            stage=stage_of(outcome, pins),
            seen=board.vitals().seen,
            resources=frozenset(map(str, board.keys())),
            pass_id=pass_id,
            transitions=tuple(news),
            held=(*_held(outcome), *(Held(resource=str(pin.resource), why=pinned(pin)) for pin in pins)),
            done=len(outcome.done),
        )


def _held(outcome: PassOutcome) -> Iterator[Held]:
    """Yield everything that is not as the revision says, with why."""
    yield from (Held(resource=str(item.key), why=item.why, release=item.release) for item in outcome.left.blocked)
    yield from (Held(resource=str(item.key), why=item.why) for item in outcome.left.failed)
    yield from (Held(resource=str(item.key), why=item.why) for item in outcome.left.waiting)
    yield from (Held(resource=str(one.change.key), why=one.why) for one in outcome.undone)


def stage_of(outcome: PassOutcome, pins: Sequence[Pin]) -> Stage:
    """Return what has become of the revision as a whole, as one pass and the pins that are in force left it."""
    left = outcome.left
    if outcome.undone or left.failed or outcome.refused is not None:
        return Stage.FAILED
    if any(pin.given.author == BY_ITSELF for pin in pins):
        # It took something off air, and was overruled for that.
        return Stage.FAILED
    if left.waiting or left.changes or any(one.is_half for one in outcome.outcomes):
        return Stage.PENDING
    if any(item.hold in _SOON for item in left.blocked):
        return Stage.PENDING
    return Stage.BLOCKED if left.blocked or pins else Stage.APPLIED
