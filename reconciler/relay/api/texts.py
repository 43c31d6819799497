"""Answers as texts. What does not change from one answer to the next is written once."""

import hashlib
import json
from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any


class Written(dict[str, Any]):
    """An object with its text. Nobody changes it: whoever answers something else makes another object."""

    __slots__ = ("digest", "text")

    def __init__(self, members: Mapping[str, Any]) -> None:
        super().__init__(members)
        self.text = _json(members)
        self.digest = _digest(self.text)


def text_of(fields: Mapping[str, Any]) -> str:
    """Return an object as JSON; a member that is written already, or a list of such, is taken as it is."""
    return _joined(fields, attrgetter("text"))


def digest_of(fields: Mapping[str, Any]) -> str:
    """Return a digest of that text, made of those of what is written already: the same for the same text alone."""
    return _digest(_joined(fields, attrgetter("digest")))


def _joined(fields: Mapping[str, Any], of: Callable[[Written], str]) -> str:
    return "{" + ",".join(f"{_json(name)}:{_member(value, of)}" for name, value in fields.items()) + "}"


def _member(value: Any, of: Callable[[Written], str]) -> str:
    if isinstance(value, Written):
        return of(value)
    if isinstance(value, list) and value and all(isinstance(each, Written) for each in value):
        return "[" + ",".join(map(of, value)) + "]"
    return _json(value)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
