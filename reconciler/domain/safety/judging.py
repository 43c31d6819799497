"""The judgement of a plan as a whole: what may be sent, as far as that can be said before each write."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from reconciler.domain.changes import Action, Blocked, Change, Create, Delete, Edit, Hold, Plan, Sequence, calls_of
from reconciler.domain.model import FlowKey
from reconciler.domain.policies import Limit, Override
from reconciler.domain.safety.budget import Budget, budget
from reconciler.domain.safety.limits import Circumstances, deleted, edited, is_removal
from reconciler.domain.safety.releases import approval_of, command_for, in_vain, lapsed, overrides_of
from reconciler.domain.safety.renames import Rename, renames
from reconciler.domain.safety.tree import distrust


def judge(plan: Plan, around: Circumstances) -> Plan:
    """Return the plan with what may not be sent moved from its changes to `blocked`, each with why and by what."""
    judgement = _Judgement.of(plan, around)
    allowed: list[Change] = []
    blocked: list[Blocked] = []
    unmade: dict[FlowKey, Blocked] = {}
    for change in plan.changes:
        held = judgement.held(change) or held_with(change, unmade)
        if held is None:
            allowed.append(change)
            continue
        blocked.append(held)
        if isinstance(change, Create) and isinstance(change.key, FlowKey):
            unmade[change.key] = held
    return replace(plan, changes=tuple(allowed), blocked=(*plan.blocked, *blocked))


def held_with(change: Change, unmade: Mapping[FlowKey, Blocked]) -> Blocked | None:
    """Return a change as held back where the flow that it needs is not made, by what holds that; else None."""
    held = unmade.get(change.key.flow_key)
    if held is None:
        return None
    return held_back(change, held.hold, f"{held.key} is to be made first, and that is held back: {held.why}")


def as_of_now(plan: Plan) -> Plan:
    """Return the plan with what a window would hold back now moved from its changes to `blocked`."""
    held = {id(item.change) for item in plan.windows}
    changes = tuple(change for change in plan.changes if id(change) not in held)
    return replace(plan, changes=changes, blocked=(*plan.blocked, *plan.windows), windows=())


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


def held_back(change: Change, hold: Hold, why: str, *, release: str = "") -> Blocked:
    """Return the change as one that may not be sent, with the command that releases it where one does."""
    return Blocked(key=change.key, action=change.action, why=why, hold=hold, change=change, release=release)


_UNPROTECTING: Final = {
    False: (
        "To delete it takes two commits: the first takes `metadata.protect` from its manifest and is applied, the "
        "second removes the manifest. No approval and no Override lifts that"
    ),
    True: (
        "To make it anew would end what is there, and takes two commits: the first takes `metadata.protect` from its "
        "manifest and leaves all else as it is on the backend, and is applied; the second wants what has to be made "
        "anew, and may protect it again. No approval and no Override lifts that"
    ),
}
"""How to do it all the same, by whether it is made anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Beyond:
    """A limit that a change goes beyond."""

    limit: Limit
    hold: Hold
    why: str
    part: type[Delete | Edit]
    """What of a change counts."""


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
        names = [
            str(call.key)
            for call in calls_of(change)
            if isinstance(call, Delete) and call.found.mark is not None and call.found.mark.protected
        ]
        if not names:
            return None
        are = "is" if len(names) == 1 else "are"
        why = f"{', '.join(names)} {are} protected. {_UNPROTECTING[change.action is Action.RECREATE]}"
        return held_back(change, Hold.PROTECTED, why)

    def _rename(self, change: Change) -> Blocked | None:
        rename = self.renamed.get(id(change))
        if rename is None:
            return None
        around = self.around
        unfit = in_vain(rename.goes, around.given, holds=around.policies, now=around.now)
        why = rename.why(change, unfit=unfit)
        # Only the delete is approved: what comes goes on once it is.
        return held_back(change, Hold.RENAME, why, release="" if change is rename.comes else command_for(change))

    def _limit(self, change: Change) -> Blocked | None:
        for beyond in self._beyond(change):
            if not self._overrides(change, beyond):
                parts, around = _parts(change, beyond), self.around
                over = lapsed(parts, around.given, beyond.limit, now=around.now)
                return held_back(change, beyond.hold, f"{beyond.why}{over}")
        return None

    def lifted(self, change: Change) -> Iterator[Lifted]:
        for beyond in self._beyond(change):
            for override in self._overrides(change, beyond):
                yield Lifted(change=change, limit=beyond.limit, override=override)

    def _beyond(self, change: Change) -> Iterator[_Beyond]:
        """Yield each limit that a change goes beyond."""
        if self.distrust and is_removal(change):
            yield _Beyond(limit=Limit.TREE, hold=Hold.TREE, why=self.distrust, part=Delete)
        if self.budget.deletes and deleted(change):
            yield _Beyond(limit=Limit.BUDGET, hold=Hold.BUDGET, why=self.budget.deletes, part=Delete)
        if self.budget.edits and edited(change):
            yield _Beyond(limit=Limit.BUDGET, hold=Hold.BUDGET, why=self.budget.edits, part=Edit)

    def _overrides(self, change: Change, beyond: _Beyond) -> tuple[Override, ...]:
        """Return what lifts a limit for a change; of what stands still together, for each such part, or nothing."""
        return overrides_of(_parts(change, beyond), self.around.policies, beyond.limit)


def _parts(change: Change, beyond: _Beyond) -> tuple[Change, ...]:
    """Return what of a change asks for an override of its own."""
    if isinstance(change, Sequence) and change.action is Action.EDIT:
        return tuple(call for call in change.calls if isinstance(call, beyond.part))
    return (change,)
