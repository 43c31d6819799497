"""Looks at every flow each second, and remembers what it saw. It only ever reads from the engines."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from reconciler.domain.errors import ReconcilerError
from reconciler.relay.carriage import Carriage
from reconciler.relay.catalogue import Catalogue
from reconciler.relay.flows import Flow, FlowState
from reconciler.relay.recording.events import Entry, Watcher
from reconciler.relay.recording.records import Records
from reconciler.relay.recording.samples import MINUTE_S, SAMPLE_S, Sample, Sampler

log: Final = structlog.get_logger()

LOOK_S: Final = 1.0


class Recorder:
    """Records the flows of a catalogue. Started once, stopped once; `look` is one look, for tests."""

    def __init__(
        self,
        *,
        carriage: Carriage,
        catalogue: Catalogue,
        records: Records,
        now_s: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """
        Record into `records`, which stays the caller's to close.

        Args:
            carriage: tells the health of each flow.
            catalogue: which flows there are.
            records: where it goes.
            now_s: seconds of the Unix epoch.
            sleep: waits between two looks.

        """
        self._carriage = carriage
        self._catalogue = catalogue
        self._records = records
        self._now_s = now_s
        self._sleep = sleep
        self._sampler = Sampler()
        self._watcher: Watcher | None = None
        self._flow_ids: frozenset[str] | None = None
        self._last_sample = self._last_tidy = -1
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to look."""
        self._task = asyncio.create_task(self._run(), name="record")
        self._task.add_done_callback(_tell_crash)

    async def stop(self) -> None:
        """Look no more; connections that are open stay so in the log, for engines may outlive us."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def look(self) -> None:
        """Look at every flow once, and keep what is to be kept."""
        now_s = self._now_s()
        if self._watcher is None:
            # Connections that outlived a restart are not told a second time.
            self._watcher = Watcher(await self._records.open_sessions())
        flows = self._catalogue.flows()
        await self._forget_gone(self._watcher, flows)
        is_sample_due = self._due(now_s, SAMPLE_S, self._last_sample)
        samples: list[Sample] = []
        entries: list[Entry] = self._watcher.overdue(now_s)
        for flow in flows:
            more, happened = await self._look_at(self._watcher, flow, now_s, with_sample=is_sample_due)
            samples += more
            entries += happened
        if is_sample_due:
            self._last_sample = int(now_s) // SAMPLE_S
        await self._records.add(samples, entries)
        if self._due(now_s, MINUTE_S, self._last_tidy):
            self._last_tidy = int(now_s) // MINUTE_S
            await self._records.tidy(now_s)

    async def _run(self) -> None:
        while True:
            await self.look()
            await self._sleep(LOOK_S)

    async def _look_at(
        self, watcher: Watcher, flow: Flow, now_s: float, *, with_sample: bool
    ) -> tuple[list[Sample], list[Entry]]:
        if flow.state is FlowState.IDLE:
            self._sampler.forget(flow.id)
            return [], watcher.look(flow, None, now_s)
        try:
            health = await self._carriage.health(flow)
        except (OSError, ReconcilerError):
            # The engines could not be asked now: nothing is known, and nothing is made up.
            return [], []
        samples = self._sampler.take(flow.id, health, now_s) if with_sample else []
        return samples, watcher.look(flow, health, now_s)

    async def _forget_gone(self, watcher: Watcher, flows: tuple[Flow, ...]) -> None:
        watcher.forget_all_but(end.id for flow in flows for end in flow.ends)
        flow_ids = frozenset(flow.id for flow in flows)
        if self._flow_ids is None or self._flow_ids - flow_ids:
            for gone in (self._flow_ids or frozenset()) - flow_ids:
                self._sampler.forget(gone)
            await self._records.forget_all_but(flow_ids)
        self._flow_ids = flow_ids

    @staticmethod
    def _due(now_s: float, period_s: int, last: int) -> bool:
        return int(now_s) // period_s != last


def _tell_crash(task: asyncio.Task[None]) -> None:
    """Tell a bug of the recorder, which stops the recording and nothing else."""
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("relay.recorder_crashed", kind=type(error).__name__)
