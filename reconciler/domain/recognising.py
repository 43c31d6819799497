"""Which resource of the manifests each live object of ours is, as a plan finds it: by live name, else by mark."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from reconciler.domain.impact import Capabilities
from reconciler.domain.marks import Owner
from reconciler.domain.matching import Found, Identity, Reading, match
from reconciler.domain.model import Actual, Desired, FlowKey, FoundFlow, FoundOutput, Key, Output, OutputKey
from reconciler.domain.plan_parts import Context, identity_of_flow, identity_of_output

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
    known = _named(map(identity_of_flow, desired.flows), actual.flows(), context.reading_of_flows())
    flows = {flow.id: FlowKey(name) for flow, name in known}
    wanted: dict[FlowKey, list[Output]] = {}
    for output in desired.outputs:
        wanted.setdefault(output.key.flow_key, []).append(output)
    outputs: dict[OutputKey, tuple[Live, ...]] = {}
    for flow in actual.flows():
        if flow.id not in flows:
            continue
        of = flows[flow.id]
        named = map(identity_of_output, wanted.get(of, []))
        for found, name in _named(named, flow.outputs, context.reading_of_outputs(of)):
            key = OutputKey(of.name, name)
            outputs[key] = (*outputs.get(key, ()), (flow, found))
    return Recognised(flows=flows, outputs=outputs)


def _named(wanted: Iterable[Identity], found: Iterable[Found], reading: Reading[Found]) -> Iterator[tuple[Found, str]]:
    """Yield what bears our mark, twins as well, with its name in the manifests."""
    identities = tuple(wanted)
    matches = match(identities, found, reading)
    for identity, matched in zip(identities, matches.matched, strict=True):
        there = matched.candidates if matched.twin is None else (*matched.candidates, matched.twin)
        yield from ((item, identity.name) for item in there if reading.name_of(item) is not None)
    yield from ((item, name) for item in matches.rest if (name := reading.name_of(item)) is not None)
