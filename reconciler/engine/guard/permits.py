"""Permits: what is asked right before each write, of what is there at that moment."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace

from reconciler.domain.changes import Blocked, Change, Delete, Hold, Plan, Sequence, Twin
from reconciler.domain.model import FlowState, FoundFlow, FoundOutput, Key, OutputKey
from reconciler.domain.safety.judging import held_back
from reconciler.domain.safety.on_air import Disturbed, Sample, carrying, delivers, disturbed_by, on_air
from reconciler.domain.safety.proof_words import carried, unproven
from reconciler.domain.safety.releases import RELEASING, approval_of, command_for, holding
from reconciler.engine.guard.facts import Facts, Keeper, Permit
from reconciler.engine.guard.memory import Memory
from reconciler.engine.guard.sampling import Sampler
from reconciler.engine.guard.windows import Windows
from reconciler.ports.journal import Note


class Permits:
    """Asks the backend what is on air, and the manifests whether it may be disturbed."""

    def __init__(self, keeper: Keeper, memory: Memory) -> None:
        self._keeper = keeper
        self._memory = memory
        self._clock = keeper.clock
        self._limits = keeper.limits
        self._sampler = Sampler(keeper.backend, keeper.clock, keeper.limits)
        self._windows = Windows(keeper, self._sampler)
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
        samples = dict(zip(flows, await asyncio.gather(*map(self._sampler.take, flows.values())), strict=True))
        audiences = await asyncio.gather(*map(self._sampler.watched, flows.values()))
        watched = {id_: count for audience in audiences for id_, count in audience.items()}
        allowed: list[Change] = []
        blocked: list[Blocked] = []
        for change in plan.changes:
            flow = facts.flow_of(change)
            sample = None if flow is None else samples.get(flow.id)
            reasons = () if flow is None or sample is None else self._carried(change, flow, sample)
            if reasons and approval_of(change, facts.policies) is None:
                blocked.append(held_back(change, Hold.ON_AIR, _on_air_words(change, reasons)))
            else:
                allowed.append(change)
        return replace(plan, changes=tuple(allowed), blocked=(*plan.blocked, *blocked), watched=watched)

    @contextlib.asynccontextmanager
    async def permit(self, change: Change, facts: Facts) -> AsyncIterator[Permit]:
        """Lend the permission to send a change; while it is lent, nothing that stands in for it is changed."""
        touched = facts.legs.touched_by(change)
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
        held = await self._windows.held(change, facts, is_last=False) or await self._alone(change, facts)
        if held is not None:
            return Permit(held=held)
        permit = await self._proven(change, facts)
        # To prove that something is off air takes a while, in which a window may have opened.
        late = None if permit.held is not None else await self._windows.held(change, facts)
        return permit if late is None else Permit(held=late)

    async def _proven(self, change: Change, facts: Facts) -> Permit:
        """Permit what disturbs nobody, or what somebody approved."""
        flow = facts.flow_of(change)
        if flow is None:
            return _of_nothing_seen(change)
        if _disturbed(change, flow).is_nothing:
            return _all_of(change)
        flow = self._memory.as_now(flow)
        if isinstance(change, Sequence) and change.twin is not None:
            return await self._with_twin(change, change.twin, flow, facts)
        return self._released(change, await self._on_air(change, flow), _all_of(change), facts)

    async def _on_air(self, change: Change, flow: FoundFlow) -> tuple[str, ...]:
        """Return why what a change disturbs is on air, or not proven by two samples to be off air; else nothing."""
        disturbed = _disturbed(change, flow)
        last = await self._sampler.take(flow)
        if last is None:
            return unproven(disturbed, flow, None, None, self._limits)
        if reasons := self._carried(change, flow, last):
            return reasons
        first = self._sampler.before(flow, last)
        if on_air(disturbed, flow, first, last, self._limits):
            # Nothing carries anything now. An older sample may say otherwise, or not know what came since.
            await self._clock.sleep(self._limits.sample_gap_s)
            first, last = last, await self._sampler.take(flow)
        if not on_air(disturbed, flow, first, last, self._limits):
            return ()
        return unproven(disturbed, flow, first, last, self._limits)

    def _carried(self, change: Change, flow: FoundFlow, sample: Sample) -> tuple[str, ...]:
        """Return what a change disturbs and is on air by this one sample."""
        disturbed = _disturbed(change, flow)
        is_any = carrying(disturbed, flow, sample, self._limits)
        return carried(disturbed, flow, sample, self._limits) if is_any else ()

    def _released(self, change: Change, reasons: tuple[str, ...], permit: Permit, facts: Facts) -> Permit:
        """Return the permit where nothing is on air, or somebody approved of this very change."""
        if not reasons:
            return permit
        approval = approval_of(change, holding(facts.policies, now=self._clock.now()))
        if approval is None:
            return Permit(held=held_back(change, Hold.ON_AIR, _on_air_words(change, reasons)))
        note = Note(
            kind="approval.used",
            resource=str(change.key),
            why=approval.reason,
            revision=facts.revision,
            pass_id=facts.pass_id,
            fields={"action": str(change.action), "change": approval.change, "name": approval.name},
        )
        self._keeper.journal.note(note)
        return permit

    async def _with_twin(self, change: Sequence, twin: Twin, flow: FoundFlow, facts: Facts) -> Permit:
        """Permit a recreate beside the old output: to make the twin, or to end the old one, or the twin."""
        reasons = await self._on_air(change, flow)
        if twin.make is not None:
            # What nobody watches is made anew in place, under its own name.
            beside = Permit(calls=(twin.make,)) if reasons else _all_of(change)
            return self._released(change, reasons, beside, facts)
        has_taken_over = await self._has_taken_over(change, twin, flow)
        if not reasons or has_taken_over:
            return self._released(change, reasons, _all_of(change), facts)
        age_s = self._clock.monotonic_s() - self._since_s(self._twin_since, change, twin)
        is_coming = change.key in self._delivers_since
        if age_s < self._limits.twin_deadline_s or is_coming or twin.give_up is None:
            return Permit(held=held_back(change, Hold.TWIN, _twin_words(change, twin.made)))
        return await self._give_up(change, twin.give_up, flow)

    def _since_s(self, times: dict[Key, tuple[str, float]], change: Sequence, twin: Twin) -> float:
        """Return since when something holds of this very twin: another one of the same resource has its own time."""
        id_ = "" if twin.made is None else twin.made.id
        known, since_s = times.get(change.key, ("", 0.0))
        if known != id_:
            since_s = self._clock.monotonic_s()
            times[change.key] = (id_, since_s)
        return since_s

    async def _has_taken_over(self, change: Sequence, twin: Twin, flow: FoundFlow) -> bool:
        """
        Return whether the new output has carried traffic as the old one does, for as long as a proof takes.

        Bytes on their way are no picture yet: a receiver that has just come waits for a key frame, and looks into the
        stream for seconds before it shows the first one.
        """
        sample = await self._sampler.take(flow)
        if sample is None or twin.made is None:
            self._delivers_since.pop(change.key, None)
            return False
        old = [sample.ends.get(call.found.id) for call in change.calls if isinstance(call, Delete)]
        like_bps = max((end.bitrate_bps for end in old if end is not None), default=0)
        if not delivers(twin.made.id, sample, self._limits, like_bps=like_bps):
            self._delivers_since.pop(change.key, None)
            return False
        return (
            self._clock.monotonic_s() - self._since_s(self._delivers_since, change, twin) >= self._limits.sample_gap_s
        )

    async def _give_up(self, change: Sequence, give_up: Delete, flow: FoundFlow) -> Permit:
        """Permit to take the twin away, unless somebody has come to it meanwhile."""
        if await self._on_air(give_up, flow):
            why = (
                "both it and what replaces it are on air, or not proven to be off air, and the new one carries less: "
                "nobody is cut off; it goes when the new one carries as much, or nobody is left at one of them"
            )
            return Permit(held=held_back(change, Hold.GIVEN_UP, why))
        self._memory.give_up(change)
        why = f"what was to replace it did not deliver within {self._limits.twin_deadline_s:g} s; the old one stays"
        return Permit(calls=(give_up,), failed=why)

    async def _alone(self, change: Change, facts: Facts) -> Blocked | None:
        """Hold a change of redundant outputs back while nothing stands in for them."""
        for group, touched in facts.legs.touched_by(change).items():
            if not await self._carry(touched, facts, unless_read=True):
                continue
            if not await self._stand_in(facts.legs.others(group, touched), facts):
                why = (
                    f"no other output of the redundancy group {group} is on air now, and one of them must be while "
                    "another is changed"
                )
                return held_back(change, Hold.REDUNDANCY, why)
        return None

    async def _stand_in(self, keys: Iterable[OutputKey], facts: Facts) -> bool:
        """
        Return whether one of the outputs is on air, by two samples as far apart as those that prove the contrary.

        One sample alone may tell of the time before it was changed itself, a moment ago.
        """
        legs = tuple(keys)
        if not await self._carry(legs, facts, unless_read=False):
            return False
        await self._clock.sleep(self._limits.sample_gap_s)
        return await self._carry(legs, facts, unless_read=False)

    async def _carry(self, keys: Iterable[OutputKey], facts: Facts, *, unless_read: bool) -> bool:
        """Return whether one of the outputs is on air; what cannot be read counts as `unless_read` says."""
        for key in keys:
            for flow, output in facts.outputs_of(key):
                sample = await self._sampler.take(flow)
                end = None if sample is None else sample.ends.get(output.id)
                if unless_read if end is None else end.carries(self._limits):
                    return True
        return False


def _disturbed(change: Change, flow: FoundFlow) -> Disturbed:
    return disturbed_by(change, was_idle=flow.state is FlowState.IDLE)


def _disturbed_flows(plan: Plan, facts: Facts) -> list[FoundFlow]:
    found = (facts.flow_of(change) for change in plan.changes if not disturbed_by(change).is_nothing)
    return [flow for flow in found if flow is not None]


def _of_nothing_seen(change: Change) -> Permit:
    """Permit what makes something; what else is in a flow that is not there by that name disturbs nobody knows whom."""
    if disturbed_by(change, was_idle=True).is_nothing:
        return _all_of(change)
    why = f"no flow {change.at.live_name} is there any more, as it was when this was planned; the next plan tells"
    return Permit(held=held_back(change, Hold.UNREADABLE, why))


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


def _on_air_words(change: Change, reasons: tuple[str, ...]) -> str:
    return f"{'; '.join(reasons)}, and viewers would notice ({change.impact}).{RELEASING}{command_for(change)}"
