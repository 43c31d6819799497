"""What people and the network do to an account while somebody else works on it."""

from dataclasses import replace
from random import Random
from typing import Final

from reconciler.domain.model import FlowState, FoundFlow, FoundOutput, Srt
from tests.onair.disturbing import ends_of, input_of
from tests.onair.stage import NEAR_THE_FLOOR, Stage
from tests.onair.virtual import VirtualClock

_PAUSE_S: Final = 2.5
"""Between two things that happen, on the average."""
_JUMPS_S: Final = (-90.0, 90.0, 3600.0)


class People:
    """They come and go, start and stop, edit and delete by hand."""

    def __init__(self, stage: Stage, clock: VirtualClock, rng: Random) -> None:
        self._stage = stage
        self._clock = clock
        self._rng = rng
        stage.meanwhile = self.act

    async def live(self) -> None:
        """Do something now and then, for ever."""
        while True:
            await self._clock.sleep(self._rng.expovariate(1 / _PAUSE_S))
            self.act()

    def rest(self) -> None:
        """Do nothing any more."""
        self._stage.meanwhile = lambda: None

    def come(self, share: float) -> None:
        """Let so many of the ends be connected, each to a bitrate of its own."""
        for flow in self._stage.flows.values():
            for id_ in sorted(ends_of(flow)):
                end = self._stage.end(id_)
                end.is_connected = self._rng.random() < share
                end.bps = self._bps()

    def act(self) -> None:
        """Do something."""
        flows = sorted(self._stage.flows.values(), key=lambda flow: flow.id)
        if not flows:
            return
        flow = self._rng.choice(flows)
        chance = self._rng.random()
        if chance < 0.75:
            self._turn(flow)
        elif chance < 0.85:
            self._switch(flow)
        elif chance < 0.985:
            self._by_hand(flow)
        else:
            self._clock.set_by_s += self._rng.choice(_JUMPS_S)

    def _turn(self, flow: FoundFlow) -> None:
        """Let an end come, go, or send more or less."""
        id_ = self._rng.choice([input_of(flow), *(output.id for output in flow.outputs)])
        end = self._stage.end(id_)
        if self._rng.random() < 0.5:
            end.is_connected = not end.is_connected
        end.bps = self._bps()

    def _bps(self) -> int:
        return self._rng.choice(NEAR_THE_FLOOR) if self._rng.random() < 0.5 else 3_000_000

    def _switch(self, flow: FoundFlow) -> None:
        """Start or stop a flow."""
        if flow.outputs or flow.state is FlowState.RUNNING:
            state = FlowState.IDLE if flow.state is FlowState.RUNNING else FlowState.RUNNING
            spec = None if flow.spec is None else replace(flow.spec, state=state)
            self._stage.flows[flow.id] = replace(flow, state=state, spec=spec)

    def _by_hand(self, flow: FoundFlow) -> None:
        """Edit or delete an output, or add one that nobody manages."""
        if not flow.outputs or self._rng.random() < 0.2:
            self._add(flow)
            return
        output = self._rng.choice(flow.outputs)
        if self._rng.random() < 0.25 and len(flow.outputs) > 1:
            kept = tuple(each for each in flow.outputs if each is not output)
        else:
            kept = tuple(self._edited(each) if each is output else each for each in flow.outputs)
        self._stage.flows[flow.id] = replace(flow, outputs=kept)

    def _edited(self, output: FoundOutput) -> FoundOutput:
        if output.spec is None:
            return output
        settings = output.spec.settings
        if isinstance(settings, Srt) and self._rng.random() < 0.6:
            other = replace(settings, latency_ms=self._rng.choice((80, 120, 200, 300)))
            return replace(output, spec=replace(output.spec, settings=other))
        return replace(output, spec=replace(output.spec, description=self._rng.choice(("by hand", "", "a"))))

    def _add(self, flow: FoundFlow) -> None:
        if any(output.mark is None for output in flow.outputs) or flow.spec is None:
            return
        id_ = f"by-hand-{self._rng.randrange(10**9)}"
        spec = next((output.spec for output in flow.outputs), None)
        made = FoundOutput(id=id_, live_name="by_hand", mark=None, spec=spec)
        self._stage.flows[flow.id] = replace(flow, outputs=(*flow.outputs, made))
        self._stage.end(id_).is_connected = True
        self._stage.end(id_).bps = 3_000_000
