"""What is written down of the releases that let a change pass: who gave them, and why."""

from reconciler.domain.changes import Change
from reconciler.domain.policies import Approval, Limit, Override
from reconciler.engine.guard.facts import Facts
from reconciler.ports.journal import Journal, Note


def note_approval(journal: Journal, approval: Approval, change: Change, facts: Facts) -> None:
    """Write down who approved of a change."""
    fields = {"action": str(change.action), "change": approval.change, "name": approval.name}
    journal.note(
        Note(
            kind="approval.used",
            resource=str(change.key),
            why=approval.reason,
            pass_id=facts.pass_id,
            revision=facts.revision,
            fields=fields,
        )
    )


def note_override(journal: Journal, override: Override, limit: Limit, change: Change, facts: Facts) -> None:
    """Write down which limit an override lifted for a change."""
    fields = {"action": str(change.action), "lifts": str(limit), "name": override.name}
    journal.note(
        Note(
            kind="override.used",
            resource=str(change.key),
            why=override.reason,
            pass_id=facts.pass_id,
            revision=facts.revision,
            fields=fields,
        )
    )
