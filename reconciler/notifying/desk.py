"""A desk: decides what one sink is told, and when. Pure; what it has to remember it hands out as JSON values."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Protocol, TypeVar

from reconciler.ports.notifier import Bulletin

Draft = TypeVar("Draft")
"""What is told at once: a `Message` for people, a `Report` for a forge."""
Draft_contra = TypeVar("Draft_contra", contravariant=True)
"""The same, where it is only taken."""


class Desk(Protocol[Draft]):
    """
    Decides what one sink is told.

    Between `trying` and what becomes of it, `take` is not called.
    """

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Go on with what an earlier process had to remember; what cannot be read is left out."""
        ...

    def take(self, bulletin: Bulletin) -> None:
        """Take note of what changed."""
        ...

    def draft(self, now: datetime) -> Draft | None:
        """Return what is to be told now; None where nothing is."""
        ...

    def due_at(self) -> datetime | None:
        """Return when there will be something to tell if nothing else happens; None for never."""
        ...

    def trying(self, draft: Draft) -> None:
        """Take note that it is about to be told: from now on nobody knows whether it was."""
        ...

    def told(self, draft: Draft, now: datetime) -> None:
        """Take note that it was."""
        ...

    def failed(self, draft: Draft, *, maybe: bool) -> None:
        """Take note that it was not; `maybe` where nobody knows. It is tried again."""
        ...

    def give_up(self, draft: Draft) -> int:
        """Take note that it is never to be told; return how many things that are."""
        ...

    def expire(self, now: datetime) -> int:
        """Give up what could not be told for too long; return how many things that are."""
        ...

    def changed(self) -> Iterable[tuple[str, Any]]:
        """Return what is to be remembered and was not handed out yet, by key; None for what is to be forgotten."""
        ...
