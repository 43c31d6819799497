"""What planning a flow and planning its outputs share."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from reconciler.domain.changes import Action, Blocked, Call, Change, FlowAt, Sequence, Waiting
from reconciler.domain.errors import UnresolvedLinkError
from reconciler.domain.impact import IMPACT_OF, Capabilities, Impact, Mutability, mutability_of
from reconciler.domain.links import with_address
from reconciler.domain.marks import Mark, Owner
from reconciler.domain.model import Flow, FlowKey, FlowState, FoundFlow, Key, Output
from reconciler.domain.properties import PropertyChange
from reconciler.domain.resolution import secret_versions


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What every decision of one planning reads."""

    owner: Owner
    capabilities: Capabilities
    failed: AbstractSet[Key]
    """Resources that could not be resolved: what is live of them stays as it is."""
    keeps_links: bool = False
    """Whether links stay what they are, because no backend was asked for addresses."""
    found_flow: Callable[[FlowKey], FoundFlow | None] = lambda _: None
    """Return the flow that a link calls."""

    def name_in(self, mark: Mark | None) -> str | None:
        """Return the manifest's name in a mark of ours; None for anybody else's."""
        return mark.name if mark is not None and mark.owner == self.owner else None

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


def impact_of(table: Mapping[str, Mutability], changed: tuple[PropertyChange, ...]) -> Impact:
    """Return what viewers of a running flow would notice of these changes."""
    return max((IMPACT_OF[mutability_of(table, change.path)] for change in changed), default=Impact.NONE)


def felt(impact: Impact, flow: FoundFlow) -> Impact:
    """Return what viewers notice now: nothing, while the flow is idle."""
    return impact if flow.state is FlowState.RUNNING else Impact.NONE


def recreate(
    key: Key,
    at: FlowAt,
    calls: tuple[Call, ...],
    changed: tuple[PropertyChange, ...],
    *,
    table: Mapping[str, Mutability],
) -> Sequence:
    """Return the change that makes something anew because some of the properties that change cannot be edited."""
    fixed = [one.path for one in changed if IMPACT_OF[mutability_of(table, one.path)] is Impact.RECREATE]
    return Sequence(
        key=key,
        at=at,
        action=Action.RECREATE,
        calls=calls,
        differences=changed,
        impact=Impact.RECREATE,
        why=f"{', '.join(fixed)} cannot be edited",
    )
