"""Faults of a call as a whole: it is refused, fails, takes long, or is never answered."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, NoReturn, Protocol

from starlette.requests import ClientDisconnect

from reconciler.relay.api.calls import Call, Handler, Json
from reconciler.relay.api.refusals import RefusalError
from reconciler.relay.faults.knobs import Delay, Drop, InternalError, Knob, Throttle, When
from reconciler.relay.faults.turns import Turns
from reconciler.relay.plane import ControlPlane
from reconciler.streamlink.codes import Code

_WINDOW_S: Final = 1.0


class Fault(Protocol):
    """Stands around a handler."""

    async def __call__(self, plane: ControlPlane, call: Call, *, inner: Handler) -> Json:
        """Return the answer of the call, which `inner` carries out."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Time:
    """The time that faults go by."""

    monotonic_s: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


def fault_of(knob: Knob, clock: Time) -> Fault | None:
    """Return the fault of a knob; None where it is none of this module."""
    match knob:
        case Throttle():
            return _Throttling(knob, clock)
        case InternalError(when=when):
            return _OnOneSide(when, Turns(knob), _fail)
        case Drop(when=when):
            return _OnOneSide(when, Turns(knob), _leave_unanswered)
        case Delay(when=when, seconds=seconds):
            return _OnOneSide(when, Turns(knob), lambda: clock.sleep(seconds))
        case _:
            return None


class _Throttling:
    """Refuses calls, as the service does above its limit."""

    def __init__(self, knob: Throttle, clock: Time) -> None:
        self._turns = Turns(knob)
        self._per_s = knob.per_s
        self._clock = clock
        self._passed_at_s: defaultdict[str, deque[float]] = defaultdict(deque)

    async def __call__(self, plane: ControlPlane, call: Call, *, inner: Handler) -> Json:
        if not self._may_pass(call) and self._turns.come_to(call):
            raise RefusalError(Code.REQUEST_LIMIT_EXCEEDED, "Too many calls of this action (a fault on purpose).")
        return await inner(plane, call)

    def _may_pass(self, call: Call) -> bool:
        """Return whether the call is within the rate, and count it then; without a rate nothing is."""
        if self._per_s is None:
            return False
        now_s, passed_at_s = self._clock.monotonic_s(), self._passed_at_s[call.action]
        while passed_at_s and now_s - passed_at_s[0] >= _WINDOW_S:
            passed_at_s.popleft()
        if len(passed_at_s) >= self._per_s:
            return False
        passed_at_s.append(now_s)
        return True


class _OnOneSide:
    """Something that happens before a call is carried out, or after; not after, where the relay refuses it."""

    def __init__(self, when: When, turns: Turns, happen: Callable[[], Awaitable[None]]) -> None:
        self._when = when
        self._turns = turns
        self._happen = happen

    async def __call__(self, plane: ControlPlane, call: Call, *, inner: Handler) -> Json:
        if self._when is When.BEFORE_COMMIT and self._turns.come_to(call):
            await self._happen()
        answer = await inner(plane, call)
        if self._when is When.AFTER_COMMIT and self._turns.come_to(call):
            await self._happen()
        return answer


async def _fail() -> NoReturn:
    raise RefusalError(Code.INTERNAL_ERROR, "A fault on purpose.")


async def _leave_unanswered() -> NoReturn:
    """Go on as if the client were gone; whoever serves cuts the connection, for nobody has answered."""
    raise ClientDisconnect
