"""Plain scalars, as the YAML 1.2 core schema reads them: `no` is text, `017` is 17."""

import math
import re
from types import MappingProxyType
from typing import Final, final

JsonValue = dict[str, "JsonValue"] | list["JsonValue"] | str | int | float | bool | None
"""What a manifest may hold: the data model of JSON."""


@final
class NotJson:
    """Stands for a number that JSON cannot hold: infinite, not a number, or beyond an ordinary size."""


NOT_JSON: Final = NotJson()

Scalar = str | int | float | bool | NotJson | None

MERGE: Final = "<<"
"""The key that YAML 1.1 merges by."""

MAX_DIGITS: Final = 15
"""Integers of so many digits survive every JSON reader; nothing in a manifest comes near."""

_WORDS: Final = MappingProxyType({
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
})  # fmt: skip
_INTEGER: Final = re.compile(r"[-+]?[0-9]+")
_OCTAL: Final = re.compile(r"0o[0-7]+")
_HEXADECIMAL: Final = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE: Final = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_NUMBER_STARTS: Final = frozenset("+-.0123456789")


def resolved(text: str) -> Scalar:
    """Return the value of a plain scalar."""
    if text in _WORDS:
        return _WORDS[text]
    return _number(text) if text[0] in _NUMBER_STARTS else text


def _number(text: str) -> Scalar:
    if _INTEGER.fullmatch(text):
        return int(text) if len(text.lstrip("+-")) <= MAX_DIGITS else NOT_JSON
    if _OCTAL.fullmatch(text):
        return int(text, 0) if len(text) <= MAX_DIGITS else NOT_JSON
    if _HEXADECIMAL.fullmatch(text):
        return int(text, 0) if len(text) <= MAX_DIGITS else NOT_JSON
    if _FLOAT.fullmatch(text):
        number = float(text)
        return number if math.isfinite(number) else NOT_JSON
    return NOT_JSON if _NOT_FINITE.fullmatch(text) else text


class Scalars(dict[str, Scalar]):
    """Remembers the values of plain scalars: a tree says the same few words thousands of times."""

    _MAX_REMEMBERED: Final = 50_000
    """Enough for every word of a large tree, and no hold for a file that is made to fill the memory."""

    def __init__(self) -> None:
        super().__init__()
        self.keys_seen: Final[set[str]] = set()
        """Plain scalars that were found to be fit for keys."""

    def __missing__(self, text: str) -> Scalar:
        """Return the value of a scalar not seen before."""
        value = resolved(text)
        if len(self) < self._MAX_REMEMBERED:
            self[text] = value
        return value

    def is_key(self, text: str) -> bool:
        """Return whether a plain scalar may be a key: it is text, and does not merge."""
        if type(self[text]) is not str or text == MERGE:
            return False
        if len(self.keys_seen) < self._MAX_REMEMBERED:
            self.keys_seen.add(text)
        return True
