"""The values that the parts of the guard share."""

from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import tzinfo
from enum import StrEnum
from functools import cached_property

from reconciler.domain.changes import Blocked, Call, Change, Delete, Edit, Sequence, calls_of
from reconciler.domain.marks import Mark, Owner
from reconciler.domain.matching import ours
from reconciler.domain.model import (
    Actual,
    Desired,
    Flow,
    FlowKey,
    FlowState,
    FoundFlow,
    FoundOutput,
    Key,
    Output,
    OutputKey,
    Region,
)
from reconciler.domain.moves import key_now, moved_names
from reconciler.domain.policies import Policies
from reconciler.domain.recognising import Live, Recognised, Recogniser
from reconciler.domain.safety.far_ends import Holders, holders
from reconciler.domain.safety.limits import Limits
from reconciler.domain.safety.on_air import Sample
from reconciler.domain.safety.redundancy import Legs
from reconciler.domain.safety.releases import APPLY
from reconciler.ports.backend import Backend
from reconciler.ports.clock import Clock
from reconciler.ports.journal import Journal
from reconciler.ports.orders import NoOrders, OrderBook
from reconciler.ports.signatures import Verifier
from reconciler.ports.source import Revision

Look = Mapping[str, Sample | None]
"""Samples that were taken at once, by the ids of their flows; None where a flow could not be read."""


class Mode(StrEnum):
    """Under whose eyes a pass sends."""

    LOOP = "loop"
    """Nobody looks, and there is another pass: a delete must be wanted twice."""
    ONCE = "once"
    """Nobody looks; a second reading comes before the first delete."""
    SHOWN = "shown"
    """Somebody saw the plan; a second reading comes before the first delete."""
    SAVED = "saved"
    """Somebody saved the plan, and it still holds."""
    OBSERVE = "observe"
    """Nothing is sent."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What one plan was made of. Without slots, for what is derived from it is kept."""

    revision: Revision
    desired: Desired
    policies: Policies
    actual: Actual
    owner: Owner
    mode: Mode
    pass_id: str = ""
    observed_s: float | None = None
    """When the reading of the backend began, on the clock that never runs backwards; None for just now."""
    given: Policies = field(default_factory=Policies)
    """All policies of the tree and the command line, where `policies` are those that hold."""
    recogniser: Recogniser = field(default_factory=Recogniser, compare=False, repr=False)
    """Of the readings before: what has not changed costs less then."""

    @cached_property
    def legs(self) -> Legs:
        """The redundancy groups of the manifests."""
        return Legs.of(self.desired)

    @cached_property
    def holders(self) -> Holders:
        """Who sends where, ours or not."""
        return holders(self.actual.flows())

    def is_to_run(self, key: Key) -> bool:
        """Return whether the manifests want a flow, or the one that an output is of, to run."""
        return key.flow_key in self._to_run

    def flow_of(self, change: Change) -> FoundFlow | None:
        """Return the flow that a change is in, as it was observed; None for one that is new."""
        there = self._by_place.get((change.at.region, change.at.live_name), ())
        if len(there) > 1:
            # Of several that bear one name it is the one that the change was planned for.
            ids = {call.found.id for call in calls_of(change) if isinstance(call, Delete | Edit)}
            there = tuple(flow for flow in there if ids & {flow.id, *(output.id for output in flow.outputs)})
        return there[0] if len(there) == 1 else None

    def outputs_of(self, key: OutputKey) -> tuple[tuple[FoundFlow, FoundOutput], ...]:
        """Return what bears the mark of an output, with its flow; by its name of now, or one that a move changed."""
        return self._by_key.get(key_now(key, self._moved), ())

    def live_of(self, key: OutputKey) -> tuple[Live, ...]:
        """Return what is live of an output as a plan recognises it, with its flow: whatever name is in its mark."""
        return self._recognised.outputs.get(key, ())

    def flows_of(self, key: FlowKey) -> tuple[FoundFlow, ...]:
        """Return what is live of a flow of ours; by its name of now, or one that a move changed."""
        return self._flows_by_key.get(key_now(key, self._moved), ())

    def outputs_in(self, key: FlowKey) -> tuple[OutputKey, ...]:
        """Return the outputs of ours that are live in a flow."""
        return self._outputs_in.get(key, ())

    def key_of(self, flow: FoundFlow) -> FlowKey | None:
        """Return what the manifests call a live flow by now; None for one that is not ours."""
        return self._recognised.flows.get(flow.id)

    def live_in(self, flow: FoundFlow) -> Mapping[OutputKey, tuple[Live, ...]]:
        """Return what is live in one flow of ours; the very same mapping as in the reading before if all of it is."""
        return self._recognised.outputs_in.get(flow.id, {})

    def labels_of(self, key: Key) -> tuple[tuple[str, str], ...] | None:
        """Return the labels that the manifests give a resource; None where they do not name it."""
        return self._labels.get(key)

    def wanted(self, key: Key) -> Flow | Output | None:
        """Return what the manifests say of a resource; None where they do not name it."""
        return self.desired.by_key.get(key)

    @cached_property
    def _outputs_in(self) -> Mapping[FlowKey, tuple[OutputKey, ...]]:
        found: dict[FlowKey, list[OutputKey]] = {}
        for output in self._recognised.outputs:
            found.setdefault(output.flow_key, []).append(output)
        return {key: tuple(outputs) for key, outputs in found.items()}

    @cached_property
    def _to_run(self) -> AbstractSet[FlowKey]:
        return {flow.key for flow in self.desired.flows if flow.spec.state is FlowState.RUNNING}

    @cached_property
    def _by_place(self) -> Mapping[tuple[Region, str], tuple[FoundFlow, ...]]:
        found: dict[tuple[Region, str], tuple[FoundFlow, ...]] = {}
        for flow in self.actual.flows():
            place = (flow.region, flow.live_name)
            found[place] = (*found.get(place, ()), flow)
        return found

    @cached_property
    def _flows_by_key(self) -> Mapping[Key, tuple[FoundFlow, ...]]:
        found: dict[Key, tuple[FoundFlow, ...]] = {}
        for mark, flow in self._our_flows():
            key = key_now(FlowKey(mark.name), self._moved)
            found[key] = (*found.get(key, ()), flow)
        return found

    @cached_property
    def _by_key(self) -> Mapping[Key, tuple[tuple[FoundFlow, FoundOutput], ...]]:
        found: dict[Key, tuple[tuple[FoundFlow, FoundOutput], ...]] = {}
        for key, flow, output in self._ours():
            found[key] = (*found.get(key, ()), (flow, output))
        return found

    def _our_flows(self) -> Iterator[tuple[Mark, FoundFlow]]:
        yield from (
            (flow.mark, flow) for flow in self.actual.flows() if flow.mark is not None and ours(flow.mark, self.owner)
        )

    def _ours(self) -> Iterator[tuple[Key, FoundFlow, FoundOutput]]:
        for mark, flow in self._our_flows():
            for output in flow.outputs:
                if output.mark is not None and ours(output.mark, self.owner):
                    yield key_now(OutputKey(mark.name, output.mark.name), self._moved), flow, output

    @cached_property
    def _recognised(self) -> Recognised:
        return self.recogniser.recognised(self.desired, self.actual, owner=self.owner, moved=self._moved)

    @cached_property
    def _moved(self) -> Mapping[Key, Key]:
        return moved_names(self.policies.moves)

    @cached_property
    def _labels(self) -> Mapping[Key, tuple[tuple[str, str], ...]]:
        flows: Mapping[Key, tuple[tuple[str, str], ...]] = {each.key: each.care.labels for each in self.desired.flows}
        return {**flows, **{each.key: each.care.labels for each in self.desired.outputs}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Permit:
    """A change that may be sent, or why not."""

    calls: tuple[Call, ...] = ()
    """What to send of it."""
    undo: tuple[tuple[Call, ...], ...] = ()
    """As `Sequence.undo`."""
    held: Blocked | None = None
    """Set when it may not be sent."""
    failed: str = ""
    """Why the change has failed although its calls are sent: a twin that nobody came to goes again."""

    @classmethod
    def whole(cls, change: Change) -> "Permit":
        """Return the permit to send all of a change."""
        if isinstance(change, Sequence):
            return cls(calls=change.calls, undo=change.undo)
        return cls(calls=(change,))


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeper:
    """What the guard works with."""

    backend: Backend
    clock: Clock
    journal: Journal
    verifier: Verifier
    owner: Owner
    zone_of: Callable[[str], tzinfo]
    """Returns an IANA zone by its name."""
    orders: OrderBook = field(default_factory=NoOrders)
    """What people order beside git."""
    limits: Limits = field(default_factory=Limits)
    apply: str = APPLY
    """How the command begins, for a shell, that releases what is held back."""
