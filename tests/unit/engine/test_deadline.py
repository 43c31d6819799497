"""Tests of `engine.deadline`."""

import asyncio

import pytest

from reconciler.engine.deadline import within
from tests.fakes.clock import FakeClock

pytestmark = pytest.mark.anyio


async def answer() -> str:
    """Answer at once."""
    await asyncio.sleep(0)
    return "answer"


async def test_what_is_in_time_returns() -> None:
    """Work that ends in time gives its result."""
    assert await within(5, answer(), clock=FakeClock(auto=False)) == "answer"


async def test_a_failure_of_the_work_is_passed_on() -> None:
    """What the work raises is raised."""

    async def fail() -> None:
        await asyncio.sleep(0)
        raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        await within(5, fail(), clock=FakeClock(auto=False))


async def test_what_is_late_is_cancelled() -> None:
    """Work that does not end in time is cancelled, and its own cleaning up is waited for."""
    clock = FakeClock(auto=False)
    cleaned = asyncio.Event()

    async def hang() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cleaned.set()

    waiting = asyncio.create_task(within(5, hang(), clock=clock))
    await clock.advance(5)

    with pytest.raises(TimeoutError, match="no answer within 5 s"):
        await waiting
    assert cleaned.is_set()


async def test_cancelling_the_wait_cancels_the_work() -> None:
    """Nothing goes on behind the back of whoever gave up."""
    clock = FakeClock(auto=False)
    cleaned = asyncio.Event()

    async def hang() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cleaned.set()

    waiting = asyncio.create_task(within(5, hang(), clock=clock))
    await clock.advance(1)
    waiting.cancel()
    await asyncio.wait({waiting})

    assert waiting.cancelled()
    assert cleaned.is_set()
