"""Apply: send the changes of a plan, each to its own result; what fails takes nothing else with it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from reconciler.domain.changes import Action, Call, Change, Plan, Sequence
from reconciler.domain.errors import BackendError, CredentialsRefusedError, UnavailableError
from reconciler.domain.model import FlowKey, Key
from reconciler.engine.deadline import within
from reconciler.ports.backend import Backend
from reconciler.ports.clock import Clock

FLOWS_AT_ONCE: Final = 16
"""
Flows that are worked on at the same time; the calls of one flow are always one after the other.

Twenty calls a second and action want 20 x d calls on their way, where d is the seconds from call to answer: this many
keep that pace up to 0.3 s, beside the calls of other actions. It is half of the connections of a client.
"""
CALL_TIMEOUT_S: Final = 180.0
"""How long one call may take, retries and waiting for a start or stop to show included."""


class Result(StrEnum):
    """What became of a change."""

    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    """Not sent, because of something else that `why` names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One change, and what became of it."""

    change: Change
    result: Result
    why: str = ""
    """Why it failed or was not sent; "" when it is done."""
    request_ids: tuple[str, ...] = ()
    """The backend's own names of the calls that were made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How changes are sent."""

    hold: Callable[[], str] = lambda: ""
    """Says why nothing more may be sent, or ""; asked before every call. The call in flight is finished."""
    on_outcome: Callable[[Outcome], None] = lambda _: None
    """Told of every outcome as it comes."""


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


async def execute(plan: Plan, backend: Backend, *, clock: Clock, terms: Terms) -> Execution:
    """
    Return what became of each change of the plan.

    Stops and deletes that lead a flow's changes are sent for every flow before anything else, so that names, keys and
    ports are free. Within a flow the plan's order holds; flows go on side by side.
    """
    return await _Executor(plan, backend, clock, terms).run()


_Lane = list[tuple[int, Change]]
"""Changes of one flow with their places in the plan."""


class _Executor:
    """One execution: what has come of the changes so far, and what must not be sent because of it."""

    def __init__(self, plan: Plan, backend: Backend, clock: Clock, terms: Terms) -> None:
        self._changes = plan.changes
        self._backend = backend
        self._clock = clock
        self._terms = terms
        self._slots = asyncio.Semaphore(FLOWS_AT_ONCE)
        self._outcomes: dict[int, Outcome] = {}
        self._stuck: dict[FlowKey, str] = {}
        self._refused: CredentialsRefusedError | None = None

    async def run(self) -> Execution:
        """Send everything, in two phases."""
        lanes: dict[FlowKey, _Lane] = {}
        for place, change in enumerate(self._changes):
            lanes.setdefault(flow_key(change.key), []).append((place, change))
        split = [_split(lane) for lane in lanes.values()]
        for phase in ([head for head, _ in split], [tail for _, tail in split]):
            async with asyncio.TaskGroup() as group:
                for lane in phase:
                    group.create_task(self._run_lane(lane))
        outcomes = tuple(outcome for _, outcome in sorted(self._outcomes.items(), key=lambda item: item[0]))
        return Execution(outcomes=outcomes, refused=self._refused)

    async def _run_lane(self, lane: _Lane) -> None:
        async with self._slots:
            for place, change in lane:
                outcome = await self._send(change)
                self._outcomes[place] = outcome
                self._terms.on_outcome(outcome)

    async def _send(self, change: Change) -> Outcome:
        calls = change.calls if isinstance(change, Sequence) else (change,)
        request_ids: list[str] = []
        for call in calls:
            if why_not := self._why_not(change):
                result = Result.FAILED if request_ids else Result.SKIPPED
                return _ended(change, result, why_not, request_ids, of=len(calls))
            try:
                request_ids.append(await self._call(call))
            except BackendError as error:
                self._learn(change, error)
                return _ended(change, Result.FAILED, str(error), request_ids, of=len(calls))
        return Outcome(change=change, result=Result.DONE, request_ids=tuple(request_ids))

    async def _call(self, call: Call) -> str:
        try:
            applied = await within(CALL_TIMEOUT_S, self._backend.apply(call), clock=self._clock)
        except TimeoutError as error:
            raise UnavailableError(f"The backend gave {error}; it may have been done", maybe_applied=True) from error
        return applied.request_id

    def _why_not(self, change: Change) -> str:
        if self._refused is not None:
            return "not sent, because the account no longer accepts us"
        return self._stuck.get(flow_key(change.key)) or self._terms.hold()

    def _learn(self, change: Change, error: BackendError) -> None:
        """Remember what must not be sent any more after this failure."""
        key = flow_key(change.key)
        if isinstance(error, CredentialsRefusedError):
            self._refused = error
        if isinstance(error, UnavailableError) and error.maybe_applied:
            self._stuck[key] = f"not sent, because the {change.action} of {change.key} may or may not have been done"
        elif change.key == key and (isinstance(change, Sequence) or change.action is Action.CREATE):
            self._stuck[key] = f"not sent, because the {change.action} of {key} failed"


def flow_key(key: Key) -> FlowKey:
    """Return the flow that a resource is, or belongs to."""
    return key if isinstance(key, FlowKey) else key.flow_key


def _split(lane: _Lane) -> tuple[_Lane, _Lane]:
    """Return the stops and deletes that lead, and the rest; a delete that the plan puts after a create stays there."""
    length = 0
    while length < len(lane) and lane[length][1].action in {Action.STOP, Action.DELETE}:
        length += 1
    return lane[:length], lane[length:]


def _ended(change: Change, result: Result, why: str, request_ids: list[str], *, of: int) -> Outcome:
    part = f" (after {len(request_ids)} of its {of} calls)" if request_ids else ""
    return Outcome(change=change, result=result, why=f"{why}{part}", request_ids=tuple(request_ids))
