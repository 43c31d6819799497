"""Cutting short: whoever stops waiting does so at once, and knows that he did."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


class CutError(Exception):
    """Somebody stopped waiting; what was waited for may come about all the same. Never leaves the engine."""


async def unless(cut: asyncio.Event, work: Coroutine[Any, Any, Result]) -> Result:
    """
    Return what the work returns, unless it is cut short: then the work is cancelled.

    Raises:
        CutError: the event was set before the work was done.

    """
    task = asyncio.ensure_future(work)
    cutting = asyncio.ensure_future(cut.wait())
    try:
        await asyncio.wait({task, cutting}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        cutting.cancel()
        task.cancel()
        await asyncio.wait({task})
    # What was done keeps its result: cancelling a task that is done changes nothing.
    if task.cancelled():
        raise CutError
    return task.result()
