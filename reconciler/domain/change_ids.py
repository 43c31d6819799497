"""The id of a change: the same for the same wish about the same thing found, whatever else happens around it."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Final

from reconciler.domain import properties
from reconciler.domain.changes import Action, Call, Change, Create, Delete, Edit, Sequence, Start, Stop
from reconciler.domain.marks import Mark
from reconciler.domain.model import Flow, FoundFlow, FoundOutput, Output
from reconciler.domain.properties import PropertyValue
from reconciler.domain.resolution import secret_versions
from reconciler.domain.secrets import Hidden, Secret, SecretRef

LENGTH: Final = 12
"""Hexadecimal digits of an id: 48 bits tell the changes of any account apart, and can be read aloud."""


def change_id(change: Change) -> str:
    """
    Return the id of a change: a hash of the resource, the action, what is wanted and what was found.

    Secrets count by their versions, never by their values, so that an id tells nothing of them. Other changes, the
    revision of the manifests, the time and live ids have no part in it.
    """
    return _hash([str(change.key), str(change.action), list(_wanted(change)), list(_found(change))])


def wanted_id(change: Change) -> str:
    """Return a hash of what is wanted alone, so that whoever compares two changes can say in what they differ."""
    return _hash(list(_wanted(change)))


def found_id(change: Change) -> str:
    """Return a hash of what was found alone, as above."""
    return _hash(list(_found(change)))


def _hash(said: object) -> str:
    canonical = json.dumps(said, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:LENGTH]


def _calls(change: Change) -> tuple[Call, ...]:
    return (change.meant or change.calls) if isinstance(change, Sequence) else (change,)


def _wanted(change: Change) -> Iterator[object]:
    for call in _calls(change):
        if isinstance(call, Create | Edit):
            yield [str(call.key), _of_desired(call.wanted)]
        if isinstance(call, Create) and isinstance(call.wanted, Flow):
            # Who lets a flow be made anew to run lets nobody make it anew to stand still.
            yield [str(call.key), str(call.wanted.spec.state)]
        elif call.action in {Action.START, Action.STOP}:
            yield [str(call.key), str(call.action)]


def _found(change: Change) -> Iterator[object]:
    for call in _calls(change):
        if isinstance(call, Edit | Delete):
            yield [str(call.key), _of_found(call.found)]
        elif isinstance(call, Stop) and call.found is not None:
            # Who agreed that one output goes off air did not agree that four do.
            yield [str(call.key), _of_found(call.found), sorted(output.live_name for output in call.found.outputs)]
        elif isinstance(call, Start) and call.found is not None:
            # Who let a flow send to one far end did not let it send to another one.
            outputs = sorted(call.found.outputs, key=lambda output: output.live_name)
            yield [str(call.key), _of_found(call.found), *map(_of_found, outputs)]


def _of_desired(wanted: Flow | Output) -> Mapping[str, object]:
    if isinstance(wanted, Flow):
        listed = properties.of_flow(wanted.live_name, wanted.spec)
    else:
        listed = properties.of_output(wanted.live_name, wanted.spec)
    return _plain(listed) | {"secrets": secret_versions(wanted.spec), "protected": wanted.care.protected}


def _of_found(found: FoundFlow | FoundOutput) -> Mapping[str, object]:
    own: dict[str, object] = {"liveName": found.live_name, **_of_mark(found.mark)}
    if isinstance(found, FoundFlow):
        return own | ({} if found.spec is None else _plain(properties.of_flow(found.live_name, found.spec)))
    return own | ({} if found.spec is None else _plain(properties.of_output(found.live_name, found.spec)))


def _of_mark(mark: Mark | None) -> Mapping[str, object]:
    if mark is None:
        return {}
    return {"secrets": mark.secret_versions, "protected": mark.protected}


def _plain(listed: Mapping[str, PropertyValue]) -> dict[str, object]:
    return {path: _value(value) for path, value in listed.items()}


def _value(value: PropertyValue) -> object:
    match value:
        case Secret() | SecretRef() | Hidden():
            # Neither what it is nor where it is kept; its version stands beside.
            return "secret"
        case tuple():
            return sorted(value)
        case _:
            return value
