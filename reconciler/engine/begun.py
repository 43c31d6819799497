"""Begun: what our own calls have left half done. Whoever stopped a flow starts it again, also after a crash."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from types import MappingProxyType
from typing import Final

from reconciler.domain.changes import Action
from reconciler.domain.model import Key
from reconciler.ports.journal import Journal, Settled

_LOOKED_BACK: Final = 1000
"""Calls of one resource that are looked at, the newest: a start that nobody answers is tried again and again."""
_BEGINS: Final[Mapping[str, frozenset[Action]]] = MappingProxyType(
    {
        Action.STOP: frozenset({Action.START}),
        Action.CREATE: frozenset({Action.START}),
        Action.DELETE: frozenset({Action.CREATE, Action.START}),
    }
)
"""What is to follow a call, which may have been carried out."""
_ENDS: Final = frozenset({Action.CREATE, Action.START})
"""What is done with when it was carried out for certain."""
_NOTHING: Final[frozenset[Action]] = frozenset()


class Begun:
    """Remembers, by resource, the actions that are still to follow what was sent since it was last in step."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._due: dict[Key, frozenset[Action]] = {}

    @property
    def keys(self) -> AbstractSet[Key]:
        """Return of what anything was sent since it was last in step."""
        return self._due.keys()

    def due(self, key: Key) -> frozenset[Action] | None:
        """Return what is still to follow; None where this process has sent nothing since it was last in step."""
        return self._due.get(key)

    def recalled(self, key: Key, *, after: int) -> frozenset[Action]:
        """Return what is still to follow the calls that the journal has, above a number."""
        written = self._journal.calls(resource=str(key), limit=_LOOKED_BACK)
        due = _NOTHING
        for call in reversed(written):
            if call.number > after and call.settled is not Settled.REFUSED:
                due = _after(due, call.intent.action, is_certain=call.settled is Settled.DONE)
        if written:
            # An empty answer may be that of a journal which cannot be read just now.
            self._due[key] = due
        return due

    def sent(self, key: Key, action: Action, *, since: frozenset[Action], is_certain: bool) -> None:
        """Learn that a call was carried out, or may have been, and what was still to follow before it."""
        self._due[key] = _after(since, action, is_certain=is_certain)

    def over(self, key: Key) -> bool:
        """Forget what was begun, for it is in step; return whether anything was sent since it last was."""
        return self._due.pop(key, None) is not None

    def forget_all_but(self, wanted: AbstractSet[Key]) -> None:
        """Forget what was begun with what is not wanted any more."""
        for key in self._due.keys() - wanted:
            del self._due[key]


def _after(due: frozenset[Action], action: str, *, is_certain: bool) -> frozenset[Action]:
    """Return what is to follow once this call was made, too."""
    is_done_with = is_certain and action in _ENDS
    left = frozenset(each for each in due if each != action) if is_done_with else due
    return left | _BEGINS.get(action, _NOTHING)
