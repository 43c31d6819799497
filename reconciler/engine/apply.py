"""
Apply: send the changes of a plan, each to its own result; what fails takes nothing else with it.

Each change asks the guard right before it is sent, and each call is written down before it leaves and after it came
back: whoever kills this process at any moment finds in the journal what was under way, and on the backend what is true.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from reconciler.domain.changes import Action, Blocked, Change, Create, Hold, Plan, Sequence, Start, Twin, twin_there
from reconciler.domain.errors import BackendError, CredentialsRefusedError, HaltedError, UnavailableError
from reconciler.domain.model import FlowKey, OutputKey
from reconciler.domain.safety.judging import held_back, held_with
from reconciler.domain.safety.reasons import start_in_vain
from reconciler.engine.cutting import CutError, unless
from reconciler.engine.guard.facts import Permit
from reconciler.engine.sending import Sender
from reconciler.engine.undoing import put_back
from reconciler.engine.world import World

FLOWS_AT_ONCE: Final = 16
"""
Flows that are worked on at the same time; the calls of one flow are always one after the other.

Twenty calls a second and action want 20 x d calls on their way, where d is the seconds from call to answer: this many
keep that pace up to 0.3 s, beside the calls of other actions. It is half of the connections of a client.
"""
_CUT: Final = "nobody waited for the answer; it may have been done, and the next plan tells"


async def _nothing(_: Change) -> None:
    """Prepare nothing."""


class Result(StrEnum):
    """What became of a change."""

    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    """Not sent, because of something else that `why` names."""
    BLOCKED = "blocked"
    """Held back by the guard at the moment of the write."""
    UNKNOWN = "unknown"
    """Nobody waited for the answer: it may have been done, or may be yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One change, and what became of it."""

    change: Change
    result: Result
    why: str = ""
    """Why it failed or was not sent; "" when it is done."""
    request_ids: tuple[str, ...] = ()
    """The backend's own names of the calls that were made."""
    held: Blocked | None = None
    """What holds it back, when it is blocked."""
    may_be_done: bool = False
    """Whether the call that failed may have been carried out all the same."""
    is_half: bool = False
    """Whether it goes on: what replaces something is there, and the old one is still to go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How changes are sent."""

    hold: Callable[[], str] = lambda: ""
    """Says why nothing more may be sent, or ""; asked before every call. The call in flight is finished."""
    prepare: Callable[[Change], Awaitable[None]] = _nothing
    """Done with every change right before it is asked whether it may be sent."""
    on_begin: Callable[[Change], None] = lambda _: None
    """Told of every change when its first call is about to be sent; its outcome follows in any case."""
    on_outcome: Callable[[Outcome], None] = lambda _: None
    """Told of every outcome as it comes."""
    cut: asyncio.Event = field(default_factory=asyncio.Event)
    """Set to stop waiting for the calls in flight, too; then nothing more is to be sent, as `hold` says."""
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    """Set to stop the first reading, which nobody waits for: then the pass ends with `CutError`, and sent nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """What became of a plan."""

    outcomes: tuple[Outcome, ...]
    """In the order of the plan."""
    refused: CredentialsRefusedError | None
    """Set when the account stopped accepting us; the rest was not sent."""

    @property
    def progressed(self) -> bool:
        """Return whether anything was done."""
        return any(outcome.result is Result.DONE for outcome in self.outcomes)


async def execute(plan: Plan, world: World, *, terms: Terms) -> Execution:
    """
    Return what became of each change of the plan, which is the one that the guard judged last.

    Stops and deletes that lead a flow's changes are sent for every flow before anything else, so that names, keys and
    ports are free. What would send to a far end that is taken is asked about again at the end, for whoever sends there
    may have moved away meanwhile. Within a flow the plan's order holds; flows go on side by side.
    """
    return await _Executor(plan, world, terms).run()


_Lane = list[tuple[int, Change]]
"""Changes of one flow with their places in the plan."""


class _Executor:
    """One execution: what has come of the changes so far, and what must not be sent because of it."""

    def __init__(self, plan: Plan, world: World, terms: Terms) -> None:
        self._changes = plan.changes
        self._world = world
        self._sender = Sender(world)
        self._terms = terms
        self._slots = asyncio.Semaphore(FLOWS_AT_ONCE)
        self._outcomes: dict[int, Outcome] = {}
        self._stuck: dict[FlowKey, str] = {}
        self._refused: CredentialsRefusedError | None = None
        self._unmade: dict[FlowKey, Blocked] = {}
        """Flows that would have been made, and what held that back."""
        self._unfed: dict[FlowKey, Blocked | None] = {}
        """Flows in which an output would have been made, and what held that back; None once one was made."""
        self._parked: _Lane = []
        """What is asked about again at the end."""

    async def run(self) -> Execution:
        """Send everything, in two phases, and then what a far end that was taken held up."""
        split = [_split(lane) for lane in _lanes(enumerate(self._changes))]
        for phase in ([head for head, _ in split], [tail for _, tail in split]):
            await self._run_phase(phase, parks=True)
        await self._run_phase(_lanes(self._parked), parks=False)
        outcomes = tuple(outcome for _, outcome in sorted(self._outcomes.items(), key=lambda item: item[0]))
        return Execution(outcomes=outcomes, refused=self._refused)

    async def _run_phase(self, lanes: Iterable[_Lane], *, parks: bool) -> None:
        async with asyncio.TaskGroup() as group:
            for lane in lanes:
                group.create_task(self._run_lane(lane, parks=parks))

    async def _run_lane(self, lane: _Lane, *, parks: bool) -> None:
        async with self._slots:
            for place, change in lane:
                outcome = await self._ask(change)
                self._feed(outcome)
                if parks and outcome.held is not None and outcome.held.hold is Hold.FAR_END:
                    self._parked.append((place, change))
                    continue
                self._outcomes[place] = outcome
                self._terms.on_outcome(outcome)

    async def _ask(self, change: Change) -> Outcome:
        if why_not := self._why_not(change):
            return _unsent(change, why_not)
        if (held := held_with(change, self._unmade) or self._in_vain(change)) is not None:
            return Outcome(change=change, result=Result.BLOCKED, why=held.why, held=held)
        named = {"resource": str(change.key), "action": str(change.action)}
        with self._world.telemetry.span("change", **named) as span:
            await self._terms.prepare(change)
            async with self._world.guard.permit(change) as permit:
                if permit.held is None:
                    outcome = await self._send(change, permit)
                    span.note(result=str(outcome.result))
                    return outcome
                span.note(result=str(Result.BLOCKED), hold=str(permit.held.hold))
        if isinstance(change, Create) and isinstance(change.key, FlowKey):
            self._unmade[change.key] = permit.held
        return Outcome(change=change, result=Result.BLOCKED, why=permit.held.why, held=permit.held)

    def _feed(self, outcome: Outcome) -> None:
        """Remember whether a flow got an output, or what holds back the one that it was to have."""
        if isinstance(outcome.change, Create) and isinstance(outcome.change.key, OutputKey):
            if outcome.result is Result.DONE:
                self._unfed[outcome.change.key.flow_key] = None
            elif outcome.held is not None:
                self._unfed.setdefault(outcome.change.key.flow_key, outcome.held)

    def _in_vain(self, change: Change) -> Blocked | None:
        """Return the start of a flow as held back where it has no output, because none may be made; else None."""
        held = self._unfed.get(change.key.flow_key)
        if held is None or not isinstance(change, Start) or (change.found is not None and change.found.outputs):
            return None
        return start_in_vain(change, held)

    async def _send(self, change: Change, permit: Permit) -> Outcome:
        request_ids: list[str] = []
        for call in permit.calls:
            if (halted := await self._halted(change, permit, request_ids)) is not None:
                return halted
            if not request_ids:
                self._terms.on_begin(change)
            try:
                request_ids.append(await unless(self._terms.cut, self._sender.send(call, change)))
            except CutError:
                return _ended(change, Result.UNKNOWN, _CUT, request_ids, of=len(permit.calls))
            except BackendError as error:
                return await self._failed(change, permit, request_ids, error)
        if permit.failed:
            return _ended(change, Result.FAILED, permit.failed, request_ids, of=len(permit.calls))
        is_half = isinstance(change, Sequence) and permit.calls != change.calls
        if is_half:
            self._world.guard.half_done(change)
        else:
            self._world.guard.done(change)
        return Outcome(change=change, result=Result.DONE, request_ids=tuple(request_ids), is_half=is_half)

    async def _failed(self, change: Change, permit: Permit, request_ids: list[str], error: BackendError) -> Outcome:
        """Return how a change ends whose next call failed, with what was put back."""
        number, of = len(request_ids), len(permit.calls)
        if isinstance(error, HaltedError):
            # Not even to put something back: whoever stops all writes means all.
            ended = _ended(change, Result.BLOCKED, str(error), request_ids, of=of)
            return replace(ended, held=held_back(change, Hold.HALTED, ended.why))
        self._learn(change, error)
        undone = await put_back(self._sender, change, permit, failed=number, error=error)
        is_unknown = isinstance(error, UnavailableError) and error.maybe_applied
        return replace(_ended(change, Result.FAILED, f"{error}{undone}", request_ids, of=of), may_be_done=is_unknown)

    async def _halted(self, change: Change, permit: Permit, request_ids: list[str]) -> Outcome | None:
        """Return how a change ends before its next call, because that may not be sent; None where it may."""
        number, of = len(request_ids), len(permit.calls)
        call = permit.calls[number]
        # What was begun with a stop is finished: nothing else puts the flow back on air.
        if (why_not := self._why_not(change)) and not (number and permit.undo):
            return _ended(change, Result.FAILED, why_not, request_ids, of=of) if number else _unsent(change, why_not)
        # The whole was asked about right before its first call; between two calls time goes by.
        if number == 0 and call.at == change.at:
            return None
        held = await self._world.guard.still(change, call)
        if held is None:
            return None
        why = held.why
        if number:
            undone = await put_back(self._sender, change, permit, failed=number, error=None)
            why = f"{why.removesuffix('.')}{undone}"
        ended = _ended(change, Result.BLOCKED, why, request_ids, of=of)
        return replace(ended, held=replace(held, why=ended.why))

    def _why_not(self, change: Change) -> str:
        if self._refused is not None:
            return "not sent, because the account no longer accepts us"
        return self._stuck.get(change.key.flow_key) or self._terms.hold()

    def _learn(self, change: Change, error: BackendError) -> None:
        """Remember what must not be sent any more after this failure."""
        key = change.key.flow_key
        if isinstance(error, CredentialsRefusedError):
            self._refused = error
        if isinstance(error, UnavailableError) and error.maybe_applied:
            self._stuck[key] = f"not sent, because the {change.action} of {change.key} may or may not have been done"
        elif change.key == key and (isinstance(change, Sequence) or change.action is Action.CREATE):
            self._stuck[key] = f"not sent, because the {change.action} of {key} failed"


def left_beside(change: Change, twin: Twin, why: str) -> Outcome:
    """Return a recreate that is not gone on with now, although what replaces the old one was made."""
    words = (
        f"the new one, {twin.live_name}, was made and stands beside the old one, which serves on; the rest was {why}. "
        "The next run goes on with it"
    )
    held = held_back(change, Hold.TWIN, words)
    return Outcome(change=change, result=Result.BLOCKED, why=held.why, held=held)


def _unsent(change: Change, why: str) -> Outcome:
    if (twin := twin_there(change)) is not None:
        return left_beside(change, twin, why)
    return Outcome(change=change, result=Result.SKIPPED, why=why)


def _lanes(changes: Iterable[tuple[int, Change]]) -> list[_Lane]:
    lanes: dict[FlowKey, _Lane] = {}
    for place, change in changes:
        lanes.setdefault(change.key.flow_key, []).append((place, change))
    return list(lanes.values())


def _split(lane: _Lane) -> tuple[_Lane, _Lane]:
    """Return the stops and deletes that lead, and the rest; a delete that the plan puts after a create stays there."""
    length = 0
    while length < len(lane) and lane[length][1].action in {Action.STOP, Action.DELETE}:
        length += 1
    return lane[:length], lane[length:]


def _ended(change: Change, result: Result, why: str, request_ids: list[str], *, of: int) -> Outcome:
    part = f" (after {len(request_ids)} of its {of} calls)" if request_ids else ""
    return Outcome(change=change, result=result, why=f"{why}{part}", request_ids=tuple(request_ids))
