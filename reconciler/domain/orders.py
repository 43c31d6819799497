"""Orders: what people tell the running reconciler beside git, with who, why and until when."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from reconciler.domain.model import Key
from reconciler.domain.moves import key_now


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """Who gave an order, why, and for how long."""

    author: str
    """Who gave it, such as `anna@studio-7`; the reconciler itself is `reconciler`."""
    reason: str
    at: datetime
    """When it was given, in UTC."""
    until: datetime | None
    """When it ends by itself, in UTC; None for what ends otherwise."""

    def holds(self, now: datetime) -> bool:
        """Return whether it has not expired."""
        return self.until is None or now < self.until


@dataclass(frozen=True, slots=True, kw_only=True)
class Halt:
    """Nothing is written to the backend any more, whatever the manifests say."""

    given: Given


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Nothing is written for one resource; of a flow, nor for its outputs."""

    resource: Key
    given: Given


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """One resource is kept at an older spec than its manifest's."""

    resource: Key
    revision: str
    """The revision of the manifests that the spec is of."""
    manifest: str
    """The spec as one YAML document; it holds references to secrets, never their values."""
    against: str
    """Generation that it stands against: with another one the pin ends; "" for one that only its time ends."""
    given: Given


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """An output that was on air was changed, and has to be on air again; no person orders this."""

    resource: Key
    against: str
    """Generation that it was changed to; with another one the trial ends."""
    revision: str
    """The revision of the manifests that the spec before is of; "" where nobody remembers that."""
    manifest: str
    """The spec before, as `Pin.manifest`; "" where nobody remembers it."""
    given: Given


Order = Halt | Pause | Pin | Trial


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """All that hold at one moment."""

    halt: Halt | None = None
    pauses: tuple[Pause, ...] = ()
    pins: tuple[Pin, ...] = ()
    trials: tuple[Trial, ...] = ()

    def renamed(self, moved: Mapping[Key, Key]) -> "Orders":
        """Return the orders by the names of now, where resources have other names than when they were given."""
        if not moved or not (self.pauses or self.pins or self.trials):
            return self
        return Orders(
            halt=self.halt,
            pauses=tuple(replace(each, resource=key_now(each.resource, moved)) for each in self.pauses),
            pins=tuple(replace(each, resource=key_now(each.resource, moved)) for each in self.pins),
            trials=tuple(replace(each, resource=key_now(each.resource, moved)) for each in self.trials),
        )

    def pause_of(self, key: Key) -> Pause | None:
        """Return what pauses a resource, its own pause or that of its flow; None where nothing does."""
        return next((each for each in self.pauses if each.resource in {key, key.flow_key}), None)

    def pin_of(self, key: Key) -> Pin | None:
        """Return what pins a resource; None where nothing does."""
        return next((each for each in self.pins if each.resource == key), None)
