"""Conditions: what is true of one resource right now, why, since when, and of which generation of its manifest."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import datetime
from enum import Enum, StrEnum
from typing import Final

from reconciler.domain.model import Flow, FlowKey, Output

GENERATION_LENGTH: Final = 12


class Aspect(StrEnum):
    """What a condition is about."""

    READY = "Ready"
    """The backend has what the manifest says."""
    RECONCILING = "Reconciling"
    """Something is under way, and the next passes go on with it."""
    STALLED = "Stalled"
    """Nothing goes on by itself: somebody has to do something."""
    ON_AIR = "OnAir"
    """Media is carried."""
    DRIFTED = "Drifted"
    """Somebody else changed it since it was last in step with its manifest."""


class Standing(StrEnum):
    """Whether it is so."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Reason(StrEnum):
    """Why it is so: a closed set, for machines; what a person wants to know stands in the message."""

    IN_STEP = "InStep"
    """The backend has what the manifest says."""
    PLANNED = "Planned"
    """A change would be sent, and nothing is ever sent here (`run --observe`)."""
    BLOCKED = "Blocked"
    """The guard holds a change back."""
    WAITING = "Waiting"
    """It waits for another resource."""
    FAILED = "Failed"
    """The backend refused a change, or it could not be planned."""
    SKIPPED = "Skipped"
    """It was not sent because of something else."""
    UNCLEAR = "Unclear"
    """The outcome of a change is not known yet."""
    PAUSED = "Paused"
    """Somebody paused it."""
    HALTED = "Halted"
    """All writes are stopped."""
    PINNED = "Pinned"
    """Somebody rolled it back to an older spec."""
    PUT_BACK = "PutBack"
    """A change took it off air, and the spec before stands again."""
    ON_TRIAL = "OnTrial"
    """It was changed on air, and has to be on air again before a deadline."""
    DRIFT = "Drift"
    """It was changed elsewhere, and its drift mode leaves that alone."""
    UNREADABLE = "Unreadable"
    """The backend could not be read."""
    DELIVERING = "Delivering"
    """Connected, with a bitrate above the floor."""
    DARK = "Dark"
    """Its flow runs, and nothing arrives or leaves."""
    NO_SOURCE = "NoSource"
    """Its flow runs, and the flow's input is dark."""
    IDLE = "Idle"
    """Its flow does not run; or nothing is under way."""
    NOT_LOOKED = "NotLooked"
    """Nobody has looked yet, or too long ago."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One condition of one resource."""

    aspect: Aspect
    standing: Standing
    reason: Reason
    message: str = ""
    """For people; never a secret."""
    generation: str = ""
    """Of the manifest that was judged, "" where none is left: see `generation_of`."""
    since: datetime
    """When `standing` last changed, in UTC; a new reason or message alone is no transition."""

    def after(self, before: "Condition | None") -> "Condition":
        """Return this condition with the time of the one before where its standing is the same."""
        if before is None or before.standing is not self.standing:
            return self
        return replace(self, since=before.since)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """A condition of one resource that has become another one: in its standing, or in its reason."""

    resource: str
    """Address."""
    before: Condition | None
    """None where the resource is seen for the first time."""
    after: Condition

    @property
    def aspect(self) -> Aspect:
        """Return what it is about."""
        return self.after.aspect


def transition(resource: str, before: Condition | None, after: Condition) -> Transition | None:
    """Return what has become of a condition; None where neither its standing nor its reason is another."""
    if before is not None and (before.standing, before.reason) == (after.standing, after.reason):
        return None
    return Transition(resource=resource, before=before, after=after)


def generation_of(resource: Flow | Output) -> str:
    """
    Return the generation of a resource: 12 hexadecimal characters, others when its manifest asks for anything else.

    A name rather than a number, so that it is the same after a restart, and after an upgrade too: what is default takes
    no part, so that a property which is new to this version changes no name. References to secrets count, not their
    values.
    """
    text = repr((str(resource.key), resource.live_name, _said(resource.spec))).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, digest_size=GENERATION_LENGTH // 2).hexdigest()


def _said(value: object) -> object:
    """Return a value as names and plain values, without what is default."""
    if isinstance(value, FlowKey):
        # Of what it is made is our own matter, and must change no generation that is written down.
        return "FlowKey", (("name", value.name),)
    if isinstance(value, tuple):
        return tuple(_said(each) for each in value)
    if isinstance(value, Enum):
        return value.value
    if not is_dataclass(value) or isinstance(value, type):
        return value if isinstance(value, str | int | float | None) else repr(value)
    found = ((each.name, getattr(value, each.name), each.default) for each in fields(value))
    return type(value).__name__, tuple((name, _said(one)) for name, one, default in found if one != default)


Conditions = Mapping[Aspect, Condition]
"""Of one resource, each aspect once."""
