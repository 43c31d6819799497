"""The brake: what a plan may do without anyone having looked at it."""

from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Final

from reconciler.domain.changes import Action, Blocked, Change, Delete, Plan, Sequence
from reconciler.domain.model import Desired, FlowKey, Key

FLOW_DELETES_PER_REVISION: Final = 1
"""Flows that the loop deletes for one revision of the manifests; a moved folder dooms more than one."""


def brake(plan: Plan, *, desired: Desired, deleted_flows: AbstractSet[Key], automatic: bool) -> Plan:
    """
    Return the plan with what may not be done moved from its changes to `blocked`.

    A tree without a single flow deletes nothing, for every verb: it is far likelier a wrong folder than a wish.

    Args:
        plan: what would be done.
        desired: the whole tree, resources whose secrets failed included.
        deleted_flows: flows that were already deleted for this revision.
        automatic: whether nobody looks: then nothing is recreated, and at most one flow is deleted a revision.

    """
    allowed: list[Change] = []
    blocked: list[Blocked] = []
    doomed = set(deleted_flows)
    for change in plan.changes:
        why = _refusal(change, desired=desired, doomed=doomed, automatic=automatic)
        if why:
            blocked.append(Blocked(key=change.key, action=change.action, why=why))
            continue
        allowed.append(change)
        if _deletes_flow(change):
            doomed.add(change.key)
    return replace(plan, changes=tuple(allowed), blocked=(*plan.blocked, *blocked))


def _refusal(change: Change, *, desired: Desired, doomed: AbstractSet[Key], automatic: bool) -> str:
    removes = isinstance(change, Delete | Sequence)
    if removes and not desired.flows:
        return (
            "the manifests hold not a single Flow, so nothing is deleted; were they moved, or left out of the "
            "checkout? To remove the last flow of an account, delete it in the console"
        )
    if not automatic:
        return ""
    if change.action is Action.RECREATE:
        return "`run` never recreates; `reconciler apply` does, after asking"
    if _deletes_flow(change) and change.key not in doomed and len(doomed) >= FLOW_DELETES_PER_REVISION:
        gone = ", ".join(sorted(map(str, doomed)))
        return (
            f"`run` deletes at most {FLOW_DELETES_PER_REVISION} flow for one revision of the manifests, and {gone} "
            "has gone for this one; `reconciler apply` deletes the rest, after asking"
        )
    return ""


def _deletes_flow(change: Change) -> bool:
    return isinstance(change.key, FlowKey) and change.action is Action.DELETE
