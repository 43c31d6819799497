"""Who is told when something changes: people by mail and chat, and the forge that the manifests are on."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from reconciler.domain.conditions import Transition


class Stage(StrEnum):
    """What has become of a revision as a whole."""

    PENDING = "pending"
    """It is the target, and something of it is still to be done."""
    APPLIED = "applied"
    """The backend has all of it."""
    BLOCKED = "blocked"
    """All is done but for what the guard holds back."""
    FAILED = "failed"
    """Something of it failed; it is tried again."""
    REFUSED = "refused"
    """It has errors, or may not be trusted, and changes nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One resource that is not as the revision says, and why."""

    resource: str
    """Address."""
    why: str
    """For people; the reason alone."""
    release: str = ""
    """The one command that releases it; "" where none does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bulletin:
    """What one pass, or one look at the manifests, has changed. Without transitions it tells of the revision alone."""

    at: datetime
    """In UTC."""
    source: str
    backend: str
    revision: str
    stage: Stage
    seen: str = ""
    """The newest revision that was read, also where it was refused; "" where it is this one."""
    resources: Collection[str] | None = None
    """Addresses of everything that is on the board now; None where nobody looked. What is not there has no problems."""
    pass_id: str = ""
    """"" where no pass was made."""
    transitions: tuple[Transition, ...] = ()
    held: tuple[Held, ...] = ()
    """All that is held back now, whether it is news or not."""
    findings: tuple[str, ...] = ()
    """What is wrong with a refused revision, a line each."""
    unreadable: str = ""
    """Why the backend could not be read in this pass; "" when it could, or no pass was made."""
    done: int = 0
    """Changes that this pass made."""


class Notifier(Protocol):
    """Tells whoever has asked to be told."""

    def tell(self, bulletin: Bulletin) -> None:
        """Take note of what changed, to be sent when it can be; returns at once, and never fails."""
        ...


class Nobody:
    """Implements `Notifier` where nobody has asked to be told."""

    def tell(self, bulletin: Bulletin) -> None:
        """Tell nobody."""
