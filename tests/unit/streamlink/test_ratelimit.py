"""The pace of calls, on a clock that tests move."""

import asyncio
from bisect import bisect_left
from collections.abc import Callable, Sequence
from itertools import cycle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.streamlink.ratelimit import Pace, RateLimiter, TokenBucket
from tests.fakes.clock import FakeClock

pytestmark = pytest.mark.anyio

ACTION = "CreateStreamLinkFlow"


def limiter_of(clock: FakeClock, rate_per_s: float, burst: int = 1) -> RateLimiter:
    """Return a limiter of this pace."""
    return RateLimiter(clock, Pace(rate_per_s=rate_per_s, burst=burst))


async def leave(limiter: RateLimiter, clock: FakeClock, calls: int) -> list[float]:
    """Return when each of so many callers, all there at once, was let through; each is answered at once."""
    left_s: list[float] = []

    async def caller() -> None:
        async with limiter.turn(ACTION):
            left_s.append(clock.monotonic_s())

    await asyncio.gather(*(caller() for _ in range(calls)))
    return left_s


def busiest(times_s: Sequence[float], *, within_s: float = 1.0) -> int:
    """Return how many of these lie within one second at most."""
    ordered = sorted(times_s)
    return max(bisect_left(ordered, start_s + within_s) - first for first, start_s in enumerate(ordered))


@pytest.mark.parametrize(("rate_per_s", "most"), [(0.5, 20), (15, 20), (20, 20), (50.5, 50)])
def test_who_sets_a_faster_rate_knows_of_a_higher_limit(rate_per_s: float, most: int) -> None:
    """Up to the documented limit it holds for any pace, and above it the pace is taken for the limit."""
    assert Pace(rate_per_s=rate_per_s).most_per_s == most


async def test_a_burst_passes_at_once_and_the_rest_at_the_rate() -> None:
    """Five leave together, then one every tenth of a second."""
    clock = FakeClock()

    left_s = await leave(limiter_of(clock, 10, burst=5), clock, 8)

    assert left_s == pytest.approx([0, 0, 0, 0, 0, 0.1, 0.2, 0.3])


@settings(max_examples=30)
@given(
    rate_per_s=st.integers(min_value=1, max_value=50),
    burst=st.integers(min_value=1, max_value=20),
    calls=st.integers(min_value=1, max_value=120),
)
def test_no_second_holds_more_than_rate_and_burst(rate_per_s: int, burst: int, calls: int) -> None:
    """Whatever second one looks at, no more calls left in it than the rate and the burst allow, nor than the limit."""
    clock = FakeClock()

    left_s = asyncio.run(leave(limiter_of(clock, rate_per_s, burst), clock, calls))

    assert busiest(left_s, within_s=1 - 1e-6) <= min(rate_per_s + burst, max(20, rate_per_s))


class Service:
    """A service at the end of a way whose length is told; it counts each call when it arrives."""

    def __init__(self, clock: FakeClock, there_s: Callable[[], float], back_s: Callable[[], float]) -> None:
        self._clock = clock
        self._there_s = there_s
        self._back_s = back_s
        self.counted_s: list[float] = []

    async def call(self) -> None:
        """Return when the answer is back."""
        await self._clock.sleep(self._there_s())
        self.counted_s.append(self._clock.monotonic_s())
        await self._clock.sleep(self._back_s())


async def at_service(calls: int, *, there_s: Sequence[float], back_s: Sequence[float]) -> list[float]:
    """Return when the service counted each of so many calls, at a pace of just its limit."""
    clock = FakeClock(auto=False)
    limiter = limiter_of(clock, 20, burst=5)
    service = Service(clock, cycle(there_s).__next__, cycle(back_s).__next__)

    async def caller() -> None:
        async with limiter.turn(ACTION):
            await service.call()

    running = [asyncio.create_task(caller()) for _ in range(calls)]
    while not all(task.done() for task in running):
        await clock.advance(0.5)
    return service.counted_s


@pytest.mark.parametrize(
    ("there_s", "back_s"),
    [
        pytest.param([0.001], [0.001], id="this machine"),
        pytest.param([0.001] * 7 + [0.03], [0.002], id="now and then the way is longer"),
        pytest.param([0.1] * 9 + [0.15, 0.19], [0.1, 0.12], id="far away, with jitter"),
        pytest.param([0.001] * 37 + [1.5], [0.002], id="now and then one is stuck"),
        pytest.param([0.15] * 5 + [0.001] * 115, [0.15] * 5 + [0.001] * 115, id="the first ones take long"),
    ],
)
async def test_the_service_never_counts_more_than_its_limit(there_s: list[float], back_s: list[float]) -> None:
    """However the way bunches calls that left evenly, no second at the service holds more than twenty."""
    counted_s = await at_service(120, there_s=there_s, back_s=back_s)

    assert busiest(counted_s, within_s=1 - 1e-9) <= 20


async def test_what_was_held_up_is_made_up_for() -> None:
    """A way whose length changes costs as much as it changes, and not the whole of an interval each time."""
    counted_s = await at_service(400, there_s=[0.001] * 4 + [0.03], back_s=[0.002])

    assert (len(counted_s) - 1) / (counted_s[-1] - counted_s[0]) >= 0.98 * 20


@pytest.mark.parametrize("way_s", [0.001, 0.1, 0.3])
async def test_a_long_way_costs_nothing(way_s: float) -> None:
    """Where the way is always as long, the limit is used up, near and far, once that is known."""
    counted_s = await at_service(1000, there_s=[way_s], back_s=[way_s])

    assert (len(counted_s) - 1) / (counted_s[-1] - counted_s[0]) >= 0.98 * 20


async def test_calls_that_are_not_answered_hold_others_back() -> None:
    """They may be counted at any moment, so they keep their places; an answer frees one a second later."""
    clock = FakeClock(auto=False)
    limiter = limiter_of(clock, 20)
    answered = asyncio.Event()
    left: list[float] = []

    async def caller() -> None:
        async with limiter.turn(ACTION):
            left.append(clock.monotonic_s())
            await answered.wait()

    running = [asyncio.create_task(caller()) for _ in range(21)]
    await clock.advance(30.0)
    before = len(left)
    answered.set()
    await clock.advance(1.0)

    assert (before, len(left)) == (20, 21)
    await asyncio.gather(*running)


async def test_a_stall_lets_no_backlog_through() -> None:
    """After a rest of any length the burst leaves at once, and no more."""
    clock = FakeClock()
    bucket = TokenBucket(clock, rate_per_s=10, burst=1)
    await bucket.take()
    await clock.sleep(60.0)

    await bucket.take()
    await bucket.take()

    assert clock.slept_s == [60.0, pytest.approx(0.1)]


async def test_who_comes_first_leaves_first() -> None:
    """Nobody is overtaken, so nobody starves."""
    limiter = limiter_of(FakeClock(), 10)
    order: list[int] = []

    async def caller(number: int) -> None:
        async with limiter.turn(ACTION):
            order.append(number)

    await asyncio.gather(*(caller(number) for number in range(6)))

    assert order == list(range(6))


async def test_a_caller_that_gives_up_holds_nobody_back() -> None:
    """A cancelled wait hands the turn on."""
    clock = FakeClock(auto=False)
    limiter = limiter_of(clock, 1)
    await leave(limiter, clock, 1)
    impatient, patient = (asyncio.create_task(leave(limiter, clock, 1)) for _ in range(2))
    await clock.advance(0.5)

    impatient.cancel()
    await clock.advance(0.6)

    assert (impatient.cancelled(), patient.done()) == (True, True)


async def test_actions_do_not_wait_for_each_other() -> None:
    """Each action has the whole rate to itself."""
    clock = FakeClock()
    limiter = limiter_of(clock, 1)

    async with limiter.turn("DescribeStreamLinkFlow"), limiter.turn("StartStreamLinkFlow"):
        pass

    assert clock.slept_s == []


async def test_who_waited_is_told_how_long() -> None:
    """The wait is part of what the log says of a call."""
    limiter = limiter_of(FakeClock(), 4)

    async with limiter.turn(ACTION) as first_s:
        pass
    async with limiter.turn(ACTION) as second_s:
        pass

    assert [first_s, second_s] == pytest.approx([0.0, 0.25])
