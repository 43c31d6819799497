"""Which resource of the manifests each live object of ours is, as a plan finds it: by live name, else by mark."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from reconciler.domain.impact import Capabilities
from reconciler.domain.marks import Owner
from reconciler.domain.matching import Found, Identity, Reading, match
from reconciler.domain.model import Actual, Desired, Flow, FlowKey, FoundFlow, FoundOutput, Key, Output, OutputKey
from reconciler.domain.plan_parts import Context

Live = tuple[FoundFlow, FoundOutput]
"""An output with its flow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognised:
    """Live objects that bear our mark, and what the manifests call them now."""

    flows: Mapping[str, FlowKey]
    """By the ids of the flows."""
    outputs: Mapping[OutputKey, tuple[Live, ...]]
    """Of a name that is there several times, all that bear it; twins as well."""


def recognised(desired: Desired, actual: Actual, *, owner: Owner, moved: Mapping[Key, Key]) -> Recognised:
    """
    Return what is live of each resource; what no manifest names is called as its mark says.

    Args:
        desired: what the manifests say.
        actual: what could be read.
        owner: whose objects are recognised.
        moved: what has another name now, as `moved_names` returns it.

    """
    context = Context(owner=owner, capabilities=Capabilities(), failed=frozenset(), moved=moved)
    flows = {flow.id: FlowKey(name) for flow, name in _flows(desired.flows, actual.flows(), context)}
    wanted: dict[FlowKey, list[Output]] = {}
    for output in desired.outputs:
        wanted.setdefault(output.key.flow_key, []).append(output)
    outputs: dict[OutputKey, tuple[Live, ...]] = {}
    for flow in actual.flows():
        if flow.id not in flows:
            continue
        of = flows[flow.id]
        for found, name in _outputs(of, wanted.get(of, []), flow.outputs, context):
            key = OutputKey(of.name, name)
            outputs[key] = (*outputs.get(key, ()), (flow, found))
    return Recognised(flows=flows, outputs=outputs)


def _flows(wanted: Sequence[Flow], found: Iterable[FoundFlow], context: Context) -> Iterator[tuple[FoundFlow, str]]:
    reading: Reading[FoundFlow] = Reading(
        live_of=lambda flow: (flow.region, flow.live_name),
        name_of=lambda flow: context.flow_in(flow.mark),
        is_twin=lambda _: False,
    )
    return _named(
        [Identity(live=(flow.spec.region, flow.live_name), name=flow.key.name) for flow in wanted], found, reading
    )


def _outputs(
    of: FlowKey, wanted: Sequence[Output], found: Iterable[FoundOutput], context: Context
) -> Iterator[tuple[FoundOutput, str]]:
    reading: Reading[FoundOutput] = Reading(
        live_of=lambda output: output.live_name,
        name_of=lambda output: context.output_in(of, output.mark),
        is_twin=lambda _: False,
    )
    return _named([Identity(live=output.live_name, name=output.key.name) for output in wanted], found, reading)


def _named(wanted: Sequence[Identity], found: Iterable[Found], reading: Reading[Found]) -> Iterator[tuple[Found, str]]:
    """Yield what bears our mark, with its name in the manifests."""
    matches = match(wanted, found, reading)
    for identity, matched in zip(wanted, matches.matched, strict=True):
        yield from ((item, identity.name) for item in matched.candidates if reading.name_of(item) is not None)
    yield from ((item, name) for item in matches.rest if (name := reading.name_of(item)) is not None)
