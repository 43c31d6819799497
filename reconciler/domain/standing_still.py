"""Changes for which a flow must stand still: one stop and one start for all of them together."""

from collections.abc import Set as AbstractSet
from dataclasses import replace

from reconciler.domain.changes import Action, Call, Change, Create, Delete, Edit, FlowAt, Sequence, Start, Stop
from reconciler.domain.impact import Capabilities, Impact
from reconciler.domain.model import Flow, FlowState, FoundFlow, Key
from reconciler.domain.plan_parts import Parts


def gathered(flow: Flow, found: FoundFlow, parts: Parts, *, capabilities: Capabilities) -> None:
    """
    Put the changes of a running flow that the backend refuses while it runs between one stop and one start.

    Nothing is gathered where the flow is to be idle anyway: then the stop comes first as it is.
    """
    stops = any(isinstance(change, Stop) for change in parts.first)
    if found.state is FlowState.IDLE or stops:
        return
    adds_live = capabilities.rules.adds_live
    chosen = [change for change in (*parts.first, *parts.then) if _needs_it(change, adds_live=adds_live)]
    if not chosen:
        return
    parts.first = [change for change in parts.first if change not in chosen]
    others = [change for change in parts.then if change not in chosen]
    # What is done to the flow itself comes last, for it may give the flow another name.
    last = [change for change in others if change.key == flow.key]
    parts.then = [*(change for change in others if change not in last), _standing_still(flow, found, chosen), *last]


def narrowed(change: Sequence, looked_at: AbstractSet[tuple[Key, Action]]) -> Sequence | None:
    """
    Return such a change with what was looked at before and nothing else; None where nothing is left.

    Its id stays that of the whole, which the next plan shows.
    """
    pairs = zip(change.calls, change.undo, strict=True)
    kept = [(call, undo) for call, undo in pairs if _may_stay(call, looked_at)]
    calls = [call for call, _ in kept]
    if all(isinstance(call, Stop | Start) for call in calls):
        return None
    if not any(call.key == change.key and isinstance(call, Edit) for call in calls):
        # Nothing is left that would give the flow another name.
        calls = [replace(call, at=change.at) if isinstance(call, Start) else call for call in calls]
    undo = tuple(undo for _, undo in kept)
    return replace(change, calls=tuple(calls), undo=undo, meant=change.meant or change.calls)


def _may_stay(call: Call, looked_at: AbstractSet[tuple[Key, Action]]) -> bool:
    return isinstance(call, Stop | Start) or (call.key, call.action) in looked_at


def _needs_it(change: Change, *, adds_live: bool) -> bool:
    match change:
        case Edit():
            return change.impact is Impact.INTERRUPT
        case Create() | Delete():
            return not adds_live
        case _:
            return False


def _standing_still(flow: Flow, found: FoundFlow, chosen: list[Change]) -> Sequence:
    at = FlowAt(found.region, found.live_name)
    stop = Stop(key=flow.key, at=at, why="this account wants it stopped for that", found=found)
    inner: tuple[Call, ...] = tuple(change for change in chosen if not isinstance(change, Sequence))
    # The edit of the flow itself comes last, and may have given it another name.
    names = [call.wanted.live_name for call in inner if isinstance(call, Edit) and call.key == flow.key]
    live_name = names[0] if names else found.live_name
    start = Start(key=flow.key, at=FlowAt(found.region, live_name), why="to be running again")
    back = Start(key=flow.key, at=at, why="put back on air, because a change of it failed")
    return Sequence(
        key=flow.key,
        at=at,
        action=Action.EDIT,
        calls=(stop, *inner, start),
        differences=(),
        impact=Impact.INTERRUPT,
        why="this account changes it only while it stands still",
        undo=((), *((back,) for _ in inner), ()),
    )
