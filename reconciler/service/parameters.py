"""The query of a request, read strictly: a slip is told with its name, and never quietly ignored."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Final, TypeVar

from starlette.requests import Request

from reconciler.domain.conditions import Aspect, Reason, Standing
from reconciler.domain.model import ResourceKind
from reconciler.service.problems import ProblemError

DEFAULT_LIMIT: Final = 100
MOST: Final = 1000
"""Of anything in one answer."""
_MOST_CHARACTERS: Final = 200
_SHOWN: Final = 40
_ADDRESS: Final = re.compile(r"(flow|output/\w{1,32})/\w{1,32}", re.ASCII)

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What was asked for, by the names of the parameters; absent is what was not."""

    values: Mapping[str, object]

    def get(self, name: str, kind: type[T]) -> T | None:
        """Return a parameter's value; None where it was not given."""
        value = self.values.get(name)
        return value if isinstance(value, kind) else None

    def text(self, name: str) -> str:
        """Return a parameter's text; "" where it was not given."""
        return self.get(name, str) or ""

    @property
    def limit(self) -> int:
        """Return how many are wanted at most."""
        return self.get("limit", int) or DEFAULT_LIMIT


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(MOST)) and 1 <= int(text) <= MOST):
        raise ValueError(f"a whole number, 1 to {MOST}")
    return int(text)


def _word(text: str) -> str:
    if not text or len(text) > _MOST_CHARACTERS or not text.isprintable():
        raise ValueError(f"1 to {_MOST_CHARACTERS} printable characters")
    return text


def _address(text: str) -> str:
    if not _ADDRESS.fullmatch(text):
        raise ValueError("an address, flow/NAME or output/FLOW/NAME")
    return text


def _flag(text: str) -> bool:
    words = {"true": True, "false": False}
    if text not in words:
        raise ValueError("true or false")
    return words[text]


def _one_of(words: type[E]) -> Callable[[str], E]:
    def parse(text: str) -> E:
        try:
            return words(text)
        except ValueError:
            raise ValueError(f"one of {', '.join(words)}") from None

    return parse


Parser = Callable[[str], object]

RESOURCES: Final[Mapping[str, Parser]] = {
    "kind": _one_of(ResourceKind),
    "flow": _word,
    "aspect": _one_of(Aspect),
    "standing": _one_of(Standing),
    "reason": _one_of(Reason),
    "paused": _flag,
    "pinned": _flag,
    "after": _address,
    "limit": _limit,
}
HISTORY: Final[Mapping[str, Parser]] = {"resource": _address, "limit": _limit}
EVENTS: Final[Mapping[str, Parser]] = {"resource": _address, "kind": _word, "limit": _limit}
NONE: Final[Mapping[str, Parser]] = {}


def read(request: Request, known: Mapping[str, Parser]) -> Query:
    """
    Return what the query asks for.

    Raises:
        ProblemError: a parameter is unknown, given twice, or not of its form.

    """
    values: dict[str, object] = {}
    for name, text in request.query_params.multi_items():
        if name not in known:
            there = ", ".join(known) or "none"
            raise _wrong(name[:_SHOWN], f"There is no parameter of this name here; there are: {there}.")
        if name in values:
            raise _wrong(name, "It is given twice.")
        try:
            values[name] = known[name](text)
        except ValueError as error:
            raise _wrong(name, f"It must be {error}.") from error
    return Query(values=values)


def _wrong(name: str, why: str) -> ProblemError:
    return ProblemError(HTTPStatus.BAD_REQUEST, f"The parameter {name!r}: {why}", parameter=name)
