"""Airing: a patrol that looks at what is carried between the passes, so that the board knows it, and trials end."""

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

from reconciler.domain.conditions import Reason, Standing, Transition
from reconciler.domain.model import FlowKey, FlowState, FoundFlow, Key, OutputKey
from reconciler.domain.recognising import Live
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
    flow: FoundFlow = field(repr=False)
    """It has URLs with keys in them."""
    there: Mapping[OutputKey, tuple[Live, ...]] = field(repr=False)
    """What the ends were made of."""
    ends: tuple[tuple[Key, str], ...]
    """The resources, each with the id of its end; "" for the flow itself, whose end is the input."""

    keys: tuple[Key, ...]
    """The resources alone."""


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
        self._beats: dict[str, _Beat] = {}
        """All flows of ours, by their ids."""
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
        looks: dict[Key, Carried] = {}
        if facts is not self._facts and self._may_sort():
            # A large account is sorted once a reading, not with every step, and in nobody's way.
            looks |= self._begin(facts)
        for beat in self._chosen():
            sample = await self._sampler.glimpse(beat.flow)
            now_s = self._world.clock.monotonic_s()
            self._running[beat.flow.id] = self._running.pop(beat.flow.id, beat)
            if sample is not None:
                self._looked_at_s[beat.flow.id] = now_s
                looks |= self._carried(beat, sample)
                self._trials.look(beat.flow, sample)
            elif now_s - self._looked_at_s.get(beat.flow.id, -FORGOTTEN_S) >= FORGOTTEN_S:
                looks |= dict.fromkeys(beat.keys, self._look(Stand(Standing.UNKNOWN, Reason.NOT_LOOKED), None))
        self._tell(self._board.carried(looks))

    def _may_sort(self) -> bool:
        """Return whether a new reading is sorted now: the first one at once, any other when there is time for it."""
        now_s = self._world.clock.monotonic_s()
        self._unsorted_since_s = min(self._unsorted_since_s, now_s)
        is_late = now_s - self._unsorted_since_s >= SORT_WITHIN_S
        return self._facts is None or is_late or self._board.vitals().phase not in _BUSY

    def _begin(self, facts: Facts) -> dict[Key, Carried]:
        """Learn which flows run by now; return what holds of those that stand still."""
        self._beats = {beat.flow.id: beat for beat in _beats(facts, self._beats)}
        self._facts, self._unsorted_since_s = facts, math.inf
        running = {id_: beat for id_, beat in self._beats.items() if beat.flow.state is not FlowState.IDLE}
        new = [id_ for id_ in running if id_ not in self._running]
        self._running = {id_: running[id_] for id_ in (*new, *(each for each in self._running if each in running))}
        self._looked_at_s = {id_: at_s for id_, at_s in self._looked_at_s.items() if id_ in running}
        idle = chain.from_iterable(beat.keys for id_, beat in self._beats.items() if id_ not in running)
        return dict.fromkeys(idle, self._look(Stand(Standing.FALSE, Reason.IDLE), 0))

    def _chosen(self) -> list[_Beat]:
        """Return the flows with something on trial, and those that were looked at longest ago."""
        on_trial = {key.flow_key for key in self._trials.keys}
        if not on_trial:
            return list(itertools.islice(self._running.values(), FLOWS_A_STEP))
        first = itertools.islice((beat for beat in self._running.values() if beat.key in on_trial), TRIALS_A_STEP)
        rest = itertools.islice((beat for beat in self._running.values() if beat.key not in on_trial), FLOWS_A_STEP)
        return [*first, *rest]

    def _carried(self, beat: _Beat, sample: Sample) -> dict[Key, Carried]:
        limits = self._world.guard.limits
        source = next((end for end in sample.ends.values() if end.is_input), _OFF)
        told: dict[Key, Carried] = {}
        for key, id_ in beat.ends:
            end = sample.ends.get(id_, _OFF) if id_ else source
            told[key] = self._look(_stand(key, end, source, limits), end.bitrate_bps)
        return told

    def _look(self, stand: Stand, bitrate_bps: int | None) -> Carried:
        return Carried(stand=stand, bitrate_bps=bitrate_bps, at=self._world.clock.now())


def _beats(facts: Facts, before: Mapping[str, _Beat]) -> Iterator[_Beat]:
    """Yield a beat for each flow of ours; where nothing has changed, the very one of before."""
    for flow in facts.actual.flows():
        if (key := facts.key_of(flow)) is None:
            continue
        there, known = facts.live_in(flow), before.get(flow.id)
        # Where the flow is another value, or is called otherwise, so is what is live in it.
        if known is None or known.there is not there:
            ends: list[tuple[Key, str]] = [(key, "")]
            ends += ((output, end.id) for output, live in there.items() for _, end in live)
            known = _Beat(key, flow, there, tuple(ends), tuple(each for each, _ in ends))
        yield known


def _stand(key: Key, end: End, source: End, limits: Limits) -> Stand:
    if end.carries(limits):
        return Stand(Standing.TRUE, Reason.DELIVERING)
    if isinstance(key, OutputKey) and not source.carries(limits):
        return Stand(Standing.FALSE, Reason.NO_SOURCE, "its flow has no source that is on air")
    state = "connected, and carries next to nothing" if end.is_connected else "nobody is connected"
    return Stand(Standing.FALSE, Reason.DARK, state)
