"""The counters of one process, and whether the journal tells the same."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from reconciler.domain.errors import UnavailableError
from reconciler.ports.journal import Journal, Noted, Settled, Written
from reconciler.ports.telemetry import CallMade, ChangeMade, PassMade

_LOOKED_FOR: Final = "its answer was never heard; it "
"""How the journal says that what became of a call was settled afterwards, by looking."""
_EVERYTHING: Final = 1_000_000
_UNDONE: Final = ("failed", "skipped", "unknown")

Told = Counter[tuple[str, str]]
"""What was counted: `call done`, `change failed` and so on."""


class _Span:
    def note(self, **attributes: str | float | bool) -> None:
        """Take note of nothing."""


@dataclass(slots=True)
class Counters:
    """Implements `ports.telemetry.Telemetry`: counts as a page of metrics does."""

    told: Told = field(default_factory=Counter)

    def call_made(self, made: CallMade) -> None:
        """Count nothing: this is told by the client of a real API."""

    def change_made(self, made: ChangeMade) -> None:
        """Count a change."""
        self.told["change", made.result] += 1

    def pass_made(self, made: PassMade) -> None:
        """Count a pass."""
        self.told["pass", made.result] += 1

    @contextmanager
    def span(self, name: str, **attributes: str | float | bool) -> Iterator[_Span]:
        """Count a call by how it ends."""
        del attributes
        if name != "call":
            yield _Span()
            return
        result = "open"
        try:
            yield _Span()
            result = Settled.DONE
        except UnavailableError as error:
            result = Settled.UNKNOWN if error.maybe_applied else Settled.REFUSED
            raise
        except Exception:
            result = Settled.REFUSED
            raise
        finally:
            self.told["call", str(result)] += 1


@dataclass(slots=True)
class Ledger:
    """Reads the journal stretch by stretch, for it keeps the newest alone."""

    journal: Journal
    told: Told = field(default_factory=Counter)
    """What the journal has said since this began."""
    last_call: int = 0
    last_note: int = 0

    def read_on(self) -> None:
        """Read what was written since the last time."""
        for call in self.journal.calls(limit=_EVERYTHING):
            if call.number > self.last_call:
                self.told["call", _result_of(call)] += 1
        for noted in self.journal.notes(limit=_EVERYTHING):
            if noted.number > self.last_note:
                self.told.update(_counted(noted))
        self.last_call = max((call.number for call in self.journal.calls(limit=1)), default=self.last_call)
        self.last_note = max((noted.number for noted in self.journal.notes(limit=1)), default=self.last_note)


def _result_of(call: Written) -> str:
    """Return what was heard of a call, whatever was found out about it later."""
    before, looked_for, _ = call.why.partition(_LOOKED_FOR)
    if call.settled is None or (looked_for and not before):
        return "open"
    return str(Settled.UNKNOWN) if looked_for else str(call.settled)


def _counted(noted: Noted) -> Iterator[tuple[str, str]]:
    kind, _, result = noted.note.kind.partition(".")
    if kind == "pass" and result == "failed":
        yield "pass", "unreadable"
    if kind == "pass" and result == "finished":
        yield from [("change", "done")] * int(noted.note.fields["done"])
    if kind == "change" and result in _UNDONE and "action" in noted.note.fields:
        yield "change", result
