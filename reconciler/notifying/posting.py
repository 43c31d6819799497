"""One sink's worker: takes note of what changed, and tells it when it is time, as often as it takes."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, Protocol, TypeVar

import structlog

from reconciler.notifying.desk import Desk, Draft, Draft_contra
from reconciler.notifying.failures import Remedy, UndeliveredError
from reconciler.notifying.outbox import Outbox
from reconciler.ports.clock import Clock
from reconciler.ports.notifier import Bulletin

BASE_S: Final = 2.0
"""The most that the first pause after a failure lasts; it doubles with each."""
MOST_S: Final = 3600.0
"""The most that any pause lasts."""
DEADLINE_S: Final = 60.0
"""For one attempt as a whole, whatever the sink does within."""
MOST_WAITING: Final = 1000
"""Bulletins that wait for a worker which is busy telling: hours of passes."""

log: Final = structlog.get_logger()

Result = TypeVar("Result")


class Sink(Protocol[Draft_contra]):
    """Tells one place."""

    @property
    def name(self) -> str:
        """Return what people call it."""
        ...

    async def send(self, draft: Draft_contra) -> None:
        """
        Tell this.

        Raises:
            UndeliveredError: it was not told, or nobody knows.

        """
        ...

    async def test(self) -> str:
        """
        Tell that this is a test; return what was done, to follow the sink's name.

        Raises:
            UndeliveredError: it was not told, or nobody knows.

        """
        ...


async def attempted(work: Awaitable[Result], *, deadline_s: float = DEADLINE_S) -> Result:
    """
    Return what an attempt returns.

    Raises:
        UndeliveredError: as the attempt does, or it took too long.

    """
    try:
        async with asyncio.timeout(deadline_s):
            return await work
    except TimeoutError:
        raise UndeliveredError(f"it was not done within {deadline_s:g} s", maybe=True) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What every worker works with."""

    outbox: Outbox
    clock: Clock
    jitter: Callable[[], float]
    """A random number from 0 to 1."""
    deadline_s: float = DEADLINE_S


class Post(Generic[Draft]):
    """A sink, the desk that decides what it is told, and the task that tells it. Nobody else waits for it."""

    def __init__(self, sink: Sink[Draft], desk: Desk[Draft], means: Means) -> None:
        self.sink: Final = sink
        self._desk = desk
        self._means = means
        self._inbox: deque[Bulletin] = deque(maxlen=MOST_WAITING)
        self._news = asyncio.Event()
        self._stops = False
        self._failures = 0
        self._again_at_s = 0.0
        self._trouble = ""

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Go on with what an earlier process had to remember."""
        self._desk.restore(kept)

    def tell(self, bulletin: Bulletin) -> None:
        """Take note of a bulletin; returns at once."""
        self._inbox.append(bulletin)
        self._news.set()

    def stop(self) -> None:
        """Have `run` end when it has told what is to be told now."""
        self._stops = True
        self._news.set()

    async def run(self) -> None:
        """Tell what there is to tell, until `stop`."""
        clock = self._means.clock
        while True:
            self._news.clear()
            while self._inbox:
                self._desk.take(self._inbox.popleft())
            self._drop(self._desk.expire(clock.now()), "it could not be told for seven days")
            draft = self._desk.draft(clock.now()) if self._pause_s() <= 0 else None
            await self._remember()
            if draft is not None:
                await self._tell(draft)
            elif self._stops:
                return
            else:
                await clock.wait(self._news, max(self._pause_s(), self._until_due_s()))

    def _pause_s(self) -> float:
        return self._again_at_s - self._means.clock.monotonic_s()

    def _until_due_s(self) -> float:
        due = self._desk.due_at()
        if due is None:
            return MOST_S
        return min(MOST_S, max(0.1, (due - self._means.clock.now()).total_seconds()))

    async def _remember(self) -> None:
        self._means.outbox.put(self.sink.name, self._desk.changed())
        await self._means.outbox.commit()

    async def _tell(self, draft: Draft) -> None:
        self._desk.trying(draft)
        # Before it is sent: who is killed meanwhile must know that it may have been told.
        await self._remember()
        try:
            await attempted(self.sink.send(draft), deadline_s=self._means.deadline_s)
        except UndeliveredError as error:
            self._fail(draft, error)
        except Exception as error:  # noqa: BLE001 -- an answer that nobody foresaw must not silence a sink for good
            # Its kind alone: its message may hold anything.
            why = f"it failed as nobody foresaw ({type(error).__name__}): a bug of ours"
            self._fail(draft, UndeliveredError(why, maybe=True))
        else:
            self._desk.told(draft, self._means.clock.now())
            self._recover()
        await self._remember()

    def _fail(self, draft: Draft, error: UndeliveredError) -> None:
        why = str(error)
        if error.remedy is Remedy.NOTHING:
            self._drop(self._desk.give_up(draft), why)
            return
        self._desk.failed(draft, maybe=error.maybe)
        self._failures += 1
        # Beyond 2^12 the ceiling holds anyway.
        longest_s = min(MOST_S, BASE_S * 2.0 ** min(self._failures - 1, 12))
        if error.remedy is Remedy.SETTING:
            longest_s = MOST_S
        pause_s = max(self._means.jitter() * longest_s, min(MOST_S, error.retry_in_s or 0.0))
        self._again_at_s = self._means.clock.monotonic_s() + pause_s
        if why != self._trouble:
            log.warning("notify.failed", sink=self.sink.name, why=why, retry_in_s=round(pause_s, 3))
        self._trouble = why

    def _recover(self) -> None:
        if self._failures:
            log.info("notify.recovered", sink=self.sink.name, failures=self._failures)
        self._failures, self._trouble, self._again_at_s = 0, "", 0.0

    def _drop(self, count: int, why: str) -> None:
        if count:
            log.warning("notify.dropped", sink=self.sink.name, count=count, why=why)
