"""The judgement of a plan as a whole: what may be sent, as far as that can be said before each write."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from reconciler.domain.changes import Action, Blocked, Change, Create, Delete, Edit, Hold, Plan, Sequence
from reconciler.domain.model import FlowKey, OutputKey
from reconciler.domain.policies import Limit
from reconciler.domain.safety.budget import Budget, budget
from reconciler.domain.safety.limits import Circumstances, deleted, edited, is_removal
from reconciler.domain.safety.releases import approval_of, override_of
from reconciler.domain.safety.renames import Rename, renames
from reconciler.domain.safety.tree import distrust


def judge(plan: Plan, around: Circumstances) -> Plan:
    """Return the plan with what may not be sent moved from its changes to `blocked`, each with why and by what."""
    judgement = _Judgement.of(plan, around)
    allowed: list[Change] = []
    blocked: list[Blocked] = []
    unmade: dict[FlowKey, Blocked] = {}
    for change in plan.changes:
        held = judgement.held(change) or _waits_for(unmade, change)
        if held is None:
            allowed.append(change)
            continue
        blocked.append(held)
        if isinstance(change, Create) and isinstance(change.key, FlowKey):
            unmade[change.key] = held
    return replace(plan, changes=tuple(allowed), blocked=(*plan.blocked, *blocked))


def held_back(change: Change, hold: Hold, why: str) -> Blocked:
    """Return the change as one that may not be sent."""
    return Blocked(key=change.key, action=change.action, why=why, hold=hold, change=change)


def _waits_for(unmade: Mapping[FlowKey, Blocked], change: Change) -> Blocked | None:
    """Hold back what is to be done in a flow that may not be made: there is nothing that it could be sent to."""
    held = unmade.get(change.key.flow_key if isinstance(change.key, OutputKey) else change.key)
    return None if held is None else held_back(change, held.hold, f"it waits for {held.key}: {held.why}")


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
        for look in (self._protected, self._rename, self._removal, self._edit):
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

    def _removal(self, change: Change) -> Blocked | None:
        if self.distrust and is_removal(change) and not self._is_lifted(change, Limit.TREE, Delete):
            return held_back(change, Hold.TREE, self.distrust)
        if self.budget.deletes and deleted(change) and not self._is_lifted(change, Limit.BUDGET, Delete):
            return held_back(change, Hold.BUDGET, self.budget.deletes)
        return None

    def _edit(self, change: Change) -> Blocked | None:
        if self.budget.edits and edited(change) and not self._is_lifted(change, Limit.BUDGET, Edit):
            return held_back(change, Hold.BUDGET, self.budget.edits)
        return None

    def _is_lifted(self, change: Change, limit: Limit, part: type[Delete | Edit]) -> bool:
        """Return whether an override is about this change; of what stands still together, about each such part."""
        if not isinstance(change, Sequence) or change.action is not Action.EDIT:
            return override_of(change, self.around.policies, limit) is not None
        parts = [call for call in change.calls if isinstance(call, part)]
        return all(override_of(call, self.around.policies, limit) is not None for call in parts)
