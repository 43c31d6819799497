"""How a flow is made anew: the new one whole and idle beside the old one, then one stop and one start between them."""

from collections import Counter
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import replace

from reconciler.domain.changes import Action, Call, Change, Create, Delete, FlowAt, Sequence, Start, Stop
from reconciler.domain.impact import Impact
from reconciler.domain.matching import is_twin
from reconciler.domain.model import Flow, FlowKey, FlowState, FoundFlow, Output
from reconciler.domain.output_planning import delete_output
from reconciler.domain.plan_parts import felt, fixed_of
from reconciler.domain.properties import PropertyChange
from reconciler.domain.replacing import temporary


def flow_replaced(
    flow: Flow,
    found: FoundFlow,
    made: Iterable[Create],
    changed: tuple[PropertyChange, ...],
    *,
    taken: AbstractSet[str],
) -> Sequence:
    """
    Return the change that makes a flow anew.

    One publisher feeds one flow, so there is a break; but all that can be refused is done before it.

    Args:
        flow: as it is to be.
        found: as it is.
        made: what makes the flow and its outputs under its own name.
        changed: what differs.
        taken: live names in the region that it is to be in.

    """
    creates = tuple(made)
    name = temporary(flow.live_name, taken) if flow.live_name in taken else flow.live_name
    at = FlowAt(flow.spec.region, name)
    first = tuple(_beside(each, at, twin=not is_twin(found.mark)) for each in creates)
    runs = flow.spec.state is FlowState.RUNNING and len(creates) > 1
    turn = tuple(_turned(flow.key, found, at if runs else None))
    rest = tuple(removal(flow.key, found, is_stopped=True))
    return Sequence(
        key=flow.key,
        at=FlowAt(found.region, found.live_name),
        action=Action.RECREATE,
        calls=(*first, *turn, *rest),
        differences=changed,
        impact=Impact.RECREATE,
        why=f"{', '.join(fixed_of(flow.key, changed))} cannot be edited",
        meant=(*creates, *removal(flow.key, found, is_stopped=True)),
        undo=_put_back(flow.key, found, (*first, *turn, *rest)),
    )


def flow_succeeded(
    flow: Flow, gone: FoundFlow, rest: Iterable[Change], *, meant: tuple[Call, ...], kept: FoundFlow | None = None
) -> Sequence:
    """
    Return the change that ends a recreate: of two flows one goes.

    Args:
        flow: as it is to be.
        gone: the one that goes.
        rest: what the one that stays still lacks.
        meant: the calls that people approved; empty where the twin goes.
        kept: the one that stays, when that is the new one; None where the twin is not wanted any more.

    """
    first = tuple(change for change in rest if not isinstance(change, Sequence))
    at = FlowAt(kept.region, kept.live_name) if kept is not None and _is_to_start(flow, kept, first) else None
    calls = (*first, *_turned(flow.key, gone, at), *removal(flow.key, gone, is_stopped=True))
    return Sequence(
        key=flow.key,
        at=FlowAt(gone.region, gone.live_name),
        action=Action.RECREATE,
        calls=calls,
        differences=(),
        impact=Impact.RECREATE if kept is not None else felt(Impact.INTERRUPT, gone),
        why="it is there anew, and the old one goes" if kept else "what was to replace it is not wanted any more",
        meant=meant,
        undo=_put_back(flow.key, gone, calls),
    )


def removal(key: FlowKey, found: FoundFlow, *, is_stopped: bool = False) -> Iterator[Call]:
    """
    Yield the calls that remove a flow: the stop, its outputs, itself.

    The stop comes first because no rule of any generation refuses what is done to an idle flow.
    """
    at = FlowAt(found.region, found.live_name)
    if found.state is FlowState.RUNNING and not is_stopped:
        yield Stop(key=key, at=at, why="to be deleted", found=found)
    for output in found.outputs:
        yield delete_output(key, output, found)
    yield Delete(key=key, at=at, found=found, impact=felt(Impact.INTERRUPT, found))


def _is_to_start(flow: Flow, kept: FoundFlow, first: Iterable[Call]) -> bool:
    """Return whether a flow stands still that is to run, and has outputs after these calls."""
    counted = Counter(call.action for call in first if call.key != flow.key)
    outputs = len(kept.outputs) + counted[Action.CREATE] - counted[Action.DELETE]
    return (kept.state, flow.spec.state) == (FlowState.IDLE, FlowState.RUNNING) and outputs > 0


def _beside(create: Create, at: FlowAt, *, twin: bool) -> Create:
    if isinstance(create.wanted, Output):
        return replace(create, at=at)
    return replace(create, at=at, wanted=replace(create.wanted, live_name=at.live_name), is_twin=twin)


def _turned(key: FlowKey, old: FoundFlow, new: FlowAt | None) -> Iterator[Call]:
    """Yield the stop of the old flow and the start of the new one, as far as they are needed."""
    if old.state is FlowState.RUNNING:
        at = FlowAt(old.region, old.live_name)
        yield Stop(key=key, at=at, why="the new one takes its place", found=old)
    if new is not None:
        yield Start(key=key, at=new, why="it takes the place of the old one")


def _put_back(key: FlowKey, old: FoundFlow, calls: tuple[Call, ...]) -> tuple[tuple[Call, ...], ...]:
    """Return what starts the old flow again where the new one cannot be started."""
    if old.state is not FlowState.RUNNING:
        return ()
    again = Start(key=key, at=FlowAt(old.region, old.live_name), why="put back, because the new one did not start")
    return tuple((again,) if isinstance(call, Start) else () for call in calls)
