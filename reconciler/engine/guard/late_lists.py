"""Late lists: what was created a moment ago may not be listed yet, and is not made a second time."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from reconciler.domain.change_ids import change_id
from reconciler.domain.changes import Action, Change, Create, Delete, FlowAt, Plan, Sequence, Waiting, calls_of
from reconciler.domain.model import Care, Flow, FlowKey, FoundFlow, FoundOutput, Key, Output, OutputKey, Region, key_of
from reconciler.domain.moves import key_now, moved_names
from reconciler.engine.guard.facts import Facts, Keeper
from reconciler.ports.journal import Settled

_READING_S: Final = 600.0
"""How long the backend may be read before a plan is made of it, at most."""
_READ_BACK: Final = 10_000
"""Calls that are read back from the journal at most: what was created within the settling time."""

Place = tuple[Key, FlowAt | None, str]
"""A resource, in or as which flow an object of it was made (None where only the journal tells), and its live name."""


class LateLists:
    """What was created within the settling time, by this process or a former one."""

    def __init__(self, keeper: Keeper) -> None:
        self._clock = keeper.clock
        self._limits = keeper.limits
        self._journal = keeper.journal
        self._created_at: dict[Place, float] | None = None
        self._made: dict[Place, str] = {}
        """Ids of the changes that made what was created."""

    def created(self, call: Create) -> None:
        """Learn that something was created, or may have been."""
        self._created()[place_of(call)] = self._clock.monotonic_s()
        self._made[place_of(call)] = change_id(call)

    def deleted(self, call: Delete) -> None:
        """Learn that something was deleted, or may have been."""
        self._created().pop((call.key, call.at, call.found.live_name), None)

    def without_late(self, plan: Plan, facts: Facts) -> Plan:
        """Return the plan without creates of what was created a moment ago, under whatever name: lists may be late."""
        # A list shows at best what was there when it was asked for; to read one may take minutes.
        now_s = self._clock.monotonic_s() if facts.observed_s is None else facts.observed_s
        # What was made long ago is forgotten: this process lives for years.
        known = {place: at_s for place, at_s in self._created().items() if now_s - at_s < self._limits.settling_s}
        self._created_at = known
        self._made = {place: made for place, made in self._made.items() if place in known}
        moved = moved_names(facts.policies.moves)
        youngest: dict[Key, float] = {}
        # After a large tree was made there are thousands, and a plan makes a few of them again at most.
        asked = {create.key for change in plan.changes for create in _creates(change)} if known else set()
        for place, at_s in known.items():
            now = key_now(place[0], moved)
            # What this very reading knows is not late.
            if now not in asked or _is_shown(place, self._made.get(place, ""), facts):
                continue
            youngest[now] = min(max(0.0, now_s - at_s), youngest.get(now, self._limits.settling_s))
        ages = {id(change): _youngest_s(change, youngest) for change in plan.changes} if known else {}
        held = [change for change in plan.changes if ages.get(id(change)) is not None]
        if not held:
            return plan
        unmade = {change.key for change in held if isinstance(change, Create) and isinstance(change.key, FlowKey)}
        waiting = [Waiting(key=change.key, why=self._why_settling("it", ages[id(change)] or 0.0)) for change in held]
        kept: list[Change] = []
        for change in plan.changes:
            if ages.get(id(change)) is not None:
                continue
            if isinstance(change.key, OutputKey) and change.key.flow_key in unmade:
                waiting.append(Waiting(key=change.key, why=f"{change.key.flow_key} is looked for first"))
            elif change.key not in unmade:
                kept.append(change)
        return replace(plan, changes=tuple(kept), waiting=(*plan.waiting, *waiting))

    def _why_settling(self, what: str, age_s: float) -> str:
        return (
            f"a create of {what} was sent {age_s:.0f} s ago, and a list may not show it yet; it is looked for until "
            f"{self._limits.settling_s:g} s are over, and only then made again"
        )

    def _created(self) -> dict[Place, float]:
        """Return when each object was created last; what a former process did is read from the journal, once."""
        if self._created_at is None:
            self._created_at = self._created_before()
        return self._created_at

    def _created_before(self) -> dict[Place, float]:
        now, now_s = self._clock.now(), self._clock.monotonic_s()
        found: dict[Place, float] = {}
        gone: dict[tuple[Key, str], str] = {}
        for written in self._journal.calls(limit=_READ_BACK):
            # What is asked is how long ago the call ended; nobody knows that of one that was cut off. What was written
            # in the future was written before the clock was put back, and may be of a moment ago.
            age_s = max(0.0, (now - written.at).total_seconds() - (written.duration_s or 0.0))
            if age_s >= self._limits.settling_s + _READING_S:
                break
            key = key_of(written.intent.resource)
            if key is None:
                continue
            name, change = (key, written.intent.live_name), written.intent.change
            # A recreate deletes the old one; what it has made bears the same name, and is there.
            if gone.get(name, change) != change:
                continue
            if written.intent.action == Action.DELETE and written.settled is Settled.DONE:
                gone[name] = change
            elif written.intent.action == Action.CREATE and written.settled is not Settled.REFUSED:
                found.setdefault((key, None, written.intent.live_name), now_s - age_s)
                self._made.setdefault((key, None, written.intent.live_name), written.intent.change)
        return found


def place_of(create: Create) -> Place:
    """Return where a create makes something."""
    return create.key, create.at, create.wanted.live_name


def _is_shown(place: Place, made: str, facts: Facts) -> bool:
    """Return whether a reading shows an object just as it was made: what is there from before is another one."""
    key, _, live_name = place
    there: Iterable[FoundFlow | FoundOutput] = (
        facts.flows_of(key) if isinstance(key, FlowKey) else (output for _, output in facts.outputs_of(key))
    )
    return any(found.live_name == live_name and _as_made(key, found) == made for found in there)


def _as_made(key: Key, found: FoundFlow | FoundOutput) -> str:
    """Return the id of the change that would make what was found; "" for what manifests cannot say."""
    care = Care(protected=found.mark is not None and found.mark.protected)
    match key, found:
        case FlowKey(), FoundFlow(spec=spec) if spec is not None:
            wanted: Flow | Output = Flow(key=key, live_name=found.live_name, spec=spec, care=care)
        case OutputKey(), FoundOutput(spec=output_spec) if output_spec is not None:
            wanted = Output(key=key, live_name=found.live_name, spec=output_spec, care=care)
        case _:
            return ""
    return change_id(Create(key=key, at=FlowAt(Region(""), ""), wanted=wanted))


def _youngest_s(change: Change, ages_s: Mapping[Key, float]) -> float | None:
    """Return how long ago something that a change makes was made; None where nothing was."""
    return min((ages_s[create.key] for create in _creates(change) if create.key in ages_s), default=None)


def _creates(change: Change) -> Iterator[Create]:
    """Yield whatever a change makes, in one way or the other."""
    yield from (call for call in calls_of(change) if isinstance(call, Create))
    if isinstance(change, Sequence) and change.twin is not None and change.twin.make is not None:
        yield change.twin.make
