"""Documents that say how changes are made: what is wrong with one on its own, and the domain's value of it."""

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, time
from types import MappingProxyType
from typing import Final

from reconciler.domain.changes import Action
from reconciler.domain.documents import Fault, Path, Policy
from reconciler.domain.model import FlowKey, Key, OutputKey, ResourceKind, key_of
from reconciler.domain.policies import (
    Approval,
    Calendar,
    Limit,
    Move,
    OneOff,
    Override,
    Recurring,
    Window,
    WindowKind,
)
from reconciler.domain.rules import calendars, excuses, moments
from reconciler.domain.rules.policies import needless
from reconciler.manifests import zones
from reconciler.manifests.decode import Written
from reconciler.manifests.identify import APPROVAL, CALENDAR, MOVE, OVERRIDE

_EXPIRES: Path = ("spec", "expires")
_ZONE: Path = ("spec", "zone")
_WINDOWS: Path = ("spec", "windows")

_OVERRUN_MINUTES: Final = 240
_MINUTE_S: Final = 60.0


def examine(document: Written) -> Iterator[Fault]:
    """Return what is wrong with a document that fits its schema; one without an error can be decoded."""
    kind, spec = document["kind"], document["spec"]
    yield from excuses.faults(document["metadata"].get("annotations", {}))
    if kind == APPROVAL:
        yield from needless(key_of(spec["resource"]), spec["action"])
    if kind in {APPROVAL, OVERRIDE}:
        yield from moments.impossible_instant(spec["expires"], _EXPIRES)
    if kind == CALENDAR:
        yield from calendars.zone(spec["zone"], zones.names(), _ZONE)
        clock = zones.clock(spec["zone"])
        for index, window in enumerate(spec["windows"]):
            yield from calendars.window(window, (*_WINDOWS, index), clock)


def decode(document: Written) -> Policy:
    """Return what a document says in which nothing was found wrong."""
    return _DECODERS[document["kind"]](document["metadata"]["name"], document["spec"])


def flows(document: Written) -> tuple[str, ...]:
    """Return the flows that a document names, in the order in which it does."""
    return tuple(document["spec"].get("flows", ()))


def _approval(name: str, spec: Written) -> Approval:
    return Approval(
        name=name,
        resource=_key(spec["resource"]),
        action=Action(spec["action"]),
        change=spec["change"],
        reason=spec["reason"],
        expires=moments.instant(spec["expires"]),
        signature=spec.get("signature", ""),
    )


def _override(name: str, spec: Written) -> Override:
    return Override(
        name=name,
        of=_key(spec["resource"]) if "resource" in spec else ResourceKind(spec["kind"]),
        action=Action(spec["action"]),
        lifts=frozenset(map(Limit, spec["lifts"])),
        reason=spec["reason"],
        expires=moments.instant(spec["expires"]),
    )


def _calendar(name: str, spec: Written) -> Calendar:
    return Calendar(
        name=name,
        zone=spec["zone"],
        windows=tuple(map(_window, spec["windows"])),
        outside=WindowKind(spec.get("outside", WindowKind.NORMAL)),
        flows=frozenset(spec.get("flows", ())),
        labels=tuple(sorted(spec.get("labels", {}).items())),
        longest_overrun_s=spec.get("longestOverrunMinutes", _OVERRUN_MINUTES) * _MINUTE_S,
    )


def _window(written: Written) -> Window:
    kind, overruns = WindowKind(written["kind"]), written.get("overrun", False)
    if "every" not in written:
        begins, ends = map(datetime.fromisoformat, (written["from"], written["to"]))
        return OneOff(kind=kind, begins=begins, ends=ends, overruns=overruns)
    return Recurring(
        kind=kind,
        days=calendars.days(written["every"]),
        begins=time.fromisoformat(written["from"]),
        ends=time.fromisoformat(written["to"]),
        first=date.fromisoformat(written["since"]) if "since" in written else None,
        last=date.fromisoformat(written["until"]) if "until" in written else None,
        overruns=overruns,
    )


def _move(name: str, spec: Written) -> Move:
    return Move(name=name, before=_key(spec["from"]), now=_key(spec["to"]))


def _key(address: str) -> Key:
    _, flow, *output = address.split("/")
    return OutputKey(flow, output[0]) if output else FlowKey(flow)


_DECODERS: Final[Mapping[str, Callable[[str, Written], Policy]]] = MappingProxyType(
    {APPROVAL: _approval, OVERRIDE: _override, CALENDAR: _calendar, MOVE: _move}
)
