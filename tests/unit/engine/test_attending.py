"""Tests of `engine.attending`."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest

from reconciler.domain.model import Key
from reconciler.domain.orders import Given, Halt
from reconciler.engine.attending import Health, attend, has_looked, health_of, in_a_line
from reconciler.ports.status import Phase, ResourceStatus, Subscription, Vitals
from tests.fakes.clock import FakeClock

pytestmark = pytest.mark.anyio


@dataclass
class Told:
    """Implements `ports.supervision.Supervisor` by writing down what it is told."""

    watchdog_s: float | None = 9.0
    said: list[str] = field(default_factory=list)

    def ready(self, status: str) -> None:
        """Write it down."""
        self.said.append(f"ready: {status}")

    def tell(self, status: str) -> None:
        """Write it down."""
        self.said.append(status)

    def alive(self) -> None:
        """Write it down."""
        self.said.append("alive")

    def reloading(self) -> None:
        """Write it down."""
        self.said.append("reloading")

    def stopping(self, status: str) -> None:
        """Write it down."""
        self.said.append(f"stopping: {status}")

    def extend(self, seconds: float) -> None:
        """Write it down."""
        self.said.append(f"{seconds:g} s more")

    def since(self) -> list[str]:
        """Return what was said since this was asked last."""
        said, self.said = self.said, []
        return said


@dataclass
class Process:
    """A process that is as the test says."""

    is_ready: bool = False
    is_alive: bool = True
    status: str = "first look"

    @property
    def health(self) -> Health:
        """Return how it is, asked anew each time."""
        return Health(is_ready=lambda: self.is_ready, is_alive=lambda: self.is_alive, status=lambda: self.status)


@contextlib.asynccontextmanager
async def attending(told: Told, process: Process, clock: FakeClock) -> AsyncIterator[None]:
    """Attend meanwhile."""
    task = asyncio.create_task(attend(told, process.health, clock=clock))
    await clock.advance(0)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


async def test_a_start_is_prolonged_until_the_first_look_is_over() -> None:
    """Ready is said once, with the status of then."""
    told, process, clock = Told(), Process(), FakeClock(auto=False)
    async with attending(told, process, clock):
        assert told.since() == ["30 s more", "first look", "alive"]
        await clock.advance(1)
        assert told.since() == ["30 s more", "alive"]
        process.is_ready, process.status = True, "in step"
        await clock.advance(1)
        assert told.since() == ["ready: in step", "alive"]
        await clock.advance(3)
        assert told.since() == ["alive"]


async def test_what_hangs_is_not_called_alive() -> None:
    """Not a word of life while it hangs, neither a longer start nor the watchdog; a status is still told."""
    told, process, clock = Told(), Process(is_ready=True, status="in step"), FakeClock(auto=False)
    async with attending(told, process, clock):
        told.since()
        process.is_alive, process.status = False, "stuck in a pass for 960 s"
        await clock.advance(30)
        assert told.since() == ["stuck in a pass for 960 s"]
        process.is_alive, process.status = True, "in step"
        await clock.advance(3)
        assert told.since() == ["in step", "alive"]


async def test_a_start_that_hangs_is_not_prolonged() -> None:
    """Systemd ends it when the time that it gave is up."""
    told, process, clock = Told(), Process(is_alive=False), FakeClock(auto=False)
    async with attending(told, process, clock):
        await clock.advance(10)
        assert told.since() == ["first look"]


async def test_three_signs_of_life_within_each_watchdog() -> None:
    """However short it is; without one none is given, and the status is not older than 5 s."""
    quick, unwatched = Told(watchdog_s=1.5), Told(watchdog_s=None)
    process, clock = Process(is_ready=True, status="in step"), FakeClock(auto=False)
    async with attending(quick, process, clock), attending(unwatched, process, clock):
        quick.since()
        await clock.advance(1.5)
        process.status = "passing"
        await clock.advance(3.5)

    assert quick.since().count("alive") == 10
    assert unwatched.since() == ["ready: in step", "passing"]


VITALS = Vitals(
    phase=Phase.STARTING,
    phase_s=1.0,
    source="manifests",
    backend="relay",
    owner="local",
    observes=False,
    started_at=datetime(2026, 1, 1, tzinfo=UTC),
)
GIVEN = Given(author="anna", reason="cup final", at=VITALS.started_at, until=None)


@pytest.mark.parametrize(
    ("vitals", "is_ready", "said"),
    [
        pytest.param(VITALS, False, "starting, without a target yet", id="nothing yet"),
        pytest.param(replace(VITALS, trouble="no such branch"), True,
                     "starting, without a target yet; manifests: no such branch", id="manifests that cannot be read"),
        pytest.param(replace(VITALS, phase=Phase.RESTING, revision="0123456789abcdef", seen="0123456789abcdef"), True,
                     "resting at 0123456789ab", id="in step"),
        pytest.param(replace(VITALS, phase=Phase.PASSING, revision="a", seen="b", unreadable="no answer", failures=2),
                     True, "passing at a; backend: no answer; failed: 2 passes in a row", id="a backend that is down"),
        pytest.param(replace(VITALS, phase=Phase.RESTING, revision="a", seen="a", halt=Halt(given=GIVEN)), True,
                     "resting at a; halted: cup final", id="halted"),
    ],
)  # fmt: skip
async def test_the_vitals_in_a_line(vitals: Vitals, said: str, *, is_ready: bool) -> None:
    """Ready is what has looked once, also where it found nothing to go by."""
    assert (has_looked(vitals), in_a_line(vitals)) == (is_ready, said)


class OneBoard:
    """Implements `ports.status.Board` with the vitals that a test writes on it."""

    def __init__(self, vitals: Vitals) -> None:
        self.written = vitals

    def vitals(self) -> Vitals:
        """Return what was written last."""
        return self.written

    def resources(self) -> Mapping[Key, ResourceStatus]:
        """Return none."""
        return {}

    def follow(self) -> AbstractContextManager[Subscription]:
        """Lend nothing."""
        raise NotImplementedError


async def test_the_health_of_a_board_is_asked_anew() -> None:
    """What is written on it later is told later."""
    board = OneBoard(VITALS)
    health = health_of(board, is_alive=lambda: True)
    before = (health.is_ready(), health.status())
    board.written = replace(VITALS, phase=Phase.RESTING, revision="a", seen="a")

    assert (before, health.is_ready(), health.status()) == (
        (False, "starting, without a target yet"),
        True,
        "resting at a",
    )
