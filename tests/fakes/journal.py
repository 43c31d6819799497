"""A journal in memory."""

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from reconciler.ports.clock import Clock
from reconciler.ports.journal import Intent, Note, Noted, Settled, Step, Written


class MemoryJournal:
    """Implements `ports.journal.Journal`; the newest of each are kept, as many as are asked for."""

    is_locked = False
    """Whether steps can neither be read nor written."""

    def __init__(self, clock: Clock, *, most_calls: int = 200_000, most_notes: int = 100_000) -> None:
        self._clock: Final = clock
        self._most_calls = most_calls
        self._calls: dict[int, Written] = {}
        self._notes: deque[Noted] = deque(maxlen=most_notes)
        self._last_call = self._last_note = 0
        self._steps: dict[str, Step] = {}

    def keep(self, steps: Sequence[Step]) -> bool:
        """Write down with what resources are in step now, where it can be used."""
        for step in () if self.is_locked else steps:
            self._steps.pop(step.resource, None)
            self._steps[step.resource] = replace(step, after=self._last_call)
        return not self.is_locked

    def steps(self) -> tuple[Step, ...] | None:
        """Return the newest word of each resource, where it can be used."""
        return None if self.is_locked else tuple(self._steps.values())

    def intend(self, intent: Intent) -> int:
        """Write down that a call is about to be sent; return its number."""
        self._last_call += 1
        self._calls[self._last_call] = Written(
            number=self._last_call,
            intent=intent,
            at=self._clock.now(),
            settled=None,
            why="",
            request_id="",
            duration_s=None,
        )
        self._calls.pop(self._last_call - self._most_calls, None)
        return self._last_call

    def settle(
        self, number: int, settled: Settled, *, request_id: str = "", why: str = "", duration_s: float = 0.0
    ) -> None:
        """Write down what became of it; nothing for a number that is not there."""
        before = self._calls.get(number)
        if before is not None:
            self._calls[number] = replace(
                before,
                settled=settled,
                why=why,
                request_id=request_id or before.request_id,
                duration_s=duration_s or before.duration_s or 0.0,
            )

    def note(self, note: Note) -> None:
        """Write down something that was decided or learnt."""
        self._last_note += 1
        self._notes.append(Noted(number=self._last_note, at=self._clock.now(), note=note))

    def unsettled(self) -> tuple[Written, ...]:
        """Return the calls of which nothing, or nothing certain, is known, the oldest first."""
        return tuple(call for call in self._calls.values() if call.settled in {None, Settled.UNKNOWN})

    def calls(self, *, resource: str = "", limit: int = 100) -> tuple[Written, ...]:
        """Return calls, the newest first; of one resource, or of all."""
        found = [call for call in self._calls.values() if resource in {"", call.intent.resource}]
        return tuple(found[::-1][:limit])

    def notes(self, *, resource: str = "", kind: str = "", limit: int = 100) -> tuple[Noted, ...]:
        """Return notes, the newest first; of one resource, or of all; of one kind, or of every kind."""
        found = [
            noted
            for noted in self._notes
            if resource in {"", noted.note.resource} and kind in {"", noted.note.kind}
        ]  # fmt: skip
        return tuple(found[::-1][:limit])

    def close(self) -> None:
        """Do nothing: there is no file."""
