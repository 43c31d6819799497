"""Which resource of the manifests each live object of ours is, as a plan finds it: by live name, else by mark."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from reconciler.domain.marks import Mark, Owner
from reconciler.domain.matching import Found, Identity, Reading, is_twin, match
from reconciler.domain.model import Actual, Desired, Flow, FlowKey, FoundFlow, FoundOutput, Key, Output, OutputKey

Live = tuple[FoundFlow, FoundOutput]
"""An output with its flow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognised:
    """Live objects that bear our mark, and what the manifests call them now."""

    flows: Mapping[str, FlowKey]
    """By the ids of the flows."""
    outputs: Mapping[OutputKey, tuple[Live, ...]]
    """Of a name that is there several times, all that bear it; twins as well."""
    outputs_in: Mapping[str, Mapping[OutputKey, tuple[Live, ...]]]
    """Those of one flow, by its id; the very same mapping where nothing has changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Whose objects are recognised, and what the manifests call by another name than their marks do."""

    owner: Owner
    moved: Mapping[Key, Key]
    """What has another name now, by the names of before; of an output, the flow in it is by its name of now."""

    def flow_in(self, mark: Mark | None) -> str | None:
        """Return the manifest's name of the flow whose input bears this mark; None for anybody else's."""
        name = self._name_in(mark)
        if name is None or not self.moved:
            return name
        return self.moved.get(FlowKey(name), FlowKey(name)).name

    def output_in(self, flow: FlowKey, mark: Mark | None) -> str | None:
        """Return the manifest's name of an output that bears this mark; None for anybody else's."""
        name = self._name_in(mark)
        if name is None or not self.moved:
            return name
        return self.moved.get(OutputKey(flow.name, name), OutputKey(flow.name, name)).name

    def reading_of_flows(self) -> Reading[FoundFlow]:
        """Return how a flow is recognised."""
        return Reading(
            live_of=lambda flow: (flow.region, flow.live_name),
            name_of=lambda flow: self.flow_in(flow.mark),
            is_twin=lambda flow: is_twin(flow.mark),
        )

    def reading_of_outputs(self, flow: FlowKey) -> Reading[FoundOutput]:
        """Return how an output of a flow is recognised."""
        return Reading(
            live_of=lambda output: output.live_name,
            name_of=lambda output: self.output_in(flow, output.mark),
            is_twin=lambda output: is_twin(output.mark),
        )

    def _name_in(self, mark: Mark | None) -> str | None:
        return mark.name if mark is not None and mark.owner == self.owner else None


def identity_of_flow(flow: Flow) -> Identity:
    """Return by what a flow is recognised, as `reading_of_flows` reads it."""
    return Identity(live=(flow.spec.region, flow.live_name), name=flow.key.name)


def identity_of_output(output: Output) -> Identity:
    """Return by what an output of a flow is recognised, as `reading_of_outputs` reads it."""
    return Identity(live=output.live_name, name=output.key.name)


class Recogniser:
    """Recognises reading after reading. Of flows that are the same values as before it only says what it said."""

    def __init__(self) -> None:
        self._terms: object = None
        self._known: dict[str, _Known] = {}

    def recognised(self, desired: Desired, actual: Actual, *, owner: Owner, moved: Mapping[Key, Key]) -> Recognised:
        """
        Return what is live of each resource; what no manifest names is called as its mark says.

        Args:
            desired: what the manifests say.
            actual: what could be read.
            owner: whose objects are recognised.
            moved: what has another name now, as `moved_names` returns it.

        """
        if (owner, moved) != self._terms:
            self._terms, self._known = (owner, moved), {}
        names = Names(owner=owner, moved=moved)
        named = _named(map(identity_of_flow, desired.flows), actual.flows(), names.reading_of_flows())
        flows = {flow.id: FlowKey(name) for flow, name in named}
        before, self._known = self._known, {}
        outputs: dict[OutputKey, tuple[Live, ...]] = {}
        for flow in actual.flows():
            if flow.id not in flows:
                continue
            key = flows[flow.id]
            wanted = desired.outputs_of.get(key, ())
            known = before.get(flow.id)
            if known is None or known.flow is not flow or known.key != key or known.wanted != wanted:
                known = _Known(flow, key, wanted, _outputs_in(flow, key, wanted, names))
            self._known[flow.id] = known
            for output, live in known.outputs.items():
                outputs[output] = (*outputs[output], *live) if output in outputs else live
        return Recognised(
            flows=flows, outputs=outputs, outputs_in={id_: known.outputs for id_, known in self._known.items()}
        )


@dataclass(frozen=True, slots=True)
class _Known:
    """A flow, and what was recognised in it."""

    flow: FoundFlow = field(repr=False)
    """It has URLs with keys in them."""
    key: FlowKey
    wanted: tuple[Output, ...]
    outputs: Mapping[OutputKey, tuple[Live, ...]] = field(repr=False)


def _outputs_in(
    flow: FoundFlow, key: FlowKey, wanted: Iterable[Output], names: Names
) -> Mapping[OutputKey, tuple[Live, ...]]:
    found: dict[OutputKey, tuple[Live, ...]] = {}
    for output, name in _named(map(identity_of_output, wanted), flow.outputs, names.reading_of_outputs(key)):
        of = OutputKey(key.name, name)
        found[of] = (*found.get(of, ()), (flow, output))
    return found


def _named(wanted: Iterable[Identity], found: Iterable[Found], reading: Reading[Found]) -> Iterator[tuple[Found, str]]:
    """Yield what bears our mark, twins as well, with its name in the manifests."""
    identities = tuple(wanted)
    matches = match(identities, found, reading)
    for identity, matched in zip(identities, matches.matched, strict=True):
        there = matched.candidates if matched.twin is None else (*matched.candidates, matched.twin)
        yield from ((item, identity.name) for item in there if reading.name_of(item) is not None)
    yield from ((item, name) for item in matches.rest if (name := reading.name_of(item)) is not None)
