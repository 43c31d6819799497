"""Say whether everything is there that a pass needs: all checks, side by side, each within a deadline."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Sequence
from typing import Any, Final

from reconciler.domain.errors import ExitStatus, ReconcilerError
from reconciler.engine.deadline import within
from reconciler.ports.checks import BlockingCheck, Check, Grade, Sign, fail, failed
from reconciler.ports.clock import Clock

DEADLINE_S: Final = 30.0
"""For one check. The slowest asks an account some ten times, each within what the client allows a call."""

_WORST_FIRST: Final = (
    ExitStatus.BUG,
    ExitStatus.USAGE,
    ExitStatus.FINDINGS,
    ExitStatus.BACKEND,
    ExitStatus.HELD,
    ExitStatus.SOME_FAILED,
    ExitStatus.ALL_FAILED,
)
"""Source: docs/exit-status.md."""


async def examine(
    checks: Sequence[Check | BlockingCheck], *, clock: Clock, on_end: Callable[[str], None] = lambda _: None
) -> tuple[Sign, ...]:
    """Return the signs of all checks, in the order of the checks; `on_end` hears what each was about that is over."""

    async def one(check: Check | BlockingCheck) -> tuple[Sign, ...]:
        signs = await _look(check, clock)
        on_end(check.about)
        return signs

    return tuple(sign for signs in await asyncio.gather(*map(one, checks)) for sign in signs)


def status_of(signs: Sequence[Sign]) -> ExitStatus:
    """Return what the shell is told: the worst failure's status; warnings are no failures."""
    found = {sign.status for sign in signs if sign.grade is Grade.FAIL}
    return next((status for status in _WORST_FIRST if status in found), ExitStatus.OK)


async def _look(check: Check | BlockingCheck, clock: Clock) -> tuple[Sign, ...]:
    try:
        return await within(DEADLINE_S, _awaited(check), clock=clock)
    except TimeoutError:
        said = f"nothing was heard within {DEADLINE_S:g} s"
        return (fail(check.about, said, "Look at what it waits for: a network, a disk, a program that hangs."),)
    except ReconcilerError as error:
        return (failed(check.about, error),)


async def _awaited(check: Check | BlockingCheck) -> tuple[Sign, ...]:
    return await (_aside(check.look) if isinstance(check, BlockingCheck) else check.look())


def _aside(look: Callable[[], tuple[Sign, ...]]) -> "asyncio.Future[tuple[Sign, ...]]":
    """Return what comes of a look that blocks; the end of the process does not wait for it, as a pool's would."""
    loop = asyncio.get_running_loop()
    found: asyncio.Future[tuple[Sign, ...]] = loop.create_future()

    def tell(put: Callable[[], None]) -> None:
        # When its time was up, nobody listens any more, or the loop is gone.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(lambda: None if found.done() else put())

    def work() -> None:
        with contextlib.ExitStack() as stack:
            stack.push(_passing(lambda error: tell(lambda: found.set_exception(error))))
            signs = look()
            tell(lambda: found.set_result(signs))

    threading.Thread(target=work, name="reconciler looks", daemon=True).start()
    return found


def _passing(on: Callable[[BaseException], None]) -> "Callable[[Any, BaseException | None, Any], bool]":
    """Return what takes a failure out of a thread, so that it is raised where the look is awaited."""

    def leave(_: Any, error: BaseException | None, __: Any) -> bool:
        if error is not None:
            on(error)
        return error is not None

    return leave
