"""
An account whose viewers come and go, and that checks every write at the moment when it takes effect.

Time moves only where somebody waits, and the world moves only with it: between two things that happen at the same
instant nobody connects. So whoever writes at the instant of his last look knows what he does, and whoever lets time go
by between the two does not. An end that connects between an answer of a real service and the call that follows it is
the race that nobody can close, and no part of this.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Final

from reconciler.domain.changes import Action, Call, Change, Create, Delete, Edit, Sequence
from reconciler.domain.errors import ThrottledError, UnavailableError
from reconciler.domain.impact import EditRules
from reconciler.domain.model import FlowKey, FlowState, FoundFlow, FoundOutput, OutputKey, Region
from reconciler.ports.backend import Applied, EndStatus
from tests.fakes.backend import FakeBackend
from tests.onair import trees
from tests.onair.disturbing import disturbed, ends_of
from tests.onair.virtual import VirtualClock

FLOOR_BPS: Final = 100_000
APART_S: Final = 5.0
"""Between the first and the last answer that prove something."""
OLD_S: Final = 60.0
LIKE: Final = 0.9
"""Share of what the old output carries that the new one must."""
_STATUS_S: Final = 0.05
_SLOW_S: Final = 1.4
_EVENTFUL: Final = 0.4
"""Of the writes; something happens between such a one and its answer."""
_WRITES_S: Final = (0.1, 0.3, 0.3, 3.0)
"""How long an answer to a write takes."""
_INSTANT_S: Final = 1e-6
NEAR_THE_FLOOR: Final = (0, 60_000, 99_999, 100_000, 100_001, 105_000, 2_000_000, 5_000_000)


@dataclass
class End:
    """What an end does in truth."""

    is_connected: bool = False
    bps: int = 0

    @property
    def carries(self) -> bool:
        """Return whether it is on air."""
        return self.is_connected and self.bps > FLOOR_BPS


@dataclass(frozen=True)
class Meaning:
    """What somebody approved, by what it says and not by its id."""

    resource: str
    action: str
    lines: tuple[str, ...]

    @classmethod
    def of(cls, change: Change) -> "Meaning":
        """Return what a change says: the resource, the action, and for each call what is wanted and what was found."""
        calls = (change.meant or change.calls) if isinstance(change, Sequence) else (change,)
        return cls(str(change.key), str(change.action), tuple(map(_line, calls)))


def _line(call: Call) -> str:
    said: list[object] = [str(call.action), str(call.key)]
    if isinstance(call, Create | Edit):
        said += [call.wanted.live_name, call.wanted.spec, call.wanted.care.protected]
    if isinstance(call, Edit | Delete):
        said += [call.found.live_name, _spec_of(call.found), call.found.mark]
    return repr(said)


def _spec_of(found: FoundFlow | FoundOutput) -> object:
    """Return what is compared of what was found: whether it runs is no part of it."""
    if isinstance(found, FoundFlow) and found.spec is not None:
        return replace(found.spec, state=FlowState.IDLE)
    return found.spec


@dataclass
class Odds:
    """How often things go wrong."""

    status: float = 0.05
    refused: float = 0.03
    lost: float = 0.03
    unread: float = 0.01


@dataclass
class Log:
    """What was counted, and what was found to be wrong."""

    violations: list[str] = field(default_factory=list)
    writes: int = 0
    felt: int = 0
    """Writes that disturbed something that carried nothing, with proof."""
    approved: int = 0
    """Writes that disturbed something on air, with an approval."""


class Stage(FakeBackend):
    """Implements `ports.backend.Backend`, and checks it."""

    def __init__(self, rng: Random, clock: VirtualClock, rules: EditRules, log: Log) -> None:
        super().__init__(regions=(trees.HERE,), rules=rules)
        self.rng = rng
        self.clock = clock
        self.log = log
        self.odds = Odds()
        self.ends: dict[str, End] = {}
        self.under_way: dict[FlowKey, Change] = {}
        """The change that each lane is at, as the executor tells."""
        self.is_approved: Callable[[Change], bool] = lambda _: False
        self.meanwhile: Callable[[], object] = lambda: None
        """What happens after a write, and before its answer."""
        self.legs: Callable[[], Iterable[frozenset[OutputKey]]] = tuple
        """The redundancy groups of the manifests."""
        self._answers: dict[str, list[tuple[float, bool]]] = {}

    async def observe(self, region: Region) -> tuple[FoundFlow, ...]:
        """Return all flows of a region, a moment later."""
        await self.clock.sleep(_STATUS_S)
        if self.rng.random() < self.odds.unread:
            raise UnavailableError("the list did not come", maybe_applied=False)
        return await super().observe(region)

    async def status(self, region: Region, flow_id: str) -> tuple[EndStatus, ...]:
        """Return what the ends do at the moment when the answer is there."""
        await self.clock.sleep(self._status_s())
        if self.rng.random() < self.odds.status:
            raise UnavailableError("the status did not come", maybe_applied=False)
        said = []
        for one in await super().status(region, flow_id):
            end, is_idle = self.end(one.id), one.state == "Idle"
            state = "Idle" if is_idle else "Connected" if end.is_connected else "Waiting"
            bps = 0 if is_idle or not end.is_connected else end.bps
            self._answers.setdefault(one.id, []).append((self.clock.monotonic_s(), end.carries and not is_idle))
            said.append(
                EndStatus(
                    id=one.id, is_input=one.is_input, state=state, bitrate_bps=bps, connected_ms=0, reconnections=0
                )
            )
        return tuple(said)

    async def apply(self, call: Call) -> Applied:
        """Carry out a call at the instant when it arrives, and answer a moment later."""
        chance = self.rng.random()
        if chance < self.odds.refused:
            await self.clock.sleep(self.rng.choice(_WRITES_S))
            raise ThrottledError("too many calls")
        before = dict(self.flows)
        try:
            self._carry_out(call)
        finally:
            await self._after(call, before)
        if chance < self.odds.refused + self.odds.lost:
            raise UnavailableError("the answer was lost", maybe_applied=True)
        return Applied(request_id=f"request-{next(self._numbers)}")

    def put(self, call: Call) -> None:
        """Carry a call out before the history begins."""
        self._carry_out(call)

    def end(self, id_: str) -> End:
        """Return the truth about an end."""
        return self.ends.setdefault(id_, End())

    def carrying(self, key: OutputKey) -> int:
        """Return the bits a second that what is live of an output carries; 0 where that is nothing."""
        return max((self.end(id_).bps for id_ in self.ends_of_output(key) if self.is_on_air(id_)), default=0)

    def is_on_air(self, id_: str) -> bool:
        """Return whether an end carries something, in a flow that runs."""
        flow = next((flow for flow in self.flows.values() if id_ in ends_of(flow)), None)
        return flow is not None and flow.state is FlowState.RUNNING and self.end(id_).carries

    def _status_s(self) -> float:
        """Return how long a status takes: all that are asked for at one instant take as long, and see one instant."""
        return _SLOW_S if int(self.clock.monotonic_s() * 1000) % 5 == 0 else _STATUS_S

    async def _after(self, call: Call, before: dict[str, FoundFlow]) -> None:
        self.log.writes += 1
        for id_, flow in before.items():
            if self.flows.get(id_) is not flow:
                self._check(call, flow, disturbed(flow, self.flows.get(id_)))
        half_s = self.rng.choice(_WRITES_S) / 2
        # Not at the instant of the write itself: others may just have looked.
        await self.clock.sleep(half_s)
        if self.rng.random() < _EVENTFUL:
            self.meanwhile()
        await self.clock.sleep(half_s)

    def _check(self, call: Call, flow: FoundFlow, ids: Iterable[str]) -> None:
        felt = sorted(ids)
        if not felt:
            return
        change = self.under_way.get(call.key.flow_key)
        approved = change is not None and self.is_approved(change)
        on_air = [id_ for id_ in felt if self.end(id_).carries]
        unproven = [id_ for id_ in felt if not self.end(id_).carries and not self._is_proven(id_)]
        where = f"{call.action} {call.key} as a part of {change and f'{change.action} {change.key}'}"
        if not approved:
            self._tell(f"{where} disturbs {on_air}, on air, and nobody approved", on_air)
            self._tell(f"{where} disturbs {unproven}, not proven to be off air, and nobody approved", unproven)
        self._check_legs(where, flow, on_air)
        if change is not None and change.action is Action.RECREATE:
            self._check_twin(where, flow, on_air)
        self.log.approved += bool(on_air)
        self.log.felt += not on_air
        for id_ in felt:
            self._comes_back(id_)

    def _tell(self, text: str, ids: Iterable[str]) -> None:
        if tuple(ids):
            self.log.violations.append(f"{self.clock.monotonic_s():.2f} s: {text}")

    def _check_legs(self, where: str, flow: FoundFlow, on_air: list[str]) -> None:
        """See that another leg of each redundancy group is on air while one is disturbed."""
        keys = set(self._keys(flow, on_air))
        for legs in self.legs():
            if keys & legs and not any(self.carrying(leg) for leg in legs - keys):
                self._tell(f"{where} disturbs {sorted(map(str, keys & legs))}, and no other leg is on air", on_air)

    def _check_twin(self, where: str, flow: FoundFlow, on_air: list[str]) -> None:
        """See that an output which goes while its twin stays goes only when that one delivers."""
        now = self.flows.get(flow.id)
        for gone in flow.outputs:
            if gone.id not in on_air or gone.mark is None or gone.mark.twin or now is None:
                continue
            twins = [each for each in now.outputs if each.mark is not None and each.mark.name == gone.mark.name]
            needed = LIKE * self.end(gone.id).bps
            if twins and all(each.id != gone.id for each in twins):
                late = [each.id for each in twins if not self.end(each.id).carries or self.end(each.id).bps < needed]
                self._tell(f"{where} ends {gone.id} before {late} delivers", late)

    def _keys(self, flow: FoundFlow, ids: Iterable[str]) -> Iterable[OutputKey]:
        chosen = set(ids)
        name = flow.mark.name if flow.mark is not None else ""
        return (OutputKey(name, one.mark.name) for one in flow.outputs if one.mark is not None and one.id in chosen)

    def ends_of_output(self, key: OutputKey) -> Iterable[str]:
        """Yield the ids of what is live of an output."""
        for flow in self.flows.values():
            if flow.mark is not None and flow.mark.name == key.flow:
                yield from (o.id for o in flow.outputs if o.mark is not None and o.mark.name == key.name)

    def _is_proven(self, id_: str) -> bool:
        """Return whether answers said for long enough, and just now, that it carries nothing; none said otherwise."""
        now_s, last_s, first_s = self.clock.monotonic_s(), None, None
        for at_s, carries in reversed(self._answers.get(id_, [])):
            if carries or now_s - at_s > OLD_S:
                break
            last_s = at_s if last_s is None else last_s
            first_s = at_s
        if last_s is None or first_s is None or now_s - last_s > _INSTANT_S:
            return False
        return last_s - first_s >= APART_S - _INSTANT_S

    def _comes_back(self, id_: str) -> None:
        """Let whoever was disturbed connect again, after a while, if he was there."""
        end = self.end(id_)
        if end.is_connected:
            end.is_connected = False
            self.clock.later(self.rng.uniform(0.5, 6.0), lambda: _connect(end))


def _connect(end: End) -> None:
    end.is_connected = True
