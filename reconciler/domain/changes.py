"""Changes: the closed set of what may be sent to a backend, and the plan that holds them in order."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from reconciler.domain.impact import Impact
from reconciler.domain.model import Flow, FoundFlow, FoundOutput, Key, Output, Region, RegionKey
from reconciler.domain.properties import PropertyChange

MARK: Final = "mark"
"""The path of the one property that adopting changes: the mark in an object's Description."""


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
    is_twin: bool = False
    """Whether its mark tells it from what it stands beside and is to replace."""

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

    @property
    def only_marks(self) -> bool:
        """Return whether nothing but the mark is written, whatever else `wanted` says."""
        return [change.path for change in self.differences] == [MARK]


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
    found: FoundFlow | None = None
    """What is started; None where it is new, or the other calls of a change say so."""

    action = Action.START


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Stop a flow."""

    key: Key
    at: FlowAt
    why: str = "to be idle"
    impact: Impact = Impact.INTERRUPT
    found: FoundFlow | None = None
    """What is stopped, as it was read; None where nobody looked, and then its mark alone counts."""

    action = Action.STOP


Call = Create | Edit | Delete | Start | Stop
"""What a backend is asked to do at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Twin:
    """What makes an output anew while the old one goes on: for a while both are there, and receivers move over."""

    make: Create | None = None
    """What makes the twin; None when it is there."""
    made: FoundOutput | None = None
    """The twin; None when it is still to be made."""
    give_up: Delete | None = None
    """What takes the twin away again where nothing comes of it; None while there is none."""
    is_newer: bool = False
    """Whether its mark says that it was made beside the other one: else that one may have been made beside it."""

    @property
    def live_name(self) -> str:
        """Return the live name of the twin, there or to be made."""
        twin = self.made if self.make is None else self.make.wanted
        return "" if twin is None else twin.live_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence:
    """
    One change that takes several calls, in order; the first that fails ends it.

    A recreate of a flow or an output, the delete of a flow (its outputs, stop, itself), and edits for which a flow
    must stand still (stop, edits, start).
    """

    key: Key
    at: FlowAt
    action: Action
    """RECREATE, DELETE or EDIT."""
    calls: tuple[Call, ...]
    """Of a recreate with a twin that is to be made: those that make it anew without one, in a short break."""
    differences: tuple[PropertyChange, ...]
    impact: Impact
    why: str
    twin: Twin | None = None
    """How an output is made anew without a break; None where the protocol forbids two at once."""
    meant: tuple[Call, ...] = ()
    """The calls that people approved, where `calls` is only what is left of them."""
    undo: tuple[tuple[Call, ...], ...] = ()
    """For each of `calls`, what puts things back when that one fails; empty where nothing has to be put back."""

    @property
    def goes(self) -> tuple[FoundFlow | FoundOutput, ...]:
        """Return what its calls delete."""
        return tuple(call.found for call in self.calls if isinstance(call, Delete))

    @property
    def expected(self) -> tuple[Call, ...]:
        """Return the calls in the order in which they are sent: where a twin is made, the old one goes after it."""
        if self.twin is None or self.twin.make is None:
            return self.calls
        return (self.twin.make, *(call for call in self.calls if isinstance(call, Delete)))


Change = Call | Sequence


def twin_there(change: Change) -> Twin | None:
    """Return the twin of a recreate that was made already; None of any other change."""
    twin = change.twin if isinstance(change, Sequence) else None
    return twin if twin is not None and twin.made is not None else None


def calls_of(change: Change) -> tuple[Call, ...]:
    """Return the calls that a change takes; a single call is its own."""
    return change.calls if isinstance(change, Sequence) else (change,)


class Hold(StrEnum):
    """What holds a change back; a stable word for programs."""

    ON_AIR = "on-air"
    """It would disturb something that is on air, and nobody approved it."""
    FAR_END = "far-end"
    """It would send to where an output sends that is on air and stays there, and nobody approved it."""
    BUDGET = "budget"
    """The manifests would delete or edit too many objects at once."""
    TWIN = "twin"
    """What replaces it is there, and does not deliver yet."""
    GIVEN_UP = "given-up"
    """It was tried and came to nothing, and another try may cut what is there; or it is not waited for any more."""
    TREE = "tree"
    """The manifests or the list of the backend look wrong as a whole."""
    AGAIN = "again"
    """A delete must be wanted a second time, a while later."""
    WINDOW = "window"
    """A calendar forbids it now."""
    PROTECTED = "protected"
    REDUNDANCY = "redundancy"
    """Something that stands in for it is not on air."""
    RENAME = "rename"
    """It looks like another name for something that is there."""
    FLIP_FLOP = "flip-flop"
    """Somebody else changes it back again and again."""
    OWNERSHIP = "ownership"
    """It is not ours, or not ours alone to say."""
    UNREADABLE = "unreadable"
    """The backend could not be read where it is."""
    HALTED = "halted"
    """Somebody stopped all writes."""
    DRIFT = "drift"
    """Somebody else has changed it, and its manifest does not want that put right, or not now."""
    PAUSED = "paused"
    """Somebody paused the resource, or something that the change would take away with it."""
    UNFIT = "unfit"
    """The backend does not allow it, or manifests cannot describe it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocked:
    """Something that would be done but may not: by safety, by ownership, or because the backend cannot be read."""

    key: Key | RegionKey
    """A region where it is not known which resources are in it."""
    action: Action
    why: str
    """The reason alone."""
    hold: Hold
    change: Change | None = None
    """What would be sent; None where that cannot be said."""
    release: str = ""
    """The one command that releases it, begun as people call it here; "" where none does."""


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
    may_stop: bool = False
    """Whether an edit among the changes may turn out to need its flow stopped: nobody said which edit rules hold."""
    watched: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    """How many are connected to what the changes disturb, by id; absent where nobody looked."""
    windows: tuple[Blocked, ...] = ()
    """Those of the changes that a window would hold back if they were sent now; at another time they may be sent."""

    @property
    def is_empty(self) -> bool:
        """Return whether there is nothing to do and nothing held back."""
        return not (self.changes or self.blocked or self.waiting or self.failed)
