"""What documents say of how changes are made, and not of what is wanted: releases, exceptions, times and new names."""

from dataclasses import dataclass, field
from datetime import date, datetime, time
from enum import StrEnum

from reconciler.domain.changes import Action
from reconciler.domain.model import Key, ResourceKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """Somebody looked at one change of one resource, and lets it happen although it is on air."""

    name: str
    """`metadata.name`; of one from the command line, ""."""
    resource: Key
    action: Action
    change: str
    """The change's id, as the plan prints it: another value wanted or found is another change."""
    reason: str
    expires: datetime
    """In UTC."""
    signature: str = ""
    """An SSH signature of what stands above, armoured; "" where nobody signed."""


class Limit(StrEnum):
    """What an override may lift; what is on air is released by an approval alone."""

    BUDGET = "budget"
    """The share of our objects that one revision may delete or edit."""
    TREE = "tree"
    """What keeps everything from being deleted: a tree that is suspiciously small, or a storm of new names."""
    WINDOW = "window"
    """The windows of calendars."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """An exception to a safety limit: for one resource or one kind, with a reason, for a time."""

    name: str
    of: Key | ResourceKind
    action: Action
    lifts: frozenset[Limit]
    reason: str
    expires: datetime
    """In UTC."""


class WindowKind(StrEnum):
    """What may be written within a window, the strictest first."""

    FREEZE = "freeze"
    """Nothing."""
    NO_DISRUPTIVE = "no-disruptive"
    """Only what viewers do not notice."""
    NORMAL = "normal"
    """Everything that the other guards let pass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OneOff:
    """A window that is once."""

    kind: WindowKind
    begins: datetime
    """On the calendar's wall clock, without a zone."""
    ends: datetime
    """As `begins`; later than it."""
    overruns: bool = False
    """Whether it goes on while something that it is about is on air."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recurring:
    """A window that is every week."""

    kind: WindowKind
    days: frozenset[int]
    """On which it begins: 0 for Monday to 6 for Sunday."""
    begins: time
    """On the calendar's wall clock."""
    ends: time
    """Of the next day where it is not later than `begins`."""
    first: date | None = None
    """The first day on which it may begin; None for always."""
    last: date | None = None
    """The last day on which it may begin; None for ever."""
    overruns: bool = False
    """Whether it goes on while something that it is about is on air."""


Window = OneOff | Recurring


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """When what may be written, on one wall clock, for some of the flows or all."""

    name: str
    zone: str
    """An IANA time zone, such as Europe/Berlin."""
    windows: tuple[Window, ...]
    outside: WindowKind = WindowKind.NORMAL
    """What holds when no window is open."""
    flows: frozenset[str] = frozenset()
    """Flows that it is about, with their outputs; with `labels` both empty: all."""
    labels: tuple[tuple[str, str], ...] = ()
    """Labels that a flow or output must have, all of them, to be one that it is about."""
    longest_overrun_s: float = 4 * 3600.0
    """Longest that a window goes on because something is on air."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A resource that has another name from now on; nothing is made or deleted for it."""

    name: str
    before: Key
    now: Key
    """Of the same kind; an output stays in its flow, by that flow's name of now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """All documents that say how changes are made."""

    approvals: tuple[Approval, ...] = ()
    overrides: tuple[Override, ...] = ()
    calendars: tuple[Calendar, ...] = ()
    moves: tuple[Move, ...] = field(default=())
