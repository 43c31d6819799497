"""Permits: what is asked right before each write, of what is there at that moment."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace

from reconciler.domain.changes import Blocked, Call, Change, Delete, Hold, Plan, Sequence, Stop, Twin
from reconciler.domain.model import FlowState, FoundFlow, FoundOutput, Key, OutputKey
from reconciler.domain.policies import Approval
from reconciler.domain.safety.far_ends import Ends, Holder, ends_after
from reconciler.domain.safety.judging import held_back
from reconciler.domain.safety.on_air import Disturbed, Sample, delivers, disturbed_by, made_since
from reconciler.domain.safety.proof_words import carried
from reconciler.domain.safety.releases import RELEASING, approval_of, command_for, holding
from reconciler.engine.guard.facts import Facts, Keeper, Permit
from reconciler.engine.guard.meetings import Meetings
from reconciler.engine.guard.memory import Memory
from reconciler.engine.guard.sampling import Sampler
from reconciler.engine.guard.windows import Windows
from reconciler.ports.journal import Note

_Look = Mapping[str, Sample | None]
"""Samples that were taken at once, by the ids of their flows; None where a flow could not be read."""


class Permits:
    """Asks the backend what is on air, and the manifests whether it may be disturbed."""

    def __init__(self, keeper: Keeper, memory: Memory) -> None:
        self._keeper = keeper
        self._memory = memory
        self._clock = keeper.clock
        self._limits = keeper.limits
        self._sampler = Sampler(keeper.backend, keeper.clock, keeper.limits)
        self._windows = Windows(keeper, self._sampler)
        self._meetings = Meetings(memory, self._sampler, keeper.limits)
        self._locks: dict[str, asyncio.Lock] = {}
        self._twin_since: dict[Key, tuple[str, float]] = {}
        """The id of the last twin of each resource, and when it was seen first."""
        self._delivers_since: dict[Key, tuple[str, float]] = {}
        """The id of the last twin of each resource, and since when it has carried as much as the old one."""

    async def prepare(self, plan: Plan, facts: Facts) -> None:
        """Take the first sample of every flow that a plan disturbs."""
        await self._sampler.take_all(_disturbed_flows(plan, facts))

    async def foresee(self, plan: Plan, facts: Facts) -> Plan:
        """Return the plan with what one sample shows to be on air moved to `blocked`, unless somebody approved."""
        flows = {flow.id: flow for flow in _disturbed_flows(plan, facts)}
        look = await self._samples(flows)
        audiences = await asyncio.gather(*map(self._sampler.watched, flows.values()))
        watched = {id_: count for audience in audiences for id_, count in audience.items()}
        asked = [change for change in plan.changes if approval_of(change, facts.policies) is None]
        own = {id(change): reasons for change in asked if (reasons := self._seen(change, facts, look))}
        # Who lets go of a far end by a change that is sent does not stand in the way: the other one goes after it.
        moved = ends_after(*(change for change in plan.changes if id(change) not in own))
        met = await self._seen_there(asked, facts, moved)
        held = [_held(change, met.get(id(change), ""), own.get(id(change), ())) for change in plan.changes]
        allowed = (change for change, one in zip(plan.changes, held, strict=True) if one is None)
        blocked = (one for one in held if one is not None)
        return replace(plan, changes=tuple(allowed), blocked=(*plan.blocked, *blocked), watched=watched)

    def _seen(self, change: Change, facts: Facts, look: _Look) -> tuple[str, ...]:
        """Return what a change disturbs and is on air by one look."""
        flow = facts.flow_of(change)
        sample = None if flow is None else look.get(flow.id)
        return () if flow is None or sample is None else self._carried(change, flow, sample)

    async def _seen_there(
        self, changes: Iterable[Change], facts: Facts, moved: Mapping[str, Ends]
    ) -> Mapping[int, str]:
        """Return in words whom each change meets that is on air by one look, by the identity of the change."""
        met = {id(change): self._meetings.of(change, facts, moved) for change in changes}
        look = await self._samples({one.flow.id: one.flow for holders in met.values() for one in holders})
        return {id_: self._meetings.seen(holders, look) for id_, holders in met.items()}

    @contextlib.asynccontextmanager
    async def permit(self, change: Change, facts: Facts) -> AsyncIterator[Permit]:
        """Lend the permission to send a change; while it is lent, nothing that stands in for it is changed."""
        touched = self._touched(change, facts)
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
            note = Note(
                kind="override.used",
                resource=str(change.key),
                why=one.override.reason,
                pass_id=facts.pass_id,
                revision=facts.revision,
                fields={"action": str(change.action), "lifts": str(one.limit), "name": one.override.name},
            )
            self._keeper.journal.note(note)

    async def _permitted(self, change: Change, facts: Facts) -> Permit:
        held = await self._windows.held(change, facts)
        if held is not None:
            return Permit(held=held)
        flow = self._disturbed_flow(change, facts)
        met = self._meetings.of(change, facts)
        look = await self._look(change, flow, facts, met)
        if facts.policies.calendars:
            # A window may have opened while that took its time; and to ask whether one goes on takes some, too.
            held = await self._windows.held(change, facts)
            look = await self._samples(self._flows(change, flow, facts, met))
        permit = Permit(held=held) if held is not None else await self._decided(change, flow, facts, look)
        told = self._meetings.unproven(met, look)
        if told and (permit.held is None or permit.held.hold is Hold.ON_AIR):
            own = () if flow is None else self._reasons(change, flow, look)
            permit = self._unless_approved(change, permit, told, own, facts)
        if permit.held is None:
            self._windows.record(change, facts)
        return permit

    def _unless_approved(self, change: Change, permit: Permit, met: str, own: tuple[str, ...], facts: Facts) -> Permit:
        """Return the permit where somebody approved of a change that meets another; else say all that holds it back."""
        approval = self._approval(change, facts)
        if approval is None:
            return Permit(held=_held(change, met, own))
        if not own:
            self._note_used(approval, change, facts)
        return permit

    async def _decided(self, change: Change, flow: FoundFlow | None, facts: Facts, look: _Look) -> Permit:
        """Permit what disturbs nobody, or what somebody approved, by what was seen last and all at once."""
        if facts.flow_of(change) is None:
            return self._of_nothing_seen(change)
        held = self._alone(change, facts, look)
        if held is not None:
            return Permit(held=held)
        if flow is None:
            return _all_of(change)
        if isinstance(change, Sequence) and change.twin is not None:
            return await self._with_twin(change, change.twin, flow, facts, look)
        return self._released(change, self._reasons(change, flow, look), _all_of(change), facts, look)

    def _of_nothing_seen(self, change: Change) -> Permit:
        """Permit what makes something; whatever else is in a flow that is not there by that name disturbs who knows."""
        if disturbed_by(change, if_it_runs=self._keeper.backend.capabilities).is_nothing:
            return _all_of(change)
        why = f"no flow {change.at.live_name} is there any more, as it was when this was planned; the next plan tells"
        return Permit(held=held_back(change, Hold.UNREADABLE, why))

    async def still(self, change: Change, call: Call, facts: Facts) -> Blocked | None:
        """
        Hold back the rest of a change whose next call would disturb what came on air since it was permitted.

        What was approved goes on as long as the approval holds, and something stands in for what is redundant. A window
        that has opened holds it until something is stopped or deleted: from then on to finish is the shortest break.
        """
        flow = self._disturbed_flow(call, facts)
        look = await self._look(call, flow, facts)
        if facts.policies.calendars and not _has_cut(change, call):
            held = await self._windows.held(change, facts)
            if held is not None:
                return held
            self._windows.record(change, facts, goes_on=True)
            look = await self._samples(self._flows(call, flow, facts))
        held = self._alone(call, facts, look)
        if held is not None:
            return held_back(change, held.hold, held.why)
        reasons = () if flow is None else self._reasons(call, flow, look)
        released = self._approved(change, call, reasons, facts, look) if reasons else None
        return released if isinstance(released, Blocked) else None

    def _disturbed_flow(self, change: Change, facts: Facts) -> FoundFlow | None:
        """Return the flow that a change may disturb, as it is after what was sent; None where it disturbs nobody."""
        found = facts.flow_of(change)
        flow = None if found is None else self._memory.as_now(found)
        return flow if flow is None or not self._disturbed(change, flow).is_nothing else None

    def _touched(self, change: Change, facts: Facts) -> Mapping[str, AbstractSet[OutputKey]]:
        """Return the redundant outputs that a change may disturb, by their groups."""
        return facts.legs.touched_by(change, is_felt=self._disturbed_flow(change, facts) is not None)

    def _disturbed(self, change: Change, flow: FoundFlow) -> Disturbed:
        """Return what a change disturbs; of an edit of what stood still, what it would if somebody started it since."""
        stood_still = flow.state is FlowState.IDLE
        return disturbed_by(change, if_it_runs=self._keeper.backend.capabilities if stood_still else None)

    async def _look(self, change: Change, flow: FoundFlow | None, facts: Facts, met: tuple[Holder, ...] = ()) -> _Look:
        """
        Return a sample of all that counts for a change, taken at once and right before it.

        Where nothing carries and only time is missing for the proof, that time is waited for, and then looked again.
        """
        flows = self._flows(change, flow, facts, met)
        look = await self._samples(flows)
        if self._lacks_time(change, flow, facts, look) or self._meetings.lack_time(met, look):
            await self._clock.sleep(self._limits.sample_gap_s)
            return await self._samples(flows)
        return look

    def _flows(
        self, change: Change, flow: FoundFlow | None, facts: Facts, met: tuple[Holder, ...] = ()
    ) -> Mapping[str, FoundFlow]:
        """Return the flows that count for a change by their ids: those of what it disturbs or meets, and of legs."""
        legs = [leg for touched in self._touched(change, facts) for leg in facts.legs.by_group[touched]]
        flows = {found.id: found for leg in legs for found, _ in facts.live_of(leg)}
        flows |= {one.flow.id: one.flow for one in met}
        return flows if flow is None else {**flows, flow.id: flow}

    def _lacks_time(self, change: Change, flow: FoundFlow | None, facts: Facts, look: _Look) -> bool:
        """Return whether only a second look, a while later, is missing for a proof: of silence, or of a stand-in."""
        if self._stands_in(change, facts, look):
            # One look alone may tell of the time before the other leg was changed itself, a moment ago.
            return True
        last = None if flow is None else look.get(flow.id)
        if flow is None or last is None or self._carried(change, flow, last):
            return False
        return bool(self._reasons(change, flow, look))

    def _stands_in(self, change: Change, facts: Facts, look: _Look) -> bool:
        """Return whether something that is redundant is on air and would be changed while another leg is on air."""
        return any(
            self._carry(touched, facts, look, unless_read=True)
            and self._carry(facts.legs.others(group, touched), facts, look, unless_read=False)
            for group, touched in self._touched(change, facts).items()
        )

    async def _samples(self, flows: Mapping[str, FoundFlow]) -> _Look:
        return dict(zip(flows, await asyncio.gather(*map(self._sampler.take, flows.values())), strict=True))

    def _reasons(self, change: Change, flow: FoundFlow, look: _Look) -> tuple[str, ...]:
        """Return why what a change disturbs is on air, or not proven by two samples to be off air; else nothing."""
        return self._sampler.unproven(self._disturbed(change, flow), flow, look.get(flow.id))

    def _carried(self, change: Change, flow: FoundFlow, sample: Sample) -> tuple[str, ...]:
        """Return what a change disturbs and is on air by this one sample."""
        return carried(self._disturbed(change, flow), flow, sample, self._limits)

    def _released(self, change: Change, reasons: tuple[str, ...], permit: Permit, facts: Facts, look: _Look) -> Permit:
        """Return the permit where nothing is on air, or somebody approved of this very change."""
        if not reasons:
            return permit
        approval = self._approved(change, change, reasons, facts, look)
        if isinstance(approval, Blocked):
            return Permit(held=approval)
        self._note_used(approval, change, facts)
        return permit

    def _note_used(self, approval: Approval, change: Change, facts: Facts) -> None:
        """Write down who approved of a change."""
        note = Note(
            kind="approval.used",
            resource=str(change.key),
            why=approval.reason,
            revision=facts.revision,
            pass_id=facts.pass_id,
            fields={"action": str(change.action), "change": approval.change, "name": approval.name},
        )
        self._keeper.journal.note(note)

    def _approved(
        self, change: Change, call: Change, reasons: tuple[str, ...], facts: Facts, look: _Look
    ) -> Approval | Blocked:
        """Return the approval of this very change, with all that its call disturbs; held back where there is none."""
        approval = self._approval(change, facts)
        if approval is None:
            return held_back(change, Hold.ON_AIR, _on_air_words(change, reasons))
        more = self._made_since(change, call, facts, look)
        return held_back(change, Hold.AGAIN, _more_words(call, more)) if more > 0 else approval

    def _made_since(self, change: Change, call: Change, facts: Facts, look: _Look) -> int:
        """Return how many outputs somebody made since the plan in a flow that a call disturbs as a whole."""
        flow = facts.flow_of(call)
        last = None if flow is None else look.get(flow.id)
        if flow is None or last is None or not self._disturbed(call, flow).whole:
            return 0
        return len(made_since(change, flow, last)) - self._memory.made_in(call.at)

    def _approval(self, change: Change, facts: Facts) -> Approval | None:
        return approval_of(change, holding(facts.policies, now=self._memory.latest()))

    async def _with_twin(self, change: Sequence, twin: Twin, flow: FoundFlow, facts: Facts, look: _Look) -> Permit:
        """Permit a recreate beside the old output: to make the twin, or to end the old one, or the twin."""
        reasons = self._reasons(change, flow, look)
        if twin.make is not None:
            # What nobody watches is made anew in place, under its own name.
            beside = Permit(calls=(twin.make,)) if reasons else _all_of(change)
            return self._released(change, reasons, beside, facts, look)
        has_taken_over = self._has_taken_over(change, twin, look.get(flow.id))
        if not reasons or has_taken_over:
            return self._released(change, reasons, _all_of(change), facts, look)
        age_s = self._clock.monotonic_s() - self._since_s(self._twin_since, change, twin)
        is_coming = change.key in self._delivers_since
        if age_s < self._limits.twin_deadline_s or is_coming:
            return Permit(held=held_back(change, Hold.TWIN, _twin_words(change, twin.made)))
        if twin.give_up is None:
            why = (
                f"the other one has not carried as much as it does for {self._limits.twin_deadline_s:g} s; see which "
                "of the two is to stay"
            )
            return Permit(held=held_back(change, Hold.GIVEN_UP, why))
        return await self._give_up(change, twin.give_up, flow, facts)

    def _since_s(self, times: dict[Key, tuple[str, float]], change: Sequence, twin: Twin) -> float:
        """Return since when something holds of this very twin: another one of the same resource has its own time."""
        id_ = "" if twin.made is None else twin.made.id
        known, since_s = times.get(change.key, ("", 0.0))
        if known != id_:
            since_s = self._clock.monotonic_s()
            times[change.key] = (id_, since_s)
        return since_s

    def _has_taken_over(self, change: Sequence, twin: Twin, sample: Sample | None) -> bool:
        """
        Return whether the new output has carried traffic as the old one does, for as long as a proof takes.

        Bytes on their way are no picture yet: a receiver that has just come waits for a key frame, and looks into the
        stream for seconds before it shows the first one.
        """
        old = {call.found.id for call in change.calls if isinstance(call, Delete)}
        if sample is None or twin.made is None or not delivers(twin.made.id, sample, self._limits, like=old):
            self._delivers_since.pop(change.key, None)
            return False
        since_s = self._since_s(self._delivers_since, change, twin)
        return self._clock.monotonic_s() - since_s >= self._limits.sample_gap_s

    async def _give_up(self, change: Sequence, give_up: Delete, flow: FoundFlow, facts: Facts) -> Permit:
        """Permit to take the twin away, unless somebody has come to it meanwhile."""
        if self._reasons(give_up, flow, await self._look(give_up, flow, facts)):
            why = (
                "both it and what replaces it are on air, or not proven to be off air, and the new one carries less: "
                "nobody is cut off; it goes when the new one carries as much, or nobody is left at one of them"
            )
            return Permit(held=held_back(change, Hold.GIVEN_UP, why))
        self._memory.give_up(change)
        why = f"what was to replace it did not deliver within {self._limits.twin_deadline_s:g} s; the old one stays"
        return Permit(calls=(give_up,), failed=why)

    def _alone(self, change: Change, facts: Facts, look: _Look) -> Blocked | None:
        """Hold a change of redundant outputs back while nothing stands in for them."""
        for group, touched in self._touched(change, facts).items():
            if not self._carry(touched, facts, look, unless_read=True):
                continue
            if not self._carry(facts.legs.others(group, touched), facts, look, unless_read=False):
                why = (
                    f"no other output of the redundancy group {group} is on air now, and one of them must be while "
                    "another is changed"
                )
                return held_back(change, Hold.REDUNDANCY, why)
        return None

    def _carry(self, keys: Iterable[OutputKey], facts: Facts, look: _Look, *, unless_read: bool) -> bool:
        """Return whether one of the outputs is on air; what cannot be read counts as `unless_read` says."""
        for key in keys:
            for flow, output in facts.live_of(key):
                sample = look.get(flow.id)
                end = None if sample is None else sample.ends.get(output.id)
                if unless_read if end is None else end.carries(self._limits):
                    return True
        return False


def _disturbed_flows(plan: Plan, facts: Facts) -> list[FoundFlow]:
    found = (facts.flow_of(change) for change in plan.changes if not disturbed_by(change).is_nothing)
    return [flow for flow in found if flow is not None]


def _all_of(change: Change) -> Permit:
    if isinstance(change, Sequence):
        return Permit(calls=change.calls, undo=change.undo)
    return Permit(calls=(change,))


def _twin_words(change: Sequence, made: FoundOutput | None) -> str:
    """Say what is waited for; in the same words as long as it is, so that whoever tells them need not repeat them."""
    name = "the new one" if made is None else made.live_name
    waits = f"the old one goes once {name}, which replaces it, has carried as much for a few seconds"
    if made is None or not made.pull_urls:
        return waits
    address = f"{str(change.key).rpartition('/')[0]}/{name}"
    return f"{waits}; receivers find it by: reconciler status --reveal {address}"


def _has_cut(change: Change, call: Call) -> bool:
    """Return whether something is stopped or deleted by the calls of a change that come before this one."""
    calls = change.calls if isinstance(change, Sequence) else ()
    return any(isinstance(each, Stop | Delete) for each in itertools.takewhile(lambda each: each is not call, calls))


def _more_words(call: Change, more: int) -> str:
    outputs = "an output was" if more == 1 else f"{more} outputs were"
    return (
        f"{outputs} made in the flow {call.at.live_name} since this was planned, and would be disturbed with it; the "
        "approval was given without that. Plan again, and approve what that shows"
    )


def _held(change: Change, met: str, own: tuple[str, ...]) -> Blocked | None:
    """Return a change as held back by whom it meets, or else by what it disturbs; None where there is neither."""
    if not met:
        return held_back(change, Hold.ON_AIR, _on_air_words(change, own)) if own else None
    besides = f". Besides, {'; '.join(own)}, and viewers would notice ({change.impact})" if own else ""
    return held_back(change, Hold.FAR_END, f"{met}{besides}.{RELEASING}{command_for(change)}")


def _on_air_words(change: Change, reasons: tuple[str, ...]) -> str:
    return f"{'; '.join(reasons)}, and viewers would notice ({change.impact}).{RELEASING}{command_for(change)}"
