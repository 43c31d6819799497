"""Failures that cut: what a change had stopped or deleted was put back, and another try would cut it once more."""

from collections.abc import Iterator, Mapping
from typing import Final

from reconciler.domain.change_ids import change_id
from reconciler.domain.changes import Blocked, Change, Hold, Plan, Sequence
from reconciler.domain.errors import (
    BackendError,
    NotFoundError,
    QuotaExceededError,
    RejectedError,
    WrongStateError,
)
from reconciler.domain.policies import Policies
from reconciler.domain.safety.judging import held_back
from reconciler.domain.safety.releases import approvals_of, command_for
from reconciler.engine.guard.facts import Facts
from reconciler.ports.journal import Journal, Note

KIND: Final = "change.abandoned"
"""Of the note of a failure that cut."""
_READ_BACK: Final = 1000
"""So many of them are remembered, and read back from the journal: what failed before that may be tried once more."""
_REFUSALS: Final = (NotFoundError, QuotaExceededError, RejectedError, WrongStateError)
"""What is about the change, and says no again; the rest is about the way there, and passes."""

_Try = tuple[str, str, str]
"""A resource, the id of a change of it, and on what grounds it was tried."""


class Failures:
    """
    The tries that failed, and why.

    A try on the same grounds is not made again. The grounds are the approval that let it happen, whatever the revision
    is by then: nobody agreed to two cuts. Where nobody had to approve, they are the revision.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._why: dict[_Try, str] = {}

    def learn(self, change: Change, error: BackendError, facts: Facts) -> None:
        """Remember a change that failed after it had stopped or deleted something, which is put back."""
        approved = tuple(_approvals(change, facts.policies))
        if not approved and not isinstance(error, _REFUSALS):
            # Nobody was cut, and a service that does not answer says nothing of the change.
            return
        resource, id_ = str(change.key), change_id(change)
        for grounds in approved or (facts.revision,):
            self._why = dict([*self._why.items(), ((resource, id_, grounds), str(error))][-_READ_BACK:])
            note = Note(
                kind=KIND,
                resource=resource,
                why=str(error),
                pass_id=facts.pass_id,
                revision=facts.revision,
                fields={"action": str(change.action), "change": id_, "grounds": grounds},
            )
            self._journal.note(note)

    def held(self, plan: Plan, facts: Facts) -> Mapping[int, Blocked]:
        """Return what of a plan was tried on the grounds of now, by the identity of each change."""
        cutting = [change for change in plan.changes if isinstance(change, Sequence) and change.undo]
        known = self._known() if cutting else {}
        if not known:
            return {}
        held = ((change, _held(change, facts, known)) for change in cutting)
        return {id(change): blocked for change, blocked in held if blocked is not None}

    def _known(self) -> Mapping[_Try, str]:
        """Return what this process knows, and what others wrote down: a pass may be all that a process lives for."""
        read = self._journal.notes(kind=KIND, limit=_READ_BACK)
        return {**{_try_of(noted.note): noted.note.why for noted in read}, **self._why}


def _try_of(note: Note) -> _Try:
    return note.resource, str(note.fields.get("change")), str(note.fields.get("grounds"))


def _held(change: Sequence, facts: Facts, known: Mapping[_Try, str]) -> Blocked | None:
    approved = tuple(_approvals(change, facts.policies))
    resource, id_ = str(change.key), change_id(change)
    tries = [(resource, id_, grounds) for grounds in approved or (facts.revision,)]
    if not all(each in known for each in tries):
        return None
    until = (
        "until its manifest wants something else, or somebody approves it anew"
        if approved
        else "until the next revision of the manifests, or until somebody approves it"
    )
    words = (
        f"it was tried, and failed after it had stopped or deleted something: {known[tries[-1]]}. What was there "
        f"before was put back, and to try again would cut it once more, so it is left alone {until}."
    )
    return held_back(change, Hold.GIVEN_UP, words, release=command_for(change))


def _approvals(change: Change, policies: Policies) -> Iterator[str]:
    """Yield what tells the approvals of a change apart: one with another reason or expiry is another one."""
    yield from (f"{each.expires.isoformat()} {each.reason}" for each in approvals_of(change, policies))
