"""Answers as texts. What does not change from one answer to the next is written once."""

import json
from collections.abc import Mapping
from typing import Any


class Written(dict[str, Any]):
    """An object with its text. Nobody changes it: whoever answers something else makes another object."""

    __slots__ = ("text",)

    def __init__(self, members: Mapping[str, Any]) -> None:
        super().__init__(members)
        self.text = _json(members)


def text_of(fields: Mapping[str, Any]) -> str:
    """Return an object as JSON; a member that is written already, or a list of such, is taken as it is."""
    return "{" + ",".join(f"{_json(name)}:{_member(value)}" for name, value in fields.items()) + "}"


def _member(value: Any) -> str:
    if isinstance(value, Written):
        return value.text
    if isinstance(value, list) and value and all(isinstance(each, Written) for each in value):
        return "[" + ",".join(each.text for each in value) + "]"
    return _json(value)


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
