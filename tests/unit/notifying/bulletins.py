"""Bulletins as tests of notifications make them."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from reconciler.domain.conditions import Aspect, Condition, Reason, Standing, Transition
from reconciler.notifying.ledger import Ledger
from reconciler.notifying.notices import Message
from reconciler.ports.notifier import Bulletin, Stage

START: Final = datetime(2026, 1, 1, tzinfo=UTC)
DAMP_S: Final = 60.0
EVERYTHING: Final = ("critical", "warning", "info", "resolved")
TOWER: Final = "output/city_news/tower_north"
SHA: Final = "3f1c0de" + "0" * 33


def at(seconds: float) -> datetime:
    """Return a time so many seconds after the start."""
    return START + timedelta(seconds=seconds)


def condition(
    aspect: Aspect, standing: Standing, reason: Reason, *, since_s: float = 0, message: str = ""
) -> Condition:
    """Return a condition."""
    return Condition(aspect=aspect, standing=standing, reason=reason, message=message, since=at(since_s))


def on_air(seconds: float = 0, resource: str = TOWER) -> Transition:
    """Return that a resource is on air."""
    after = condition(Aspect.ON_AIR, Standing.TRUE, Reason.DELIVERING, since_s=seconds)
    return Transition(resource=resource, before=None, after=after)


def dark(seconds: float = 0, resource: str = TOWER, *, message: str = "") -> Transition:
    """Return that a resource was on air and is not."""
    before = condition(Aspect.ON_AIR, Standing.TRUE, Reason.DELIVERING)
    after = condition(Aspect.ON_AIR, Standing.FALSE, Reason.DARK, since_s=seconds, message=message)
    return Transition(resource=resource, before=before, after=after)


def ready(
    standing: Standing, reason: Reason, seconds: float = 0, *, resource: str = TOWER, message: str = ""
) -> Transition:
    """Return that a resource is as its manifest says, or why it is not."""
    after = condition(Aspect.READY, standing, reason, since_s=seconds, message=message)
    return Transition(resource=resource, before=None, after=after)


def failed(seconds: float = 0, resource: str = TOWER, *, message: str = "") -> Transition:
    """Return that a change failed."""
    return ready(Standing.FALSE, Reason.FAILED, seconds, resource=resource, message=message)


def in_step(seconds: float = 0, resource: str = TOWER) -> Transition:
    """Return that a resource is as its manifest says."""
    return ready(Standing.TRUE, Reason.IN_STEP, seconds, resource=resource)


def bulletin(seconds: float, *transitions: Transition, **more: Any) -> Bulletin:
    """Return what a pass so many seconds after the start has changed."""
    usual: dict[str, Any] = {"revision": SHA, "stage": Stage.PENDING, "pass_id": "p1"}
    return Bulletin(
        at=at(seconds),
        source="/srv/manifests",
        backend="the relay",
        transitions=transitions,
        **{**usual, **more},
    )


def ledger(*wanted: str, damp_s: float = DAMP_S) -> Ledger:
    """Return a ledger of a sink that is told this, everything where nothing is said."""
    return Ledger("ops", account="local", wanted=wanted or EVERYTHING, damp=timedelta(seconds=damp_s))


def deliver(desk: Ledger, seconds: float) -> Message | None:
    """Return what a sink that always answers is told at this time."""
    draft = desk.draft(at(seconds))
    if draft is not None:
        desk.trying(draft)
        desk.told(draft, at(seconds))
    return draft


def said(message: Message | None) -> list[str]:
    """Return what a message says, in a word and a resource and aspect for each item."""
    return [] if message is None else [f"{item.word} {item.resource} {item.aspect}" for item in message.items]
