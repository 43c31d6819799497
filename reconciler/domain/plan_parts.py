"""What planning a flow and planning its outputs share."""

from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Final

from reconciler.domain.changes import Action, Blocked, Change, Waiting
from reconciler.domain.errors import UnresolvedLinkError
from reconciler.domain.impact import IMPACT_OF, Capabilities, Impact
from reconciler.domain.links import with_address
from reconciler.domain.marks import Mark
from reconciler.domain.model import (
    Flow,
    FlowKey,
    FlowState,
    FoundFlow,
    Key,
    Output,
    ResourceKind,
)
from reconciler.domain.properties import PropertyChange
from reconciler.domain.recognising import Names
from reconciler.domain.refusals import Refusal
from reconciler.domain.resolution import secret_versions

PROTECT: Final = "protect"
"""The property that says whether the mark protects an object."""
NAME: Final = "name"
"""The property that is the manifest's name in the mark; it differs when a `Move` says so."""
_YES: Final = "true"


@dataclass(slots=True)
class Parts:
    """What the plan of one flow, or of what is surplus, is made of."""

    first: list[Change] = field(default_factory=list)
    """Stops and deletes."""
    then: list[Change] = field(default_factory=list)
    """Creates, edits and starts, and the deletes that have to wait for them."""
    blocked: list[Blocked] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)
    unchanged: int = 0
    stops: bool = False
    """Whether a running flow is stopped before anything else, and stays so."""

    def block(self, key: Key, action: Action, refusal: Refusal) -> None:
        """Hold back what would be done to a resource."""
        self.blocked.append(Blocked(key=key, action=action, why=refusal.why, hold=refusal.hold))


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What every decision of one planning reads."""

    names: Names
    capabilities: Capabilities
    failed: AbstractSet[Key]
    """Resources that could not be resolved: what is live of them stays as it is."""
    keeps_links: bool = False
    """Whether links stay what they are, because no backend was asked for addresses."""
    found_flow: Callable[[FlowKey], FoundFlow | None] = lambda _: None
    """Return the flow that a link calls."""

    def addressed(self, outputs: Iterable[Output], parts: Parts) -> Iterator[Output]:
        """Yield the outputs with their links replaced by addresses; those that call what is not there yet wait."""
        if self.keeps_links:
            yield from outputs
            return
        for output in outputs:
            try:
                yield with_address(output, self.found_flow)
            except UnresolvedLinkError as error:
                parts.waiting.append(Waiting(key=output.key, why=str(error)))


def new_secrets(wanted: Flow | Output, mark: Mark | None) -> bool:
    """Return whether the versions say that secrets which the backend masks have new values."""
    return mark is not None and secret_versions(wanted.spec) != mark.secret_versions


def marked_otherwise(wanted: Flow | Output, mark: Mark | None, *, is_moved: bool) -> tuple[PropertyChange, ...]:
    """Return what the mark itself is to say otherwise: whether it protects, and the name after a move."""
    if mark is None:
        return ()
    found: list[PropertyChange] = []
    if is_moved and mark.name != wanted.key.name:
        found.append(PropertyChange(path=NAME, found=mark.name, wanted=wanted.key.name))
    if mark.protected != wanted.care.protected:
        before, after = (_YES if yes else None for yes in (mark.protected, wanted.care.protected))
        found.append(PropertyChange(path=PROTECT, found=before, wanted=after))
    return tuple(found)


def felt(impact: Impact, flow: FoundFlow) -> Impact:
    """Return what viewers notice now: nothing, while the flow is idle."""
    return impact if flow.state is FlowState.RUNNING else Impact.NONE


def fixed_of(key: Key, changed: Iterable[PropertyChange]) -> tuple[str, ...]:
    """Return those of the properties that are what they are until the object is made anew, on any backend."""
    kind = ResourceKind.FLOW if ResourceKind.FLOW.holds(key) else ResourceKind.OUTPUT
    certain = Capabilities()
    return tuple(
        one.path
        for one in changed
        if IMPACT_OF[certain.mutability(kind, one.path, FlowState.RUNNING)] is Impact.RECREATE
    )
