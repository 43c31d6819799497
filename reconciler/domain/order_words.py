"""Orders in words: who gave one, why, until when, and what takes it back."""

from datetime import UTC, datetime
from typing import Final

from reconciler.domain.model import Key
from reconciler.domain.orders import Given, Halt, Orders, Pause, Pin

BY_ITSELF: Final = "reconciler"
"""The author of what no person ordered."""


def halted(halt: Halt) -> str:
    """Return why nothing is written."""
    return f"all writes are stopped{given(halt.given)}. `reconciler resume --all` lifts that"


def paused(pause: Pause, key: Key) -> str:
    """Return why nothing is written for a resource, which may be paused itself or for the sake of another."""
    what = "it is paused" if pause.resource == key else f"{pause.resource} is paused"
    return f"{what}{given(pause.given)}. `reconciler resume {pause.resource}` lifts that"


def pinned(pin: Pin) -> str:
    """Return at what a resource is kept."""
    kept = f"it is kept as revision {pin.revision[:12]} has it"
    return f"{kept}{given(pin.given)}. `reconciler resume {pin.resource}` lifts that"


def sentences(orders: Orders, key: Key | None = None) -> tuple[str, ...]:
    """Return what is ordered, a sentence each; with a key only what is about that resource."""
    halt = () if orders.halt is None else (halted(orders.halt),)
    if key is not None:
        pause, pin = orders.pause_of(key), orders.pin_of(key)
        about = (None if pause is None else paused(pause, key), None if pin is None else pinned(pin))
        return (*halt, *(each for each in about if each is not None))
    pauses = (f"{pause.resource}: {paused(pause, pause.resource)}" for pause in orders.pauses)
    return (*halt, *pauses, *(f"{pin.resource}: {pinned(pin)}" for pin in orders.pins))


def given(of: Given) -> str:
    """Return who gave an order, why and until when, to follow what it does; nothing of what nobody said."""
    by = f" by {of.author}" if of.author else ""
    since = f" since {minute(of.at)}"
    until = "" if of.until is None else f" until {minute(of.until)}"
    return f"{by}{since}{until}{f': {of.reason}' if of.reason else ''}"


def minute(moment: datetime) -> str:
    """Return a point in time as messages show it."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
