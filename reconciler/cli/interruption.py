"""Ctrl-C and SIGTERM while something is sent: the first lets what is in flight come to its end, the second does not."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from typing import Any, Final, NoReturn, TypeVar

from reconciler.cli.asynchronous import TERMINATED, on_signals

Result = TypeVar("Result")

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_CUT_SHORT: Final = 128
"""What shells add to the number of the signal that ended a command."""


class Interruption:
    """
    What signals do to one verb.

    While nothing is sent they end it at once. Within `finishing` the first one only holds back what was not sent yet,
    the second stops waiting for what is in flight, and a third ends the process.
    """

    def __init__(self) -> None:
        self.cut = asyncio.Event()
        """Set once nobody waits any more for what is in flight."""
        self._by: signal.Signals | None = None
        self._end: Callable[[], None] = lambda: None
        self._tell: Callable[[], None] | None = None

    @property
    def status(self) -> int | None:
        """Return the exit status of a verb that was cut short; None when it was not."""
        return None if self._by is None else _CUT_SHORT + self._by

    def hold(self) -> str:
        """Say why nothing more may be sent, or ""."""
        return "" if self._by is None else "not sent, because it was interrupted"

    @contextlib.contextmanager
    def finishing(self, tell: Callable[[], None]) -> Iterator[None]:
        """Within it, the first signal calls `tell` and ends nothing: whoever sends asks `hold` before each call."""
        self._tell = tell
        try:
            yield
        finally:
            self._tell = None

    def react(self, number: signal.Signals) -> None:
        """Do what a signal asks for."""
        if self._tell is None:
            self._by = self._by or number
            self._end()
        elif self._by is None:
            self._by = number
            self._tell()
        elif not self.cut.is_set():
            self.cut.set()
        else:
            self._end()

    async def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Return what the work returns; where a signal ended it, end the process as shells expect it."""
        task = asyncio.ensure_future(work)
        self._end = lambda: _cancel(task)
        with contextlib.ExitStack() as stack:
            for number in _SIGNALS:
                stack.enter_context(on_signals(partial(self.react, number), number))
            try:
                return await task
            except asyncio.CancelledError:
                _leave(self._by or signal.SIGINT)


def interruptible(work: Callable[[Interruption], Coroutine[Any, Any, Result]]) -> Result:
    """Return what the work returns that knows how to end between two calls."""

    async def run() -> Result:
        interruption = Interruption()
        return await interruption.run(work(interruption))

    return asyncio.run(run())


def _cancel(task: "asyncio.Future[Any]") -> None:
    task.cancel()


def _leave(by: signal.Signals) -> NoReturn:
    if by is signal.SIGTERM:
        sys.exit(TERMINATED)
    raise KeyboardInterrupt
