"""The log of calls: one event for each attempt, never with a body."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import structlog

from reconciler.domain.errors import BackendError
from reconciler.ports.clock import Clock
from reconciler.ports.telemetry import CallMade
from reconciler.streamlink.wire import Action

_log = structlog.get_logger("reconciler.streamlink")


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """An attempt that is about to be sent."""

    action: Action
    region: str
    attempt: int
    """From 1."""
    waited_s: float
    """Until its turn came."""


@dataclass(slots=True)
class End:
    """How it ended."""

    code: str = ""
    """The API's code, else the class of the failure; "" for success."""
    request_id: str = ""


@contextmanager
def logged(begun: Begun, clock: Clock, on_call: Callable[[CallMade], None] = lambda _: None) -> Iterator[End]:
    """Lend what the caller completes, and write the event when the attempt is over: of a failure a warning."""
    end = End()
    started_s = clock.monotonic_s()
    try:
        yield end
    except BackendError as error:
        end.code, end.request_id = error.code or type(error).__name__, error.request_id
        raise
    finally:
        took_s = clock.monotonic_s() - started_s
        on_call(CallMade(action=begun.action.name, code=end.code, waited_s=begun.waited_s, duration_s=took_s))
        emit = _log.warning if end.code else _log.info if begun.action.writes else _log.debug
        emit(
            "streamlink.call_finished",
            action=begun.action.name,
            region=begun.region,
            code=end.code,
            attempt=begun.attempt,
            request_id=end.request_id,
            waited_s=round(begun.waited_s, 3),
            duration_s=round(took_s, 3),
        )
