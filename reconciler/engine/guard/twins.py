"""Twins: how far what replaces an output beside it has come, and what that allows."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet

from reconciler.domain.changes import Delete, Hold, Sequence, Twin
from reconciler.domain.model import FoundFlow, FoundOutput, Key
from reconciler.domain.safety.judging import held_back
from reconciler.domain.safety.on_air import Sample, delivers
from reconciler.domain.safety.proof_words import carriage
from reconciler.engine.guard.facts import Facts, Keeper, Look, Permit
from reconciler.engine.guard.looking import Looking
from reconciler.engine.guard.memory import Memory


class Twins:
    """Watches twins, for as long as this process lives."""

    def __init__(self, keeper: Keeper, memory: Memory, looking: Looking) -> None:
        self._memory = memory
        self._looking = looking
        self._clock = keeper.clock
        self._limits = keeper.limits
        self._twin_since: dict[Key, tuple[str, float]] = {}
        """The id of the last twin of each resource, and when it was seen first."""
        self._delivers_since: dict[Key, tuple[str, float]] = {}
        """The id of the last twin of each resource, and since when it has carried as much as the old one."""
        self._made: dict[Key, tuple[str, AbstractSet[str]]] = {}
        """The live name of the last twin of each resource that was made here, and the ids of what was there before."""

    async def beside(self, change: Sequence, twin: Twin, flow: FoundFlow, facts: Facts, look: Look) -> Permit:
        """
        Return what a recreate beside the old output may do now: make the twin, or end the old one, or the twin.

        Whoever sees what that would cut has to agree, unless it is held back or given up.
        """
        self._forget_unwanted(facts)
        reasons = self._looking.reasons(change, flow, look)
        if twin.make is not None:
            self._made[change.key] = twin.live_name, _ids(change.goes)
            # What nobody watches is made anew in place, under its own name.
            return Permit(calls=(twin.make,)) if reasons else Permit.whole(change)
        has_taken_over = self._has_taken_over(change, twin, look.get(flow.id))
        if not reasons or has_taken_over:
            return Permit.whole(change)
        age_s = self._clock.monotonic_s() - self._since_s(self._twin_since, change, twin)
        is_coming = change.key in self._delivers_since
        if age_s < self._limits.twin_deadline_s or is_coming:
            return Permit(held=held_back(change, Hold.TWIN, _twin_words(change, twin)))
        if twin.give_up is None or not (twin.is_newer or self._has_made(change, twin)):
            why = self._unclear_words(change, twin, look.get(flow.id))
            return Permit(held=held_back(change, Hold.GIVEN_UP, why))
        return await self._give_up(change, twin.give_up, flow, facts)

    def _forget_unwanted(self, facts: Facts) -> None:
        """Forget what no manifest wants any more: names come and go for years."""
        self._twin_since = {key: kept for key, kept in self._twin_since.items() if facts.wanted(key) is not None}
        self._delivers_since = {key: at for key, at in self._delivers_since.items() if facts.wanted(key) is not None}
        self._made = {key: made for key, made in self._made.items() if facts.wanted(key) is not None}

    def _has_made(self, change: Sequence, twin: Twin) -> bool:
        """Return whether this process saw the very output that goes without the twin, before it was made."""
        return self._made.get(change.key) == (twin.live_name, _ids(change.goes))

    def _unclear_words(self, change: Sequence, twin: Twin, sample: Sample | None) -> str:
        """Say which of two outputs is which, where their marks do not tell which of them was there first."""

        def told(output: FoundFlow | FoundOutput) -> str:
            return f"{output.live_name} ({carriage(None if sample is None else sample.ends.get(output.id))})"

        old = " and ".join(map(told, change.goes))
        made = twin.live_name if twin.made is None else told(twin.made)
        names = " and ".join(each.live_name for each in change.goes)
        return (
            f"{made} is as the manifests want it, and has not carried as much as {old} for "
            f"{self._limits.twin_deadline_s:g} s. Which of the two was there first nobody can tell, so both stay. "
            f"{names} goes once the other one carries as much, and an approval of this recreate lets it; to keep "
            f"{names}, take the change of the manifest back: then {twin.live_name} goes, once nobody receives it"
        )

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
        old = _ids(change.goes)
        if sample is None or twin.made is None or not delivers(twin.made.id, sample, self._limits, like=old):
            self._delivers_since.pop(change.key, None)
            return False
        since_s = self._since_s(self._delivers_since, change, twin)
        return self._clock.monotonic_s() - since_s >= self._limits.sample_gap_s

    async def _give_up(self, change: Sequence, give_up: Delete, flow: FoundFlow, facts: Facts) -> Permit:
        """Permit to take the twin away, unless somebody has come to it meanwhile."""
        if self._looking.reasons(give_up, flow, await self._looking.look(give_up, flow, facts)):
            why = (
                "both it and what replaces it are on air, or not proven to be off air, and the new one carries less: "
                "nobody is cut off; it goes when the new one carries as much, or nobody is left at one of them"
            )
            return Permit(held=held_back(change, Hold.GIVEN_UP, why))
        self._memory.give_up(change)
        why = f"what was to replace it did not deliver within {self._limits.twin_deadline_s:g} s; the old one stays"
        return Permit(calls=(give_up,), failed=why)


def _ids(found: Iterable[FoundFlow | FoundOutput]) -> AbstractSet[str]:
    return {each.id for each in found}


def _twin_words(change: Sequence, twin: Twin) -> str:
    """Say what is waited for; in the same words as long as it is, so that whoever tells them need not repeat them."""
    waits = f"the old one goes once {twin.live_name}, which replaces it, has carried as much for a few seconds"
    if twin.made is None or not twin.made.pull_urls:
        return waits
    address = f"{str(change.key).rpartition('/')[0]}/{twin.live_name}"
    return f"{waits}; receivers find it by: reconciler status --reveal {address}"
