"""Where manifests come from, and how their text becomes values."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final, NewType, Protocol

from reconciler.domain.findings import Excused, Finding
from reconciler.domain.model import Desired
from reconciler.domain.policies import Policies

if TYPE_CHECKING:
    import asyncio

MAX_FILE_BYTES: Final = 16 * 1024 * 1024
"""Larger files are not read: 16 MiB hold some thirty thousand documents."""

Revision = NewType("Revision", str)
"""Names one state of the whole tree; equal revisions have equal content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestFile:
    """One manifest file as it was read."""

    path: str
    """As findings show it."""
    content: bytes = b""
    problem: str = ""
    """Why it could not be read, in words; "" when it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The whole tree at one moment, files in path order."""

    revision: Revision
    files: tuple[ManifestFile, ...]
    trouble: str = ""
    """Why this is not the newest that there is, such as an unsigned commit or a server that is down; "" when it is."""


class Source(Protocol):
    """A tree of manifests. Events are hints only; truth is a snapshot."""

    @property
    def name(self) -> str:
        """Say where the manifests are, for people."""
        ...

    @property
    def is_whole(self) -> bool:
        """Return whether every snapshot is whole, as a commit is: then nobody waits for quiet after a hint."""
        ...

    async def snapshot(self) -> Snapshot:
        """
        Return the tree as it is now.

        Raises:
            SourceUnreadableError: the tree as a whole cannot be read; a single bad file is a `problem` instead.

        """
        ...

    @property
    def proven_at(self) -> datetime | None:
        """Return when it last proved that it would notice a change, in UTC; None where nothing has proven that yet."""
        ...

    def watch(self, hint: "asyncio.Event") -> None:
        """Set the event, from any thread, whenever something may have changed; may be called again after `close`."""
        ...

    def wake(self) -> None:
        """Look for something new at once, for somebody says that there is; nothing where nobody watches."""
        ...

    def close(self) -> None:
        """Stop watching."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a tree says, and what is wrong with it."""

    findings: tuple[Finding, ...]
    """All that stand, in order."""
    excused: tuple[Excused, ...] = ()
    """Those that a resource is excused from, each with the reason."""
    desired: Desired | None
    """None when any finding is an error: then nothing may be changed."""
    policies: Policies = field(default_factory=Policies)
    """How changes are to be made; with an error anywhere, those of the documents without one of their own."""
    sound: Desired = field(default_factory=Desired)
    """What the documents without errors of their own say; for looking at, never for applying."""


class Reader(Protocol):
    """Turns the files of a tree into desired state; pure, and offline: no secret is resolved."""

    def read(self, files: Sequence[ManifestFile]) -> Verdict:
        """Return every finding of every file, and the desired state when there is no error among them."""
        ...
