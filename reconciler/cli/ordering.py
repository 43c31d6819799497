"""Orders from the command line: whose they are, what they are about, and how they are told."""

import contextlib
import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from reconciler.domain.errors import UsageError

if TYPE_CHECKING:
    from reconciler.domain.model import Key
    from reconciler.domain.orders import Given, Halt, Order, Pause, Pin
    from reconciler.settings import Settings

DEFAULT_SPAN: Final = "4h"
"""How long a pause lasts where nobody says: what is paused and forgotten drifts away unseen."""
_NAMES: Final = re.compile(r"flow/[A-Za-z0-9_]{1,32}|output/[A-Za-z0-9_]{1,32}/[A-Za-z0-9_]{1,32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody asked for on the command line."""

    key: "Key | None"
    """None for everything."""
    reason: str
    span: str | None
    author: str | None


def key_for(resource: str, *, everything: bool, verb: str) -> "Key | None":
    """
    Return the resource that is meant; None for everything.

    Raises:
        UsageError: it is no address, or it is not clear whether one or everything is meant.

    """
    from reconciler.cli.addresses import address_of
    from reconciler.domain.model import key_of

    if everything and resource:
        raise UsageError(f"{resource} or --all: one or everything, not both")
    if everything:
        return None
    if not resource:
        raise UsageError(f"Say what: reconciler {verb} flow/NAME, or reconciler {verb} --all for everything")
    address = address_of(resource)
    if not _NAMES.fullmatch(address):
        raise UsageError(f"{resource} is no address of a resource: say flow/NAME or output/FLOW/NAME")
    return key_of(address)


def given(wish: Wish, *, now: datetime) -> "Halt | Pause":
    """
    Return the order that a wish comes to.

    Raises:
        UsageError: the reason or the span is none.

    """
    from reconciler.domain.orders import Halt, Pause

    by = _by(wish, "a pause", span=wish.span or (None if wish.key is None else DEFAULT_SPAN), now=now)
    return Halt(given=by) if wish.key is None else Pause(resource=wish.key, given=by)


def pin(wish: Wish, *, revision: str, manifest: str, now: datetime) -> "Pin":
    """
    Return the order to keep a resource as a revision has it.

    Raises:
        UsageError: the reason or the span is none.

    """
    from reconciler.domain.orders import Pin

    if wish.key is None:
        raise UsageError("Nothing was named")
    by = _by(wish, "a rollback", span=wish.span, now=now)
    return Pin(resource=wish.key, revision=revision, manifest=manifest, against="", given=by)


def _by(wish: Wish, of: str, *, span: str | None, now: datetime) -> "Given":
    from reconciler import wiring
    from reconciler.cli.terms import reason_from, span_from
    from reconciler.domain.orders import Given

    at = now.replace(microsecond=0)
    return Given(
        author=wish.author or wiring.user(),
        reason=reason_from(wish.reason, of),
        at=at,
        until=None if span is None else at + span_from("--for", span),
    )


def told(settings: "Settings", order: "Order", what: str) -> None:
    """Write down in the journal that an order was given or lifted."""
    from reconciler import wiring
    from reconciler.domain.orders import Halt
    from reconciler.ports.journal import Note

    by = order.given
    author = {"author": by.author} if by.author else {}
    until = {} if by.until is None else {"until": by.until.isoformat()}
    note = Note(
        kind=f"order.{what}",
        resource="" if isinstance(order, Halt) else str(order.resource),
        why=by.reason,
        fields={"order": type(order).__name__.lower()} | author | until,
    )
    with contextlib.closing(wiring.journal(settings)) as journal:
        journal.note(note)


def is_watched(settings: "Settings") -> str:
    """Say whether somebody is at work who keeps to it."""
    from reconciler import wiring

    if wiring.is_held(settings):
        return f"Whoever works on {settings.state} keeps to it from now on."
    return f"Nobody works on {settings.state} right now; whoever does later keeps to it."
