"""What the journal keeps of decisions: the same events as the log's, written down when they are news."""

from reconciler.domain.change_ids import change_id
from reconciler.domain.changes import Blocked, Waiting
from reconciler.domain.errors import BackendError
from reconciler.domain.findings import Severity
from reconciler.domain.safety.tree import withheld
from reconciler.engine.news import Held, News, news_of
from reconciler.engine.plan import Tree
from reconciler.engine.reconcile import PassOutcome
from reconciler.ports.journal import Journal, Note


class Recorder:
    """Notes what is held back when that begins, changes or ends, and passes that had anything to do."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._told: dict[str, set[News]] = {}
        """By the address of the resource: what holds it back."""
        self._withheld: frozenset[str] = frozenset()
        """Why nothing was deleted, as the last pass said."""

    def tree(self, seen: Tree) -> None:
        """Note a tree that was seen for the first time."""
        errors = [finding for finding in seen.verdict.findings if finding.weight is Severity.ERROR]
        kind = "tree.refused" if seen.verdict.desired is None else "tree.accepted"
        why = str(errors[0]) if errors else ""
        self._journal.note(Note(kind=kind, revision=seen.revision, why=why, fields={"errors": len(errors)}))

    def pass_finished(self, outcome: PassOutcome, *, pass_id: str, next_in_s: float | None = None) -> None:
        """Note a pass: what it holds back where that is news, what is ready again, and its totals where it did any."""
        held: list[Held] = [*outcome.left.blocked, *outcome.left.waiting, *outcome.left.failed]
        now: dict[str, set[News]] = {}
        for item in held:
            now.setdefault(str(item.key), set()).add(news_of(item))
        news = [item for item in held if news_of(item) not in self._told.get(str(item.key), ())]
        self._note_withheld(outcome, pass_id)
        for item in news:
            self._journal.note(_note(item, outcome, pass_id))
        for undone in outcome.undone:
            note = Note(
                kind=f"change.{undone.result}",
                resource=str(undone.change.key),
                why=undone.why,
                pass_id=pass_id,
                revision=outcome.revision,
                fields={"action": str(undone.change.action), "change": change_id(undone.change)},
            )
            self._journal.note(note)
        ready = [address for address in self._told if address not in now]
        for address in ready:
            self._journal.note(
                Note(kind="resource.ready", resource=address, pass_id=pass_id, revision=outcome.revision)
            )
        self._told = now
        if news or ready or outcome.outcomes:
            self._journal.note(_totals(outcome, pass_id, next_in_s))

    def _note_withheld(self, outcome: PassOutcome, pass_id: str) -> None:
        reasons = withheld(outcome.left)
        for why in reasons.keys() - self._withheld:
            fields = {"count": reasons[why]}
            self._journal.note(
                Note(kind="deletes.withheld", why=why, pass_id=pass_id, revision=outcome.revision, fields=fields)
            )
        self._withheld = frozenset(reasons)

    def pass_failed(self, error: BackendError, *, failures: int, next_in_s: float) -> None:
        """Note a pass that could not read the backend."""
        fields: dict[str, str | int | float | bool] = {
            "failures": failures,
            "next_in_s": round(next_in_s, 3),
            "code": error.code,
        }
        self._journal.note(Note(kind="pass.failed", why=str(error), fields=fields))


def _kind(item: Held) -> str:
    if isinstance(item, Blocked):
        return "change.blocked"
    return "change.waiting" if isinstance(item, Waiting) else "change.failed"


def _note(item: Held, outcome: PassOutcome, pass_id: str) -> Note:
    fields: dict[str, str | int | float | bool] = {}
    if isinstance(item, Blocked):
        fields = {"action": str(item.action), "hold": str(item.hold)}
        if item.change is not None:
            fields["change"] = change_id(item.change)
        if item.release:
            fields["release"] = item.release
    return Note(
        kind=_kind(item),
        resource=str(item.key),
        why=item.why,
        pass_id=pass_id,
        revision=outcome.revision,
        fields=fields,
    )


def _totals(outcome: PassOutcome, pass_id: str, next_in_s: float | None) -> Note:
    fields: dict[str, str | int | float | bool] = {
        "done": len(outcome.done),
        "blocked": len(outcome.left.blocked),
        "waiting": len(outcome.left.waiting),
        "failed": len(outcome.undone) + len(outcome.left.failed),
        "unchanged": outcome.left.unchanged,
        "duration_s": round(outcome.duration_s, 3),
    }
    if next_in_s is not None:
        fields["next_in_s"] = round(next_in_s, 3)
    return Note(kind="pass.finished", pass_id=pass_id, revision=outcome.revision, fields=fields)
