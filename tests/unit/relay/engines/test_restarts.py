"""How often an engine that dies is started."""

from itertools import pairwise
from random import Random

from reconciler.media.rates import Backoff
from reconciler.relay.engines.restarts import Restarts


class Longest(Random):
    """Draws the longest pause there may be."""

    def uniform(self, a: float, b: float) -> float:
        """Return the upper bound."""
        return max(a, b)


class Moment:
    """A moment that tests move."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        """Return the moment."""
        return self.now_s


def starts_within(seconds: int, *, lives_s: float) -> list[float]:
    """Return when an engine is started that lives so long each time, looked at every tenth of a second."""
    moment = Moment()
    restarts = Restarts(moment, Backoff(random=Longest()))
    started: list[float] = []
    for tick in range(10 * seconds):
        moment.now_s = 100.0 + tick / 10
        dead = not started or moment.now_s - started[-1] >= lives_s
        if dead and restarts.is_due:
            with restarts.attempt():
                started.append(moment.now_s)
    return started


def test_one_that_dies_at_once_is_started_after_growing_pauses() -> None:
    """The pauses double from half a second up to ten."""
    started = starts_within(60, lives_s=0.0)

    pauses = [round(later - earlier, 1) for earlier, later in pairwise(started)]
    assert pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0, 10.0, 10.0]


def test_one_that_lived_long_is_started_at_once_and_its_next_pause_is_short() -> None:
    """A good life counts: the pauses do not add up over the years."""
    started = starts_within(300, lives_s=20.0)

    pauses = [later - earlier - 20.0 for earlier, later in pairwise(started)]
    assert len(started) == 15
    assert max(pauses) < 0.2


def test_a_start_that_takes_long_is_followed_by_a_pause_all_the_same() -> None:
    """The pause begins when the try is over."""
    moment = Moment()
    restarts = Restarts(moment)

    with restarts.attempt():
        moment.now_s += 30.0

    assert not restarts.is_due


def test_a_mishap_is_told_for_a_minute() -> None:
    """Later, whoever waits there waits for another reason."""
    moment = Moment()
    restarts = Restarts(moment)

    before = restarts.mishap
    restarts.died("it ended")
    at_once = restarts.mishap
    moment.now_s += 61.0

    assert (before, at_once, restarts.mishap) == ("", "it ended and was started anew", "")
