"""The knobs as values: what goes wrong, for which actions, and how often. Their file is `schemas/v1/faults.json`."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Final


class When(StrEnum):
    """On which side of the change a call goes wrong; a read changes nothing, and goes wrong before or after it."""

    BEFORE_COMMIT = "beforeCommit"
    """Nothing is carried out."""
    AFTER_COMMIT = "afterCommit"
    """The change is made, and its answer is what suffers. A call that the relay refuses makes none."""


class Order(StrEnum):
    """In which order flows are listed."""

    REVERSED = "reversed"
    """The newest first, on every page."""
    SHUFFLED = "shuffled"
    """Another order for every page, so that flows are on two pages and on none."""


class Begin(StrEnum):
    """Where pages begin that hold less than was asked for."""

    GIVEN = "given"
    """Where the page before ended."""
    ASKED = "asked"
    """Where they would if pages were as large as asked for: what is cut off is on no page."""


class Shown(StrEnum):
    """What is read where a secret is."""

    STARS = "stars"
    EMPTY = "empty"
    ABSENT = "absent"
    """Null."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Knob:
    """One fault. Which calls meet it is counted and never drawn, so that a test sees the same each time."""

    name: ClassVar[str]
    """As the file says it."""
    actions: frozenset[str] = frozenset()
    """To which it applies; empty for all that it can apply to."""
    every: int = 1
    """Of those, only every n-th call."""
    times: int | None = None
    """Of those, only the first n; None for ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttle(Knob):
    """Calls are refused with RequestLimitExceeded, and not carried out."""

    name = "throttle"
    per_s: int | None = None
    """Calls of one action that pass within any second; None where `every` and `times` alone say which are refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InternalError(Knob):
    """Calls are answered with InternalError."""

    name = "internalError"
    when: When


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay(Knob):
    """Calls take longer."""

    name = "delay"
    when: When
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop(Knob):
    """The connection is cut, and nothing is answered."""

    name = "drop"
    when: When


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskedSecrets(Knob):
    """Passphrases, stream keys and the passwords of sources are not read back."""

    name = "maskedSecrets"
    shown: Shown = Shown.STARS
    even_empty: bool = False
    """Whether the same is read where there is no secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownFields(Knob):
    """Every object of an answer has members that no document names."""

    name = "unknownFields"


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowedProtocolsNull(Knob):
    """A flow does not say which protocols it allows."""

    name = "allowedProtocolsNull"


@dataclass(frozen=True, slots=True, kw_only=True)
class DelayedStates(Knob):
    """After a start or stop the former state is still read for a while; one of the two says for how long."""

    name = "delayedStates"
    seconds: float | None = None
    reads: int | None = None
    """Answers that show the flow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageSizeCap(Knob):
    """A list gives fewer flows a page than it is asked for, and says so."""

    name = "pageSizeCap"
    rows: int
    begin: Begin = Begin.GIVEN


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatedPage(Knob):
    """A page of the list shows what the page before showed."""

    name = "repeatedPage"
    page: int
    """From 2."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingPage(Knob):
    """What belongs on a page of the list is on none; later pages move up."""

    name = "missingPage"
    page: int
    """From 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOrder(Knob):
    """Flows are not listed in the order of their creation."""

    name = "listOrder"
    order: Order


KINDS: Final[tuple[type[Knob], ...]] = (
    Throttle,
    Drop,
    InternalError,
    Delay,
    MaskedSecrets,
    UnknownFields,
    AllowedProtocolsNull,
    DelayedStates,
    PageSizeCap,
    RepeatedPage,
    MissingPage,
    ListOrder,
)
"""Every kind, from the wire inwards: a call that is throttled meets no other fault, and what is delayed may be cut."""

_FIELDS: Final[Mapping[str, str]] = {"perS": "per_s", "evenEmpty": "even_empty"}
"""What the file calls otherwise."""
_TYPES: Final[Mapping[str, type[Any]]] = {
    "actions": frozenset,
    "when": When,
    "order": Order,
    "shown": Shown,
    "begin": Begin,
}


def knobs_from(content: Mapping[str, Any]) -> tuple[Knob, ...]:
    """Return the knobs of a file that fits its schema."""
    return tuple(_knob(kind, entry) for kind in KINDS for entry in content.get(kind.name, ()))


def _knob(kind: type[Knob], entry: Mapping[str, Any]) -> Knob:
    return kind(**{_FIELDS.get(name, name): _TYPES.get(name, _same)(value) for name, value in entry.items()})


def _same(value: Any) -> Any:
    return value
