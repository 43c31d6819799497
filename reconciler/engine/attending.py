"""Telling the supervisor of this process how it is, for as long as it runs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from reconciler.ports.clock import Clock
from reconciler.ports.status import Board, Vitals
from reconciler.ports.supervision import Supervisor

_SHARE: Final = 3
"""Times that a healthy process says so within the time after which it is restarted: two may be late."""
_STARTING_S: Final = 1.0
"""Between two looks at a process that is not ready yet."""
_RUNNING_S: Final = 5.0
"""At most, between two looks at one that is: a status is not to be older."""
_EXTENSION_S: Final = 30.0
"""By how much a start is prolonged that goes on: many times the pause between two looks."""

_REVISION: Final = 12
"""Characters of a revision, as git shortens them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How the process is, asked anew at each look; each answers at once."""

    is_ready: Callable[[], bool]
    """Whether the first look at the world is over."""
    is_alive: Callable[[], bool]
    """Whether nothing hangs; the same answer as `/livez` gives."""
    status: Callable[[], str]
    """What is being done, in a line for people, with no secret."""


def health_of(board: Board, *, is_alive: Callable[[], bool]) -> Health:
    """Return how the process is whose loop writes the board; it is ready once the manifests were looked at."""
    return Health(
        is_ready=lambda: has_looked(board.vitals()), is_alive=is_alive, status=lambda: in_a_line(board.vitals())
    )


def has_looked(vitals: Vitals) -> bool:
    """Return whether the first look at the manifests is over, whatever came of it."""
    return bool(vitals.seen or vitals.trouble or vitals.passed_at)


def in_a_line(vitals: Vitals) -> str:
    """Return what is being done, for people; the same words while nothing changes."""
    revision = f" at {vitals.revision[:_REVISION]}" if vitals.revision else ", without a target yet"
    troubles = {
        "halted": "" if vitals.halt is None else vitals.halt.given.reason,
        "manifests": vitals.trouble,
        "backend": vitals.unreadable,
        "failed": f"{vitals.failures} passes in a row" if vitals.failures else "",
    }
    told = (f"; {about}: {why}" for about, why in troubles.items() if why)
    return f"{vitals.phase}{revision}{''.join(told)}"


async def attend(supervisor: Supervisor, health: Health, *, clock: Clock) -> None:
    """
    Tell the supervisor until this is cancelled; it decides nothing itself.

    A process that hangs tells nothing more, so that it is restarted after `watchdog_s`. As it is told from the event
    loop, an event loop that does not turn tells nothing either.
    """
    is_ready, told = False, ""
    while True:
        is_alive, status = health.is_alive(), health.status()
        if is_alive and not is_ready:
            if is_ready := health.is_ready():
                supervisor.ready(status)
                told = status
            else:
                supervisor.extend(_EXTENSION_S)
        if status != told:
            supervisor.tell(status)
            told = status
        if is_alive and supervisor.watchdog_s is not None:
            supervisor.alive()
        await clock.sleep(_pause_s(supervisor, is_ready=is_ready))


def _pause_s(supervisor: Supervisor, *, is_ready: bool) -> float:
    pause_s = _RUNNING_S if is_ready else _STARTING_S
    return pause_s if supervisor.watchdog_s is None else min(pause_s, supervisor.watchdog_s / _SHARE)
