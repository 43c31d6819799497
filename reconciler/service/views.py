"""What the API says, as JSON: the values of the board and of the journal, in the words of `openapi.json`."""

from datetime import datetime
from typing import Any

from reconciler.domain.conditions import Condition, Transition
from reconciler.domain.model import OutputKey, ResourceKind
from reconciler.domain.orders import Given
from reconciler.ports.journal import Noted, Written
from reconciler.ports.status import ResourceStatus, Vitals

Json = dict[str, Any]


def instant(at: datetime | None) -> str | None:
    """Return a time as the API has it: RFC 3339, in UTC, to the millisecond."""
    return None if at is None else at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _seconds(span_s: float | None) -> float | None:
    """Return a span as the API has it, to the millisecond."""
    return None if span_s is None else round(span_s, 3)


def vitals(now: Vitals) -> Json:
    """Return how the loop is."""
    return {
        "phase": now.phase.value,
        "phaseS": _seconds(now.phase_s),
        "source": now.source,
        "backend": now.backend,
        "owner": now.owner,
        "observes": now.observes,
        "startedAt": instant(now.started_at),
        "revision": now.revision,
        "seen": now.seen,
        "trouble": now.trouble,
        "passedAt": instant(now.passed_at),
        "passS": _seconds(now.pass_s),
        "hintedAt": instant(now.hinted_at),
        "provenAt": instant(now.proven_at),
        "nextPassS": _seconds(now.next_pass_s),
        "queueAgeS": _seconds(now.queue_age_s),
        "failures": now.failures,
        "unreadable": now.unreadable,
        "halt": None if now.halt is None else given(now.halt.given),
    }


def resource(status: ResourceStatus) -> Json:
    """Return one resource."""
    return {
        "address": str(status.key),
        "kind": kind_of(status).value,
        "flow": status.key.flow_key.name,
        "output": status.key.name if isinstance(status.key, OutputKey) else None,
        "generation": status.generation,
        "revision": status.revision,
        "conditions": [condition(each) for each in status.conditions.values()],
        "bitrateBps": status.bitrate_bps,
        "lookedAt": instant(status.looked_at),
        "pause": None if status.pause is None else given(status.pause.given),
        "pin": None if status.pin is None else {**given(status.pin.given), "revision": status.pin.revision},
    }


def kind_of(status: ResourceStatus) -> ResourceKind:
    """Return what a resource is."""
    return ResourceKind.OUTPUT if isinstance(status.key, OutputKey) else ResourceKind.FLOW


def condition(now: Condition) -> Json:
    """Return one condition."""
    return {
        "aspect": now.aspect.value,
        "standing": now.standing.value,
        "reason": now.reason.value,
        "message": now.message,
        "generation": now.generation,
        "since": instant(now.since),
    }


def given(order: Given) -> Json:
    """Return who gave an order, why, and for how long."""
    return {
        "author": order.author,
        "reason": order.reason,
        "at": instant(order.at),
        "until": instant(order.until),
    }


def transition(change: Transition) -> Json:
    """Return what became of a condition."""
    return {
        "resource": change.resource,
        "before": None if change.before is None else condition(change.before),
        "after": condition(change.after),
    }


def call(written: Written) -> Json:
    """Return one call of the journal."""
    intent = written.intent
    return {
        "number": written.number,
        "at": instant(written.at),
        "resource": intent.resource,
        "action": intent.action,
        "change": intent.change,
        "liveName": intent.live_name,
        "pass": intent.pass_id,
        "revision": intent.revision,
        "settled": None if written.settled is None else written.settled.value,
        "why": written.why,
        "requestId": written.request_id,
        "durationS": written.duration_s,
    }


def note(noted: Noted) -> Json:
    """Return one note of the journal."""
    said = noted.note
    return {
        "number": noted.number,
        "at": instant(noted.at),
        "kind": said.kind,
        "resource": said.resource,
        "why": said.why,
        "pass": said.pass_id,
        "revision": said.revision,
        "fields": dict(said.fields),
    }
