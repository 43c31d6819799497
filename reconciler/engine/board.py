"""The board: what is true now of the loop and of every resource; written by the loop, read by every view."""

import asyncio
import contextlib
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from reconciler.domain.conditions import (
    Aspect,
    Condition,
    Reason,
    Transition,
    generation_of,
    transition,
)
from reconciler.domain.errors import BackendError
from reconciler.domain.model import Flow, Key, Output
from reconciler.domain.orders import Orders
from reconciler.engine.plan import Target
from reconciler.engine.reconcile import PassOutcome
from reconciler.engine.standing import IN_STEP, Stand, on_trial, said_of, stands
from reconciler.ports.clock import Clock
from reconciler.ports.source import Revision
from reconciler.ports.status import LaggedError, Phase, ResourceStatus, Vitals

MOST_KEPT: Final = 256
"""Passes' worth of transitions that are kept for a listener who is slow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What one look says of what one resource carries."""

    stand: Stand
    bitrate_bps: int | None
    at: datetime


@dataclass(slots=True)
class _Kept:
    """One resource."""

    wanted: Flow | Output | None
    """None where no manifest is left."""
    generation: str
    conditions: dict[Aspect, Condition]
    carried: Carried | None = None
    is_plain: bool = False
    """Whether the last pass said nothing of it: then one that says nothing again changes nothing."""


class StatusBoard:
    """Implements `ports.status.Board`; to be used by one event loop."""

    def __init__(self, clock: Clock, vitals: Vitals) -> None:
        """
        Begin with what is known before anything was looked at.

        Args:
            clock: for the times of transitions.
            vitals: names, and who started when.

        """
        self._clock = clock
        self._vitals = vitals
        self._phase_at_s = clock.monotonic_s()
        self._next_at_s: float | None = None
        self._waiting_since_s: float | None = None
        self._kept: dict[Key, _Kept] = {}
        self._failures: dict[Key, int] = {}
        self._orders = Orders()
        self._target: Target | None = None
        self._judged = ""
        """The revision that the last pass was of."""
        self._listeners: set[_Listener] = set()
        self._view: dict[Key, ResourceStatus] = {}
        self._stale: set[Key] = set()
        """Whose status in the view is no longer what is true."""
        self._is_other = True
        """Whether the view is to be made anew: other resources, another revision or other orders."""

    def turn(self, phase: Phase) -> None:
        """Say what the loop does from now on."""
        self._phase_at_s = self._clock.monotonic_s()
        self._vitals = replace(self._vitals, phase=phase)

    def hinted(self) -> None:
        """Say that the source gave a hint."""
        self._vitals = replace(self._vitals, hinted_at=self._clock.now())

    def looked(self, *, seen: Revision, trouble: str) -> None:
        """Say what the source showed."""
        self._vitals = replace(self._vitals, seen=seen, trouble=trouble)

    def proven(self, at: datetime | None) -> None:
        """Say when the source last proved that it would notice a change."""
        self._vitals = replace(self._vitals, proven_at=at)

    def named(self, *, source: str, backend: str) -> None:
        """Say where the manifests are and what they are kept on, from now on."""
        self._vitals = replace(self._vitals, source=source, backend=backend)

    def due(self, at_s: float) -> None:
        """Say when the next pass is due, on the clock that never runs backwards."""
        self._next_at_s = at_s

    def aimed(self, target: Target) -> None:
        """Say what is wanted from now on."""
        self._target = target
        self._vitals = replace(self._vitals, revision=target.revision)
        self._waiting_since_s = self._clock.monotonic_s()

    @property
    def target(self) -> Target | None:
        """Return what is wanted: the last tree without errors; None where there was none yet."""
        return self._target

    def passed(
        self, outcome: PassOutcome, target: Target, orders: Orders, *, drifted: Iterable[Key] = ()
    ) -> tuple[Transition, ...]:
        """Write down what a pass says of every resource; return what became another standing or reason."""
        self.ordered(orders)
        self._is_other |= outcome.revision != self._judged
        self._judged = outcome.revision
        said = said_of(outcome, orders, self._failures)
        failed = {key for key, one in said.items() if one.reason is Reason.FAILED}
        self._failures = {key: self._failures.get(key, 0) + 1 for key in failed}
        has_drifted = set(drifted)
        trials = {trial.resource: trial for trial in orders.trials}
        wanted = target.desired.by_key
        news: list[Transition] = []
        for key in self._kept.keys() - wanted.keys() - said.keys():
            del self._kept[key]
            self._is_other = True
        for key in (*wanted, *(key for key in said if key not in wanted)):
            kept, one, trial = self._of(key, wanted.get(key)), said.get(key), trials.get(key)
            is_plain = one is None and trial is None
            if is_plain and kept.is_plain:
                continue
            kept.is_plain = is_plain
            now = IN_STEP if one is None else stands(one, has_drifted=key in has_drifted)
            if one is None and trial is not None:
                now = on_trial(trial)
            news += self._turned(key, kept, now)
        self._tally(outcome)
        return self._told(news)

    def ordered(self, orders: Orders) -> None:
        """Say what people order beside git."""
        self._is_other |= orders != self._orders
        self._orders = orders

    def unread(self, error: BackendError, *, failures: int) -> tuple[Transition, ...]:
        """Write down that the backend could not be read: what stands is what was known before."""
        self._vitals = replace(self._vitals, unreadable=str(error), failures=failures)
        return ()

    def carried(self, looks: Mapping[Key, Carried]) -> tuple[Transition, ...]:
        """Write down what resources carry, as somebody has just looked."""
        news: list[Transition] = []
        for key, look in looks.items():
            kept = self._kept.get(key)
            if kept is None:
                continue
            kept.carried = look
            before = kept.conditions.get(Aspect.ON_AIR)
            # Of a large account most stands as it stood.
            if before is None or not _is_same(before, look.stand, kept.generation):
                news += self._turned(key, kept, {Aspect.ON_AIR: look.stand})
        self._stale.update(looks)
        return self._told(news)

    def vitals(self) -> Vitals:
        """Return how the loop is."""
        now_s = self._clock.monotonic_s()
        waits_s = 0.0 if self._waiting_since_s is None else now_s - self._waiting_since_s
        next_s = None if self._next_at_s is None else max(0.0, self._next_at_s - now_s)
        return replace(
            self._vitals,
            phase_s=now_s - self._phase_at_s,
            next_pass_s=next_s,
            queue_age_s=waits_s,
            halt=self._orders.halt,
        )

    def keys(self) -> AbstractSet[Key]:
        """Return of which resources something is known; `resources` says what, and takes its time for many."""
        return self._kept.keys()

    def resources(self) -> Mapping[Key, ResourceStatus]:
        """Return every resource that is wanted, held back or being removed, in the order of their addresses."""
        if self._is_other:
            # A new mapping, so that whoever walks through the old one is not disturbed.
            self._view = {key: self._status(key, self._kept[key]) for key in sorted(self._kept, key=str)}
            self._is_other = False
        for key in self._stale & self._view.keys():
            self._view[key] = self._status(key, self._kept[key])
        self._stale.clear()
        return self._view

    @contextlib.contextmanager
    def follow(self) -> "Iterator[_Listener]":
        """Lend what changes from now on."""
        listener = _Listener()
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    def _of(self, key: Key, wanted: Flow | Output | None) -> _Kept:
        kept = self._kept.get(key)
        if kept is None:
            kept = self._kept[key] = _Kept(wanted, "" if wanted is None else generation_of(wanted), {})
            self._is_other = True
        elif kept.wanted is not wanted:
            # A name for a whole tree of thousands takes a while: what is equal keeps the one that it has.
            if wanted is None or kept.wanted != wanted:
                kept.generation, kept.is_plain = "" if wanted is None else generation_of(wanted), False
                self._stale.add(key)
            kept.wanted = wanted
        return kept

    def _turned(self, key: Key, kept: _Kept, now: Mapping[Aspect, Stand]) -> Iterable[Transition]:
        for aspect, stand in now.items():
            before = kept.conditions.get(aspect)
            if before is not None and _is_same(before, stand, kept.generation):
                continue
            found = Condition(
                aspect=aspect,
                standing=stand.standing,
                reason=stand.reason,
                message=stand.message,
                generation=kept.generation,
                since=self._clock.now(),
            )
            kept.conditions[aspect] = found.after(before)
            self._stale.add(key)
            if (turned := transition(str(key), before, kept.conditions[aspect])) is not None:
                yield turned

    def _tally(self, outcome: PassOutcome) -> None:
        """Write down of a pass as a whole what the next look at the vitals wants to know."""
        waits = bool(outcome.undone or outcome.left.failed or outcome.left.waiting or outcome.refused)
        if not waits:
            self._waiting_since_s = None
        elif self._waiting_since_s is None:
            self._waiting_since_s = self._clock.monotonic_s()
        self._vitals = replace(
            self._vitals,
            passed_at=self._clock.now(),
            pass_s=outcome.duration_s,
            unreadable="",
            failures=self._vitals.failures + 1 if outcome.has_failed else 0,
        )

    def _status(self, key: Key, kept: _Kept) -> ResourceStatus:
        carried = kept.carried
        return ResourceStatus(
            key=key,
            generation=kept.generation,
            revision=self._judged,
            conditions=dict(kept.conditions),
            bitrate_bps=None if carried is None else carried.bitrate_bps,
            looked_at=None if carried is None else carried.at,
            pause=self._orders.pause_of(key),
            pin=self._orders.pin_of(key),
        )

    def _told(self, news: list[Transition]) -> tuple[Transition, ...]:
        if news:
            for listener in self._listeners:
                listener.tell(tuple(news))
        return tuple(news)


def _is_same(before: Condition, stand: Stand, generation: str) -> bool:
    said = (before.standing, before.reason, before.message, before.generation)
    return said == (stand.standing, stand.reason, stand.message, generation)


class _Listener:
    """Implements `ports.status.Subscription`."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[tuple[Transition, ...]] = asyncio.Queue(maxsize=MOST_KEPT)
        self._has_lagged = False

    def tell(self, news: tuple[Transition, ...]) -> None:
        """Keep what changed, unless there is no room any more."""
        try:
            self._queue.put_nowait(news)
        except asyncio.QueueFull:
            self._has_lagged = True

    async def next(self) -> tuple[Transition, ...]:
        """Return what changed next."""
        if self._has_lagged:
            raise LaggedError
        return await self._queue.get()
