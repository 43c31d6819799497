"""The judgement of a plan as a whole: what may be sent, as far as that can be said before each write."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from reconciler.domain.changes import Blocked, Change, Create, Delete, Hold, Plan, Sequence
from reconciler.domain.model import FlowKey
from reconciler.domain.policies import Limit, Override
from reconciler.domain.safety.budget import Budget, budget
from reconciler.domain.safety.limits import Circumstances, edited, is_removal
from reconciler.domain.safety.releases import approval_of, override_of
from reconciler.domain.safety.renames import Rename, renames
from reconciler.domain.safety.tree import distrust


def judge(plan: Plan, around: Circumstances) -> Plan:
    """Return the plan with what may not be sent moved from its changes to `blocked`, each with why and by what."""
    judgement = _Judgement.of(plan, around)
    allowed: list[Change] = []
    blocked: list[Blocked] = []
    missing: dict[FlowKey, Blocked] = {}
    for change in plan.changes:
        flow = change.key if isinstance(change.key, FlowKey) else change.key.flow_key
        held = judgement.held(change) or _without(missing.get(flow), change)
        if held is None:
            allowed.append(change)
            continue
        blocked.append(held)
        if isinstance(change, Create) and change.key == flow:
            missing[flow] = held
    return replace(plan, changes=tuple(allowed), blocked=(*plan.blocked, *blocked))


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifted:
    """A limit that would hold a change back, and the override that lifts it."""

    change: Change
    limit: Limit
    override: Override


def lifted(plan: Plan, around: Circumstances) -> tuple[Lifted, ...]:
    """Return what overrides let pass of a plan, which is the one that is judged; each is to be recorded when used."""
    if not around.policies.overrides:
        return ()
    judgement = _Judgement.of(plan, around)
    return tuple(one for change in plan.changes for one in judgement.lifted(change))


def _without(flow: Blocked | None, change: Change) -> Blocked | None:
    """Return the change as held back with its flow, which is not made; None where that is not so."""
    return None if flow is None else held_back(change, flow.hold, f"it waits with {flow.key}, which is held back")


def held_back(change: Change, hold: Hold, why: str) -> Blocked:
    """Return the change as one that may not be sent."""
    return Blocked(key=change.key, action=change.action, why=why, hold=hold, change=change)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judgement:
    around: Circumstances
    budget: Budget
    distrust: str
    renamed: Mapping[int, Rename]
    """By the identity of each of the two changes."""

    @classmethod
    def of(cls, plan: Plan, around: Circumstances) -> "_Judgement":
        pairs = [one for one in renames(plan) if approval_of(one.goes, around.policies) is None]
        return cls(
            around=around,
            budget=budget(plan, around),
            distrust=distrust(plan, around, pairs),
            renamed={id(change): one for one in pairs for change in (one.goes, one.comes)},
        )

    def held(self, change: Change) -> Blocked | None:
        for look in (self._protected, self._rename, self._limit):
            held = look(change)
            if held is not None:
                return held
        return None

    def _protected(self, change: Change) -> Blocked | None:
        calls = change.calls if isinstance(change, Sequence) else (change,)
        names = [
            str(call.key)
            for call in calls
            if isinstance(call, Delete) and call.found.mark is not None and call.found.mark.protected
        ]
        if not names:
            return None
        why = (
            f"{', '.join(names)} is protected. To delete it takes two commits: the first takes `metadata.protect` from "
            "its manifest and is applied, the second removes the manifest"
        )
        return held_back(change, Hold.PROTECTED, why)

    def _rename(self, change: Change) -> Blocked | None:
        rename = self.renamed.get(id(change))
        if rename is None:
            return None
        why = (
            f"it looks like {rename.goes.key} under the name {rename.comes.key} ({rename.same} of {rename.of} "
            "properties are the same), and to delete and make it anew would cut it. A Move document keeps it; an "
            "approval of the delete says that it is another thing"
        )
        return held_back(change, Hold.RENAME, why)

    def _limit(self, change: Change) -> Blocked | None:
        for limit, hold, why in self._beyond(change):
            if override_of(change, self.around.policies, limit) is None:
                return held_back(change, hold, why)
        return None

    def lifted(self, change: Change) -> Iterator[Lifted]:
        for limit, _, _ in self._beyond(change):
            override = override_of(change, self.around.policies, limit)
            if override is not None:
                yield Lifted(change=change, limit=limit, override=override)

    def _beyond(self, change: Change) -> Iterator[tuple[Limit, Hold, str]]:
        """Yield each limit that a change goes beyond, what that holds it back by, and why."""
        if is_removal(change) and self.distrust:
            yield Limit.TREE, Hold.TREE, self.distrust
        if is_removal(change) and self.budget.deletes:
            yield Limit.BUDGET, Hold.BUDGET, self.budget.deletes
        if edited(change) and self.budget.edits:
            yield Limit.BUDGET, Hold.BUDGET, self.budget.edits
