"""Meetings: who is on air at the far ends that a change would send to."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from reconciler.domain.changes import Call, Change
from reconciler.domain.model import FoundFlow
from reconciler.domain.safety.far_ends import Ends, Holder, coming, in_words
from reconciler.domain.safety.limits import Limits
from reconciler.domain.safety.proof_words import carried
from reconciler.engine.guard.facts import Facts, Look
from reconciler.engine.guard.memory import Memory
from reconciler.engine.guard.sampling import Sampler


class Meetings:
    """Tells whom changes would meet, and what samples say of those."""

    def __init__(self, memory: Memory, sampler: Sampler, limits: Limits) -> None:
        self._memory = memory
        self._sampler = sampler
        self._limits = limits

    def of(self, change: Change, facts: Facts, moved: Mapping[str, Ends] | None = None) -> tuple[Holder, ...]:
        """
        Return whom a change would meet; no backend is asked.

        Args:
            change: to be sent.
            facts: what it was planned of.
            moved: where outputs send by then that sent elsewhere; None for what was sent since they were read.

        """

        def flow_of(call: Call) -> FoundFlow | None:
            found = facts.flow_of(call)
            return None if found is None else self._memory.as_now(found)

        known = self._memory.moved if moved is None else moved
        found = coming(change, flow_of, known, runs=facts.is_to_run(change.key))
        met = found.met(facts.holders) if found.ends else ()
        return tuple(replace(one, flow=self._memory.as_now(one.flow)) for one in met)

    def seen(self, met: Iterable[Holder], look: Look) -> str:
        """Return in words who is on air by this one look; "" where nobody is."""
        return in_words((one, self._carried(one, look)) for one in met)

    def unproven(self, met: Iterable[Holder], look: Look) -> str:
        """Return in words who is on air, or not proven by two looks to be off air; "" where nobody is."""
        held = tuple(met)
        reasons = ((one, self._sampler.unproven(one.disturbed, one.flow, look.get(one.flow.id))) for one in held)
        return self.seen(held, look) or in_words(reasons)

    def lack_time(self, met: Iterable[Holder], look: Look) -> bool:
        """Return whether only a second look, a while later, is missing for a proof that nobody is on air."""
        read = [one for one in met if look.get(one.flow.id) is not None]
        return not self.seen(read, look) and bool(self.unproven(read, look))

    def _carried(self, one: Holder, look: Look) -> tuple[str, ...]:
        sample = look.get(one.flow.id)
        return () if sample is None else carried(one.disturbed, one.flow, sample, self._limits)
