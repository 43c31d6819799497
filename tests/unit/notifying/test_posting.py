"""Workers: each sink on its own, as often as it takes, and never in the way of another."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from reconciler.notifying.failures import Remedy, UndeliveredError
from reconciler.notifying.ledger import Ledger
from reconciler.notifying.notices import Message
from reconciler.notifying.notifier import Notifications
from reconciler.notifying.outbox import FILE_NAME, Outbox
from reconciler.notifying.posting import MOST_S, MOST_WAITING, Means, Post
from reconciler.ports.notifier import Bulletin, Stage
from tests.fakes.clock import FakeClock
from tests.unit.notifying.bulletins import TOWER, bulletin, dark, failed, in_step, ledger, on_air, said

pytestmark = pytest.mark.anyio

LATER = UndeliveredError("no connection")


class Place:
    """A sink that does as it is told: fails so often, then takes everything."""

    def __init__(self, name: str, fails: Sequence[UndeliveredError] = ()) -> None:
        self.name = name
        self.fails = list(fails)
        self.got: list[Message] = []
        self.tries = 0
        self.hangs: asyncio.Event | None = None

    async def send(self, draft: Message) -> None:
        """Take it, or fail."""
        self.tries += 1
        if self.hangs is not None:
            await self.hangs.wait()
        if self.fails:
            raise self.fails.pop(0)
        self.got.append(draft)

    async def test(self) -> str:
        """Do nothing."""
        return "took a test message"

    @property
    def said(self) -> list[str]:
        """Return all that it was told."""
        return [each for message in self.got for each in said(message)]


@asynccontextmanager
async def telling(
    folder: Path, clock: FakeClock, *places: Place, deadline_s: float = 60, stop_s: float = 10
) -> AsyncIterator[Notifications]:
    """Tell these places."""
    outbox = Outbox(folder / FILE_NAME)
    means = Means(outbox=outbox, clock=clock, jitter=lambda: 1.0, deadline_s=deadline_s)
    async with Notifications([Post(each, ledger(), means) for each in places], outbox, stop_s=stop_s) as notifications:
        yield notifications


async def until(clock: FakeClock, holds: Callable[[], bool], *, step_s: float = 0) -> None:
    """Let everything run that can, until something holds, with the time moving on; a disk answers from a thread."""
    async with asyncio.timeout(20):
        while not holds():
            await clock.advance(step_s)
            await asyncio.sleep(0.001)


async def resting(clock: FakeClock, place: Place, tries: int) -> None:
    """Wait until the only place has been tried so often, and is left alone for a while."""
    await until(clock, lambda: place.tries == tries and clock.sleepers == 1)


async def test_everybody_is_told_and_one_that_fails_delays_nobody(tmp_path: Path) -> None:
    """The other one has its message while this one still fails, and this one has it in the end."""
    clock, well, ill = FakeClock(auto=False), Place("well"), Place("ill", [LATER] * 3)

    with capture_logs() as logs:
        async with telling(tmp_path, clock, well, ill) as notifications:
            notifications.tell(bulletin(0, dark()))
            await until(clock, lambda: len(well.got) == 1 and ill.tries == 1 and clock.sleepers == 2)
            for pause_s in (2, 4, 8):
                assert ill.got == []
                await clock.advance(pause_s)
                await until(clock, lambda: clock.sleepers == 2)

    assert ill.said == well.said == [f"problem {TOWER} OnAir"]
    assert logs == [
        {"event": "notify.failed", "sink": "ill", "why": "no connection", "retry_in_s": 2.0, "log_level": "warning"},
        {"event": "notify.recovered", "sink": "ill", "failures": 3, "log_level": "info"},
    ]


async def test_one_that_hangs_delays_nobody_and_is_cut_short(tmp_path: Path) -> None:
    """Telling returns at once, and an attempt has its deadline."""
    clock, well, ill = FakeClock(auto=False), Place("well"), Place("ill")
    ill.hangs = asyncio.Event()

    with capture_logs() as logs:
        async with telling(tmp_path, clock, well, ill, deadline_s=0.05) as notifications:
            notifications.tell(bulletin(0, dark()))
            await until(clock, lambda: bool(logs))
            notifications.tell(bulletin(0, dark(1, "flow/other")))
            await until(clock, lambda: len(well.got) == 2)

    assert logs[0]["why"] == "it was not done within 0.05 s"
    assert ill.got == []


async def test_what_was_missed_is_one_message_of_what_still_matters(tmp_path: Path) -> None:
    """Not the problem that is over, nor each bulletin by itself."""
    clock, place = FakeClock(auto=False), Place("ill", [LATER] * 2)

    async with telling(tmp_path, clock, place) as notifications:
        notifications.tell(bulletin(0, dark()))
        await resting(clock, place, 1)
        notifications.tell(bulletin(0, dark(1, "flow/a"), failed(1, "flow/a")))
        notifications.tell(bulletin(0, on_air(1)))
        await until(clock, lambda: place.tries == 2, step_s=1)
        notifications.tell(bulletin(0, dark(3, "flow/b"), in_step(3, "flow/a")))
        await until(clock, lambda: len(place.got) == 1, step_s=1)

    assert place.said == ["problem flow/a OnAir", "problem flow/b OnAir"]


async def test_a_server_that_wants_to_be_left_alone_is(tmp_path: Path) -> None:
    """As long as it says, an hour at most, also when there is something new."""
    clock = FakeClock(auto=False)
    place = Place("ill", [UndeliveredError("too much", retry_in_s=100), UndeliveredError("too much", retry_in_s=1e9)])

    async with telling(tmp_path, clock, place) as notifications:
        notifications.tell(bulletin(0, dark()))
        await resting(clock, place, 1)
        notifications.tell(bulletin(0, dark(1, "flow/a")))
        await clock.advance(99)
        await until(clock, lambda: clock.sleepers == 1)
        assert place.tries == 1
        await clock.advance(1)
        await resting(clock, place, 2)
        await clock.advance(MOST_S)
        await until(clock, lambda: len(place.got) == 1)


async def test_what_is_refused_is_dropped_and_the_next_is_told(tmp_path: Path) -> None:
    """It is not tried again, and the log says so."""
    clock = FakeClock(auto=False)
    place = Place("odd", [UndeliveredError("HTTP 422", remedy=Remedy.NOTHING)])

    with capture_logs() as logs:
        async with telling(tmp_path, clock, place) as notifications:
            notifications.tell(bulletin(0, dark()))
            await resting(clock, place, 1)
            notifications.tell(bulletin(0, dark(1, "flow/a")))
            await until(clock, lambda: len(place.got) == 1)

    assert place.said == ["problem flow/a OnAir"]
    assert logs == [{"event": "notify.dropped", "sink": "odd", "count": 1, "why": "HTTP 422", "log_level": "warning"}]


async def test_a_wrong_setting_is_told_once_and_tried_within_the_hour(tmp_path: Path) -> None:
    """Whoever mends it need not start anything anew."""
    clock = FakeClock(auto=False)
    place = Place("odd", [UndeliveredError("HTTP 401", remedy=Remedy.SETTING)] * 3)

    with capture_logs() as logs:
        async with telling(tmp_path, clock, place) as notifications:
            notifications.tell(bulletin(0, dark()))
            for tries in (1, 2, 3):
                await resting(clock, place, tries)
                await clock.advance(MOST_S)
            await until(clock, lambda: len(place.got) == 1)

    assert [each["event"] for each in logs] == ["notify.failed", "notify.recovered"]


async def test_the_end_tells_what_is_to_be_told_now(tmp_path: Path) -> None:
    """What was told right before the process ends is not lost, however much it is."""
    clock, place = FakeClock(auto=False), Place("well")

    async with telling(tmp_path, clock, place) as notifications:
        notifications.tell(bulletin(0, dark()))
        notifications.tell(bulletin(0, dark(0, "flow/a")))

    assert place.said == ["problem flow/a OnAir", f"problem {TOWER} OnAir"]


async def test_the_end_waits_for_nobody_for_long_and_the_next_process_goes_on(tmp_path: Path) -> None:
    """It may have been told: so its end is told, whether the problem was told again or not."""
    clock, ill, well = FakeClock(auto=False), Place("ops"), Place("ops")
    ill.hangs = asyncio.Event()

    async with telling(tmp_path, clock, ill, stop_s=0.05) as notifications:
        notifications.tell(bulletin(0, dark()))
        await until(clock, lambda: ill.tries == 1)
    async with telling(tmp_path, clock, well) as notifications:
        notifications.tell(bulletin(0, on_air(9)))

    assert ill.got == []
    assert well.said[-1:] == [f"resolved {TOWER} OnAir"]


async def test_an_answer_that_nobody_foresaw_is_a_failed_attempt(tmp_path: Path) -> None:
    """It is tried again, and told by its kind, without its words, which may hold anything."""

    class Odd(Place):
        async def send(self, draft: Message) -> None:
            if self.tries == 0:
                self.tries += 1
                raise ZeroDivisionError(f"canary {draft}")
            await super().send(draft)

    clock, place = FakeClock(auto=False), Odd("odd")

    with capture_logs() as logs:
        async with telling(tmp_path, clock, place) as notifications:
            notifications.tell(bulletin(0, dark()))
            await resting(clock, place, 1)
            await clock.advance(MOST_S)
            await until(clock, lambda: len(place.got) == 1)

    assert [each["event"] for each in logs] == ["notify.failed", "notify.recovered"]
    assert logs[0]["why"] == "it failed as nobody foresaw (ZeroDivisionError): a bug of ours"


async def test_a_bug_in_one_ends_that_one_alone(tmp_path: Path) -> None:
    """And says which kind of bug, without its words, which may hold anything."""

    class Crashing(Ledger):
        def take(self, bulletin: Bulletin) -> None:
            raise ZeroDivisionError(f"canary {bulletin}")

    clock, well = FakeClock(auto=False), Place("well")
    outbox = Outbox(tmp_path / FILE_NAME)
    means = Means(outbox=outbox, clock=clock, jitter=lambda: 1.0)
    crashing = Crashing("ill", account="local", wanted=["critical"], damp=timedelta())

    with capture_logs() as logs:
        posts = [Post(Place("ill"), crashing, means), Post(well, ledger(), means)]
        async with Notifications(posts, outbox) as notifications:
            notifications.tell(bulletin(0, dark()))
            await until(clock, lambda: len(well.got) == 1 and bool(logs))
            for number in range(MOST_WAITING + 10):
                notifications.tell(bulletin(number, stage=Stage.APPLIED))

    assert logs == [{"event": "notify.crashed", "sink": "ill", "kind": "ZeroDivisionError", "log_level": "error"}]


async def test_nothing_is_told_of_a_quiet_time(tmp_path: Path) -> None:
    """Nor is anything remembered of it."""
    clock, place = FakeClock(auto=False), Place("well")

    async with telling(tmp_path, clock, place):
        await until(clock, lambda: clock.sleepers == 1)
        await clock.advance(MOST_S)

    assert place.tries == 0
    assert Outbox(tmp_path / FILE_NAME).load(["well"]) == {"well": {}}
