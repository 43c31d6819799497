"""Bit rates and pauses."""

from random import Random

from reconciler.media.rates import Backoff, RateWindow


def test_a_rate_looks_back_a_few_seconds() -> None:
    """What was long ago does not count."""
    rate = RateWindow()

    for second in range(10):
        rate.feed(float(second), 0 if second < 5 else (second - 5) * 125_000)

    assert rate.bitrate_bps == 1_000_000


def test_one_moment_makes_no_rate() -> None:
    """A rate needs two moments."""
    rate = RateWindow()

    before = rate.bitrate_bps
    rate.feed(1.0, 5000)

    assert (before, rate.bitrate_bps) == (0, 0)


def test_a_counter_that_falls_begins_anew() -> None:
    """A restarted engine gives no negative rate."""
    rate = RateWindow()

    for at_s, total in ((0.0, 1_000_000), (1.0, 2_000_000), (2.0, 0), (3.0, 125_000)):
        rate.feed(at_s, total)

    assert rate.bitrate_bps == 1_000_000


def test_pauses_grow_within_bounds_and_begin_anew() -> None:
    """Each pause is at least half of the first and at most the longest; a try that held makes them short again."""
    backoff = Backoff(first_s=1.0, most_s=8.0, random=Random(1))  # noqa: S311 -- a seed makes the test repeatable

    pauses = [backoff.pause_s() for _ in range(50)]
    backoff.reset()
    after = backoff.pause_s()

    assert all(0.5 <= pause <= 8.0 for pause in pauses)
    assert max(pauses) > 4.0
    assert after <= 1.0
