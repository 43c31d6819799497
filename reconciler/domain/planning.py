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
from reconciler.domain.changes import Action, Blocked, Create, Edit, FlowAt, Plan, Sequence, Start, Stop, Waiting
from reconciler.domain.flow_replacing import flow_replaced, flow_succeeded, removal
from reconciler.domain.impact import Capabilities, Impact
from reconciler.domain.in_step import InStep
from reconciler.domain.marks import Owner
from reconciler.domain.matching import Match, Matches, is_twin, match, ours
from reconciler.domain.model import (
    Actual,
    Flow,
    FlowKey,
    FlowSpec,
    FlowState,
    FoundFlow,
    OutputKey,
    RegionKey,
    ResourceKind,
    Unreadable,
)
from reconciler.domain.output_planning import plan_outputs
from reconciler.domain.plan_parts import (
    Context,
    Parts,
    felt,
    fixed_of,
    marked_otherwise,
    new_secrets,
)
from reconciler.domain.properties import PropertyChange
from reconciler.domain.recognising import Names, identity_of_flow
from reconciler.domain.refusals import Refusal
from reconciler.domain.resolution import Resolved
from reconciler.domain.standing_still import gathered

_Part = TypeVar("_Part")


def plan(
    resolved: Resolved, actual: Actual, *, owner: Owner, capabilities: Capabilities, in_step: InStep | None = None
) -> Plan:
    """
    Return the changes that turn actual into desired; the same for the same values, whatever their order.

    Args:
        resolved: what is desired, with the secrets' values; resources that failed to resolve are left as they are.
        actual: what the backend has, or could not say.
        owner: whose objects may be touched.
        capabilities: how each property is changed on this backend.
        in_step: of the planning before, where there was one: what has not changed costs less then.

    """
    return _Planner(resolved, actual, _context(resolved, owner, capabilities), in_step or InStep()).plan()


def plan_with_links(resolved: Resolved, actual: Actual, *, owner: Owner, capabilities: Capabilities) -> Plan:
    """Return the same where no backend was asked for addresses: links to other flows stay what they are."""
    context = replace(_context(resolved, owner, capabilities), keeps_links=True)
    return _Planner(resolved, actual, context, InStep()).plan()


def _context(resolved: Resolved, owner: Owner, capabilities: Capabilities) -> Context:
    return Context(
        names=Names(owner=owner, moved=resolved.moved),
        capabilities=capabilities,
        failed={item.key for item in resolved.failed},
    )


class _Planner:
    """One planning: the arguments, and the indexes made from them."""

    def __init__(self, resolved: Resolved, actual: Actual, context: Context, in_step: InStep) -> None:
        self._context = replace(context, found_flow=self._found_flow)
        self._given_up = resolved.failed
        self._actual = actual
        self._unread = {region: found.why for region, found in actual.regions.items() if isinstance(found, Unreadable)}
        self._flows = sorted(resolved.desired.flows, key=lambda flow: flow.key)
        self._outputs = resolved.desired.outputs_of
        self._matches = self._match_flows()
        self._found = {flow.key: matched.only for flow, matched in zip(self._flows, self._matches.matched, strict=True)}
        self._in_step = in_step
        terms = (context.names.owner, context.names.moved, context.capabilities)
        in_step.under(terms, [flow.key for flow in self._flows])
        self._incomplete = {key.flow_key for key in context.failed}

    def plan(self) -> Plan:
        """Return the plan, put together from the plans of the flows, in the order of their names."""
        parts = [self._flow(flow, matched) for flow, matched in zip(self._flows, self._matches.matched, strict=True)]
        parts.extend(self._surplus())
        changes = tuple(chain(_joined(parts, lambda part: part.first), _joined(parts, lambda part: part.then)))
        certain = self._context.capabilities.is_certain
        return Plan(
            changes=changes,
            may_stop=not certain and any(isinstance(change, Edit) for change in changes),
            blocked=tuple(_joined(parts, lambda part: part.blocked)),
            waiting=tuple(_joined(parts, lambda part: part.waiting)),
            failed=self._given_up,
            unchanged=sum(part.unchanged for part in parts),
        )

    def _match_flows(self) -> Matches[FoundFlow]:
        return match(
            [identity_of_flow(flow) for flow in self._flows],
            sorted(self._actual.flows(), key=lambda flow: (flow.region, flow.live_name, flow.id)),
            self._context.names.reading_of_flows(),
        )

    def _found_flow(self, key: FlowKey) -> FoundFlow | None:
        """Return the flow that a link calls, also when its own manifest could not be resolved this time."""
        found = self._found.get(key)
        if found is not None or key not in self._context.failed:
            return found
        marked = [flow for flow in self._actual.flows() if self._context.names.flow_in(flow.mark) == key.name]
        return marked[0] if len(marked) == 1 else None

    def _flow(self, flow: Flow, matched: Match[FoundFlow]) -> Parts:
        refusal = self._refusal(flow, matched)
        if refusal is not None:
            return self._held(flow, Action.EDIT if matched.candidates else Action.CREATE, refusal)
        found = matched.only
        if found is None:
            return self._new_flow(flow)
        if found.spec is None:
            return self._held(flow, Action.EDIT, refusals.BEYOND_MANIFESTS)
        if matched.twin is not None:
            return self._pair(flow, (found, matched.twin))
        return self._known_flow(flow, found, found.spec)

    def _held(self, flow: Flow, action: Action, refusal: Refusal) -> Parts:
        count = len(self._outputs.get(flow.key, ()))
        why = f"{refusal.why}; its {count} outputs wait with it" if count else refusal.why
        parts = Parts()
        parts.block(flow.key, action, replace(refusal, why=why))
        return parts

    def _refusal(self, flow: Flow, matched: Match[FoundFlow]) -> Refusal | None:
        """Return why this flow may not be touched; None when it may."""
        region = self._actual.regions.get(flow.spec.region)
        if isinstance(region, Unreadable):
            return refusals.unreadable(flow.spec.region, region.why)
        if region is None:
            return refusals.unserved(flow.spec.region)
        if matched.is_ambiguous:
            return refusals.ambiguous("flows", flow.live_name, [candidate.id for candidate in matched.candidates])
        owner = self._context.names.owner
        if matched.only is not None and not ours(matched.only.mark, owner):
            return refusals.not_ours(matched.only.mark, owner, flow.key.name, where="its input's Description")
        return self._unsure(flow, matched) if self._unread else None

    def _unsure(self, flow: Flow, matched: Match[FoundFlow]) -> Refusal | None:
        """Return why this flow may be on air where nobody could look; None when it is known where it is."""
        found = matched.only
        if found is None:
            return refusals.may_be_elsewhere(self._unread)
        # A twin that is alone here may not be alone: what it is to replace is perhaps in another region.
        is_half = is_twin(found.mark) and found.state is FlowState.IDLE and matched.twin is None
        if is_half and flow.spec.state is FlowState.RUNNING:
            return refusals.may_run_elsewhere(self._unread)
        return None

    def _new_flow(self, flow: Flow) -> Parts:
        at = FlowAt(flow.spec.region, flow.live_name)
        parts = Parts(then=[Create(key=flow.key, at=at, wanted=flow)])
        for output in self._context.addressed(self._outputs.get(flow.key, ()), parts):
            parts.then.append(Create(key=output.key, at=at, wanted=output))
        if flow.spec.state is FlowState.RUNNING and len(parts.then) > 1:
            parts.then.append(Start(key=flow.key, at=at))
        return parts

    def _changed(self, flow: Flow, found: FoundFlow, spec: FlowSpec) -> tuple[PropertyChange, ...]:
        listed = properties.differences(
            properties.of_flow(_named(flow, found).live_name, flow.spec),
            properties.of_flow(found.live_name, spec),
            new_secrets=new_secrets(flow, found.mark),
        )
        is_moved = flow.key in self._context.names.moved.values()
        return (*listed, *marked_otherwise(flow, found.mark, is_moved=is_moved))

    def _known_flow(self, flow: Flow, found: FoundFlow, spec: FlowSpec) -> Parts:
        wanted = self._outputs.get(flow.key, ())
        if self._in_step.holds(flow, wanted, found):
            return Parts(unchanged=1 + len(wanted))
        changed = self._changed(flow, found, spec)
        impact = self._context.capabilities.impact(ResourceKind.FLOW, changed, found.state)
        if impact is Impact.RECREATE:
            return self._recreated_flow(flow, found, changed)
        stops = found.state is FlowState.RUNNING and flow.spec.state is FlowState.IDLE
        parts = Parts(unchanged=0 if changed else 1, stops=stops)
        outputs = plan_outputs(flow.key, wanted, found, context=self._context, parts=parts)
        if changed:
            at, kept = FlowAt(found.region, found.live_name), _named(flow, found)
            # An edit may rename the flow, and what follows is sent to it by its name: so it comes last.
            edit = Edit(key=flow.key, at=at, wanted=kept, found=found, differences=changed, impact=impact)
            parts.then.append(edit)
        _turn(_named(flow, found), found, parts, outputs=outputs)
        gathered(flow, found, parts, capabilities=self._context.capabilities)
        # What could not be resolved is left as it is this time, and not because it is as it should be.
        if parts == Parts(unchanged=1 + len(wanted)) and flow.key not in self._incomplete:
            self._in_step.learn(flow, wanted, found)
        return parts

    def _recreated_flow(self, flow: Flow, found: FoundFlow, changed: tuple[PropertyChange, ...]) -> Parts:
        refusal = self._removal_refusal(flow.key, found)
        if refusal is not None:
            return self._held(flow, Action.RECREATE, refusal)
        parts = self._new_flow(flow)
        if parts.waiting:
            held = self._held(flow, Action.RECREATE, refusals.would_lack(parts.waiting))
            held.waiting = parts.waiting
            return held
        made = [change for change in parts.then if isinstance(change, Create)]
        parts.then = [flow_replaced(flow, found, made, changed, taken=self._names_in(flow))]
        return parts

    def _names_in(self, flow: Flow) -> set[str]:
        return {each.live_name for each in self._actual.flows() if each.region == flow.spec.region}

    def _pair(self, flow: Flow, pair: tuple[FoundFlow, FoundFlow]) -> Parts:
        """
        Plan the rest of a recreate: of the two flows, the one that needs no recreate stays.

        Which of them is the newer is no matter: the other one goes when the one that fits takes its place. Where both
        fit, or neither, it is the one that stands still.
        """
        fit = [
            each
            for each in pair
            if each.spec is not None and not fixed_of(flow.key, self._changed(flow, each, each.spec))
        ]
        kept = _running_of(fit or list(pair))
        gone = pair[1] if kept is pair[0] else pair[0]
        refusal = self._removal_refusal(flow.key, gone)
        if refusal is not None:
            return self._held(flow, Action.RECREATE, refusal)
        # It has the right name when the other one is gone, which may bear that until then.
        called = replace(flow, live_name=kept.live_name)
        parts = Parts()
        if fit and kept.spec is not None and not _stands_by(kept, fit):
            parts = self._known_flow(called, kept, kept.spec)
        if len(fit) == 1:
            return self._taken_over(flow, kept, gone, parts)
        parts.first.insert(0, flow_succeeded(flow, gone, (), meant=()))
        return parts

    def _taken_over(self, flow: Flow, kept: FoundFlow, gone: FoundFlow, alone: Parts) -> Parts:
        """Plan that one flow takes the place of another one, which is then removed; what it needs alone goes first."""
        rest = Parts()
        if kept.state is FlowState.IDLE:
            # An idle one gets all that it lacks before the one turn.
            plan_outputs(flow.key, self._outputs.get(flow.key, ()), kept, context=self._context, parts=rest)
            alone.then.extend(change for change in rest.then if isinstance(change, Sequence))
        alone.blocked.extend(rest.blocked)
        alone.waiting.extend(rest.waiting)
        unmade = (each for each in alone.blocked if each.action is Action.CREATE)
        lacks: list[Waiting | Blocked] = [*alone.waiting, *unmade]
        # What was stopped already carries nothing that could be lost, and to go on puts the flow back on air.
        if lacks and gone.state is FlowState.RUNNING:
            alone.block(flow.key, Action.RECREATE, refusals.would_lack(lacks))
            return alone
        made = [change for change in self._new_flow(flow).then if isinstance(change, Create)]
        meant = flow_replaced(flow, gone, made, (), taken=set()).meant
        alone.then.append(flow_succeeded(flow, gone, (*rest.first, *rest.then), meant=meant, kept=kept))
        return alone

    def _surplus(self) -> Iterator[Parts]:
        """Yield the removal of each flow that bears our mark and that no manifest names; not where nobody can tell."""
        for found in self._matches.rest:
            name = self._context.names.flow_in(found.mark)
            if name is not None and FlowKey(name) not in self._context.failed:
                yield self._removed(FlowKey(name), found)
        # Where flows are wanted, each of them says that its region could not be read.
        told = {flow.spec.region for flow in self._flows}
        for region, found_there in sorted(self._actual.regions.items(), key=lambda item: item[0]):
            if isinstance(found_there, Unreadable) and region not in told:
                refusal = refusals.unread(found_there)
                held = Blocked(key=RegionKey(region), action=Action.DELETE, why=refusal.why, hold=refusal.hold)
                yield Parts(blocked=[held])

    def _removed(self, key: FlowKey, found: FoundFlow) -> Parts:
        parts = Parts()
        refusal = self._removal_refusal(key, found)
        if refusal is not None:
            parts.block(key, Action.DELETE, refusal)
            return parts
        whole = Sequence(
            key=key,
            at=FlowAt(found.region, found.live_name),
            action=Action.DELETE,
            calls=tuple(removal(key, found)),
            differences=(),
            impact=felt(Impact.INTERRUPT, found),
            why="marked as ours, and no manifest names it",
        )
        parts.first.append(whole)
        return parts

    def _removal_refusal(self, key: FlowKey, found: FoundFlow) -> Refusal | None:
        """Return why a flow may not be removed with its outputs; None when it may."""
        foreign = [output for output in found.outputs if not ours(output.mark, self._context.names.owner)]
        if foreign:
            return refusals.holds(foreign)
        kept = [
            output
            for output in found.outputs
            if OutputKey(key.name, self._context.names.output_in(key, output.mark) or "") in self._context.failed
        ]
        return refusals.would_lose(kept) if kept else None


def _named(flow: Flow, found: FoundFlow) -> Flow:
    """Return the flow by the live name that it keeps: what was made as a twin keeps its temporary one."""
    return replace(flow, live_name=found.live_name) if is_twin(found.mark) else flow


def _running_of(flows: list[FoundFlow]) -> FoundFlow:
    """Return the flow that runs, else the first: of two that are alike, the one that may be on air stays."""
    return next((flow for flow in flows if flow.state is FlowState.RUNNING), flows[0])


def _stands_by(kept: FoundFlow, fit: Iterable[object]) -> bool:
    """Return whether a flow is to take the place of another one, and stands still until then."""
    return len(tuple(fit)) == 1 and kept.state is FlowState.IDLE


def _turn(flow: Flow, found: FoundFlow, parts: Parts, *, outputs: int) -> None:
    """Add the stop or start that the flow needs; without outputs a flow cannot run, and waits for the first."""
    runs = found.state is FlowState.RUNNING
    emptied = bool(found.outputs) and outputs == 0
    if runs and (flow.spec.state is FlowState.IDLE or emptied):
        why = "to be idle" if flow.spec.state is FlowState.IDLE else "its last output goes"
        parts.first.insert(0, Stop(key=flow.key, at=FlowAt(found.region, found.live_name), why=why, found=found))
    if not runs and flow.spec.state is FlowState.RUNNING and outputs > 0:
        parts.then.append(Start(key=flow.key, at=FlowAt(found.region, flow.live_name), found=found))


def _joined(parts: Iterable[Parts], of: Callable[[Parts], Iterable[_Part]]) -> Iterator[_Part]:
    return chain.from_iterable(map(of, parts))
