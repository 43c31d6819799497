"""Values of a plan as people read them; a secret shows as `***` and nothing else."""

import re
from collections.abc import Iterator
from typing import Final

from reconciler.domain import output_planning, properties
from reconciler.domain.changes import Action, Change, Create, Delete, Edit, Sequence
from reconciler.domain.model import Flow, FlowKey, FoundOutput, Output, OutputKey
from reconciler.domain.properties import PropertyChange, PropertyValue
from reconciler.domain.rules.urls import KEY_IN_PATH

SECRET: Final = "***"  # noqa: S105 -- what stands in a secret's place
MOST_CALLS: Final = 8
"""Calls of one change that are listed; what becomes of the outputs is told in any case."""
_MOST_NAMED: Final = 10
_USERINFO: Final = re.compile(r"(?<=://)[^\s]*@")
_QUERY: Final = re.compile(r"[?#;].*$")


def named(names: list[str]) -> str:
    """Return a few names, and how many more there are."""
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return f"{', '.join(names[:_MOST_NAMED])}{more}"


def changed_of(change: Change) -> tuple[PropertyChange, ...]:
    """Return the properties that a change sets, a create's all of them."""
    if isinstance(change, Create):
        wanted = change.wanted
        if isinstance(wanted, Flow):
            of = properties.of_flow(wanted.live_name, wanted.spec)
        else:
            of = properties.of_output(wanted.live_name, wanted.spec)
        return tuple(PropertyChange(path=path, found=None, wanted=of[path]) for path in sorted(of))
    if isinstance(change, Sequence) and change.action is Action.EDIT:
        own = [call for call in change.calls if isinstance(call, Edit) and call.key == change.key]
        return tuple(one for call in own for one in call.differences)
    return change.differences if isinstance(change, Edit | Sequence) else ()


def inner_of(change: Change) -> Iterator[tuple[OutputKey, Action, tuple[PropertyChange, ...]]]:
    """
    Yield what becomes of each output when its flow is made anew, removed, or stopped for a change of it.

    One that comes back as it was has no properties beside it.
    """
    calls = change.calls if isinstance(change, Sequence) and isinstance(change.key, FlowKey) else ()
    before = {call.key: call.found for call in calls if isinstance(call, Delete)}
    after = {call.key: call for call in calls if isinstance(call, Create)}
    for call in calls:
        if isinstance(call, Edit) and isinstance(call.key, OutputKey):
            yield call.key, Action.EDIT, call.differences
    for key in sorted(key for key in before | after if isinstance(key, OutputKey)):
        found, made = before.get(key), after.get(key)
        if made is None:
            yield key, Action.DELETE, ()
        elif isinstance(found, FoundOutput) and isinstance(made.wanted, Output):
            yield key, Action.RECREATE, output_planning.changed(made.wanted, found)
        else:
            yield key, Action.CREATE, changed_of(made)


def shown(value: PropertyValue) -> str:
    """Return a value in a few characters, fit for any place that takes printable text."""
    match value:
        case None:
            return "absent"
        case str():
            return safe(public(value)) or '""'
        case int():
            return str(value)
        case tuple():
            return f"[{safe(', '.join(value))}]"
        case _:
            return SECRET


def public(value: str) -> str:
    """Return a URL without what may be a secret in it: user info, a key in its path, and query."""
    if "://" not in value:
        return value
    return _QUERY.sub(
        lambda found: f"{found[0][0]}{SECRET}", KEY_IN_PATH.sub(SECRET, _USERINFO.sub(f"{SECRET}@", value))
    )


def is_hidden(item: PropertyChange) -> bool:
    """Return whether what changes is in a part that is not shown, so that both values look the same."""
    return item.found is not None and item.found != item.wanted and shown(item.found) == shown(item.wanted)


def safe(text: str) -> str:
    """Return text that others wrote without what would steer a terminal or a runner of workflows."""
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text).replace("##[", "# #[")
