"""How a verb waits: it ends cleanly when a signal cuts it short, and says so to the shell."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, Final, TypeVar

Result = TypeVar("Result")

TERMINATED: Final = 143
"""A one-shot verb cut short by SIGTERM: 128 + 15, as shells say it."""


def one_shot(work: Coroutine[Any, Any, Result]) -> Result:
    """
    Return what the work returns.

    SIGTERM cancels it, so that whatever it opened is closed, and then ends the verb with status 143; Ctrl-C does the
    same with 130.
    """
    return asyncio.run(_until_terminated(work))


async def _until_terminated(work: Coroutine[Any, Any, Result]) -> Result:
    task = asyncio.ensure_future(work)
    terminated = False

    def terminate() -> None:
        nonlocal terminated
        terminated = True
        task.cancel()

    with on_signals(terminate, signal.SIGTERM):
        try:
            return await task
        except asyncio.CancelledError:
            if terminated:
                sys.exit(TERMINATED)
            task.cancel()
            raise


@contextlib.contextmanager
def on_signals(react: Callable[[], None], *signals: signal.Signals) -> Iterator[None]:
    """Within it, each of the signals calls `react` in the event loop."""
    loop = asyncio.get_running_loop()
    for number in signals:
        loop.add_signal_handler(number, react)
    try:
        yield
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
