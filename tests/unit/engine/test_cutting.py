"""Tests of `engine.cutting`."""

import asyncio

import pytest

from reconciler.engine.cutting import CutError, unless

pytestmark = pytest.mark.anyio


async def answer() -> str:
    """Answer at once."""
    await asyncio.sleep(0)
    return "answer"


async def test_what_is_not_cut_returns() -> None:
    """Work that comes to its end gives its result."""
    assert await unless(asyncio.Event(), answer()) == "answer"


async def test_a_failure_of_the_work_is_passed_on() -> None:
    """What the work raises is raised."""

    async def fail() -> None:
        await asyncio.sleep(0)
        raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        await unless(asyncio.Event(), fail())


async def test_what_is_cut_is_cancelled_and_cleaned_up() -> None:
    """Whoever stops waiting leaves nothing open."""
    cut, cleaned = asyncio.Event(), asyncio.Event()

    async def hang() -> None:
        try:
            cut.set()
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned.set()

    with pytest.raises(CutError):
        await unless(cut, hang())
    assert cleaned.is_set()


async def test_what_was_done_in_time_keeps_its_result() -> None:
    """An answer that came with the cut is known, and not thrown away."""
    cut = asyncio.Event()

    async def last() -> str:
        cut.set()
        return "answer"

    assert await unless(cut, last()) == "answer"


async def test_who_is_cancelled_himself_takes_the_work_with_him() -> None:
    """Nothing goes on behind the back of whoever ended."""
    hanging, cleaned = asyncio.Event(), asyncio.Event()

    async def hang() -> None:
        try:
            hanging.set()
            await asyncio.Event().wait()
        finally:
            cleaned.set()

    waiting = asyncio.create_task(unless(asyncio.Event(), hang()))
    await hanging.wait()
    waiting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert cleaned.is_set()
