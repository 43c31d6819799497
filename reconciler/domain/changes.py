"""Changes: the closed set of what may be sent to a backend, and the plan that holds them in order."""

from dataclasses import dataclass
from enum import StrEnum

from reconciler.domain.impact import Impact
from reconciler.domain.model import Flow, FoundFlow, FoundOutput, Key, Output, Region, RegionKey
from reconciler.domain.properties import PropertyChange


class Action(StrEnum):
    """What is done to one resource, in the words of the plan."""

    CREATE = "create"
    EDIT = "edit"
    RECREATE = "recreate"
    DELETE = "delete"
    START = "start"
    STOP = "stop"


@dataclass(frozen=True, slots=True, order=True)
class FlowAt:
    """Where a flow is on the backend."""

    region: Region
    live_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Create:
    """Make a flow with its input (idle), or an output in a flow."""

    key: Key
    at: FlowAt
    wanted: Flow | Output
    """Secrets resolved, links replaced by addresses."""
    why: str = "not on the backend"
    impact: Impact = Impact.NONE

    action = Action.CREATE


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """Change properties of what is there; whatever is not managed stays as it is."""

    key: Key
    at: FlowAt
    wanted: Flow | Output
    """Secrets resolved, links replaced by addresses."""
    found: FoundFlow | FoundOutput
    differences: tuple[PropertyChange, ...]
    impact: Impact
    why: str = "differs from its manifest"

    action = Action.EDIT


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete:
    """Remove an output, or an idle flow without outputs."""

    key: Key
    at: FlowAt
    found: FoundFlow | FoundOutput
    impact: Impact
    why: str = "marked as ours, and no manifest names it"

    action = Action.DELETE


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Start a flow."""

    key: Key
    at: FlowAt
    why: str = "to be running"
    impact: Impact = Impact.NONE

    action = Action.START


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Stop a flow."""

    key: Key
    at: FlowAt
    why: str = "to be idle"
    impact: Impact = Impact.INTERRUPT

    action = Action.STOP


Call = Create | Edit | Delete | Start | Stop
"""What a backend is asked to do at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence:
    """
    One change that takes several calls, in order; the first that fails ends it.

    A recreate of a flow or an output, and the delete of a flow (its outputs, stop, itself).
    """

    key: Key
    at: FlowAt
    action: Action
    """RECREATE or DELETE."""
    calls: tuple[Call, ...]
    differences: tuple[PropertyChange, ...]
    impact: Impact
    why: str


Change = Call | Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocked:
    """Something that would be done but may not: by safety, by ownership, or because the backend cannot be read."""

    key: Key | RegionKey
    """A region where it is not known which resources are in it."""
    action: Action
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Something that cannot be planned before another change was made."""

    key: Key
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A resource that could not be planned, and why; the others go on."""

    key: Key
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What turns actual into desired: the changes in the order to send them, and what is held back."""

    changes: tuple[Change, ...] = ()
    blocked: tuple[Blocked, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    failed: tuple[Failed, ...] = ()
    unchanged: int = 0
    """Desired resources that are in step."""

    @property
    def is_empty(self) -> bool:
        """Return whether there is nothing to do and nothing held back."""
        return not (self.changes or self.blocked or self.waiting or self.failed)
