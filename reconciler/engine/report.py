"""What the engine says of its work: events with flat fields; `docs/events.md` promises their names to dashboards."""

from collections import Counter

import structlog

from reconciler.domain.change_ids import change_id
from reconciler.domain.changes import Action, Blocked, Change, Waiting
from reconciler.domain.conditions import Aspect, Standing, Transition
from reconciler.domain.errors import BackendError, SourceUnreadableError
from reconciler.domain.findings import Severity
from reconciler.domain.orders import Orders
from reconciler.domain.safety.tree import withheld
from reconciler.engine.apply import Outcome, Result
from reconciler.engine.news import Held, News, news_of
from reconciler.engine.plan import Tree
from reconciler.engine.reconcile import PassOutcome
from reconciler.ports.source import Revision, Snapshot

log = structlog.get_logger()


class Reporter:
    """Tells of passes; what is held back is told when it is news, not again with every pass."""

    def __init__(self) -> None:
        self._told: frozenset[News] = frozenset()
        self._withheld: frozenset[str] = frozenset()
        """Why nothing was deleted, as the last pass said."""

    def change(self, outcome: Outcome) -> None:
        """Log what became of one change; one that the guard held back is told with its pass, where that is news."""
        if outcome.result is Result.BLOCKED:
            return
        change = outcome.change
        fields = {
            "resource": str(change.key),
            "action": str(change.action),
            "impact": str(change.impact),
            "request_ids": list(outcome.request_ids),
        }
        if outcome.result is Result.DONE:
            log.info("change.applied", **fields)
        elif outcome.result is not Result.SKIPPED:
            log.warning("change.failed", **fields, why=outcome.why)
        else:
            log.warning("change.skipped", **fields, why=outcome.why)

    def pass_finished(self, outcome: PassOutcome) -> None:
        """Log one pass, and what it holds back where that is news."""
        held: list[Held] = [*outcome.left.blocked, *outcome.left.waiting, *outcome.left.failed]
        for item in held:
            if news_of(item) not in self._told:
                _held_back(item)
        # Only whoever observes leaves changes that nothing holds back.
        planned = {("planned", str(change.key), change_id(change)): change for change in outcome.left.changes}
        for news, change in planned.items():
            if news not in self._told:
                _planned(change)
        self._told = frozenset((*map(news_of, held), *planned))
        reasons = withheld(outcome.left)
        for why in reasons.keys() - self._withheld:
            log.warning("deletes.withheld", revision=outcome.revision, count=reasons[why], why=why)
        self._withheld = frozenset(reasons)
        sent = Counter(change.action for change in outcome.done)
        fields = {
            "revision": outcome.revision,
            **{f"{action}s": sent[action] for action in Action},
            "unchanged": outcome.left.unchanged,
            "blocked": len(outcome.left.blocked),
            "waiting": len(outcome.left.waiting),
            "failures": len(outcome.undone) + len(outcome.left.failed),
            "duration_s": round(outcome.duration_s, 3),
        }
        # A pass that finds nothing to do is no news: one every few seconds would hide what is.
        emit = log.warning if outcome.has_failed else log.info if outcome.done else log.debug
        emit("reconcile.pass_finished", **fields)


def _planned(change: Change) -> None:
    log.info(
        "change.planned",
        resource=str(change.key),
        action=str(change.action),
        impact=str(change.impact),
        change=change_id(change),
    )


def _held_back(item: Held) -> None:
    match item:
        case Blocked():
            named = {"resource": str(item.key), "action": str(item.action)}
            log.warning("change.blocked", **named, why=item.why, release=item.release)
        case Waiting():
            log.info("resource.delayed", resource=str(item.key), why=item.why)
        case _:
            log.warning("resource.failed", resource=str(item.key), why=item.why)


def pass_failed(error: BackendError, *, failures: int, retry_in_s: float) -> None:
    """Log a pass that could not read the backend; nothing was sent."""
    log.warning(
        "reconcile.pass_failed",
        why=str(error),
        code=error.code,
        request_id=error.request_id,
        failures=failures,
        retry_in_s=round(retry_in_s, 3),
    )


def source_unreadable(error: SourceUnreadableError) -> None:
    """Log that nothing is known of the manifests; the last good tree stays the target."""
    log.warning("tree.unreadable", why=str(error))


def turned(one: Transition) -> None:
    """Log a condition that is another one now."""
    after = one.after
    is_bad = (after.standing is Standing.TRUE) == (after.aspect is not Aspect.ON_AIR)
    emit = log.warning if is_bad else log.info
    emit(
        "condition.turned",
        resource=one.resource,
        condition=str(after.aspect),
        status=str(after.standing),
        reason=str(after.reason),
        why=after.message,
    )


def ordered(orders: Orders) -> None:
    """Log what people order beside git, when that is other than before."""
    log.warning(
        "orders.changed",
        halted=orders.halt is not None,
        why="" if orders.halt is None else orders.halt.given.reason,
        paused=[str(pause.resource) for pause in orders.pauses],
        pinned=[str(pin.resource) for pin in orders.pins],
    )


def source_behind(snapshot: Snapshot) -> None:
    """Log that the manifests are not the newest that there are."""
    log.warning("tree.behind", revision=snapshot.revision, why=snapshot.trouble)


def tree(seen: Tree, *, last_good: Revision | None) -> None:
    """Log a tree that was seen for the first time: taken as the target, or refused with its findings."""
    verdict = seen.verdict
    counts = Counter(finding.weight for finding in verdict.findings)
    fields = {
        "revision": seen.revision,
        "errors": counts[Severity.ERROR],
        "warnings": counts[Severity.WARNING],
        "findings": [str(finding) for finding in verdict.findings],
    }
    if verdict.desired is None:
        log.warning("tree.refused", **fields, last_good=last_good)
    else:
        log.info("tree.accepted", **fields, flows=len(verdict.desired.flows), outputs=len(verdict.desired.outputs))
