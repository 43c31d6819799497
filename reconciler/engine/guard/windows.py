"""Windows: what the calendars say at the moment of a write."""

import asyncio
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from reconciler.domain.changes import Action, Blocked, Change, Hold, Sequence, Start, Stop, calls_of
from reconciler.domain.model import FoundFlow, Key
from reconciler.domain.policies import Calendar, Limit, Override
from reconciler.domain.safety.judging import held_back
from reconciler.domain.safety.on_air import disturbed_by
from reconciler.domain.safety.releases import holding, lapsed, overrides_of
from reconciler.domain.timetable import Timetable, is_about
from reconciler.domain.windows import Overrun, Standing, allows
from reconciler.engine.guard.facts import Facts, Keeper
from reconciler.engine.guard.sampling import Sampler
from reconciler.engine.guard.used import note_override

REMEMBERED_S: Final = 5.0
"""How long it is remembered that something which a calendar is about is on air."""


class Windows:
    """Asks the calendars, and where a window may overrun, whether what they are about is on air."""

    def __init__(self, keeper: Keeper, sampler: Sampler) -> None:
        self._keeper = keeper
        self._sampler = sampler
        self._calendars: tuple[Calendar, ...] = ()
        self._timetable = Timetable((), keeper.zone_of)
        self._on_air: dict[str, tuple[float, bool]] = {}
        self._lifting: dict[tuple[Key, Action], tuple[Override, ...]] = {}
        """What let each change pass when it was asked last."""

        self._recorded: dict[tuple[Key, Action], tuple[Override, ...]] = {}
        """What was written down of each change that may still go on."""

    async def held(self, change: Change, facts: Facts) -> Blocked | None:
        """
        Return the change as held back, where a calendar forbids it now and no override lifts that; else None.

        What shares a stop with other changes is lifted by an override of its own, and by none of theirs.
        """
        if not facts.policies.calendars:
            return None
        if facts.policies.calendars != self._calendars:
            self._calendars = facts.policies.calendars
            self._timetable = Timetable(self._calendars, self._keeper.zone_of)
            self._on_air = {}
        now = self._keeper.clock.now()
        policies = holding(facts.policies, now=now)
        lifting: dict[Override, None] = {}
        self._lifting.pop((change.key, change.action), None)
        for key in _touched(change, facts):
            holds = await self._holding(key, facts, now)
            if holds is None or allows(holds.kind, change.impact):
                continue
            parts = _parts(change, key)
            overrides = overrides_of(parts, policies, Limit.WINDOW)
            if not overrides:
                over = lapsed(parts, facts.given, Limit.WINDOW, now=now)
                why = f"{self._timetable.words(holds, now)}{_shared(change, parts)}{over}"
                return held_back(change, Hold.WINDOW, why)
            lifting.update(dict.fromkeys(overrides))
        if lifting:
            self._lifting[change.key, change.action] = tuple(lifting)
        return None

    def record(self, change: Change, facts: Facts, *, goes_on: bool = False) -> None:
        """
        Write down the overrides that let a change pass, as it was asked last; nothing where none is needed.

        Args:
            change: that passes.
            facts: what the plan was made of.
            goes_on: whether it has begun: then what was written down of it is not written down again.

        """
        place = change.key, change.action
        recorded = self._recorded.pop(place, ())
        known = recorded if goes_on else ()
        new = tuple(override for override in self._lifting.pop(place, ()) if override not in known)
        for override in new:
            note_override(self._keeper.journal, override, Limit.WINDOW, change, facts)
        if known or new:
            self._recorded[place] = (*known, *new)

    async def _holding(self, key: Key, facts: Facts, now: datetime) -> Standing | Overrun | None:
        """Return the strictest that calendars say of a resource now."""
        ruling = self._timetable.ruling(key, facts.labels_of(key), now)
        on_air = {each.calendar.name: await self._carries(each.calendar, facts) for each in ruling.overruns}
        return ruling.given(lambda calendar: on_air[calendar.name])

    async def _carries(self, calendar: Calendar, facts: Facts) -> bool:
        """Return whether anything that a calendar is about is on air, or cannot be read."""
        now_s = self._keeper.clock.monotonic_s()
        at_s, known = self._on_air.get(calendar.name, (-REMEMBERED_S, False))
        if now_s - at_s >= REMEMBERED_S:
            chosen = [flow for flow in facts.actual.flows() if _is_about_flow(calendar, flow, facts)]
            known = _may_be_unread(calendar, facts) or any(await asyncio.gather(*map(self._is_on_air, chosen)))
            self._on_air[calendar.name] = (now_s, known)
        return known

    async def _is_on_air(self, flow: FoundFlow) -> bool:
        sample = await self._sampler.take(flow)
        if sample is None:
            return True
        outputs = {output.id for output in flow.outputs}
        return any(end.carries(self._keeper.limits) for id_, end in sample.ends.items() if id_ in outputs)


def _touched(change: Change, facts: Facts) -> Iterable[Key]:
    """Return what a change names, and what viewers would lose with it where it stops a flow."""
    beside = facts.outputs_in(change.key.flow_key) if disturbed_by(change).whole else ()
    return dict.fromkeys((change.key, *(call.key for call in calls_of(change)), *beside))


def _parts(change: Change, key: Key) -> tuple[Change, ...]:
    """Return what of a change is to be lifted where a resource is held: of what shares a stop, its own calls."""
    if not isinstance(change, Sequence) or change.action is not Action.EDIT:
        return (change,)
    own = tuple(call for call in change.calls if call.key == key and not isinstance(call, Start | Stop))
    # What the stop takes along and does not change goes off air with the flow, as in a stop of it.
    return own or (change,)


def _shared(change: Change, parts: Iterable[Change]) -> str:
    """Say what an override would have to be about, where that is not the change itself."""
    named = " and ".join(f"the {part.action} of {part.key}" for part in parts if part.key != change.key)
    return f"; it shares a stop with other changes, and only an Override of {named} lifts that" if named else ""


def _may_be_unread(calendar: Calendar, facts: Facts) -> bool:
    """Return whether something that a calendar is about may be in a region that could not be read."""
    if facts.actual.is_whole:
        return False
    # A flow that is seen is where it is seen. Of all others nobody knows where they are, nor which labels they had.
    seen = {key.name for flow in facts.actual.flows() if (key := facts.key_of(flow)) is not None}
    return not calendar.flows or not calendar.flows <= seen


def _is_about_flow(calendar: Calendar, flow: FoundFlow, facts: Facts) -> bool:
    """Return whether a calendar is about a live flow of ours, or one of its outputs."""
    key = facts.key_of(flow)
    if key is None:
        return False
    keys: tuple[Key, ...] = (key, *facts.outputs_in(key))
    return any(is_about(calendar, each, facts.labels_of(each)) for each in keys)
