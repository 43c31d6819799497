"""What the process knows of itself and of its resources: one board, which every view reads."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from reconciler.domain.conditions import Conditions, Transition
from reconciler.domain.model import Key
from reconciler.domain.orders import Halt, Pause, Pin


class Phase(StrEnum):
    """What the loop is doing."""

    STARTING = "starting"
    """No pass has ended yet."""
    RESTING = "resting"
    """Waiting for a hint or a timer."""
    LOOKING = "looking"
    """Reading the manifests."""
    PASSING = "passing"
    """In a pass."""
    STOPPING = "stopping"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceStatus:
    """One resource as the last pass left it."""

    key: Key
    generation: str
    """Of its manifest, as `conditions.generation_of`; "" where none is left."""
    revision: str
    """Of the manifests that were judged."""
    conditions: Conditions
    bitrate_bps: int | None = None
    """As it was last seen; None where nobody looked."""
    looked_at: datetime | None = None
    """When that was, in UTC."""
    pause: Pause | None = None
    pin: Pin | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Vitals:
    """How the loop is, read at one moment without waiting for anything."""

    phase: Phase
    phase_s: float
    """For how long it has been in that phase."""
    source: str
    """Where the manifests are, for people."""
    backend: str
    owner: str
    observes: bool
    """Whether nothing is ever sent."""
    started_at: datetime
    revision: str = ""
    """Of the target; "" before there was any."""
    seen: str = ""
    """The newest revision that was read, also where it was refused."""
    trouble: str = ""
    """Why the manifests cannot be read, or the newest of them are not the target; "" when all is well."""
    passed_at: datetime | None = None
    """When the last pass ended that could read the backend, in UTC."""
    pass_s: float | None = None
    """How long it took."""
    hinted_at: datetime | None = None
    """When the source last gave a hint, in UTC."""
    proven_at: datetime | None = None
    """When the watcher of the source last proved that it is alive, in UTC; None where nothing proves it."""
    next_pass_s: float | None = None
    """Seconds until the next pass is due; None where there is no target."""
    queue_age_s: float = 0.0
    """How long the oldest change that is to be sent has been known and is not sent; 0 when none waits."""
    failures: int = 0
    """Passes in a row that failed in some way."""
    unreadable: str = ""
    """Why the backend could not be read in the last pass; "" when it could."""
    halt: Halt | None = None


class Subscription(Protocol):
    """What changes on the board from now on, for one listener."""

    async def next(self) -> tuple[Transition, ...]:
        """
        Return what changed next, one pass's worth at a time; never empty.

        Raises:
            LaggedError: the listener was too slow, and something was left out: read the board anew.

        """
        ...


class LaggedError(Exception):
    """A listener was too slow, and something was left out."""


class Board(Protocol):
    """
    The one place that says what is true now; written by the loop, read by every view.

    Reading never waits, and may be done from the event loop at any time, also while a pass is under way.
    """

    def vitals(self) -> Vitals:
        """Return how the loop is."""
        ...

    def resources(self) -> Mapping[Key, ResourceStatus]:
        """Return every resource that is wanted, held back or being removed, in the order of their addresses."""
        ...

    def follow(self) -> AbstractContextManager[Subscription]:
        """Lend what changes from now on; at most some hundred passes are kept for whoever is slow."""
        ...
