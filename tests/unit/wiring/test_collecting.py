"""When the garbage collector makes a long run, while a session lasts."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from reconciler.engine.board import StatusBoard
from reconciler.ports.status import Phase, Vitals
from reconciler.wiring.collecting import LATE_S, LEAST_S, LOOK_S, MOST_S, SHARE, YOUNG, collected_at_rest
from tests.fakes.clock import FakeClock

pytestmark = pytest.mark.anyio

VITALS = Vitals(
    phase=Phase.RESTING,
    phase_s=0.0,
    source="manifests",
    backend="relay",
    owner="local",
    observes=False,
    started_at=datetime(2026, 1, 1, tzinfo=UTC),
    passed_at=datetime(2026, 1, 1, tzinfo=UTC),
)
OLDEST = 2
"""The generation that a long run looks through."""


class Watch(FakeClock):
    """A clock that loses so much time with every long run of the collector."""

    def __init__(self, *, takes_s: float = 0.0) -> None:
        super().__init__(auto=False)
        self.runs = self.short_runs = 0
        self._takes_s = takes_s

    def told(self, phase: str, info: dict[str, Any]) -> None:
        """Take word of the collector."""
        if phase == "stop":
            self.runs += info["generation"] == OLDEST
            self.short_runs += info["generation"] < OLDEST

    def monotonic_s(self) -> float:
        """Return the time that has gone by."""
        return super().monotonic_s() + self.runs * self._takes_s


@contextmanager
def watched(*, takes_s: float = 0.0) -> Iterator[Watch]:
    """Lend a clock that counts the runs."""
    watch = Watch(takes_s=takes_s)
    gc.callbacks.append(watch.told)
    try:
        yield watch
    finally:
        gc.callbacks.remove(watch.told)


async def test_a_long_run_comes_once_in_a_while_at_rest() -> None:
    """As soon as what was read first is at rest, then not before its time, and then again after as long."""
    with watched() as watch:
        async with collected_at_rest(StatusBoard(watch, VITALS), watch):
            await watch.advance(LOOK_S)
            first = watch.runs
            await watch.advance(LEAST_S - 1)
            early = watch.runs
            await watch.advance(1)
            second = watch.runs
            await watch.advance(LEAST_S)

        assert (first, early, second, watch.runs) == (1, 1, 2, 3)


async def test_who_has_read_nothing_yet_has_nothing_to_be_looked_through() -> None:
    """A loop rests too where its tree has not come."""
    with watched() as watch:
        async with collected_at_rest(StatusBoard(watch, replace(VITALS, passed_at=None)), watch):
            await watch.advance(LATE_S / 2)

        assert watch.runs == 0


@pytest.mark.parametrize("phase", [Phase.STARTING, Phase.LOOKING, Phase.PASSING, Phase.STOPPING])
async def test_whoever_is_at_work_is_not_disturbed(phase: Phase) -> None:
    """What is due waits for a rest; but not for ever."""
    with watched() as watch:
        board = StatusBoard(watch, replace(VITALS, phase=phase))
        async with collected_at_rest(board, watch):
            await watch.advance(LATE_S / 2)
            meanwhile = watch.runs
            board.turn(Phase.RESTING)
            await watch.advance(LOOK_S)
            rested = watch.runs
            board.turn(phase)
            await watch.advance(LEAST_S + LATE_S - LOOK_S)
            early = watch.runs
            await watch.advance(LOOK_S)

        assert (meanwhile, rested, early, watch.runs) == (0, 1, 1, 2)


@pytest.mark.parametrize(
    ("takes_s", "pause_s"),
    [
        pytest.param(0.01, LEAST_S, id="a small tree"),
        pytest.param(0.3, 0.3 * SHARE, id="a large one"),
        pytest.param(60.0, MOST_S, id="a machine that swaps"),
    ],
)
async def test_a_run_takes_its_share_of_the_time(takes_s: float, pause_s: float) -> None:
    """And no more than that, but it comes again within the hour."""
    with watched(takes_s=takes_s) as watch:
        async with collected_at_rest(StatusBoard(watch, VITALS), watch):
            await watch.advance(LOOK_S)
            first = watch.runs
            await watch.advance(pause_s - takes_s - LOOK_S)
            early = watch.runs
            await watch.advance(takes_s + 2 * LOOK_S)

        assert (first, early, watch.runs) == (1, 1, 2)


async def test_what_a_pass_has_made_is_looked_through_after_it() -> None:
    """By a short run, where there is enough of it; nobody at work is disturbed by one."""
    with watched() as watch:
        board = StatusBoard(watch, VITALS)
        async with collected_at_rest(board, watch):
            await watch.advance(LOOK_S)
            board.turn(Phase.PASSING)
            made = [[number] for number in range(2 * YOUNG)]
            await watch.advance(LOOK_S)
            busy = watch.short_runs
            board.turn(Phase.RESTING)
            await watch.advance(LOOK_S)
            rested = watch.short_runs
            await watch.advance(LOOK_S)

        assert len(made) == 2 * YOUNG
        assert (busy, rested, watch.short_runs, watch.runs) == (0, 1, 1, 1)


async def test_meanwhile_the_collector_makes_short_runs_alone() -> None:
    """Fewer than else, and no long one, but after a thousand times as many; afterwards it is as it was."""
    before = gc.get_threshold()
    clock = FakeClock(auto=False)
    async with collected_at_rest(StatusBoard(clock, VITALS), clock):
        meanwhile = gc.get_threshold()

    assert meanwhile == (100_000, before[1], 1000 * before[2])
    assert gc.get_threshold() == before
