"""Approvals: whether somebody agreed to what a change disturbs, and what is said where nobody did."""

from reconciler.domain.changes import Blocked, Change, Hold, Sequence, twin_there
from reconciler.domain.policies import Approval
from reconciler.domain.safety.judging import held_back
from reconciler.domain.safety.on_air import made_since
from reconciler.domain.safety.releases import approval_of, command_for, holding, in_vain
from reconciler.engine.guard.facts import Facts, Keeper, Look, Permit
from reconciler.engine.guard.looking import Looking
from reconciler.engine.guard.memory import Memory
from reconciler.engine.guard.used import note_approval


class Approvals:
    """Releases what somebody approved, and writes that down."""

    def __init__(self, keeper: Keeper, memory: Memory, looking: Looking) -> None:
        self._keeper = keeper
        self._memory = memory
        self._looking = looking

    def released(self, change: Change, reasons: tuple[str, ...], permit: Permit, facts: Facts, look: Look) -> Permit:
        """Return the permit where nothing is on air, or somebody approved of this very change."""
        if not reasons:
            return permit
        approval = self.approved(change, change, reasons, facts, look)
        if isinstance(approval, Blocked):
            return Permit(held=approval)
        note_approval(self._keeper.journal, approval, change, facts)
        return permit

    def unless_met(self, change: Change, permit: Permit, met: str, own: tuple[str, ...], facts: Facts) -> Permit:
        """Return the permit where somebody approved of a change that meets another; else say all that holds it back."""
        approval = self._approval(change, facts)
        if approval is None:
            return Permit(held=self.held(change, met, own, facts))
        if not own:
            note_approval(self._keeper.journal, approval, change, facts)
        return permit

    def approved(
        self, change: Change, call: Change, reasons: tuple[str, ...], facts: Facts, look: Look
    ) -> Approval | Blocked:
        """Return the approval of this very change, with all that its call disturbs; held back where there is none."""
        approval = self._approval(change, facts)
        if approval is None:
            return self._on_air(change, reasons, facts)
        more = self._made_since(change, call, facts, look)
        return held_back(change, Hold.AGAIN, _more_words(call, more)) if more > 0 else approval

    def held(self, change: Change, met: str, own: tuple[str, ...], facts: Facts) -> Blocked | None:
        """Return a change as held back by whom it meets, or else by what it disturbs; None where there is neither."""
        if not met:
            return self._on_air(change, own, facts) if own else None
        besides = f". Besides, {noticed(change, own)}" if own else ""
        why = f"{met}{besides}.{self._unfit(change, facts)}"
        return held_back(change, Hold.FAR_END, why, release=command_for(change))

    def _on_air(self, change: Change, reasons: tuple[str, ...], facts: Facts) -> Blocked:
        why = f"{noticed(change, reasons)}{_goes_words(change)}.{self._unfit(change, facts)}"
        return held_back(change, Hold.ON_AIR, why, release=command_for(change))

    def _unfit(self, change: Change, facts: Facts) -> str:
        """Say which approvals do not release a change, "" where there is none."""
        unfit = in_vain(change, facts.given, holds=facts.policies, now=self._memory.latest())
        return unfit and f" {unfit}"

    def _made_since(self, change: Change, call: Change, facts: Facts, look: Look) -> int:
        """Return how many outputs somebody made since the plan in a flow that a call disturbs as a whole."""
        flow = facts.flow_of(call)
        last = None if flow is None else look.get(flow.id)
        if flow is None or last is None or not self._looking.disturbed(call, flow).whole:
            return 0
        return len(made_since(change, flow, last)) - self._memory.made_in(call.at)

    def _approval(self, change: Change, facts: Facts) -> Approval | None:
        return approval_of(change, holding(facts.policies, now=self._memory.latest()))


def noticed(change: Change, reasons: tuple[str, ...]) -> str:
    """Return what a change would disturb, in words."""
    return f"{'; '.join(reasons)}, and viewers would notice ({change.impact})"


def _more_words(call: Change, more: int) -> str:
    outputs = "an output was" if more == 1 else f"{more} outputs were"
    return (
        f"{outputs} made in the flow {call.at.live_name} since this was planned, and would be disturbed with it; the "
        "approval was given without that. Plan again, and approve what that shows"
    )


def _goes_words(change: Change) -> str:
    """Say of a recreate whose new output is there what is left to approve; "" of any other change."""
    twin = twin_there(change)
    if not isinstance(change, Sequence) or twin is None:
        return ""
    old = " and ".join(found.live_name for found in change.goes)
    return f"; {twin.live_name}, which replaces it, is there, and {old} goes once that one carries as much"
