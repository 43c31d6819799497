"""Airing: a patrol that looks at what is carried between the passes, so that the board knows it, and trials end."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from reconciler.domain.conditions import Reason, Standing, Transition
from reconciler.domain.model import FlowState, FoundFlow, Key, OutputKey
from reconciler.domain.safety.limits import Limits
from reconciler.domain.safety.on_air import End, Sample
from reconciler.engine.board import Carried, StatusBoard
from reconciler.engine.guard.facts import Facts
from reconciler.engine.guard.sampling import Sampler
from reconciler.engine.standing import Stand
from reconciler.engine.trials import Trials
from reconciler.engine.world import World

STEP_S: Final = 2.0
"""Between two steps of the patrol, and so between two looks at what is on trial."""
FLOWS_A_STEP: Final = 4
"""Flows that are looked at in one step: two calls a second of the API's twenty, however large the account is."""
FORGOTTEN_S: Final = 600.0
"""After so long nobody claims to know any more what a flow carries."""

_OFF: Final = End(is_input=False, is_connected=False, bitrate_bps=0, is_idle=True)


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

    async def run(self) -> None:
        """Patrol until cancelled."""
        while True:
            await self._world.clock.sleep(STEP_S)
            self._on_step()
            if self._world.guard.has_judged:
                await self._step(self._world.guard.facts)

    async def _step(self, facts: Facts) -> None:
        flows = {flow.id: (key, flow) for flow in facts.actual.flows() if (key := facts.key_of(flow)) is not None}
        self._looked_at_s = {id_: at_s for id_, at_s in self._looked_at_s.items() if id_ in flows}
        idle = {id_: _idle(facts, flow) for id_, (_, flow) in flows.items() if flow.state is FlowState.IDLE}
        stands = {key: stand for told in idle.values() for key, stand in told.items()}
        running = [flow for id_, (_, flow) in flows.items() if id_ not in idle]
        for flow in self._chosen(running, facts):
            sample = await self._sampler.glimpse(flow)
            now_s = self._world.clock.monotonic_s()
            if sample is None:
                if now_s - self._looked_at_s.get(flow.id, -FORGOTTEN_S) >= FORGOTTEN_S:
                    stands |= {key: (Stand(Standing.UNKNOWN, Reason.NOT_LOOKED), None) for key, _ in _ends(facts, flow)}
                continue
            self._looked_at_s[flow.id] = now_s
            stands |= _carried(facts, flow, sample, self._world.guard.limits)
            self._trials.look(flow, sample)
        self._write(stands)

    def _chosen(self, running: list[FoundFlow], facts: Facts) -> list[FoundFlow]:
        """Return the flows with something on trial, and those that were looked at longest ago."""
        on_trial = {key.flow_key for key in self._trials.keys}
        first = [flow for flow in running if facts.key_of(flow) in on_trial]
        rest = sorted(
            (flow for flow in running if facts.key_of(flow) not in on_trial),
            key=lambda flow: (self._looked_at_s.get(flow.id, 0.0), flow.id),
        )
        return [*first, *rest[: max(1, FLOWS_A_STEP - len(first))]]

    def _write(self, stands: Mapping[Key, tuple[Stand, int | None]]) -> None:
        at = self._world.clock.now()
        looks = {key: Carried(stand=stand, bitrate_bps=rate, at=at) for key, (stand, rate) in stands.items()}
        self._tell(self._board.carried(looks))


def _ends(facts: Facts, flow: FoundFlow) -> Iterator[tuple[Key, str]]:
    """Yield the resources of a flow, each with the id of its end; "" for the flow itself, whose end is the input."""
    flow_key = facts.key_of(flow)
    if flow_key is not None:
        yield flow_key, ""
    for output in facts.outputs_in(flow_key) if flow_key is not None else ():
        yield from ((output, end.id) for live, end in facts.live_of(output) if live.id == flow.id)


def _idle(facts: Facts, flow: FoundFlow) -> dict[Key, tuple[Stand, int | None]]:
    return {key: (Stand(Standing.FALSE, Reason.IDLE), 0) for key, _ in _ends(facts, flow)}


def _carried(facts: Facts, flow: FoundFlow, sample: Sample, limits: Limits) -> dict[Key, tuple[Stand, int | None]]:
    source = next((end for end in sample.ends.values() if end.is_input), _OFF)
    told: dict[Key, tuple[Stand, int | None]] = {}
    for key, id_ in _ends(facts, flow):
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
