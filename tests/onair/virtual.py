"""Virtual time: a loop whose time stands still while anything can run, and jumps to the next timer when nothing can."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

_EPOCH: Final = datetime(2026, 1, 5, 12, tzinfo=UTC)
_TURNS: Final = 1_000_000
"""Turns of the loop in one piece of work, after which it is taken for one that never ends."""

Result = TypeVar("Result")


class _Selector(selectors.SelectSelector):
    """Waits for nothing: what the loop would sleep is added to its time."""

    elapsed_s = 0.0
    turns = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Move the time; fail where nothing will ever happen again, for then somebody waits for ever."""
        self.turns += 1
        if timeout is None or self.turns > _TURNS:
            msg = "everybody waits, and nobody will come"
            raise RuntimeError(msg)
        self.elapsed_s += max(0.0, timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """The loop of the standard library, on this time."""

    def __init__(self) -> None:
        self.ticking = _Selector()
        super().__init__(self.ticking)

    def time(self) -> float:
        """Return the seconds that have gone by in it."""
        return self.ticking.elapsed_s


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Return what the work returns, without waiting for anything."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)


class VirtualClock:
    """Implements `ports.clock.Clock` on the time of the running loop; the clock on the wall may be set by hand."""

    def __init__(self) -> None:
        self.set_by_s = 0.0

    def now(self) -> datetime:
        """Return the time of day."""
        return _EPOCH + timedelta(seconds=self.monotonic_s() + self.set_by_s)

    def monotonic_s(self) -> float:
        """Return the time of the loop."""
        return asyncio.get_running_loop().time()

    def later(self, seconds: float, do: Callable[[], object]) -> None:
        """Do something when the time has moved this far."""
        asyncio.get_running_loop().call_later(seconds, do)

    async def sleep(self, seconds: float) -> None:
        """Wait until nothing else can run, and the time has moved this far."""
        await asyncio.sleep(max(0.0, seconds))

    async def wait(self, event: asyncio.Event, timeout_s: float) -> bool:
        """Wait for the event or the time-out, whichever comes first."""
        try:
            async with asyncio.timeout(timeout_s):
                await event.wait()
        except TimeoutError:
            pass
        return event.is_set()
