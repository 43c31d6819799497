"""What is counted and timed of the work, for whoever draws it; nobody waits for it, and it decides nothing."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class CallMade:
    """One attempt at a call of the API that is over."""

    action: str
    """The API's word, such as `CreateStreamLinkFlow`."""
    code: str
    """The API's code, else the class of the failure; "" for success."""
    waited_s: float
    """Until its turn came."""
    duration_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeMade:
    """One change of a plan that is over."""

    kind: str
    """`flow` or `output`."""
    action: str
    """create, edit, recreate, delete, start or stop."""
    result: str
    """done, failed, skipped, blocked or unknown."""
    reason: str = ""
    """What holds a blocked one back, as the journal's `hold`; "" else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PassMade:
    """One pass that is over."""

    result: str
    """done, failed, blocked, or unreadable where the backend could not be read."""
    duration_s: float


class Span(Protocol):
    """A stretch of work that is timed."""

    def note(self, **attributes: str | float | bool) -> None:
        """Say something about it; never a secret."""
        ...


class Telemetry(Protocol):
    """Counts and times."""

    def call_made(self, made: CallMade) -> None:
        """Count an attempt at a call."""
        ...

    def change_made(self, made: ChangeMade) -> None:
        """Count a change."""
        ...

    def pass_made(self, made: PassMade) -> None:
        """Count a pass."""
        ...

    def span(self, name: str, **attributes: str | float | bool) -> AbstractContextManager[Span]:
        """Time what is done within, as a child of the span that it is within; an exception is noted by its class."""
        ...


class _Unseen:
    def note(self, **attributes: str | float | bool) -> None:
        pass


class Untold:
    """Implements `Telemetry` where nobody draws anything."""

    def call_made(self, made: CallMade) -> None:
        """Count nothing."""

    def change_made(self, made: ChangeMade) -> None:
        """Count nothing."""

    def pass_made(self, made: PassMade) -> None:
        """Count nothing."""

    def span(self, name: str, **attributes: str | float | bool) -> AbstractContextManager[Span]:
        """Time nothing."""
        del name, attributes
        return nullcontext(_Unseen())
