"""Deadlines: whatever waits on somebody else ends, and by the same clock as everything else."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from reconciler.ports.clock import Clock

Result = TypeVar("Result")


async def within(seconds: float, work: Coroutine[Any, Any, Result], *, clock: Clock) -> Result:
    """
    Return what the work returns, when that comes in time; otherwise the work is cancelled.

    Raises:
        TimeoutError: it did not come in time.

    """
    task = asyncio.ensure_future(work)
    finished = asyncio.Event()
    task.add_done_callback(lambda _: finished.set())
    try:
        in_time = await clock.wait(finished, seconds)
    finally:
        task.cancel()
        await asyncio.wait({task})
    # What was finished keeps its result: cancelling a task that is done changes nothing.
    if in_time:
        return task.result()
    raise TimeoutError(f"no answer within {seconds:g} s")
