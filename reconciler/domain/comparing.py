"""What one revision of the manifests would change after another one, without asking any backend."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from reconciler.domain import planning
from reconciler.domain.changes import Action, Change, Create, Edit, Plan
from reconciler.domain.impact import Capabilities
from reconciler.domain.marks import Mark, Owner
from reconciler.domain.model import Actual, Desired, Flow, FlowState, FoundFlow, FoundOutput, Output, Region
from reconciler.domain.moves import moved_names
from reconciler.domain.policies import Policies
from reconciler.domain.resolution import Resolved, secret_versions
from reconciler.domain.safety.judging import judge
from reconciler.domain.safety.limits import Circumstances

_OWNER: Final = Owner("compared")


def compare(base: Desired, head: Desired, *, policies: Policies, capabilities: Capabilities) -> Plan:
    """
    Return the judged plan for `head` where the backend has just what `base` says, and every flow runs that is to run.

    Secrets are compared by reference and version, and links by the flow that they name.
    """
    actual = _as_live(base, {flow.spec.region for flow in head.flows})
    resolved = Resolved(desired=head, moved=moved_names(policies.moves))
    plan = planning.plan_with_links(resolved, actual, owner=_OWNER, capabilities=capabilities)
    told = replace(plan, changes=tuple(map(_in_manifests, plan.changes)))
    return judge(told, Circumstances(desired=head, actual=actual, owner=_OWNER, policies=policies))


def _in_manifests(change: Change) -> Change:
    """Return a change whose reason speaks of manifests alone, for no backend was asked."""
    if isinstance(change, Create):
        return replace(change, why="new in the manifests")
    if change.action is Action.DELETE:
        return replace(change, why="no manifest names it any more")
    return replace(change, why="its manifest has changed") if isinstance(change, Edit) else change


def _as_live(desired: Desired, regions: set[Region]) -> Actual:
    outputs: dict[str, list[Output]] = {}
    for output in desired.outputs:
        outputs.setdefault(output.key.flow, []).append(output)
    live: dict[Region, list[FoundFlow]] = {region: [] for region in regions}
    for flow in desired.flows:
        found = tuple(_found_outputs(outputs.get(flow.key.name, [])))
        live.setdefault(flow.spec.region, []).append(_found_flow(flow, found))
    return Actual(regions={region: tuple(flows) for region, flows in live.items()})


def _found_flow(flow: Flow, outputs: tuple[FoundOutput, ...]) -> FoundFlow:
    return FoundFlow(
        id=str(flow.key),
        region=flow.spec.region,
        live_name=flow.live_name,
        mark=_mark(flow.key.name, flow),
        # A flow without outputs waits for its first.
        state=flow.spec.state if outputs else FlowState.IDLE,
        spec=flow.spec,
        outputs=outputs,
    )


def _found_outputs(outputs: list[Output]) -> Iterator[FoundOutput]:
    for output in outputs:
        mark = _mark(output.key.name, output)
        yield FoundOutput(id=str(output.key), live_name=output.live_name, mark=mark, spec=output.spec)


def _mark(name: str, of: Flow | Output) -> Mark:
    return Mark(owner=_OWNER, name=name, secret_versions=secret_versions(of.spec), protected=of.care.protected)
