"""The journal: what was intended, what came of it, and what was decided; history, never the truth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol


class Settled(StrEnum):
    """What became of a call."""

    DONE = "done"
    REFUSED = "refused"
    """The backend said no; nothing was changed."""
    UNKNOWN = "unknown"
    """No usable answer: it may have been carried out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """One call that is about to be sent."""

    pass_id: str
    """Of the pass that sends it, unique."""
    revision: str
    """The state of the manifests that asks for it."""
    resource: str
    """Address of what the call is about, `flow/NAME` or `output/FLOW/NAME`."""
    action: str
    """What is done to it: create, edit, delete, start or stop."""
    change: str
    """Id of the change that the call is a part of."""
    live_name: str = ""
    """Name on the backend of what a create makes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """One call as the journal has it."""

    number: int
    """Rises with every intent; unique in one journal."""
    intent: Intent
    at: datetime
    """When it was about to be sent, in UTC."""
    settled: Settled | None
    """None while nothing is known, as after the process was killed."""
    why: str
    """Why it was refused, or is unknown; "" else."""
    request_id: str
    duration_s: float | None
    """None while nothing is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Something that was decided or learnt: an event of the log that is worth keeping."""

    kind: str
    """Name of the event, such as `change.blocked`, as `docs/journal.md` lists it."""
    resource: str = ""
    """Address, or "" for what is about none."""
    why: str = ""
    pass_id: str = ""
    revision: str = ""
    fields: Mapping[str, str | int | float | bool] = field(default_factory=lambda: MappingProxyType({}))
    """Whatever else the event says; never a secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """A note as the journal has it."""

    number: int
    at: datetime
    """In UTC."""
    note: Note


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """With what a resource was last in step, or was first seen where it is not known to have been in step at all."""

    resource: str
    """Address."""
    generation: str
    """Of its manifest, as `conditions.generation_of`; "" where no manifest wants it any more."""
    is_in_step: bool = True
    """Whether it was in step; else it was seen with this manifest first, and differed from it."""
    after: int = 0
    """Number of the newest call when this was written: said by the journal, and by nobody who writes."""


class History(Protocol):
    """
    Reads a journal, while others may write it.

    Of one that is opened to be read and nothing else, every method may raise `EnvironmentFailedError`, where the file
    cannot be read.
    """

    def unsettled(self) -> tuple[Written, ...]:
        """Return the calls of which nothing, or nothing certain, is known, the oldest first."""
        ...

    def calls(self, *, resource: str = "", limit: int = 100) -> tuple[Written, ...]:
        """Return calls, the newest first; of one resource, or of all."""
        ...

    def notes(self, *, resource: str = "", kind: str = "", limit: int = 100) -> tuple[Noted, ...]:
        """Return notes, the newest first; of one resource, or of all; of one kind, or of every kind."""
        ...

    def close(self) -> None:
        """Let go of the file; may be called again."""
        ...


class Journal(History, Protocol):
    """
    Writes down what is intended and what comes of it.

    Several processes may write, each by short transactions, and others read meanwhile. It is bounded, the oldest goes
    first. Whoever loses it loses history and nothing else. None of these methods fails: a journal that cannot be
    written (a full disk) says so in the log, once a trouble, and never stops a pass.
    """

    def intend(self, intent: Intent) -> int:
        """
        Write down that a call is about to be sent; return its number, 0 where it could not be written.

        It is there when this returns, also after the death of this process.
        """
        ...

    def settle(
        self, number: int, settled: Settled, *, request_id: str = "", why: str = "", duration_s: float = 0.0
    ) -> None:
        """
        Write down what became of it; nothing for the number 0.

        A later word counts, for an unknown outcome is settled by looking. It keeps the request id and the duration of
        the word before where it has none of its own.
        """
        ...

    def note(self, note: Note) -> None:
        """Write down something that was decided or learnt."""
        ...

    def keep(self, steps: Sequence[Step]) -> bool:
        """Write down with what resources are in step now, the newest word of each alone; return whether it is there."""
        ...

    def steps(self) -> tuple[Step, ...] | None:
        """Return the newest word of each resource, of the 10,000 that were written last; None where it cannot."""
        ...
