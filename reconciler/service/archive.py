"""The journal, read for people beside the loop: in a thread, in turn, and only so many at a time."""

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http import HTTPStatus
from typing import Final, TypeVar

from reconciler.domain.errors import EnvironmentFailedError
from reconciler.ports.clock import Clock
from reconciler.ports.journal import History
from reconciler.service.problems import ProblemError

MOST_WAITING: Final = 8
"""Questions at once, the one that is being answered among them."""
ANSWER_S: Final = 5.0
"""For an answer, the questions before it included: a disk that takes longer is not waited for."""

T = TypeVar("T")


class Archive:
    """Asks the journal; a slow disk keeps those who ask waiting, and never the loop."""

    def __init__(self, open_history: Callable[[], History], clock: Clock) -> None:
        """`open_history` is called in the thread for each question, for a journal may be moved aside meanwhile."""
        self._open = open_history
        self._clock = clock
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal for people")
        self._waiting = 0

    async def ask(self, question: Callable[[History], T]) -> T:
        """
        Return what the journal answers.

        Raises:
            ProblemError: too many ask, it takes too long, or the journal cannot be read.

        """
        if self._waiting >= MOST_WAITING:
            raise _busy("Too many questions about the journal wait already")
        answered = asyncio.Event()
        job = self._thread.submit(self._answer, question)
        self._waiting += 1
        job.add_done_callback(partial(self._done, asyncio.get_running_loop(), answered))
        if not await self._clock.wait(answered, ANSWER_S):
            # One that is being answered goes on, and counts until it is done.
            job.cancel()
            raise _busy(f"The journal has not answered within {ANSWER_S:g} s")
        try:
            return job.result()
        except EnvironmentFailedError as error:
            raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, str(error)) from error

    def close(self) -> None:
        """Answer no more; what is being read is not waited for."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _answer(self, question: Callable[[History], T]) -> T:
        with contextlib.closing(self._open()) as history:
            return question(history)

    def _done(self, loop: asyncio.AbstractEventLoop, answered: asyncio.Event, _job: object) -> None:
        # A loop that is closed has nobody left who waits.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(self._leave, answered)

    def _leave(self, answered: asyncio.Event) -> None:
        self._waiting -= 1
        answered.set()


def _busy(why: str) -> ProblemError:
    return ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, f"{why}; ask again later.", headers={"Retry-After": "5"})
