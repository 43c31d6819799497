"""What one sink knows of one subject, what is true of it, and what is therefore to be said. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from reconciler.notifying.judging import Problem, Verdict
from reconciler.notifying.notices import FLAPPING, Grade, Item, Word

MOST_CHANGES: Final = 4
"""More changes of a subject within `WINDOW` are flapping: gone and back twice is bad luck, a third time is not."""
WINDOW: Final = timedelta(minutes=10)
CALM: Final = timedelta(minutes=10)
"""How long a flapping subject must not change before anything is said of it again."""
KEPT: Final = timedelta(days=7)
"""What could not be told for so long is not told any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One condition of one resource."""

    resource: str
    aspect: str
    state: Problem | None = None
    """What is wrong now."""
    last: Problem
    """What was wrong last."""
    told: Problem | None = None
    """What the sink knows to be wrong."""
    tried: Problem | None = None
    """What it may know: nobody knows whether the message has reached it."""
    due_at: datetime
    """Before then a problem is not said: it may pass."""
    changed_at: datetime
    """When it last became another."""
    changes: tuple[datetime, ...] = ()
    """When it changed, within the window; the newest last."""
    is_flapping: bool = False
    is_given_up: bool = False
    """Whether the problem that is there now is not told any more."""
    text: str = ""
    """What was said when it was good again."""
    reason: str = ""
    """Why it is good; "" where the condition says it."""

    @property
    def is_idle(self) -> bool:
        """Return whether nothing is to be remembered of it but its changes."""
        return self.state is None and self.told is None and self.tried is None and not self.is_flapping

    def after(self, verdict: Verdict, at: datetime, damp: timedelta) -> "Entry":
        """Return the entry when this has become true of its subject at this time."""
        problem = verdict.problem
        if problem is None and self.state is None:
            return self
        if problem is not None and self.state is not None and problem.is_same(self.state):
            # What is known of it already is since then, also where a new process sees it for the first time.
            same = replace(problem, since=self.state.since)
            return replace(self, state=same, last=same)
        changes = (*(each for each in self.changes if each > at - WINDOW), at)
        flaps = self.is_flapping or len(changes) > MOST_CHANGES
        changed = replace(self, state=problem, changed_at=at, changes=changes, is_flapping=flaps, is_given_up=False)
        if problem is None:
            return replace(changed, text=verdict.text, reason="")
        if self.state is not None and self.told is None and problem.grade is not Grade.CRITICAL:
            # Another reason for what is wrong already is no reason to wait anew.
            return replace(changed, last=problem)
        wait = timedelta() if problem.grade is Grade.CRITICAL else damp
        return replace(changed, last=problem, due_at=at + wait)

    def settled(self, now: datetime) -> "Entry":
        """Return the entry with what only time changes: it is not flapping any more, old changes are forgotten."""
        if self.is_flapping:
            return replace(self, is_flapping=False, changes=()) if now >= self.changed_at + CALM else self
        if self.changes and self.changes[0] <= now - WINDOW:
            return replace(self, changes=tuple(each for each in self.changes if each > now - WINDOW))
        return self

    def pending(self) -> tuple[Item, datetime] | None:
        """Return what is to be said, and from when on it has to be; None where nothing is."""
        if self.is_flapping:
            if self.told is not None and self.told.reason == FLAPPING:
                return None
            return self._item(Word.FLAPPING, self._flapping()), self.changed_at
        if self.state is not None:
            if self.is_given_up or self.state.is_same(self.told):
                return None
            return self._item(Word.PROBLEM, self.state), self.due_at
        known = self.told or self.tried
        if known is None:
            return None
        over = Problem(grade=known.grade, reason=self.reason, text=self.text, since=self.changed_at)
        return self._item(Word.RESOLVED, over), self.changed_at

    def due(self) -> datetime | None:
        """Return when there is something to do next, if nothing else changes; None for never."""
        if (pending := self.pending()) is not None:
            return pending[1]
        return self.changed_at + CALM if self.is_flapping else None

    def said(self, item: Item, *, surely: bool) -> "Entry":
        """Return the entry when this has been said; or may have been."""
        if item.word is Word.RESOLVED:
            return replace(self, told=None, tried=None) if surely else self
        problem = self._flapping() if item.word is Word.FLAPPING else self.state
        return replace(self, told=problem, tried=None) if surely else replace(self, tried=problem)

    def given_up(self, item: Item) -> "Entry":
        """Return the entry when this is not to be said any more."""
        if item.word is Word.PROBLEM:
            return replace(self, is_given_up=True)
        return self.said(item, surely=True)

    def _flapping(self) -> Problem:
        """Return what is said of a subject that changes again and again."""
        minutes, calm = (span // timedelta(minutes=1) for span in (WINDOW, CALM))
        text = (
            f"it changed more than {MOST_CHANGES} times within {minutes} minutes; "
            f"no more is said of it until nothing has changed for {calm} minutes"
        )
        return Problem(grade=self.last.grade, reason=FLAPPING, text=text, since=self.changed_at)

    def _item(self, word: Word, problem: Problem) -> Item:
        return Item(
            resource=self.resource,
            aspect=self.aspect,
            word=word,
            grade=problem.grade,
            reason=problem.reason,
            text=problem.text,
            since=problem.since,
            at=self.changed_at,
        )


def document(entry: Entry) -> dict[str, Any]:
    """Return an entry as JSON values."""
    return {
        "state": entry.state and _document(entry.state),
        "last": _document(entry.last),
        "told": entry.told and _document(entry.told),
        "tried": entry.tried and _document(entry.tried),
        "resource": entry.resource,
        "aspect": entry.aspect,
        "due": entry.due_at.isoformat(),
        "changed": entry.changed_at.isoformat(),
        "changes": [each.isoformat() for each in entry.changes],
        "flapping": entry.is_flapping,
        "givenUp": entry.is_given_up,
        "text": entry.text,
        "reason": entry.reason,
    }


def entry_of(found: Mapping[str, Any]) -> Entry:
    """
    Return the entry of JSON values.

    Raises:
        KeyError, TypeError, ValueError: they are none.

    """
    return Entry(
        resource=str(found["resource"]),
        aspect=str(found["aspect"]),
        state=_problem(found["state"]),
        last=_problem_of(found["last"]),
        told=_problem(found["told"]),
        tried=_problem(found["tried"]),
        due_at=datetime.fromisoformat(found["due"]),
        changed_at=datetime.fromisoformat(found["changed"]),
        changes=tuple(map(datetime.fromisoformat, found["changes"])),
        is_flapping=bool(found["flapping"]),
        is_given_up=bool(found["givenUp"]),
        text=str(found["text"]),
        reason=str(found["reason"]),
    )


def _document(problem: Problem) -> list[str]:
    return [problem.grade, problem.reason, problem.text, problem.since.isoformat(), problem.of]


def _problem(found: Any) -> Problem | None:
    return None if found is None else _problem_of(found)


def _problem_of(found: Any) -> Problem:
    grade, reason, text, since, of = found
    return Problem(
        grade=Grade(grade), reason=str(reason), text=str(text), since=datetime.fromisoformat(since), of=str(of)
    )
