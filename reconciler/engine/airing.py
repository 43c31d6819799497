"""Airing: a patrol that looks at what is carried between the passes, so that the board knows it, and trials end."""

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from reconciler.domain.conditions import Reason, Standing, Transition
from reconciler.domain.model import FlowKey, FlowState, FoundFlow, Key, OutputKey
from reconciler.domain.safety.limits import Limits
from reconciler.domain.safety.on_air import End, Sample
from reconciler.engine.board import Carried, StatusBoard
from reconciler.engine.guard.facts import Facts
from reconciler.engine.guard.sampling import Sampler
from reconciler.engine.standing import Stand
from reconciler.engine.trials import Trials
from reconciler.engine.world import World
from reconciler.ports.status import Phase

STEP_S: Final = 2.0
"""Between two steps of the patrol, and so between two looks at what is on trial."""
FLOWS_A_STEP: Final = 4
"""Flows that are looked at in one step: two calls a second of the API's twenty, however large the account is."""
TRIALS_A_STEP: Final = 8
"""Flows with something on trial that are looked at besides: of many at once each comes to its turn."""
FORGOTTEN_S: Final = 600.0
"""After so long nobody claims to know any more what a flow carries."""

_BUSY: Final = frozenset({Phase.LOOKING, Phase.PASSING})
"""Phases in which a change may be on its way: what takes a while waits for their end."""
SORT_WITHIN_S: Final = 30.0
"""But no longer: passes may follow one another without a rest."""
_OFF: Final = End(is_input=False, is_connected=False, bitrate_bps=0, is_idle=True)


@dataclass(frozen=True, slots=True)
class _Beat:
    """One flow of ours, and what is on the board of it."""

    key: FlowKey
    flow: FoundFlow
    ends: tuple[tuple[Key, str], ...]
    """The resources, each with the id of its end; "" for the flow itself, whose end is the input."""


class Patrol:
    """Looks at running flows in turn, the one that was looked at longest ago first."""

    def __init__(
        self,
        world: World,
        board: StatusBoard,
        trials: Trials,
        *,
        tell: Callable[[tuple[Transition, ...]], None],
        on_step: Callable[[], None],
    ) -> None:
        """
        Prepare; nothing is looked at yet.

        Args:
            world: the ports.
            board: where it is written what is carried.
            trials: that are looked at with every step.
            tell: told of what became another standing.
            on_step: called with every step, for what is to be looked at as often.

        """
        self._on_step = on_step
        self._world = world
        self._board = board
        self._trials = trials
        self._tell = tell
        self._sampler = Sampler(world.backend, world.clock, world.guard.limits)
        self._looked_at_s: dict[str, float] = {}
        self._facts: Facts | None = None
        self._unsorted_since_s = math.inf
        self._beats: tuple[_Beat, ...] = ()
        self._running: dict[str, _Beat] = {}
        """By the id of the flow, the one that was looked at longest ago first."""

    async def run(self) -> None:
        """Patrol until cancelled."""
        while True:
            await self._world.clock.sleep(STEP_S)
            self._on_step()
            if self._world.guard.has_judged:
                await self._step(self._world.guard.facts)

    async def _step(self, facts: Facts) -> None:
        stands: dict[Key, tuple[Stand, int | None]] = {}
        if facts is not self._facts and self._may_sort():
            # A large account is sorted once a reading, not with every step, and in nobody's way.
            stands |= self._begin(facts)
        for beat in self._chosen():
            sample = await self._sampler.glimpse(beat.flow)
            now_s = self._world.clock.monotonic_s()
            self._running[beat.flow.id] = self._running.pop(beat.flow.id, beat)
            if sample is not None:
                self._looked_at_s[beat.flow.id] = now_s
                stands |= _carried(beat, sample, self._world.guard.limits)
                self._trials.look(beat.flow, sample)
            elif now_s - self._looked_at_s.get(beat.flow.id, -FORGOTTEN_S) >= FORGOTTEN_S:
                stands |= {key: (Stand(Standing.UNKNOWN, Reason.NOT_LOOKED), None) for key, _ in beat.ends}
        self._write(stands)

    def _may_sort(self) -> bool:
        """Return whether a new reading is sorted now: the first one at once, any other when there is time for it."""
        now_s = self._world.clock.monotonic_s()
        self._unsorted_since_s = min(self._unsorted_since_s, now_s)
        is_late = now_s - self._unsorted_since_s >= SORT_WITHIN_S
        return self._facts is None or is_late or self._board.vitals().phase not in _BUSY

    def _begin(self, facts: Facts) -> dict[Key, tuple[Stand, int | None]]:
        """Learn which flows run by now; return what holds of those that stand still."""
        if self._facts is None or not _is_same(facts, self._facts):
            self._beats = tuple(_beats(facts))
        self._facts, self._unsorted_since_s = facts, math.inf
        running = {beat.flow.id: beat for beat in self._beats if beat.flow.state is not FlowState.IDLE}
        new = [id_ for id_ in running if id_ not in self._running]
        self._running = {id_: running[id_] for id_ in (*new, *(each for each in self._running if each in running))}
        self._looked_at_s = {id_: at_s for id_, at_s in self._looked_at_s.items() if id_ in running}
        idle = (beat for beat in self._beats if beat.flow.id not in running)
        return {key: (Stand(Standing.FALSE, Reason.IDLE), 0) for beat in idle for key, _ in beat.ends}

    def _chosen(self) -> list[_Beat]:
        """Return the flows with something on trial, and those that were looked at longest ago."""
        on_trial = {key.flow_key for key in self._trials.keys}
        if not on_trial:
            return list(itertools.islice(self._running.values(), FLOWS_A_STEP))
        first = itertools.islice((beat for beat in self._running.values() if beat.key in on_trial), TRIALS_A_STEP)
        rest = itertools.islice((beat for beat in self._running.values() if beat.key not in on_trial), FLOWS_A_STEP)
        return [*first, *rest]

    def _write(self, stands: Mapping[Key, tuple[Stand, int | None]]) -> None:
        at = self._world.clock.now()
        looks = {key: Carried(stand=stand, bitrate_bps=rate, at=at) for key, (stand, rate) in stands.items()}
        self._tell(self._board.carried(looks))


def _is_same(facts: Facts, before: Facts) -> bool:
    """Return whether two readings show the same flows, and the manifests call them the same."""
    return (facts.actual, facts.desired, facts.policies.moves) == (
        before.actual,
        before.desired,
        before.policies.moves,
    )


def _beats(facts: Facts) -> Iterator[_Beat]:
    for flow in facts.actual.flows():
        if (key := facts.key_of(flow)) is not None:
            yield _Beat(key, flow, tuple(_ends(facts, key, flow)))


def _ends(facts: Facts, key: FlowKey, flow: FoundFlow) -> Iterator[tuple[Key, str]]:
    yield key, ""
    for output in facts.outputs_in(key):
        yield from ((output, end.id) for live, end in facts.live_of(output) if live.id == flow.id)


def _carried(beat: _Beat, sample: Sample, limits: Limits) -> dict[Key, tuple[Stand, int | None]]:
    source = next((end for end in sample.ends.values() if end.is_input), _OFF)
    told: dict[Key, tuple[Stand, int | None]] = {}
    for key, id_ in beat.ends:
        end = sample.ends.get(id_, _OFF) if id_ else source
        told[key] = (_stand(key, end, source, limits), end.bitrate_bps)
    return told


def _stand(key: Key, end: End, source: End, limits: Limits) -> Stand:
    if end.carries(limits):
        return Stand(Standing.TRUE, Reason.DELIVERING)
    if isinstance(key, OutputKey) and not source.carries(limits):
        return Stand(Standing.FALSE, Reason.NO_SOURCE, "its flow has no source that is on air")
    state = "connected, and carries next to nothing" if end.is_connected else "nobody is connected"
    return Stand(Standing.FALSE, Reason.DARK, state)
