"""Looking: what counts for a change, and what samples of it say right before it is sent."""

import asyncio
from collections.abc import Iterable, Mapping

from reconciler.domain.changes import Change
from reconciler.domain.model import FlowState, FoundFlow
from reconciler.domain.safety.far_ends import Holder
from reconciler.domain.safety.on_air import Disturbed, Sample, carrying, disturbed_by
from reconciler.domain.safety.proof_words import carried
from reconciler.engine.guard.facts import Facts, Keeper, Look
from reconciler.engine.guard.legs import Touched, stands_in
from reconciler.engine.guard.meetings import Meetings
from reconciler.engine.guard.memory import Memory
from reconciler.engine.guard.sampling import Sampler


class Looking:
    """Tells what a change disturbs, and looks at it."""

    def __init__(self, keeper: Keeper, memory: Memory, sampler: Sampler, meetings: Meetings) -> None:
        self._keeper = keeper
        self._memory = memory
        self._limits = keeper.limits
        self._sampler = sampler
        self._meetings = meetings

    def disturbed_flow(self, change: Change, facts: Facts) -> FoundFlow | None:
        """Return the flow that a change may disturb, as it is after what was sent; None where it disturbs nobody."""
        found = facts.flow_of(change)
        flow = None if found is None else self._memory.as_now(found)
        return flow if flow is None or not self.disturbed(change, flow).is_nothing else None

    def disturbed(self, change: Change, flow: FoundFlow) -> Disturbed:
        """Return what a change disturbs; of an edit of what stood still, what it would if somebody started it since."""
        stood_still = flow.state is FlowState.IDLE
        return disturbed_by(change, if_it_runs=self._keeper.backend.capabilities if stood_still else None)

    def touched(self, change: Change, facts: Facts) -> Touched:
        """Return the redundant outputs that a change may disturb, by their groups."""
        return facts.legs.touched_by(change, is_felt=self.disturbed_flow(change, facts) is not None)

    async def look(self, change: Change, flow: FoundFlow | None, facts: Facts, met: tuple[Holder, ...] = ()) -> Look:
        """
        Return a sample of all that counts for a change, taken at once and right before it.

        Where nothing carries and only time is missing for the proof, that time is waited for, and then looked again.
        """
        flows = self.flows(change, flow, facts, met)
        look = await self.samples(flows)
        if self._lacks_time(change, flow, facts, look) or self._meetings.lack_time(met, look):
            await self._keeper.clock.sleep(self._limits.sample_gap_s)
            return await self.samples(flows)
        return look

    def flows(
        self, change: Change, flow: FoundFlow | None, facts: Facts, met: tuple[Holder, ...] = ()
    ) -> Mapping[str, FoundFlow]:
        """Return the flows that count for a change by their ids: those of what it disturbs or meets, and of legs."""
        legs = [leg for touched in self.touched(change, facts) for leg in facts.legs.by_group[touched]]
        flows = {found.id: found for leg in legs for found, _ in facts.live_of(leg)}
        flows |= {one.flow.id: one.flow for one in met}
        return flows if flow is None else {**flows, flow.id: flow}

    async def samples(self, flows: Mapping[str, FoundFlow]) -> Look:
        """Return a sample of each of these flows, taken at once."""
        return dict(zip(flows, await asyncio.gather(*map(self._sampler.take, flows.values())), strict=True))

    def reasons(self, change: Change, flow: FoundFlow, look: Look) -> tuple[str, ...]:
        """Return why what a change disturbs is on air, or not proven by two samples to be off air; else nothing."""
        return self._sampler.unproven(self.disturbed(change, flow), flow, look.get(flow.id))

    async def on_air(self, touched: Disturbed, flow: FoundFlow) -> tuple[str, ...]:
        """Return why something is on air, or not proven by two samples to be off air; that is looked for here."""
        last = await self._sampler.take(flow)
        reasons = self._sampler.unproven(touched, flow, last)
        if reasons and last is not None and not carrying(touched, flow, last, self._limits):
            await self._keeper.clock.sleep(self._limits.sample_gap_s)
            reasons = self._sampler.unproven(touched, flow, await self._sampler.take(flow))
        return reasons

    def carried(self, change: Change, flow: FoundFlow, sample: Sample) -> tuple[str, ...]:
        """Return what a change disturbs and is on air by this one sample."""
        return carried(self.disturbed(change, flow), flow, sample, self._limits)

    def _lacks_time(self, change: Change, flow: FoundFlow | None, facts: Facts, look: Look) -> bool:
        """Return whether only a second look, a while later, is missing for a proof: of silence, or of a stand-in."""
        if stands_in(self.touched(change, facts), facts, look, self._limits):
            # One look alone may tell of the time before the other leg was changed itself, a moment ago.
            return True
        last = None if flow is None else look.get(flow.id)
        if flow is None or last is None or self.carried(change, flow, last):
            return False
        return bool(self.reasons(change, flow, look))


def disturbed_flows(changes: Iterable[Change], facts: Facts) -> dict[str, FoundFlow]:
    """Return the flows that changes disturb by their ids, as they were observed."""
    found = (facts.flow_of(change) for change in changes if not disturbed_by(change).is_nothing)
    return {flow.id: flow for flow in found if flow is not None}
