"""Shapes of JSON objects as values, and what is wrong with a payload that does not have its shape."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from reconciler.streamlink.codes import Code
from reconciler.streamlink.wire.words import BOTH, Profile

Payload = Mapping[str, Any]
"""A JSON object of the API."""


class Kind(StrEnum):
    """The JSON type of a value, in the words that messages use."""

    STR = "string"
    INT = "integer"
    BOOL = "boolean"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One member of an object, or of a list of them."""

    name: str
    kind: "Kind | Shape" = Kind.STR
    many: bool = False
    """A list of `kind`."""
    required: bool = False
    choices: tuple[str | int, ...] = ()
    """Strings among them are compared without case."""
    values: range | None = None
    """Of an integer."""
    lengths: range | None = None
    """Characters of a string."""
    items: range | None = None
    """Members of a list."""
    pattern: str = ""
    """Of a whole string."""
    code: Code | None = None
    """What a bad value here, or anywhere below, is answered with; None for what its object says."""
    profiles: frozenset[Profile] = BOTH


@dataclass(frozen=True, slots=True)
class Shape:
    """An object: its name and members. What it does not name is unknown."""

    name: str
    fields: tuple[Field, ...]

    def names(self, profile: Profile) -> frozenset[str]:
        """Return the members that this profile knows."""
        return frozenset(field.name for field in self.fields if profile in field.profiles)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something wrong with a request, as the API answers it. It never quotes a value, which may be a secret."""

    code: Code
    field: str
    """Path, such as `Output.SRTSettings.Latency`."""
    message: str


def check(shape: Shape, payload: Any, *, profile: Profile = Profile.MAINLAND) -> tuple[Problem, ...]:
    """Return everything wrong with the payload, in the order of its shape."""
    if not isinstance(payload, Mapping):
        return (Problem(code=Code.INVALID_PARAMETER, field="", message=f"{shape.name} is no object."),)
    return tuple(_check_object(shape, payload, "", _Scope(profile, Code.INVALID_PARAMETER_VALUE)))


@dataclass(frozen=True, slots=True)
class _Scope:
    """What the objects around a value say of it."""

    profile: Profile
    code: Code

    def within(self, field: Field) -> "_Scope":
        return _Scope(self.profile, field.code) if field.code is not None else self


def _check_object(shape: Shape, payload: Payload, path: str, scope: _Scope) -> Iterator[Problem]:
    for name in sorted(payload.keys() - shape.names(scope.profile)):
        yield Problem(code=Code.UNKNOWN_PARAMETER, field=path + name, message=f"{shape.name} has no such parameter.")
    for field in shape.fields:
        if scope.profile not in field.profiles:
            continue
        value = payload.get(field.name)
        where = path + field.name
        if value is None:
            if field.required:
                yield Problem(code=Code.MISSING_PARAMETER, field=where, message=f"{where} is required.")
        elif field.many:
            yield from _check_list(field, value, where, scope.within(field))
        else:
            yield from _check_value(field, value, where, scope.within(field))


def _check_list(field: Field, value: Any, where: str, scope: _Scope) -> Iterator[Problem]:
    if not isinstance(value, list):
        yield Problem(code=Code.INVALID_PARAMETER, field=where, message=f"{where} is no list.")
        return
    if field.items is not None and len(value) not in field.items:
        expected = f"{field.items[0]} to {field.items[-1]}" if len(field.items) > 1 else str(field.items[0])
        yield Problem(code=scope.code, field=where, message=f"{where} takes {expected} members.")
    for index, member in enumerate(value):
        yield from _check_value(field, member, f"{where}.{index}", scope)


def _check_value(field: Field, value: Any, where: str, scope: _Scope) -> Iterator[Problem]:
    if isinstance(field.kind, Shape):
        if isinstance(value, Mapping):
            yield from _check_object(field.kind, value, f"{where}.", scope)
        else:
            yield Problem(code=Code.INVALID_PARAMETER, field=where, message=f"{where} is no object.")
    elif not _is_a(field.kind, value):
        yield Problem(code=Code.INVALID_PARAMETER, field=where, message=f"{where} is no {field.kind}.")
    else:
        complaint = _complaint(field, value)
        if complaint:
            yield Problem(code=scope.code, field=where, message=f"{where} {complaint}.")


def _is_a(kind: Kind, value: Any) -> bool:
    match kind:
        case Kind.STR:
            return isinstance(value, str)
        case Kind.BOOL:
            return isinstance(value, bool)
        case Kind.INT:
            return isinstance(value, int) and not isinstance(value, bool)


def _complaint(field: Field, value: Any) -> str:
    """Return what is wrong with a value of the right type, "" when nothing is."""
    known = {choice.lower() if isinstance(choice, str) else choice for choice in field.choices}
    if known and (value.lower() if isinstance(value, str) else value) not in known:
        return f"is none of {', '.join(str(choice) for choice in field.choices)}"
    if field.values is not None and value not in field.values:
        return f"is not within {field.values[0]} to {field.values[-1]}"
    if field.lengths is not None and len(value) not in field.lengths:
        return f"is not {field.lengths[0]} to {field.lengths[-1]} characters long"
    if field.pattern and re.fullmatch(field.pattern, value) is None:
        return f"does not match {field.pattern}"
    return ""
