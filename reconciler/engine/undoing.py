"""Undoing: what puts things back when a change that takes several calls fails in the middle."""

from collections.abc import Iterable

from reconciler.domain.changes import Action, Call, Change, Create, Sequence, Start, Stop
from reconciler.domain.errors import BackendError, UnavailableError
from reconciler.domain.flow_replacing import removal
from reconciler.domain.matching import is_twin, ours
from reconciler.domain.model import FlowKey, FlowState, FoundFlow
from reconciler.domain.safety.on_air import disturbed_by, stands_still
from reconciler.engine.deadline import within
from reconciler.engine.guard.facts import Permit
from reconciler.engine.guard.sampling import STATUS_TIMEOUT_S, sample_of
from reconciler.engine.sending import Sender
from reconciler.engine.world import World


async def put_back(sender: Sender, change: Change, permit: Permit, *, failed: int, error: BackendError | None) -> str:
    """
    Put back what a change has left half done, and return what was done about it, in words; "" where nothing was.

    Args:
        sender: sends the calls.
        change: that failed.
        permit: the calls that were being sent, and what undoes them.
        failed: which of the calls failed, or was held back.
        error: how it failed; None when it was not sent.

    """
    is_unknown = isinstance(error, UnavailableError) and error.maybe_applied
    calls = _calls(permit, failed=failed, is_unknown=is_unknown)
    if calls and error is not None:
        # Before it is put back, so that whoever starts after the death of this process knows of it.
        sender.world.guard.failed(change, error)
    # What may have been made is not made again, whatever the old one was.
    sent = [call for call in calls if not (is_unknown and isinstance(call, Create))]
    told = await _sent(sender, sent, change)
    if isinstance(change, Sequence) and _made_a_flow(change, permit.calls[:failed]) and not is_unknown:
        told += await _without_twin(sender, change)
    return told


def _calls(permit: Permit, *, failed: int, is_unknown: bool) -> tuple[Call, ...]:
    stop = permit.calls[failed]
    if permit.undo and is_unknown and isinstance(stop, Stop):
        # It may stand still by now, and nothing else puts it back on air before somebody looks.
        return (Start(key=stop.key, at=stop.at, why="put back on air, because it may have been stopped"),)
    return permit.undo[failed] if failed < len(permit.undo) else ()


async def _sent(sender: Sender, calls: Iterable[Call], change: Change) -> str:
    told = ""
    for call in calls:
        try:
            await sender.send(call, change)
        except BackendError as error:
            return f"{told}; and to put it back failed: {error}"
        told += f"; put back by a {call.action} of {call.key}"
    return told


def _made_a_flow(change: Sequence, sent: tuple[Call, ...]) -> bool:
    """Return whether a flow was made beside another one that still is as it was."""
    made = any(isinstance(call, Create) and isinstance(call.key, FlowKey) for call in sent)
    turned = any(call.action is Action.STOP for call in sent)
    return change.action is Action.RECREATE and made and not turned


async def _without_twin(sender: Sender, change: Sequence) -> str:
    """Take away the flow that was made to replace another one, while it stands still and nobody uses it."""
    made = next(call for call in change.calls if isinstance(call, Create))
    at = made.at
    try:
        flows = await sender.world.backend.observe(at.region)
    except BackendError as error:
        return f"; what was made beside it could not be looked for: {error}"
    twins = [flow for flow in flows if flow.live_name == at.live_name and _is_idle(flow, made, sender.world)]
    told = ""
    for flow, call in ((twin, call) for twin in twins for call in _removal(change, twin)):
        if not await _stands_still(flow, call, sender.world):
            return f"{told}; somebody may have started what was made beside it, so it stays"
        told += await _sent(sender, [call], change)
    return told


async def _stands_still(flow: FoundFlow, call: Call, world: World) -> bool:
    """Return whether what a call takes away is known to stand still now: between two calls somebody may start it."""
    try:
        ends = await within(STATUS_TIMEOUT_S, world.backend.status(flow.region, flow.id), clock=world.clock)
    except (BackendError, TimeoutError):
        return False
    return stands_still(sample_of(ends, at_s=world.clock.monotonic_s()), disturbed_by(call).outputs)


def _is_idle(flow: FoundFlow, made: Create, world: World) -> bool:
    """Return whether a flow is what this create made, and stands still."""
    is_it = ours(flow.mark, world.owner) and is_twin(flow.mark) == made.is_twin
    return is_it and flow.state is FlowState.IDLE


def _removal(change: Sequence, twin: FoundFlow) -> Iterable[Call]:
    return removal(change.key, twin) if isinstance(change.key, FlowKey) else ()
