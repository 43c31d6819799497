"""A plan that was looked at and kept: what of it may be carried out later, and when it may not be any more."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from reconciler.domain.change_ids import change_id, found_id, wanted_id
from reconciler.domain.changes import Action, Blocked, Change, Plan
from reconciler.domain.errors import PlanStaleError
from reconciler.domain.impact import Impact
from reconciler.domain.model import Key
from reconciler.domain.safety.releases import command_for

LONGEST: Final = timedelta(hours=24)
"""How old a plan may be. What is on air at night is not what was on air at noon, even where nothing else differs."""
AHEAD: Final = timedelta(minutes=5)
"""How far the clock of the machine that planned may be ahead of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """Under which a plan is made, or is to be carried out."""

    at: datetime
    """In UTC."""
    tool: str
    """Version of this program."""
    backend: str
    """Name of the backend, as people are shown it."""
    owner: str
    revision: str
    """Names the content of the manifests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedChange:
    """One change as it was looked at; hashes say what was found and wanted, and no value is kept."""

    key: Key
    action: Action
    id: str
    impact: Impact
    found: str
    wanted: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedPlan:
    """The changes that somebody looked at, and under which circumstances."""

    made: Circumstances
    paths: tuple[str, ...]
    """Where the manifests were, as they were named."""
    changes: tuple[SavedChange, ...]
    """In the order to send them, no two of the same resource and action."""
    blocked: tuple[Blocked, ...] = ()
    """What was held back, and so is not sent with it; each without its change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What is carried out of a plan that is made now."""

    plan: Plan
    """With the changes that were looked at, and no other; what was held back then is held back."""
    beyond: tuple[Change, ...]
    """Changes that are wanted by now, and that nobody has looked at: they are not sent."""


def saved(plan: Plan, *, made: Circumstances, paths: tuple[str, ...]) -> SavedPlan:
    """Return what is kept of a plan."""
    changes = tuple(
        SavedChange(
            key=change.key,
            action=change.action,
            id=change_id(change),
            impact=change.impact,
            found=found_id(change),
            wanted=wanted_id(change),
        )
        for change in plan.changes
    )
    return SavedPlan(made=made, paths=paths, changes=changes, blocked=plan.blocked)


def choose(kept: SavedPlan, plan: Plan, *, now: Circumstances) -> Chosen:
    """
    Return what may be carried out: exactly the changes that were looked at, as they are planned now.

    A change that is held back by now is left to stand among what is blocked, and takes no other with it.

    Args:
        kept: what somebody looked at.
        plan: what is planned now, for the manifests and the backend of now.
        now: under which circumstances.

    Raises:
        PlanStaleError: the circumstances or one of the changes are not those that were looked at.

    """
    reasons = tuple(_circumstances(kept.made, now)) or tuple(_changes(kept, plan))
    if reasons:
        raise PlanStaleError(reasons)
    ids, held = {change.id for change in kept.changes}, {(item.key, item.action): item for item in kept.blocked}
    changes, beyond, blocked = [], [], list(plan.blocked)
    for change in plan.changes:
        if change_id(change) in ids:
            changes.append(change)
        elif (item := held.get((change.key, change.action))) is not None:
            blocked.append(_still_held(item, change))
        else:
            beyond.append(change)
    taken = {id(change) for change in changes}
    windows = tuple(item for item in plan.windows if id(item.change) in taken)
    chosen = replace(plan, changes=tuple(changes), blocked=tuple(blocked), windows=windows)
    return Chosen(plan=chosen, beyond=tuple(beyond))


def _still_held(item: Blocked, change: Change) -> Blocked:
    """Return what was held back when the plan was made, as it is planned now."""
    why = f"when the plan was saved it was held back, and so the plan does not hold it: {item.why}"
    # Never what a file says: people paste it.
    return replace(item, why=why, change=change, release=command_for(change) if item.release else "")


def _circumstances(made: Circumstances, now: Circumstances) -> Iterator[str]:
    """Yield in what the circumstances differ, so that the changes need not be compared."""
    if made.revision != now.revision:
        yield f"the manifests have changed: it was made for revision {made.revision}, and they are at {now.revision}"
    if made.backend != now.backend:
        yield f"it was made for another backend: {made.backend}, and this is {now.backend}"
    if made.owner != now.owner:
        yield f"it was made for the owner {made.owner}, and this is {now.owner}"
    if _major(made.tool) != _major(now.tool):
        yield f"it was made by version {made.tool}, and this is {now.tool}"
    if now.at - made.at > LONGEST:
        hours = LONGEST // timedelta(hours=1)
        yield f"it was made at {made.at:%Y-%m-%d %H:%M} UTC, and a plan is good for {hours} hours"
    if made.at - now.at > AHEAD:
        yield f"it was made at {made.at:%Y-%m-%d %H:%M} UTC, which has not come yet: one of the clocks is wrong"


def _major(version: str) -> str:
    return version.partition(".")[0]


def _changes(kept: SavedPlan, plan: Plan) -> Iterator[str]:
    """Yield which changes are not planned any more as they were looked at, and what differs."""
    now = {(change.key, change.action): change for change in plan.changes}
    actions = {change.key: change.action for change in plan.changes}
    held = {(item.key, item.action) for item in plan.blocked}
    left = {waiting.key: waiting.why for waiting in plan.waiting} | {failed.key: failed.why for failed in plan.failed}
    for change in kept.changes:
        if (change.key, change.action) in held:
            continue
        current = now.get((change.key, change.action))
        differs = _absent(change, actions, left) if current is None else _difference(change, current)
        if differs:
            yield f"{change.action} {change.key} ({change.id}): {differs}"


def _absent(change: SavedChange, actions: Mapping[Key, Action], left: Mapping[Key, str]) -> str:
    if change.key in left:
        return f"it cannot be planned by now: {left[change.key]}"
    if change.key in actions:
        return f"gone: {actions[change.key]} is planned by now"
    return "gone: nothing is planned for it by now"


def _difference(change: SavedChange, current: Change) -> str:
    """Return in what a change that is planned now differs from the one that was looked at, or ""."""
    if change.id != change_id(current):
        found = "" if change.found == found_id(current) else "found something else"
        wanted = "" if change.wanted == wanted_id(current) else "wants something else"
        return " and ".join(filter(None, (found, wanted))) or f"has another id by now, {change_id(current)}"
    # The same is found and wanted, and viewers notice more where the flow has been started since.
    return f"impact {change.impact} then, {current.impact} now" if current.impact > change.impact else ""
