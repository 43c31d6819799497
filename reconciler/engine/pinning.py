"""Pinning: resources that are kept at an older spec than their manifests'."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from reconciler.domain.changes import Failed
from reconciler.domain.conditions import generation_of
from reconciler.domain.links import link_of
from reconciler.domain.model import Desired, Flow, FlowKey, Key, Output, OutputKey
from reconciler.domain.order_words import pinned
from reconciler.domain.orders import Orders, Pin
from reconciler.domain.resolution import Resolved
from reconciler.ports.source import ManifestFile, Reader
from reconciler.ports.writer import Writer


def in_force(orders: Orders, desired: Desired) -> Orders:
    """Return the orders without pins that stand against another generation by now, or whose manifest is gone."""
    if not orders.pins:
        return orders
    kept = tuple(pin for pin in orders.pins if not is_over(pin, desired))
    return replace(orders, pins=kept)


def is_over(pin: Pin, desired: Desired) -> bool:
    """Return whether a pin has ended because the manifest of its resource is another one, or gone."""
    wanted = desired.by_key.get(pin.resource)
    return wanted is None or (pin.against not in ("", generation_of(wanted)))


def with_pins(desired: Desired, pins: Sequence[Pin], reader: Reader) -> tuple[Desired, tuple[Failed, ...]]:
    """
    Return the desired state with the pinned specs in place of the manifests', and what cannot be read of them.

    Whoever writes a pin has read it before, so that is for upgrades: then nothing is done to that resource alone.
    """
    if not pins:
        return desired, ()
    flows = {flow.key: flow for flow in desired.flows}
    outputs = {output.key: output for output in desired.outputs}
    failed: list[Failed] = []
    for pin in pins:
        match spec_of(pin.manifest, pin.resource, reader):
            case Flow(spec=spec) if isinstance(pin.resource, FlowKey):
                # Its spec alone: what it is called, and how it is treated, is for the manifest to say.
                flows[pin.resource] = replace(flows[pin.resource], spec=spec)
            case Output(spec=spec) if isinstance(pin.resource, OutputKey):
                outputs[pin.resource] = replace(outputs[pin.resource], spec=spec)
            case _:
                why = f"{pinned(pin)}, and that cannot be read by this version, so it is left as it is"
                failed.append(Failed(key=pin.resource, why=why))
    return Desired(flows=tuple(flows.values()), outputs=tuple(outputs.values())), tuple(failed)


def without(resolved: Resolved, failed: Iterable[Failed]) -> Resolved:
    """Return what can be sent without these resources, which fail alone."""
    lost = tuple(failed)
    if not lost:
        return resolved
    keys = {each.key for each in lost}
    desired = resolved.desired
    flows = tuple(flow for flow in desired.flows if flow.key not in keys)
    outputs = tuple(output for output in desired.outputs if output.key not in keys)
    return replace(resolved, desired=Desired(flows=flows, outputs=outputs), failed=(*resolved.failed, *lost))


def spec_of(manifest: str, key: Key, reader: Reader) -> Flow | Output | None:
    """Return the resource that a text of manifests describes under this key; None where it does not, or has errors."""
    file = ManifestFile(path=f"{key}.yaml", content=manifest.encode())
    verdict = reader.read((file,))
    if verdict.desired is None:
        return None
    found = verdict.desired.by_key
    # What was renamed since is the last of its kind there: what it needs to be read stands before it.
    among = verdict.desired.flows if isinstance(key, FlowKey) else verdict.desired.outputs
    return found.get(key) or (among[-1] if among else None)


def needed_by(output: Output) -> tuple[FlowKey, ...]:
    """Return the flows without which the manifest of an output cannot be read: its own, and one that it calls."""
    link = link_of(output)
    return (output.key.flow_key,) if link is None else tuple(dict.fromkeys((output.key.flow_key, link.flow)))


def manifest_of(resource: Flow | Output, flows: Iterable[Flow], writer: Writer) -> str:
    """
    Return a resource as a text of manifests, for a pin.

    Args:
        resource: with references to its secrets.
        flows: that it needs to be read.
        writer: writes manifests.

    """
    beside = [flow for flow in flows if flow.key != resource.key]
    region = next((flow.spec.region for flow in beside if flow.key == resource.key.flow_key), "")
    documents = [writer.document(flow) for flow in beside]
    return writer.file([*documents, writer.document(resource, region=region)], head=[])
