"""The machine's own clock."""

import asyncio
from datetime import UTC, timedelta

import pytest

from reconciler.sources.clock import SystemClock

pytestmark = pytest.mark.anyio


async def test_the_time_of_day_has_its_zone() -> None:
    """It is UTC, and the other time never runs backwards."""
    clock = SystemClock()

    assert clock.now().tzinfo is UTC
    assert clock.now().utcoffset() == timedelta(0)
    assert clock.monotonic_s() <= clock.monotonic_s()


async def test_sleeping_lets_others_run() -> None:
    """What is ready runs in the meantime."""
    event = asyncio.Event()
    asyncio.get_running_loop().call_soon(event.set)

    await SystemClock().sleep(0.001)

    assert event.is_set()


async def test_waiting_ends_with_the_event() -> None:
    """An event that is set is not waited for, one that comes is seen."""
    event = asyncio.Event()
    asyncio.get_running_loop().call_soon(event.set)

    assert await SystemClock().wait(event, timeout_s=60)
    assert await SystemClock().wait(event, timeout_s=60)


async def test_waiting_ends_with_the_time() -> None:
    """Nothing came, and that is said."""
    assert not await SystemClock().wait(asyncio.Event(), timeout_s=0.001)
