"""A loop in which waiting takes no time, and the clock that goes by it."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar, TypeVarTuple, Unpack

Result = TypeVar("Result")
Arguments = TypeVarTuple("Arguments")

_EPOCH: Final = datetime(2026, 1, 1, tzinfo=UTC)
_THREAD_S: Final = 10.0
"""Real seconds that a thread may take before somebody looks again."""


class StuckError(Exception):
    """Everything waits for something that never comes."""


class _Selector(selectors.SelectSelector):
    """Waits for threads alone; where there is none, the time moves on instead."""

    def __init__(self) -> None:
        super().__init__()
        self.busy = 0
        self.now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready, moving the time by `timeout` where nothing is and nobody works."""
        ready: list[tuple[selectors.SelectorKey, int]] = super().select(_THREAD_S if self.busy and timeout != 0 else 0)
        if not ready and not self.busy:
            if timeout is None:
                raise StuckError
            self.now_s += max(0.0, timeout)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time jumps to whatever is due next, as soon as nothing else can run."""

    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)

    def time(self) -> float:
        """Return seconds since this loop was made."""
        return self._virtual.now_s

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[Arguments]], Result], *args: *Arguments
    ) -> asyncio.Future[Result]:
        """Run something in a thread; no time goes by meanwhile."""
        future = super().run_in_executor(executor, func, *args)
        self._virtual.busy += 1
        future.add_done_callback(self._ended)
        return future

    def _ended(self, _: asyncio.Future[Any]) -> None:
        self._virtual.busy -= 1


class VirtualClock:
    """The time of such a loop; implements `ports.clock.Clock`."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def now(self) -> datetime:
        """Return the time of day."""
        return _EPOCH + timedelta(seconds=self._loop.time())

    def monotonic_s(self) -> float:
        """Return seconds since the loop was made."""
        return self._loop.time()

    async def sleep(self, seconds: float) -> None:
        """Wait this long."""
        await asyncio.sleep(max(0.0, seconds))

    async def wait(self, event: asyncio.Event, timeout_s: float) -> bool:
        """Wait until the event is set, at most this long; return whether it is set."""
        try:
            async with asyncio.timeout(timeout_s):
                await event.wait()
        except TimeoutError:
            return event.is_set()
        return True


def run(work: Callable[[VirtualLoop], Coroutine[Any, Any, Result]]) -> Result:
    """Return what the work returns, in a loop of its own."""
    loop = VirtualLoop()
    # Whoever is killed leaves tasks whose last words nobody reads.
    loop.set_exception_handler(lambda _, __: None)
    try:
        return loop.run_until_complete(work(loop))
    finally:
        loop.close()
