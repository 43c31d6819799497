"""The plan of one flow's outputs."""

from collections.abc import Sequence as Ordered

from reconciler.domain import properties, refusals
from reconciler.domain.changes import Action, Blocked, Call, Create, Delete, Edit, FlowAt, Start, Stop
from reconciler.domain.impact import Impact
from reconciler.domain.matching import Identity, Match, match, ours
from reconciler.domain.model import FlowKey, FlowState, FoundFlow, FoundOutput, Output, OutputKey
from reconciler.domain.plan_parts import Context, Parts, felt, impact_of, new_secrets, recreate
from reconciler.domain.properties import PropertyChange


def plan_outputs(flow: FlowKey, wanted: Ordered[Output], found: FoundFlow, *, context: Context, parts: Parts) -> int:
    """
    Add the changes of a flow's outputs to `parts`; return how many outputs the flow has after them.

    Deletes come first, so that keys and ports are free; but where they would empty a running flow, which would have to
    stop, its new outputs are made before.
    """
    matches = match(
        [Identity(live=output.live_name, name=output.key.name) for output in wanted],
        sorted(found.outputs, key=lambda output: (output.live_name, output.id)),
        live_of=lambda output: output.live_name,
        marked_name_of=lambda output: context.name_in(output.mark),
    )
    for output, matched in zip(wanted, matches.matched, strict=True):
        _plan_output(output, matched, found, context=context, parts=parts)
    doomed = [output for output in matches.rest if _is_surplus(flow, output, context)]
    creates = [change for change in parts.then if isinstance(change, Create)]
    empties = len(doomed) == len(found.outputs) and found.state is FlowState.RUNNING
    late = bool(empties and creates)
    (parts.then if late else parts.first).extend(delete_output(flow, output, found) for output in doomed)
    return len(found.outputs) - len(doomed) + len(creates)


def delete_output(flow: FlowKey, output: FoundOutput, found: FoundFlow) -> Delete:
    """Return the delete of one output."""
    name = output.mark.name if output.mark is not None else output.live_name
    at = FlowAt(found.region, found.live_name)
    return Delete(key=OutputKey(flow.name, name), at=at, found=output, impact=felt(Impact.INTERRUPT, found))


def changed(wanted: Output, found: FoundOutput) -> tuple[PropertyChange, ...]:
    """Return the properties in which an output differs from what the manifests say; none where they cannot say it."""
    if found.spec is None:
        return ()
    return properties.differences(
        properties.of_output(wanted.live_name, wanted.spec),
        properties.of_output(found.live_name, found.spec),
        new_secrets=new_secrets(wanted, found.mark),
    )


def _is_surplus(flow: FlowKey, output: FoundOutput, context: Context) -> bool:
    name = context.name_in(output.mark)
    return name is not None and OutputKey(flow.name, name) not in context.failed


def _plan_output(
    output: Output, matched: Match[FoundOutput], flow: FoundFlow, *, context: Context, parts: Parts
) -> None:
    refusal = _refusal(output, matched, flow, context)
    if refusal:
        action = Action.EDIT if matched.candidates else Action.CREATE
        parts.blocked.append(Blocked(key=output.key, action=action, why=refusal))
        return
    at = FlowAt(flow.region, flow.live_name)
    for wanted in context.addressed([output], parts):
        if matched.only is None:
            parts.then.append(Create(key=output.key, at=at, wanted=wanted))
        else:
            _plan_known(wanted, matched.only, flow, context=context, parts=parts)


def _refusal(output: Output, matched: Match[FoundOutput], flow: FoundFlow, context: Context) -> str:
    """Return why this output may not be touched, or ""."""
    if matched.is_ambiguous:
        return refusals.ambiguous("outputs", output.live_name, [candidate.id for candidate in matched.candidates])
    if matched.only is not None and not ours(matched.only.mark, context.owner):
        return refusals.not_ours(matched.only.mark, context.owner, output.key.name, where="its Description")
    if flow.allowed_outputs and output.spec.protocol not in flow.allowed_outputs:
        allowed = ", ".join(sorted(flow.allowed_outputs))
        return f"the backend allows {allowed} on this flow, and not {output.spec.protocol}"
    return ""


def _plan_known(wanted: Output, found: FoundOutput, flow: FoundFlow, *, context: Context, parts: Parts) -> None:
    if found.spec is None:
        parts.blocked.append(Blocked(key=wanted.key, action=Action.EDIT, why=refusals.BEYOND_MANIFESTS))
        return
    different = changed(wanted, found)
    if not different:
        parts.unchanged += 1
        return
    at = FlowAt(flow.region, flow.live_name)
    table = context.capabilities.output
    impact = impact_of(table, different)
    if impact is Impact.RECREATE:
        parts.then.append(recreate(wanted.key, at, _made_anew(wanted, found, flow), different, table=table))
        return
    edit = Edit(key=wanted.key, at=at, wanted=wanted, found=found, differences=different, impact=felt(impact, flow))
    parts.then.append(edit)


def _made_anew(wanted: Output, found: FoundOutput, flow: FoundFlow) -> tuple[Call, ...]:
    """Return delete and create; around them stop and start, where the flow would run without an output."""
    at = FlowAt(flow.region, flow.live_name)
    calls: tuple[Call, ...] = (
        Delete(key=wanted.key, at=at, found=found, impact=felt(Impact.INTERRUPT, flow), why="made anew"),
        Create(key=wanted.key, at=at, wanted=wanted, why="made anew"),
    )
    if flow.state is FlowState.RUNNING and len(flow.outputs) == 1:
        key = wanted.key.flow_key
        stop, start = Stop(key=key, at=at, why="its only output goes"), Start(key=key, at=at, why="its output is back")
        return (stop, *calls, start)
    return calls
