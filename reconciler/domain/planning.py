"""
The plan: the calls that turn actual into desired, in the order to send them.

Whatever is not ours is never edited or deleted; what cannot be known is never guessed: such things are held back and
named. Stops and deletes come first, so that keys and ports are free for what is made after them; but the last output of
a running flow goes only after its successors were made, because a running flow without outputs would have to stop.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import TypeVar

from reconciler.domain import properties, refusals
from reconciler.domain.changes import (
    Action,
    Blocked,
    Call,
    Change,
    Create,
    Delete,
    Edit,
    Failed,
    FlowAt,
    Plan,
    Sequence,
    Start,
    Stop,
    Waiting,
)
from reconciler.domain.errors import UnresolvedLinkError
from reconciler.domain.impact import IMPACT_OF, Capabilities, Impact, Mutability, mutability_of
from reconciler.domain.links import with_address
from reconciler.domain.marks import Mark, Owner
from reconciler.domain.matching import Identity, Match, Matches, match, ours
from reconciler.domain.model import (
    Actual,
    Flow,
    FlowKey,
    FlowState,
    FoundFlow,
    FoundOutput,
    Key,
    Output,
    OutputKey,
    Unreadable,
)
from reconciler.domain.properties import PropertyChange
from reconciler.domain.resolution import Resolved, secret_versions

_Part = TypeVar("_Part")


def plan(resolved: Resolved, actual: Actual, *, owner: Owner, capabilities: Capabilities) -> Plan:
    """
    Return the changes that turn actual into desired; the same for the same values, whatever their order.

    Args:
        resolved: what is desired, with the secrets' values; resources that failed to resolve are left as they are.
        actual: what the backend has, or could not say.
        owner: whose objects may be touched.
        capabilities: how each property is changed on this backend.

    """
    return _Planner(resolved, actual, owner, capabilities).plan()


@dataclass(slots=True)
class _Parts:
    """What the plan of one flow, or of what is surplus, is made of."""

    first: list[Change] = field(default_factory=list)
    """Stops and deletes."""
    then: list[Change] = field(default_factory=list)
    """Creates, edits and starts, and the deletes that have to wait for them."""
    blocked: list[Blocked] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)
    unchanged: int = 0


class _Planner:
    """One planning: the arguments, and the indexes made from them."""

    def __init__(self, resolved: Resolved, actual: Actual, owner: Owner, capabilities: Capabilities) -> None:
        self._owner = owner
        self._capabilities = capabilities
        self._failed = {item.key for item in resolved.failed}
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
            failed=(*self._given_up, *_joined(parts, lambda part: part.failed)),
            unchanged=sum(part.unchanged for part in parts),
        )

    def _match_flows(self) -> Matches[FoundFlow]:
        return match(
            [Identity(live=(flow.spec.region, flow.live_name), name=flow.key.name) for flow in self._flows],
            sorted(self._actual.flows(), key=lambda flow: (flow.region, flow.live_name, flow.id)),
            live_of=lambda flow: (flow.region, flow.live_name),
            marked_name_of=lambda flow: _marked_name(flow.mark, self._owner),
        )

    def _found_flow(self, key: FlowKey) -> FoundFlow | None:
        """Return the flow that a link calls, also when its own manifest could not be resolved this time."""
        found = self._found.get(key)
        if found is not None or key not in self._failed:
            return found
        marked = [flow for flow in self._actual.flows() if _marked_name(flow.mark, self._owner) == key.name]
        return marked[0] if len(marked) == 1 else None

    def _flow(self, flow: Flow, matched: Match[FoundFlow]) -> _Parts:
        refusal = self._refusal(flow, matched)
        if refusal:
            count = len(self._outputs.get(flow.key, ()))
            why = f"{refusal}; its {count} outputs wait with it" if count else refusal
            action = Action.EDIT if matched.candidates else Action.CREATE
            return _Parts(blocked=[Blocked(key=flow.key, action=action, why=why)])
        found = matched.only
        return self._new_flow(flow) if found is None else self._known_flow(flow, found)

    def _refusal(self, flow: Flow, matched: Match[FoundFlow]) -> str:
        """Return why this flow may not be touched, or ""."""
        region = self._actual.regions.get(flow.spec.region)
        if isinstance(region, Unreadable):
            return f"region {flow.spec.region} could not be read: {region.why}"
        if region is None:
            return f"region {flow.spec.region} is not among those that the backend serves or `backend.regions` names"
        if matched.is_ambiguous:
            return refusals.ambiguous("flows", flow.live_name, [candidate.id for candidate in matched.candidates])
        if matched.only is not None and not ours(matched.only.mark, self._owner):
            return refusals.not_ours(matched.only.mark, self._owner, flow.key.name, where="its input's Description")
        if matched.only is not None and matched.only.spec is None:
            return "it has no input, or one that manifests cannot describe; nothing of it is changed"
        return ""

    def _new_flow(self, flow: Flow) -> _Parts:
        at = FlowAt(flow.spec.region, flow.live_name)
        parts = _Parts(then=[Create(key=flow.key, at=at, wanted=flow)])
        for output in self._addressed(self._outputs.get(flow.key, ()), parts):
            parts.then.append(Create(key=output.key, at=at, wanted=output))
        if flow.spec.state is FlowState.RUNNING and len(parts.then) > 1:
            parts.then.append(Start(key=flow.key, at=at))
        return parts

    def _known_flow(self, flow: Flow, found: FoundFlow) -> _Parts:
        if found.spec is None:  # `_refusal` has held such a flow back; this tells the type checker.
            return _Parts()
        changed = properties.differences(
            properties.of_flow(flow.live_name, flow.spec),
            properties.of_flow(found.live_name, found.spec),
            new_secrets=_new_secrets(flow, found.mark),
        )
        impact = self._impact(self._capabilities.flow, changed)
        if impact is Impact.RECREATE:
            return self._recreated_flow(flow, found, changed)
        parts = _Parts()
        at = FlowAt(found.region, found.live_name)
        outputs = self._known_outputs(flow, found, parts)
        if changed:
            felt = impact if found.state is FlowState.RUNNING else Impact.NONE
            edit = Edit(key=flow.key, at=at, wanted=flow, found=found, differences=changed, impact=felt)
            # An edit may rename the flow, and what follows is sent to it by its name: so it comes last.
            parts.then.append(edit)
        else:
            parts.unchanged += 1
        self._turn(flow, found, parts, outputs=outputs)
        return parts

    def _turn(self, flow: Flow, found: FoundFlow, parts: _Parts, *, outputs: int) -> None:
        """Add the stop or start that the flow needs; without outputs a flow cannot run, and waits for the first."""
        runs = found.state is FlowState.RUNNING
        emptied = bool(found.outputs) and outputs == 0
        if runs and (flow.spec.state is FlowState.IDLE or emptied):
            why = "to be idle" if flow.spec.state is FlowState.IDLE else "its last output goes"
            parts.first.insert(0, Stop(key=flow.key, at=FlowAt(found.region, found.live_name), why=why))
        if not runs and flow.spec.state is FlowState.RUNNING and outputs > 0:
            parts.then.append(Start(key=flow.key, at=FlowAt(found.region, flow.live_name)))

    def _known_outputs(self, flow: Flow, found: FoundFlow, parts: _Parts) -> int:
        """Add the changes of a flow's outputs; return how many it has after them."""
        wanted = self._outputs.get(flow.key, [])
        matches = match(
            [Identity(live=output.live_name, name=output.key.name) for output in wanted],
            sorted(found.outputs, key=lambda output: (output.live_name, output.id)),
            live_of=lambda output: output.live_name,
            marked_name_of=lambda output: _marked_name(output.mark, self._owner),
        )
        at = FlowAt(found.region, found.live_name)
        for output, matched in zip(wanted, matches.matched, strict=True):
            self._output(output, matched, found, parts)
        doomed = [output for output in matches.rest if self._is_surplus(flow.key, output)]
        creates = [change for change in parts.then if isinstance(change, Create)]
        deletes = [self._delete_output(flow.key, output, found, at) for output in doomed]
        empties = len(doomed) == len(found.outputs) and found.state is FlowState.RUNNING
        (parts.then if empties and creates else parts.first).extend(deletes)
        return len(found.outputs) - len(doomed) + len(creates)

    def _is_surplus(self, flow: FlowKey, output: FoundOutput) -> bool:
        name = _marked_name(output.mark, self._owner)
        return name is not None and OutputKey(flow.name, name) not in self._failed

    def _delete_output(self, flow: FlowKey, output: FoundOutput, found: FoundFlow, at: FlowAt) -> Delete:
        name = output.mark.name if output.mark is not None else output.live_name
        felt = Impact.INTERRUPT if found.state is FlowState.RUNNING else Impact.NONE
        return Delete(key=OutputKey(flow.name, name), at=at, found=output, impact=felt)

    def _output(self, output: Output, matched: Match[FoundOutput], flow: FoundFlow, parts: _Parts) -> None:
        at = FlowAt(flow.region, flow.live_name)
        refusal = self._output_refusal(output, matched, flow)
        if refusal:
            action = Action.EDIT if matched.candidates else Action.CREATE
            parts.blocked.append(Blocked(key=output.key, action=action, why=refusal))
            return
        for wanted in self._addressed([output], parts):
            if matched.only is None:
                parts.then.append(Create(key=output.key, at=at, wanted=wanted))
            else:
                self._known_output(wanted, matched.only, flow, parts)

    def _output_refusal(self, output: Output, matched: Match[FoundOutput], flow: FoundFlow) -> str:
        if matched.is_ambiguous:
            return refusals.ambiguous("outputs", output.live_name, [candidate.id for candidate in matched.candidates])
        if matched.only is not None and not ours(matched.only.mark, self._owner):
            return refusals.not_ours(matched.only.mark, self._owner, output.key.name, where="its Description")
        if flow.allowed_outputs and output.spec.protocol not in flow.allowed_outputs:
            allowed = ", ".join(sorted(flow.allowed_outputs))
            return f"the backend allows {allowed} on this flow, and not {output.spec.protocol}"
        return ""

    def _known_output(self, wanted: Output, found: FoundOutput, flow: FoundFlow, parts: _Parts) -> None:
        at = FlowAt(flow.region, flow.live_name)
        if found.spec is None:
            why = "it uses what manifests cannot describe; nothing of it is changed"
            parts.blocked.append(Blocked(key=wanted.key, action=Action.EDIT, why=why))
            return
        changed = properties.differences(
            properties.of_output(wanted.live_name, wanted.spec),
            properties.of_output(found.live_name, found.spec),
            new_secrets=_new_secrets(wanted, found.mark),
        )
        if not changed:
            parts.unchanged += 1
            return
        impact = self._impact(self._capabilities.output, changed)
        felt = impact if flow.state is FlowState.RUNNING else Impact.NONE
        if impact is Impact.RECREATE:
            delete = Delete(key=wanted.key, at=at, found=found, impact=felt, why="made anew")
            create = Create(key=wanted.key, at=at, wanted=wanted, why="made anew")
            parts.then.append(_recreate(wanted.key, at, (delete, create), changed))
        else:
            parts.then.append(Edit(key=wanted.key, at=at, wanted=wanted, found=found, differences=changed, impact=felt))

    def _recreated_flow(self, flow: Flow, found: FoundFlow, changed: tuple[PropertyChange, ...]) -> _Parts:
        foreign = [output for output in found.outputs if not ours(output.mark, self._owner)]
        if foreign:
            return _Parts(blocked=[Blocked(key=flow.key, action=Action.RECREATE, why=refusals.holds(foreign))])
        parts = self._new_flow(flow)
        made = [change for change in parts.then if not isinstance(change, Sequence)]
        calls = (*self._removal(flow.key, found), *made)
        parts.then = [_recreate(flow.key, FlowAt(found.region, found.live_name), calls, changed)]
        return parts

    def _removal(self, key: FlowKey, found: FoundFlow) -> Iterator[Call]:
        """Yield the calls that remove a flow: its outputs, the last one only after the stop, then itself."""
        at = FlowAt(found.region, found.live_name)
        felt = Impact.INTERRUPT if found.state is FlowState.RUNNING else Impact.NONE
        outputs = [self._delete_output(key, output, found, at) for output in found.outputs]
        yield from outputs[:-1]
        if found.state is FlowState.RUNNING:
            yield Stop(key=key, at=at, why="to be deleted")
        yield from outputs[-1:]
        yield Delete(key=key, at=at, found=found, impact=felt)

    def _surplus(self) -> Iterator[_Parts]:
        """Yield the removal of each flow that bears our mark and that no manifest names."""
        for found in self._matches.rest:
            name = _marked_name(found.mark, self._owner)
            if name is None or FlowKey(name) in self._failed:
                continue
            key = FlowKey(name)
            foreign = [output for output in found.outputs if not ours(output.mark, self._owner)]
            if foreign:
                yield _Parts(blocked=[Blocked(key=key, action=Action.DELETE, why=refusals.holds(foreign))])
                continue
            calls = tuple(self._removal(key, found))
            felt = calls[-1].impact
            at = FlowAt(found.region, found.live_name)
            why = "marked as ours, and no manifest names it"
            yield _Parts(
                first=[
                    Sequence(key=key, at=at, action=Action.DELETE, calls=calls, differences=(), impact=felt, why=why)
                ]
            )

    def _addressed(self, outputs: Iterable[Output], parts: _Parts) -> Iterator[Output]:
        """Yield the outputs with their links replaced by addresses; those that call what is not there yet wait."""
        for output in outputs:
            try:
                yield with_address(output, self._found_flow)
            except UnresolvedLinkError as error:
                parts.waiting.append(Waiting(key=output.key, why=str(error)))

    def _impact(self, table: Mapping[str, Mutability], changed: tuple[PropertyChange, ...]) -> Impact:
        return max((IMPACT_OF[mutability_of(table, change.path)] for change in changed), default=Impact.NONE)


def _joined(parts: Iterable[_Parts], of: Callable[[_Parts], Iterable[_Part]]) -> Iterator[_Part]:
    return chain.from_iterable(map(of, parts))


def _recreate(key: Key, at: FlowAt, calls: tuple[Call, ...], changed: tuple[PropertyChange, ...]) -> Sequence:
    paths = ", ".join(change.path for change in changed)
    return Sequence(
        key=key,
        at=at,
        action=Action.RECREATE,
        calls=calls,
        differences=changed,
        impact=Impact.RECREATE,
        why=f"{paths} cannot be edited",
    )


def _marked_name(mark: Mark | None, owner: Owner) -> str | None:
    return mark.name if mark is not None and mark.owner == owner else None


def _new_secrets(wanted: Flow | Output, mark: Mark | None) -> bool:
    return mark is not None and secret_versions(wanted.spec) != mark.secret_versions
