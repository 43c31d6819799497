"""The judgement of a plan as a whole: what may be sent, as far as that can be said before each write."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from reconciler.domain.changes import Blocked, Change, Delete, Hold, Plan, Sequence
from reconciler.domain.policies import Limit
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
    for change in plan.changes:
        held = judgement.held(change)
        if held is None:
            allowed.append(change)
        else:
            blocked.append(held)
    return replace(plan, changes=tuple(allowed), blocked=(*plan.blocked, *blocked))


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
        if not is_removal(change):
            return None
        policies = self.around.policies
        if self.distrust and override_of(change, policies, Limit.TREE) is None:
            return held_back(change, Hold.TREE, self.distrust)
        if self.budget.deletes and override_of(change, policies, Limit.BUDGET) is None:
            return held_back(change, Hold.BUDGET, self.budget.deletes)
        return None

    def _edit(self, change: Change) -> Blocked | None:
        if not edited(change) or not self.budget.edits:
            return None
        if override_of(change, self.around.policies, Limit.BUDGET) is not None:
            return None
        return held_back(change, Hold.BUDGET, self.budget.edits)
