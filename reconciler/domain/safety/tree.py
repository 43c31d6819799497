"""Distrust: what makes a tree, a list or a clock so unlikely that nothing is deleted because of it."""

from collections import Counter
from collections.abc import Mapping, Sequence

from reconciler.domain.changes import Action, Hold, Plan
from reconciler.domain.safety.limits import Circumstances, removed
from reconciler.domain.safety.renames import STORM, Rename


def distrust(plan: Plan, around: Circumstances, renamed: Sequence[Rename]) -> str:
    """Return why nothing may be deleted now; "" where nothing speaks against it."""
    return around.distrust or _empty(around) or _shrunk(plan, around) or _storm(renamed)


def withheld(plan: Plan) -> Mapping[str, int]:
    """Return why nothing is deleted, and how many deletes are held back for that; empty where nothing is wrong."""
    reasons = Counter(blocked.why for blocked in plan.blocked if blocked.hold is Hold.TREE)
    renamed = sum(blocked.hold is Hold.RENAME and blocked.action is Action.DELETE for blocked in plan.blocked)
    if renamed >= STORM:
        reasons[f"{renamed} resources look renamed at once; a Move document for each keeps what is live"] = renamed
    return reasons


def _empty(around: Circumstances) -> str:
    if around.desired.flows or not around.marked:
        return ""
    return (
        "the manifests hold not a single Flow, so nothing is deleted; were they moved, or left out of the checkout? "
        "To remove the last flow of an account, say so in an Override document with `lifts: [tree]`"
    )


def _shrunk(plan: Plan, around: Circumstances) -> str:
    live = len(around.marked)
    surplus = {one for change in plan.changes if change.action is Action.DELETE for one in removed(change)}
    named = live - len(surplus)
    if 2 * named >= live:
        return ""
    return (
        f"the manifests name {named} of our {live} live objects, which is less than half, so nothing is deleted; is it "
        "the right folder, and the whole of it? If so, an Override document with `lifts: [tree]` says why"
    )


def _storm(renamed: Sequence[Rename]) -> str:
    if len(renamed) < STORM:
        return ""
    named = ", ".join(f"{one.goes.key} as {one.comes.key}" for one in renamed[:STORM])
    return (
        f"{len(renamed)} resources look renamed at once ({named}), so nothing is deleted; a Move document for each "
        "keeps what is live, or an Override document with `lifts: [tree]` says why they go"
    )
