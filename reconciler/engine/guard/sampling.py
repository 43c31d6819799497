"""Samples: what the ends of flows carry, taken now and remembered for a while."""

import asyncio
from collections import deque
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import Final

from reconciler.domain.errors import BackendError
from reconciler.domain.model import FoundFlow
from reconciler.domain.safety.limits import Limits
from reconciler.domain.safety.on_air import Disturbed, End, Sample, carrying, on_air
from reconciler.domain.safety.proof_words import carried, unproven
from reconciler.engine.deadline import within
from reconciler.ports.backend import Backend, EndStatus
from reconciler.ports.clock import Clock

STATUS_TIMEOUT_S: Final = 30.0
"""How long one status may take, retries included."""
AT_ONCE: Final = 8
"""Flows that are asked at the same time."""
CONNECTED: Final = "Connected"
"""The state of an end that has a peer."""
IDLE: Final = "Idle"
"""The state of an end whose flow stands still."""
_KEPT: Final = 8
"""Samples of a flow that are remembered."""


class Sampler:
    """Asks flows how they are, and remembers what they said; a status that cannot be read is no sample."""

    def __init__(self, backend: Backend, clock: Clock, limits: Limits) -> None:
        self._backend = backend
        self._clock = clock
        self._limits = limits
        self._samples: dict[str, deque[Sample]] = {}
        self._statuses: dict[str, tuple[EndStatus, ...]] = {}
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def take(self, flow: FoundFlow) -> Sample | None:
        """Return a sample from now, and remember it; None where the flow cannot be read."""
        ends = await self._asked(flow)
        if ends is None:
            return None
        self._statuses[flow.id] = ends
        sample = sample_of(ends, at_s=self._clock.monotonic_s())
        self._samples.setdefault(flow.id, deque(maxlen=_KEPT)).append(sample)
        return sample

    async def glimpse(self, flow: FoundFlow) -> Sample | None:
        """Return a sample from now that proves nothing later on, and is not remembered; else as `take`."""
        ends = await self._asked(flow)
        return None if ends is None else sample_of(ends, at_s=self._clock.monotonic_s())

    async def take_all(self, flows: Iterable[FoundFlow]) -> None:
        """Take a sample of each flow, so that a second one soon proves something."""
        chosen = {flow.id: flow for flow in flows}
        # What is not asked about any more is forgotten: flows come and go for years.
        self._statuses = {id_: kept for id_, kept in self._statuses.items() if id_ in chosen}
        self._samples = {id_: kept for id_, kept in self._samples.items() if id_ in chosen}
        await asyncio.gather(*map(self.take, chosen.values()))

    async def watched(self, flow: FoundFlow, ids: AbstractSet[str]) -> dict[str, int]:
        """Return how many are connected to each of these ends, by the last sample; who cannot be counted is one."""
        found: dict[str, int] = {}
        for status in self._statuses.get(flow.id, ()):
            if status.id in ids:
                found[status.id] = await self._sessions(flow, status) if status.state == CONNECTED else 0
        return found

    async def _asked(self, flow: FoundFlow) -> tuple[EndStatus, ...] | None:
        try:
            async with self._slots:
                status = self._backend.status(flow.region, flow.id)
                return await within(STATUS_TIMEOUT_S, status, clock=self._clock)
        except (BackendError, TimeoutError):
            return None

    async def _sessions(self, flow: FoundFlow, status: EndStatus) -> int:
        try:
            work = self._backend.sessions(flow.region, flow.id, status, at=self._clock.now())
            return max(1, await within(STATUS_TIMEOUT_S, work, clock=self._clock))
        except (BackendError, TimeoutError):
            return 1

    def unproven(self, disturbed: Disturbed, flow: FoundFlow, last: Sample | None) -> tuple[str, ...]:
        """Return why what is disturbed is on air, or not proven by two samples to be off air; else nothing."""
        first = None if last is None else self.before(flow, disturbed, last)
        if not on_air(disturbed, flow, first, last, self._limits):
            return ()
        carries = () if last is None else carried(disturbed, flow, last, self._limits)
        return carries or unproven(disturbed, flow, first, last, self._limits)

    def before(self, flow: FoundFlow, disturbed: Disturbed, last: Sample) -> Sample | None:
        """
        Return the newest sample that is old enough to prove something together with the last one; None without.

        What carries in between is not off air: samples older than one that shows it prove nothing. One that does not
        know an end which is there now proves nothing of it: somebody may have made that meanwhile.
        """
        for sample in reversed(self._samples.get(flow.id, ())):
            age_s = last.at_s - sample.at_s
            if age_s > self._limits.sample_age_s or carrying(disturbed, flow, sample, self._limits):
                return None
            if age_s >= self._limits.sample_gap_s and sample.ends.keys() >= last.ends.keys():
                return sample
        return None


def sample_of(ends: Iterable[EndStatus], *, at_s: float) -> Sample:
    """Return what the ends of a flow said at a moment, as it counts for what is on air."""
    return Sample(at_s=at_s, ends={end.id: _end(end) for end in ends})


def _end(status: EndStatus) -> End:
    return End(
        is_input=status.is_input,
        is_connected=status.state == CONNECTED,
        bitrate_bps=status.bitrate_bps,
        is_idle=status.state == IDLE,
    )
