"""The plan of one flow's outputs."""

from collections.abc import Sequence as Ordered
from dataclasses import replace

from reconciler.domain import properties, refusals
from reconciler.domain.changes import Action, Create, Delete, Edit, FlowAt
from reconciler.domain.impact import Impact
from reconciler.domain.matching import Match, is_twin, match, ours
from reconciler.domain.model import (
    FlowKey,
    FlowState,
    FoundFlow,
    FoundOutput,
    Output,
    OutputKey,
    ResourceKind,
)
from reconciler.domain.plan_parts import (
    Context,
    Parts,
    felt,
    fixed_of,
    marked_otherwise,
    new_secrets,
)
from reconciler.domain.properties import PropertyChange
from reconciler.domain.recognising import identity_of_output
from reconciler.domain.refusals import Refusal
from reconciler.domain.replacing import Room, replaced, succeeded


def plan_outputs(flow: FlowKey, wanted: Ordered[Output], found: FoundFlow, *, context: Context, parts: Parts) -> int:
    """
    Add the changes of a flow's outputs to `parts`; return how many outputs the flow has after them.

    Deletes come first, so that keys and ports are free; but where they would empty a running flow, which would have to
    stop, its new outputs are made before.
    """
    matches = match(
        [identity_of_output(output) for output in wanted],
        sorted(found.outputs, key=lambda output: (output.live_name, output.id)),
        context.names.reading_of_outputs(flow),
    )
    doomed = [output for output in matches.rest if _is_surplus(flow, output, context)]
    room = Room(
        flow=found,
        adds_live=context.capabilities.rules.adds_live,
        stops=parts.stops,
        taken={output.live_name for output in wanted},
        goes=len(doomed),
    )
    for output, matched in zip(wanted, matches.matched, strict=True):
        _plan_output(output, matched, room, context=context, parts=parts)
    creates = [change for change in parts.then if isinstance(change, Create)]
    empties = len(doomed) == len(found.outputs) and found.state is FlowState.RUNNING
    late = bool(empties and creates)
    deletes = (delete_output(flow, output, found, name=context.names.output_in(flow, output.mark)) for output in doomed)
    (parts.then if late else parts.first).extend(deletes)
    return len(found.outputs) - len(doomed) + len(creates)


def delete_output(flow: FlowKey, output: FoundOutput, found: FoundFlow, *, name: str | None = None) -> Delete:
    """Return the delete of one output, by the name that manifests gave it."""
    known = name or (output.mark.name if output.mark is not None else output.live_name)
    at = FlowAt(found.region, found.live_name)
    return Delete(key=OutputKey(flow.name, known), at=at, found=output, impact=felt(Impact.INTERRUPT, found))


def changed(wanted: Output, found: FoundOutput, *, is_moved: bool = False) -> tuple[PropertyChange, ...]:
    """Return the properties in which an output differs from what the manifests say; none where they cannot say it."""
    if found.spec is None:
        return ()
    listed = properties.differences(
        properties.of_output(named(wanted, found).live_name, wanted.spec),
        properties.of_output(found.live_name, found.spec),
        new_secrets=new_secrets(wanted, found.mark),
    )
    return (*listed, *marked_otherwise(wanted, found.mark, is_moved=is_moved))


def named(wanted: Output, found: FoundOutput) -> Output:
    """Return the output by the live name that it keeps: what was made as a twin keeps its temporary one."""
    return replace(wanted, live_name=found.live_name) if is_twin(found.mark) else wanted


def _is_surplus(flow: FlowKey, output: FoundOutput, context: Context) -> bool:
    name = context.names.output_in(flow, output.mark)
    return name is not None and OutputKey(flow.name, name) not in context.failed


def _plan_output(output: Output, matched: Match[FoundOutput], room: Room, *, context: Context, parts: Parts) -> None:
    refusal = _refusal(output, matched, room.flow, context)
    if refusal is not None:
        parts.block(output.key, Action.EDIT if matched.candidates else Action.CREATE, refusal)
        return
    for wanted in context.addressed([output], parts):
        if matched.only is None:
            parts.then.append(Create(key=output.key, at=room.at, wanted=wanted))
        elif matched.twin is not None:
            _plan_pair(wanted, (matched.only, matched.twin), room, context=context, parts=parts)
        else:
            _plan_known(wanted, matched.only, room, context=context, parts=parts)


def _refusal(output: Output, matched: Match[FoundOutput], flow: FoundFlow, context: Context) -> Refusal | None:
    """Return why this output may not be touched; None when it may."""
    if matched.is_ambiguous:
        return refusals.ambiguous("outputs", output.live_name, [candidate.id for candidate in matched.candidates])
    if matched.only is not None and not ours(matched.only.mark, context.names.owner):
        return refusals.not_ours(matched.only.mark, context.names.owner, output.key.name, where="its Description")
    if flow.allowed_outputs and output.spec.protocol not in flow.allowed_outputs:
        return refusals.not_allowed(flow.allowed_outputs, output.spec.protocol)
    return None


def _plan_pair(
    wanted: Output, pair: tuple[FoundOutput, FoundOutput], room: Room, *, context: Context, parts: Parts
) -> None:
    """
    Plan the rest of a recreate: of the two, the one that needs no recreate stays.

    Which of them is the newer is no matter: the other one goes when the one that fits delivers as it does.
    """
    fit = [each for each in pair if each.spec is not None and not fixed_of(wanted.key, changed(wanted, each))]
    kept = fit[0] if fit else pair[0]
    gone = pair[1] if kept is pair[0] else pair[0]
    rest = Parts()
    # It has the right name when the other one is gone, which may bear that until then.
    _plan_known(replace(wanted, live_name=kept.live_name), kept, room, context=context, parts=rest)
    if any(each.action is not Action.RECREATE for each in rest.blocked):
        parts.blocked.extend(rest.blocked)
        return
    # What neither fits is made anew once the twin has gone; until then it is one change, and not two, and what forbids
    # the second is said then.
    parts.then.extend(change for change in rest.then if change.action is not Action.RECREATE)
    parts.then.append(succeeded(wanted, room, kept=kept, gone=gone, is_done=len(fit) == 1))


def _plan_known(wanted: Output, found: FoundOutput, room: Room, *, context: Context, parts: Parts) -> None:
    if found.spec is None:
        parts.block(wanted.key, Action.EDIT, refusals.BEYOND_MANIFESTS)
        return
    is_moved = wanted.key in context.names.moved.values()
    different = changed(wanted, found, is_moved=is_moved)
    if not different:
        parts.unchanged += 1
        return
    impact = context.capabilities.impact(ResourceKind.OUTPUT, different, room.flow.state)
    if impact is Impact.RECREATE:
        anew = replaced(wanted, found, different, room)
        if anew is None:
            parts.block(wanted.key, Action.RECREATE, refusals.NOT_TO_BE_PUT_BACK)
        else:
            parts.then.append(anew)
        return
    edit = Edit(
        key=wanted.key,
        at=room.at,
        wanted=named(wanted, found),
        found=found,
        differences=different,
        impact=impact,
    )
    parts.then.append(edit)
