"""
The plan: the calls that turn actual into desired, in the order to send them.

Whatever is not ours is never edited or deleted; what cannot be known is never guessed: such things are held back and
named. Stops and deletes come first, so that keys and ports are free for what is made after them; but the last output of
a running flow goes only after its successors were made, because a running flow without outputs would have to stop.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import chain
from typing import TypeVar

from reconciler.domain import properties, refusals
from reconciler.domain.changes import (
    Action,
    Blocked,
    Call,
    Create,
    Delete,
    Edit,
    FlowAt,
    Plan,
    Sequence,
    Start,
    Stop,
)
from reconciler.domain.impact import Capabilities, Impact
from reconciler.domain.marks import Owner
from reconciler.domain.matching import Identity, Match, Matches, match, ours
from reconciler.domain.model import (
    Actual,
    Flow,
    FlowKey,
    FlowSpec,
    FlowState,
    FoundFlow,
    Output,
    OutputKey,
    RegionKey,
    Unreadable,
)
from reconciler.domain.output_planning import delete_output, plan_outputs
from reconciler.domain.plan_parts import Context, Parts, felt, impact_of, new_secrets, recreate
from reconciler.domain.properties import PropertyChange
from reconciler.domain.resolution import Resolved

_Part = TypeVar("_Part")


def plan(
    resolved: Resolved, actual: Actual, *, owner: Owner, capabilities: Capabilities, keeps_links: bool = False
) -> Plan:
    """
    Return the changes that turn actual into desired; the same for the same values, whatever their order.

    Args:
        resolved: what is desired, with the secrets' values; resources that failed to resolve are left as they are.
        actual: what the backend has, or could not say.
        owner: whose objects may be touched.
        capabilities: how each property is changed on this backend.
        keeps_links: whether links to other flows stay what they are, and are not replaced by addresses.

    """
    context = Context(
        owner=owner,
        capabilities=capabilities,
        failed={item.key for item in resolved.failed},
        keeps_links=keeps_links,
    )
    return _Planner(resolved, actual, context).plan()


class _Planner:
    """One planning: the arguments, and the indexes made from them."""

    def __init__(self, resolved: Resolved, actual: Actual, context: Context) -> None:
        self._context = replace(context, found_flow=self._found_flow)
        self._given_up = resolved.failed
        self._actual = actual
        self._flows = sorted(resolved.desired.flows, key=lambda flow: flow.key)
        self._outputs: dict[FlowKey, list[Output]] = {}
        for output in sorted(resolved.desired.outputs, key=lambda output: output.key):
            self._outputs.setdefault(output.key.flow_key, []).append(output)
        self._matches = self._match_flows()
        self._found = {flow.key: matched.only for flow, matched in zip(self._flows, self._matches.matched, strict=True)}

    def plan(self) -> Plan:
        """Return the plan, put together from the plans of the flows, in the order of their names."""
        parts = [self._flow(flow, matched) for flow, matched in zip(self._flows, self._matches.matched, strict=True)]
        parts.extend(self._surplus())
        return Plan(
            changes=tuple(chain(_joined(parts, lambda part: part.first), _joined(parts, lambda part: part.then))),
            blocked=tuple(_joined(parts, lambda part: part.blocked)),
            waiting=tuple(_joined(parts, lambda part: part.waiting)),
            failed=self._given_up,
            unchanged=sum(part.unchanged for part in parts),
        )

    def _match_flows(self) -> Matches[FoundFlow]:
        return match(
            [Identity(live=(flow.spec.region, flow.live_name), name=flow.key.name) for flow in self._flows],
            sorted(self._actual.flows(), key=lambda flow: (flow.region, flow.live_name, flow.id)),
            live_of=lambda flow: (flow.region, flow.live_name),
            marked_name_of=lambda flow: self._context.name_in(flow.mark),
        )

    def _found_flow(self, key: FlowKey) -> FoundFlow | None:
        """Return the flow that a link calls, also when its own manifest could not be resolved this time."""
        found = self._found.get(key)
        if found is not None or key not in self._context.failed:
            return found
        marked = [flow for flow in self._actual.flows() if self._context.name_in(flow.mark) == key.name]
        return marked[0] if len(marked) == 1 else None

    def _flow(self, flow: Flow, matched: Match[FoundFlow]) -> Parts:
        refusal = self._refusal(flow, matched)
        if refusal:
            action = Action.EDIT if matched.candidates else Action.CREATE
            return self._held(flow, action, refusal)
        found = matched.only
        if found is None:
            return self._new_flow(flow)
        if found.spec is None:
            return self._held(flow, Action.EDIT, refusals.BEYOND_MANIFESTS)
        return self._known_flow(flow, found, found.spec)

    def _held(self, flow: Flow, action: Action, refusal: str) -> Parts:
        count = len(self._outputs.get(flow.key, ()))
        why = f"{refusal}; its {count} outputs wait with it" if count else refusal
        return Parts(blocked=[Blocked(key=flow.key, action=action, why=why)])

    def _refusal(self, flow: Flow, matched: Match[FoundFlow]) -> str:
        """Return why this flow may not be touched, or ""."""
        region = self._actual.regions.get(flow.spec.region)
        if isinstance(region, Unreadable):
            return f"region {flow.spec.region} could not be read: {region.why}"
        if region is None:
            return f"region {flow.spec.region} is not among those that the backend serves or `backend.regions` names"
        if matched.is_ambiguous:
            return refusals.ambiguous("flows", flow.live_name, [candidate.id for candidate in matched.candidates])
        owner = self._context.owner
        if matched.only is not None and not ours(matched.only.mark, owner):
            return refusals.not_ours(matched.only.mark, owner, flow.key.name, where="its input's Description")
        return ""

    def _new_flow(self, flow: Flow) -> Parts:
        at = FlowAt(flow.spec.region, flow.live_name)
        parts = Parts(then=[Create(key=flow.key, at=at, wanted=flow)])
        for output in self._context.addressed(self._outputs.get(flow.key, ()), parts):
            parts.then.append(Create(key=output.key, at=at, wanted=output))
        if flow.spec.state is FlowState.RUNNING and len(parts.then) > 1:
            parts.then.append(Start(key=flow.key, at=at))
        return parts

    def _known_flow(self, flow: Flow, found: FoundFlow, spec: FlowSpec) -> Parts:
        changed = properties.differences(
            properties.of_flow(flow.live_name, flow.spec),
            properties.of_flow(found.live_name, spec),
            new_secrets=new_secrets(flow, found.mark),
        )
        impact = impact_of(self._context.capabilities.flow, changed)
        if impact is Impact.RECREATE:
            return self._recreated_flow(flow, found, changed)
        parts = Parts(unchanged=0 if changed else 1)
        wanted = self._outputs.get(flow.key, [])
        outputs = plan_outputs(flow.key, wanted, found, context=self._context, parts=parts)
        if changed:
            at = FlowAt(found.region, found.live_name)
            edit = Edit(key=flow.key, at=at, wanted=flow, found=found, differences=changed, impact=felt(impact, found))
            # An edit may rename the flow, and what follows is sent to it by its name: so it comes last.
            parts.then.append(edit)
        _turn(flow, found, parts, outputs=outputs)
        return parts

    def _recreated_flow(self, flow: Flow, found: FoundFlow, changed: tuple[PropertyChange, ...]) -> Parts:
        refusal = self._removal_refusal(flow.key, found)
        if refusal:
            return self._held(flow, Action.RECREATE, refusal)
        parts = self._new_flow(flow)
        made = [change for change in parts.then if not isinstance(change, Sequence)]
        calls = (*_removal(flow.key, found), *made)
        parts.then = [
            recreate(
                flow.key,
                FlowAt(found.region, found.live_name),
                calls,
                changed,
                table=self._context.capabilities.flow,
            )
        ]
        return parts

    def _surplus(self) -> Iterator[Parts]:
        """Yield the removal of each flow that bears our mark and that no manifest names; not where nobody can tell."""
        for found in self._matches.rest:
            name = self._context.name_in(found.mark)
            if name is not None and FlowKey(name) not in self._context.failed:
                yield self._removed(FlowKey(name), found)
        # Where flows are wanted, each of them says that its region could not be read.
        told = {flow.spec.region for flow in self._flows}
        for region, found_there in sorted(self._actual.regions.items(), key=lambda item: item[0]):
            if isinstance(found_there, Unreadable) and region not in told:
                why = refusals.unread(found_there)
                yield Parts(blocked=[Blocked(key=RegionKey(region), action=Action.DELETE, why=why)])

    def _removed(self, key: FlowKey, found: FoundFlow) -> Parts:
        refusal = self._removal_refusal(key, found)
        if refusal:
            return Parts(blocked=[Blocked(key=key, action=Action.DELETE, why=refusal)])
        removal = Sequence(
            key=key,
            at=FlowAt(found.region, found.live_name),
            action=Action.DELETE,
            calls=tuple(_removal(key, found)),
            differences=(),
            impact=felt(Impact.INTERRUPT, found),
            why="marked as ours, and no manifest names it",
        )
        return Parts(first=[removal])

    def _removal_refusal(self, key: FlowKey, found: FoundFlow) -> str:
        """Return why a flow may not be removed with its outputs, or ""."""
        foreign = [output for output in found.outputs if not ours(output.mark, self._context.owner)]
        if foreign:
            return refusals.holds(foreign)
        kept = [
            output
            for output in found.outputs
            if output.mark is not None and OutputKey(key.name, output.mark.name) in self._context.failed
        ]
        return refusals.would_lose(kept) if kept else ""


def _turn(flow: Flow, found: FoundFlow, parts: Parts, *, outputs: int) -> None:
    """Add the stop or start that the flow needs; without outputs a flow cannot run, and waits for the first."""
    runs = found.state is FlowState.RUNNING
    emptied = bool(found.outputs) and outputs == 0
    if runs and (flow.spec.state is FlowState.IDLE or emptied):
        why = "to be idle" if flow.spec.state is FlowState.IDLE else "its last output goes"
        parts.first.insert(0, Stop(key=flow.key, at=FlowAt(found.region, found.live_name), why=why))
    if not runs and flow.spec.state is FlowState.RUNNING and outputs > 0:
        parts.then.append(Start(key=flow.key, at=FlowAt(found.region, flow.live_name)))


def _removal(key: FlowKey, found: FoundFlow) -> Iterator[Call]:
    """
    Yield the calls that remove a flow: the stop, its outputs, itself.

    The stop comes first because no rule of any generation refuses what is done to an idle flow.
    """
    at = FlowAt(found.region, found.live_name)
    if found.state is FlowState.RUNNING:
        yield Stop(key=key, at=at, why="to be deleted")
    for output in found.outputs:
        yield delete_output(key, output, found)
    yield Delete(key=key, at=at, found=found, impact=felt(Impact.INTERRUPT, found))


def _joined(parts: Iterable[Parts], of: Callable[[Parts], Iterable[_Part]]) -> Iterator[_Part]:
    return chain.from_iterable(map(of, parts))
