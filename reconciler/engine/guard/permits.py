"""Permits: what is asked right before each write, of what is there at that moment."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import replace

from reconciler.domain.changes import Blocked, Call, Change, Delete, Hold, Plan, Sequence, Stop, calls_of
from reconciler.domain.effects import ends_of
from reconciler.domain.model import FoundFlow
from reconciler.domain.safety.far_ends import Ends, ends_after
from reconciler.domain.safety.judging import held_back
from reconciler.domain.safety.on_air import disturbed_by, touched_by
from reconciler.domain.safety.releases import approval_of
from reconciler.engine.guard.approvals import Approvals, noticed
from reconciler.engine.guard.facts import Facts, Keeper, Look, Permit
from reconciler.engine.guard.legs import alone
from reconciler.engine.guard.looking import Looking, disturbed_flows
from reconciler.engine.guard.meetings import Meetings
from reconciler.engine.guard.memory import Memory
from reconciler.engine.guard.sampling import Sampler
from reconciler.engine.guard.twins import Twins
from reconciler.engine.guard.used import note_override
from reconciler.engine.guard.windows import Windows


class Permits:
    """Asks the backend what is on air, and the manifests whether it may be disturbed."""

    def __init__(self, keeper: Keeper, memory: Memory) -> None:
        self._keeper = keeper
        self._memory = memory
        self._sampler = Sampler(keeper.backend, keeper.clock, keeper.limits)
        self._windows = Windows(keeper, self._sampler)
        self._meetings = Meetings(memory, self._sampler, keeper.limits)
        self._looking = Looking(keeper, memory, self._sampler, self._meetings)
        self._approvals = Approvals(keeper, memory, self._looking)
        self._twins = Twins(keeper, memory, self._looking)
        self._locks: dict[str, asyncio.Lock] = {}

    async def prepare(self, plan: Plan, facts: Facts) -> None:
        """Take the first sample of every flow that a plan disturbs."""
        await self._sampler.take_all(disturbed_flows(plan.changes, facts).values())

    async def foresee(self, plan: Plan, facts: Facts) -> Plan:
        """
        Return the plan with what one sample shows to be on air moved to `blocked`, unless somebody approved.

        What is held back already is looked at, too: whoever lifts that should know who is there.
        """
        plan = await self._without_waiting(plan, facts)
        whole = [*plan.changes, *(item.change for item in plan.blocked if item.change is not None)]
        flows = disturbed_flows(whole, facts)
        look = await self._looking.samples(flows)
        ends = {id_ for change in whole for id_ in ends_of(change)}
        audiences = await asyncio.gather(*(self._sampler.watched(flow, ends) for flow in flows.values()))
        watched = {id_: count for audience in audiences for id_, count in audience.items()}
        asked = [change for change in plan.changes if approval_of(change, facts.policies) is None]
        own = {id(change): reasons for change in asked if (reasons := self._seen(change, facts, look))}
        # Who lets go of a far end by a change that is sent does not stand in the way: the other one goes after it.
        moved = ends_after(*(change for change in plan.changes if id(change) not in own))
        met = await self._seen_there(asked, facts, moved)
        held = [
            self._approvals.held(change, met.get(id(change), ""), own.get(id(change), ()), facts)
            for change in plan.changes
        ]
        allowed = tuple(change for change, one in zip(plan.changes, held, strict=True) if one is None)
        blocked = [await self._besides_window(one, facts) for one in held if one is not None]
        known = (self._besides_on_air(item, facts, look) for item in plan.blocked)
        seen = replace(plan, changes=allowed, blocked=(*known, *blocked), watched=watched)
        return await self.in_windows(seen, facts)

    async def in_windows(self, plan: Plan, facts: Facts) -> Plan:
        """Return the plan with what a window would hold back of it now; that stays, for it is asked at each write."""
        held = [await self._windows.held(change, facts) for change in plan.changes]
        return replace(plan, windows=tuple(one for one in held if one is not None))

    async def _besides_window(self, item: Blocked, facts: Facts) -> Blocked:
        """Say of what is on air that a window is open, too: no approval lifts that."""
        held = None if item.change is None else await self._windows.held(item.change, facts)
        return item if held is None else replace(item, why=f"{held.why}. Besides, {item.why}")

    def _besides_on_air(self, item: Blocked, facts: Facts, look: Look) -> Blocked:
        """Say of what an approval would release that it is on air: the approval would cut that, too."""
        if item.change is None or not item.release:
            return item
        reasons = self._seen(item.change, facts, look)
        return replace(item, why=f"{noticed(item.change, reasons)}. Besides, {item.why}") if reasons else item

    def _seen(self, change: Change, facts: Facts, look: Look) -> tuple[str, ...]:
        """Return what a change disturbs and is on air by one look."""
        flow = facts.flow_of(change)
        sample = None if flow is None else look.get(flow.id)
        return () if flow is None or sample is None else self._looking.carried(change, flow, sample)

    async def _seen_there(
        self, changes: Iterable[Change], facts: Facts, moved: Mapping[str, Ends]
    ) -> Mapping[int, str]:
        """Return in words whom each change meets that is on air by one look, by the identity of the change."""
        met = {id(change): self._meetings.of(change, facts, moved) for change in changes}
        look = await self._looking.samples({one.flow.id: one.flow for holders in met.values() for one in holders})
        return {id_: self._meetings.seen(holders, look) for id_, holders in met.items()}

    @contextlib.asynccontextmanager
    async def permit(self, change: Change, facts: Facts) -> AsyncIterator[Permit]:
        """Lend the permission to send a change; while it is lent, nothing that stands in for it is changed."""
        touched = self._looking.touched(change, facts)
        async with contextlib.AsyncExitStack() as stack:
            for group in touched:
                await stack.enter_async_context(self._locks.setdefault(group, asyncio.Lock()))
            permit = await self._permitted(change, facts)
            if permit.held is None:
                self._note_lifted(change, facts)
            yield permit

    def _note_lifted(self, change: Change, facts: Facts) -> None:
        """Write down which overrides let a change pass that goes beyond the budget, or that a tree makes unlikely."""
        for one in self._memory.lifted(change):
            note_override(self._keeper.journal, one.override, one.limit, change, facts)

    async def _permitted(self, change: Change, facts: Facts) -> Permit:
        held = await self._windows.held(change, facts) or await self._until_off_air(change, facts)
        if held is not None:
            return Permit(held=held)
        flow = self._looking.disturbed_flow(change, facts)
        met = self._meetings.of(change, facts)
        look = await self._looking.look(change, flow, facts, met)
        if facts.policies.calendars:
            # A window may have opened while that took its time; and to ask whether one goes on takes some, too.
            held = await self._windows.held(change, facts)
            look = await self._looking.samples(self._looking.flows(change, flow, facts, met))
        permit = Permit(held=held) if held is not None else await self._decided(change, flow, facts, look)
        told = self._meetings.unproven(met, look)
        if told and (permit.held is None or permit.held.hold is Hold.ON_AIR):
            own = () if flow is None else self._looking.reasons(change, flow, look)
            permit = self._approvals.unless_met(change, permit, told, own, facts)
        if permit.held is None:
            self._windows.record(change, facts)
        return permit

    async def _without_waiting(self, plan: Plan, facts: Facts) -> Plan:
        """Return the plan with what waits until it is off air moved to `blocked`."""
        waiting = {id(change): await self._until_off_air(change, facts) for change in plan.changes}
        changes = tuple(change for change in plan.changes if waiting[id(change)] is None)
        blocked = (one for one in waiting.values() if one is not None)
        return replace(plan, changes=changes, blocked=(*plan.blocked, *blocked))

    async def _until_off_air(self, change: Change, facts: Facts) -> Blocked | None:
        """Hold back what puts drift right, and whose manifest wants that done off air alone; else None."""
        why = self._memory.drifting.waits_for_off_air(change, facts)
        found = facts.flow_of(change)
        if not why or found is None:
            return None
        flow = self._memory.as_now(found)
        reasons = await self._looking.on_air(touched_by(change), flow)
        if not reasons:
            return None
        return held_back(change, Hold.DRIFT, f"{why}: {', '.join(reasons)}. It is put right once that is off air")

    async def _decided(self, change: Change, flow: FoundFlow | None, facts: Facts, look: Look) -> Permit:
        """Permit what disturbs nobody, or what somebody approved, by what was seen last and all at once."""
        if facts.flow_of(change) is None:
            return self._of_nothing_seen(change)
        held = alone(change, self._looking.touched(change, facts), facts, look, self._keeper.limits)
        if held is not None:
            return Permit(held=held)
        if flow is None:
            return Permit.whole(change)
        if isinstance(change, Sequence) and change.twin is not None:
            permit = await self._twins.beside(change, change.twin, flow, facts, look)
            if permit.held is not None or permit.failed:
                return permit
        else:
            permit = Permit.whole(change)
        return self._approvals.released(change, self._looking.reasons(change, flow, look), permit, facts, look)

    def _of_nothing_seen(self, change: Change) -> Permit:
        """Permit what makes something; whatever else is in a flow that is not there by that name disturbs who knows."""
        if disturbed_by(change, if_it_runs=self._keeper.backend.capabilities).is_nothing:
            return Permit.whole(change)
        why = f"no flow {change.at.live_name} is there any more, as it was when this was planned; the next plan tells"
        return Permit(held=held_back(change, Hold.UNREADABLE, why))

    async def still(self, change: Change, call: Call, facts: Facts) -> Blocked | None:
        """
        Hold back the rest of a change whose next call would disturb what came on air since it was permitted.

        What was approved goes on as long as the approval holds, and something stands in for what is redundant. A window
        that has opened holds it until something is stopped or deleted: from then on to finish is the shortest break.
        """
        flow = self._looking.disturbed_flow(call, facts)
        look = await self._looking.look(call, flow, facts)
        waits = bool(facts.policies.calendars) and not _has_cut(change, call)
        if waits:
            held = await self._windows.held(change, facts)
            if held is not None:
                return held
            look = await self._looking.samples(self._looking.flows(call, flow, facts))
        held = alone(call, self._looking.touched(call, facts), facts, look, self._keeper.limits)
        if held is not None:
            return held_back(change, held.hold, held.why)
        reasons = () if flow is None else self._looking.reasons(call, flow, look)
        released = self._approvals.approved(change, call, reasons, facts, look) if reasons else None
        if isinstance(released, Blocked):
            return released
        if waits:
            self._windows.record(change, facts, goes_on=True)
        return None


def _has_cut(change: Change, call: Call) -> bool:
    """Return whether something is stopped or deleted by the calls of a change that come before this one."""
    before = itertools.takewhile(lambda each: each is not call, calls_of(change))
    return any(isinstance(each, Stop | Delete) for each in before)
