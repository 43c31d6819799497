"""Plans and outcomes as people and programs read them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

import click

from reconciler.cli.formats.commands import Releasing
from reconciler.cli.formats.text import headline
from reconciler.cli.formats.totals import IN_PROGRESS, MAY_STOP, Held, counted, held_of, told_of, windows_of
from reconciler.cli.formats.values import (
    MOST_CALLS,
    SECRET,
    changed_of,
    inner_of,
    is_hidden,
    named,
    public,
    safe,
    shown,
)
from reconciler.domain import effects
from reconciler.domain.change_ids import change_id
from reconciler.domain.changes import Action, Blocked, Change, Create, Failed, Hold, Plan, Sequence, Waiting
from reconciler.domain.findings import Finding
from reconciler.domain.impact import Impact
from reconciler.domain.properties import PropertyChange, PropertyValue
from reconciler.domain.safety.releases import whole
from reconciler.domain.safety.tree import withheld
from reconciler.engine.apply import Outcome, Result
from reconciler.engine.plan import Preview, Tree
from reconciler.engine.reconcile import PassOutcome

SCREEN: Final = 20
"""Lines of a plan above which its totals stand at its head, too: a terminal of 24 lines shows no more."""
_SIGNS: Final[Mapping[Action, tuple[str, str]]] = {
    Action.CREATE: ("+", "green"),
    Action.EDIT: ("~", "yellow"),
    Action.RECREATE: ("±", "magenta"),
    Action.DELETE: ("-", "red"),
    Action.START: (">", "green"),
    Action.STOP: ("■", "red"),
}
_SHADES: Final[Mapping[Impact, str]] = {
    Impact.NONE: "bright_black",
    Impact.RECONNECT: "yellow",
    Impact.INTERRUPT: "red",
    Impact.RECREATE: "magenta",
}


def plan_text(plan: Plan, *, at_head: bool = True) -> Iterator[str]:
    """
    Yield the lines of a plan: each change with what, why and what viewers notice; what is held back; totals.

    Where that is more than a screen shows, the totals stand above it, too, if they may.
    """
    lines = [*_withheld(plan), *_changes(plan), *_held_back(plan)]
    if at_head and len(lines) > SCREEN:
        yield totals(plan)
    yield from (*lines, *_end(plan))


def changes_text(plan: Plan) -> Iterator[str]:
    """Yield the lines of a plan without what is held back, of which the totals say how much there is."""
    yield from (*_changes(plan), *_end(plan))


def _changes(plan: Plan) -> Iterator[str]:
    windows = windows_of(plan)
    for change in plan.changes:
        yield from (_headline(change, plan.watched), *_details(change))
        if id(change) in windows:
            yield click.style(f"    held back now: {safe(windows[id(change)])}", fg="yellow")


def _end(plan: Plan) -> Iterator[str]:
    if plan.may_stop:
        yield MAY_STOP
    yield totals(plan)


def totals(plan: Plan) -> str:
    """Return the plan in one line."""
    if plan.is_empty:
        return f"Nothing to do: all {plan.unchanged} resources are as the manifests say."
    return f"Plan: {counted(plan)} Viewers notice: {effects.totals(plan, plan.watched)}."


def findings(found: Iterable[Finding]) -> Iterator[str]:
    """Yield a line for each finding."""
    yield from map(headline, found)


def tree(seen: Tree) -> Iterator[str]:
    """Yield what is to be known of a tree before anything that follows from it: why it is not the newest, findings."""
    if seen.trouble:
        yield f"warning: these are not the newest manifests: {seen.trouble}"
    yield from findings(seen.verdict.findings)


def plan_json(preview: Preview, *, backend: str) -> dict[str, Any]:
    """Return the plan as JSON says it; `changes` is in the order to send, null when the manifests have errors."""
    return {
        "version": 1,
        "revision": preview.tree.revision,
        "backend": backend,
        "findings": [str(finding) for finding in preview.tree.verdict.findings],
        **plan_document(preview.plan),
    }


def plan_document(plan: Plan | None) -> dict[str, Any]:
    """Return what a JSON document says of a plan; its changes are null where there is none."""
    changes = None if plan is None else [change_json(change, plan.watched) for change in plan.changes]
    noticed = "" if plan is None else effects.totals(plan, plan.watched)
    may_stop = plan is not None and plan.may_stop
    whole = plan or Plan()
    windows = [_held_json(item, whole.watched) for item in whole.windows]
    return {"changes": changes, "effect": noticed, "may_stop": may_stop, "windows": windows, **_left_json(whole)}


def change_json(change: Change, watched: effects.Watched = effects.NOBODY_LOOKED) -> dict[str, Any]:
    """Return one change as JSON says it."""
    return {
        "resource": str(change.key),
        "action": str(change.action),
        "id": change_id(change),
        "impact": str(change.impact),
        "effect": effects.effect(change, watched),
        "why": change.why,
        "properties": _properties_json(changed_of(change)),
        "outputs": [
            {"resource": str(key), "action": str(action), "properties": _properties_json(changed)}
            for key, action, changed in inner_of(change)
        ],
        "calls": [f"{call.action} {call.key}" for call in change.expected] if isinstance(change, Sequence) else [],
    }


def _properties_json(changed: Iterable[PropertyChange]) -> list[dict[str, Any]]:
    return [
        {"path": item.path, "found": _json_value(item.found), "wanted": _json_value(item.wanted)} for item in changed
    ]


def id_of(change: Change) -> str:
    """Return the id of a change for the end of its line, subtly: it is for whoever approves that change."""
    return click.style(f"  [{change_id(change)}]", dim=True)


def outcome_line(outcome: Outcome) -> str:
    """Return what became of one change, in one line."""
    change = outcome.change
    word, colour = _RESULTS[outcome.result]
    if outcome.held is not None and outcome.held.hold is Hold.TWIN:
        word = IN_PROGRESS
    said = whole(outcome.held) if outcome.why and outcome.held is not None else outcome.why
    why = f": {safe(said)}" if said else ""
    return f"{click.style(f'{word:8}', fg=colour)} {change.action} {change.key}{why}"


def outcome_text(outcome: PassOutcome, *, told: Plan | None = None) -> Iterator[str]:
    """Yield what a pass left undone, each with its reason unless a plan has just told it, and its totals."""
    left = outcome.left if told is None else _beyond(outcome.left, told)
    yield from _withheld(left)
    yield from _undone(outcome)
    yield from _held_back(left)
    counts = Counter(change.action for change in outcome.done)
    begun = len(told_of(outcome.left)[IN_PROGRESS])
    past = [f"{counts[action]} {_PAST[action]}" for action in Action if counts[action]]
    done = ", ".join([*past, f"{begun} begun"] if begun else past)
    done = done or ("nothing" if outcome.undone else "nothing to do")
    yield f"Applied: {done}; {outcome.left.unchanged} unchanged before{_tail(outcome)}."


def _beyond(left: Plan, told: Plan) -> Plan:
    """Return what is held back without what was told."""
    return replace(
        left,
        blocked=tuple(item for item in left.blocked if item not in told.blocked),
        waiting=tuple(item for item in left.waiting if item not in told.waiting),
        failed=tuple(item for item in left.failed if item not in told.failed),
    )


def outcome_counts(outcome: PassOutcome) -> dict[str, int]:
    """Return how many resources and changes came to which end."""
    results = Counter(item.result for item in outcome.outcomes)
    return {
        "done": results[Result.DONE],
        "blocked": len(outcome.left.blocked),
        "failed": results[Result.FAILED] + len(outcome.left.failed),
        "skipped": results[Result.SKIPPED],
        "unknown": results[Result.UNKNOWN],
        "waiting": len(outcome.left.waiting),
        "unchanged": outcome.left.unchanged,
    }


def _tail(outcome: PassOutcome) -> str:
    """Return what was not done as numbers; where there is any, all of the usual ones, so that none is missed."""
    told = told_of(outcome.left)
    counts = {**outcome_counts(outcome), "blocked": len(told["blocked"]), IN_PROGRESS: len(told[IN_PROGRESS])}
    left = {name: counts[name] for name in ("blocked", "failed", "skipped", "unknown", "waiting", IN_PROGRESS)}
    if not any(left.values()):
        return ""
    usual = ("blocked", "failed", "skipped")
    said = [f"{count} {_LEFT.get(name, name)}" for name, count in left.items() if count or name in usual]
    return f"; {', '.join(said)}"


def _undone(outcome: PassOutcome) -> Iterator[str]:
    """Yield a line for each change that failed, and one for all that were not sent for one reason."""
    skipped: dict[str, list[str]] = {}
    for item in outcome.undone:
        change = item.change
        if item.result is Result.SKIPPED:
            skipped.setdefault(item.why, []).append(f"{change.action} {change.key}")
        else:
            word, colour = str(item.result), _RESULTS[item.result][1]
            head = click.style(f"! {word} {change.key}", fg=colour, bold=True)
            yield f"{head} ({change.action}): {safe(item.why)}"
    for why, names in skipped.items():
        head = click.style(f"! skipped {len(names)}", fg="yellow", bold=True)
        yield f"{head}, {safe(why)}: {named(names)}"


def outcome_json(outcome: PassOutcome, *, backend: str) -> dict[str, Any]:
    """Return what a pass did as JSON says it."""
    return {
        "version": 1,
        "revision": outcome.revision,
        "backend": backend,
        "changes": [
            {
                **change_json(item.change),
                "result": str(item.result),
                "error": item.why,
                "request_ids": list(item.request_ids),
            }
            for item in outcome.outcomes
        ],
        "counts": outcome_counts(outcome),
        **_left_json(outcome.left),
    }


_WORDS: Final[Mapping[str, str]] = {"blocked": "yellow", IN_PROGRESS: "cyan", "waiting": "cyan", "failed": "red"}
_LEFT: Final[Mapping[str, str]] = {"skipped": "not sent"}
_RESULTS: Final[Mapping[Result, tuple[str, str]]] = {
    Result.DONE: ("done", "green"),
    Result.FAILED: ("FAILED", "red"),
    Result.SKIPPED: ("not sent", "yellow"),
    Result.BLOCKED: ("blocked", "yellow"),
    Result.UNKNOWN: ("UNKNOWN", "red"),
}
_PAST: Final[Mapping[Action, str]] = {
    Action.CREATE: "created",
    Action.EDIT: "edited",
    Action.RECREATE: "recreated",
    Action.DELETE: "deleted",
    Action.START: "started",
    Action.STOP: "stopped",
}


def _headline(change: Change, watched: effects.Watched) -> str:
    sign, colour = _SIGNS[change.action]
    what = click.style(f"{sign} {change.action} {change.key}", fg=colour, bold=True)
    return f"{what}  {_effect(change, watched)}  ({safe(change.why)}){id_of(change)}"


def _effect(change: Change, watched: effects.Watched) -> str:
    return click.style(f"impact: {safe(effects.effect(change, watched))}", fg=_SHADES[change.impact])


def _details(change: Change) -> Iterator[str]:
    yield from _properties(changed_of(change), is_new=isinstance(change, Create))
    for key, action, changed in inner_of(change):
        yield f"    with it {action} {key}"
        yield from _properties(changed, is_new=action is Action.CREATE, indent=8)
    if isinstance(change, Sequence):
        expected = change.expected
        calls = ", ".join(f"{call.action} {call.key}" for call in expected[:MOST_CALLS])
        yield f"    in {len(expected)} calls: {calls}{', …' if len(expected) > MOST_CALLS else ''}"


def _properties(changed: tuple[PropertyChange, ...], *, is_new: bool, indent: int = 4) -> Iterator[str]:
    width = max((len(item.path) for item in changed), default=0)
    for item in changed:
        wanted = shown(item.wanted)
        if is_new:
            yield f"{' ' * indent}{item.path:{width}}  {wanted}"
        else:
            new = " (a new value)" if is_hidden(item) else ""
            yield f"{' ' * indent}{item.path:{width}}  {shown(item.found)} -> {wanted}{new}"


def _withheld(plan: Plan) -> Iterator[str]:
    """Yield loudly why nothing is deleted, where something makes that unlikely to be meant."""
    for why, count in withheld(plan).items():
        head = click.style(f"NOTHING IS DELETED, {count} held back:", fg="red", bold=True)
        yield f"{head} {safe(why)}"


def _held_back(plan: Plan) -> Iterator[str]:
    loud = withheld(plan)
    for word, held in told_of(plan).items():
        colour = _WORDS[word]
        together: dict[tuple[str, str], list[Held]] = {}
        for item in held:
            release = item.release if isinstance(item, Blocked) else ""
            together.setdefault((item.why, release), []).append(item)
        for (why, release), items in together.items():
            reason = "as said above" if why in loud else safe(why)
            if len(items) > 1:
                yield _reasoned(f"{click.style(f'! {word} {len(items)}', fg=colour, bold=True)}: {reason}", release)
            for item in items:
                action = f" ({item.action})" if isinstance(item, Blocked) else ""
                head = f"{click.style(f'! {word} {item.key}', fg=colour, bold=True)}{action}"
                yield _reasoned(f"{head}: {reason}", release) if len(items) == 1 else f"  {head}"
                if isinstance(item, Blocked) and item.change is not None:
                    yield f"    {_effect(item.change, plan.watched)}{id_of(item.change)}"
                    yield from _details(item.change)


def _reasoned(line: str, release: str) -> str:
    """Return a line that ends with a reason, and with the command that releases where one does."""
    return Releasing(line, safe(release)) if release else line


def _left_json(plan: Plan) -> dict[str, Any]:
    return {
        **{word: [_held_json(item, plan.watched) for item in held] for word, held in held_of(plan).items()},
        "unchanged": plan.unchanged,
    }


def _held_json(item: Blocked | Waiting | Failed, watched: effects.Watched) -> dict[str, Any]:
    found: dict[str, Any] = {"resource": str(item.key), "why": item.why}
    if isinstance(item, Blocked):
        change = None if item.change is None else change_json(item.change, watched)
        found |= {"action": str(item.action), "hold": str(item.hold), "change": change, "release": item.release or None}
    return found


def _json_value(value: PropertyValue) -> str | int | list[str] | None:
    match value:
        case None | int():
            return value
        case str():
            return public(value)
        case tuple():
            return list(value)
        case _:
            return SECRET
