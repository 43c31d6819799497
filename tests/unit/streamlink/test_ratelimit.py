"""The token bucket, on a clock that tests move."""

import asyncio
from bisect import bisect_left

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.streamlink.ratelimit import RateLimiter, TokenBucket
from tests.fakes.clock import FakeClock

pytestmark = pytest.mark.anyio


async def leave(bucket: TokenBucket, clock: FakeClock, calls: int) -> list[float]:
    """Return when each of so many callers, all there at once, was let through."""
    left_s: list[float] = []

    async def caller() -> None:
        await bucket.take()
        left_s.append(clock.monotonic_s())

    await asyncio.gather(*(caller() for _ in range(calls)))
    return left_s


async def test_a_burst_passes_at_once_and_the_rest_at_the_rate() -> None:
    """Five leave together, then one every tenth of a second."""
    clock = FakeClock()

    left_s = await leave(TokenBucket(clock, rate_per_s=10, burst=5), clock, 8)

    assert left_s == pytest.approx([0, 0, 0, 0, 0, 0.1, 0.2, 0.3])


@settings(max_examples=30)
@given(
    rate_per_s=st.integers(min_value=1, max_value=50),
    burst=st.integers(min_value=1, max_value=20),
    calls=st.integers(min_value=1, max_value=120),
)
def test_no_second_holds_more_than_rate_and_burst(rate_per_s: int, burst: int, calls: int) -> None:
    """Whatever second one looks at, no more calls left in it than the rate and the burst allow."""
    clock = FakeClock()

    left_s = asyncio.run(leave(TokenBucket(clock, rate_per_s=rate_per_s, burst=burst), clock, calls))

    busiest = max(bisect_left(left_s, start_s + 1 - 1e-6) - first for first, start_s in enumerate(left_s))
    assert busiest <= rate_per_s + burst


async def test_who_comes_first_leaves_first() -> None:
    """Nobody is overtaken, so nobody starves."""
    clock = FakeClock()
    bucket = TokenBucket(clock, rate_per_s=10, burst=1)
    order: list[int] = []

    async def caller(number: int) -> None:
        await bucket.take()
        order.append(number)

    await asyncio.gather(*(caller(number) for number in range(6)))

    assert order == list(range(6))


async def test_a_caller_that_gives_up_holds_nobody_back() -> None:
    """A cancelled wait hands the turn on."""
    clock = FakeClock(auto=False)
    bucket = TokenBucket(clock, rate_per_s=1, burst=1)
    await bucket.take()
    impatient, patient = asyncio.create_task(bucket.take()), asyncio.create_task(bucket.take())
    await clock.advance(0.5)

    impatient.cancel()
    await clock.advance(0.6)

    assert (impatient.cancelled(), patient.done()) == (True, True)


async def test_actions_do_not_wait_for_each_other() -> None:
    """Each action has the whole rate to itself."""
    clock = FakeClock()
    limiter = RateLimiter(clock, rate_per_s=1, burst=1)

    await limiter.take("DescribeStreamLinkFlow")
    await limiter.take("StartStreamLinkFlow")

    assert clock.slept_s == []
