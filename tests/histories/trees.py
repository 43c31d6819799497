"""Trees that change: what somebody commits, by a seed."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Final

from reconciler.domain.model import (
    Address,
    Flow,
    FlowKey,
    FlowSpec,
    FlowState,
    InputSpec,
    Key,
    Output,
    OutputKey,
    OutputSpec,
    Region,
    RtmpAddress,
    RtmpPush,
    Srt,
)
from reconciler.domain.policies import Move
from reconciler.domain.protocols import Protocol, SrtMode
from reconciler.domain.secrets import SecretRef, SecretSource

REGIONS: Final = (Region("eu-frankfurt"), Region("local"))
_MOST_FLOWS: Final = 4
_MOST_OUTPUTS: Final = 3


@dataclass(slots=True)
class Trees:
    """A tree, and the hand that changes it."""

    random: Random
    flows: dict[FlowKey, Flow] = field(default_factory=dict)
    outputs: dict[OutputKey, Output] = field(default_factory=dict)
    renamed: dict[Key, Key] = field(default_factory=dict)
    """What had another name before, by that name."""
    made: int = 0
    most_flows: int = _MOST_FLOWS
    most_outputs: int = _MOST_OUTPUTS
    """Of one flow."""
    changes: tuple[Callable[[], None], ...] = field(init=False)

    def __post_init__(self) -> None:
        """Know what can be done; what is named twice happens twice as often."""
        self.changes = (
            *[self._add_flow] * 3,
            *[self._add_output] * 5,
            *[self._remove_output] * 2,
            self._remove_flow,
            *[self._edit_flow] * 2,
            *[self._edit_output] * 3,
            *[self._recreate_flow] * 2,
            *[self._recreate_output] * 3,
            self._turn,
            self._move_flow,
            self._move_output,
            self._rename,
            self._rename_output,
        )

    def commit(self) -> None:
        """Change a few things."""
        for _ in range(self.random.randint(1, 5) if self.made else 15):
            self.random.choice(self.changes)()
        there = {*self.flows, *self.outputs}
        self.renamed = {before: now for before, now in self.renamed.items() if now in there}

    @property
    def moves(self) -> tuple[Move, ...]:
        """Return what the tree says of new names."""
        return tuple(
            Move(name=f"move-{number}", before=before, now=now)
            for number, (before, now) in enumerate(self.renamed.items())
        )

    @property
    def resources(self) -> tuple[Flow | Output, ...]:
        """Return all that the tree says."""
        return (*self.flows.values(), *self.outputs.values())

    def _new(self, letter: str) -> str:
        self.made += 1
        return f"{letter}{self.made}"

    def _some_flow(self) -> Flow | None:
        return self.random.choice(list(self.flows.values())) if self.flows else None

    def _some_output(self) -> Output | None:
        return self.random.choice(list(self.outputs.values())) if self.outputs else None

    def _add_flow(self) -> None:
        if len(self.flows) >= self.most_flows:
            return
        # Now and then a name that was used before.
        name = self.random.choice(["again", self._new("f")])
        key = FlowKey(name)
        settings = Srt(mode=SrtMode.LISTENER, latency_ms=self._number())
        spec = FlowSpec(
            region=self.random.choice(REGIONS),
            max_bandwidth_bps=10_000_000,
            state=self.random.choice([FlowState.RUNNING, FlowState.RUNNING, FlowState.IDLE]),
            input=InputSpec(protocol=Protocol.SRT, settings=settings, allowlist=()),
        )
        if key not in self.flows and key not in self.renamed:
            self.flows[key] = Flow(key=key, live_name=name, spec=spec)
            self._add_output_to(key)

    def _add_output(self) -> None:
        if (flow := self._some_flow()) is not None:
            self._add_output_to(flow.key)

    def _add_output_to(self, flow: FlowKey) -> None:
        name = self.random.choice(["again", self._new("o")])
        key = OutputKey(flow.name, name)
        if key not in self.outputs and name not in self._gone_in(flow) and len(self._of(flow)) < self.most_outputs:
            self.outputs[key] = Output(key=key, live_name=name, spec=self._spec(self.flows[flow].spec.region))

    def _spec(self, region: Region) -> OutputSpec:
        self.made += 1
        kind = self.random.randrange(3)
        if kind == 0:
            settings = Srt(mode=SrtMode.CALLER, latency_ms=self._number(), peer=Address("127.0.0.1", 9000 + self.made))
            return OutputSpec(region=region, protocol=Protocol.SRT, settings=settings)
        if kind == 1:
            listener = Srt(mode=SrtMode.LISTENER, latency_ms=self._number())
            return OutputSpec(region=region, protocol=Protocol.SRT, settings=listener, allowlist=(), max_concurrent=4)
        key = SecretRef(source=SecretSource.ENV, name=f"STREAM_{self.made}", version=self.random.randint(0, 3))
        push = RtmpPush(destinations=(RtmpAddress(url=f"rtmp://127.0.0.1:9/{self.made}", stream_key=key),))
        return OutputSpec(region=region, protocol=Protocol.RTMP_PUSH, settings=push)

    def _number(self) -> int:
        return self.random.randint(20, 2000)

    def _of(self, flow: FlowKey) -> list[OutputKey]:
        return [key for key in self.outputs if key.flow_key == flow]

    def _remove_output(self) -> None:
        if (output := self._some_output()) is not None:
            del self.outputs[output.key]

    def _remove_flow(self) -> None:
        if (flow := self._some_flow()) is not None:
            del self.flows[flow.key]
            for key in self._of(flow.key):
                del self.outputs[key]

    def _edit_flow(self) -> None:
        if (flow := self._some_flow()) is not None and isinstance(flow.spec.input.settings, Srt):
            settings = replace(flow.spec.input.settings, latency_ms=self._number())
            spec = replace(flow.spec, input=replace(flow.spec.input, settings=settings))
            self.flows[flow.key] = replace(flow, spec=spec)

    def _edit_output(self) -> None:
        if (output := self._some_output()) is None:
            return
        spec = replace(output.spec, description=f"number {self._number()}")
        if isinstance(spec.settings, Srt):
            spec = replace(spec, settings=replace(spec.settings, latency_ms=self._number()))
        self.outputs[output.key] = replace(output, spec=spec)

    def _recreate_flow(self) -> None:
        if (flow := self._some_flow()) is None:
            return
        spec = flow.spec
        if self.random.random() < 1 / 2:
            spec = replace(spec, max_bandwidth_bps=30_000_000 - spec.max_bandwidth_bps)
        else:
            spec = replace(spec, region=next(each for each in REGIONS if each != spec.region))
        self.flows[flow.key] = replace(flow, spec=spec)

    def _recreate_output(self) -> None:
        if (output := self._some_output()) is None:
            return
        if self.random.random() < 1 / 2:
            other = next(each for each in REGIONS if each != output.spec.region)
            spec = replace(output.spec, region=other)
        else:
            spec = self._spec(output.spec.region)
        self.outputs[output.key] = replace(output, spec=spec)

    def _turn(self) -> None:
        if (flow := self._some_flow()) is not None:
            other = FlowState.IDLE if flow.spec.state is FlowState.RUNNING else FlowState.RUNNING
            self.flows[flow.key] = replace(flow, spec=replace(flow.spec, state=other))

    def _move_flow(self) -> None:
        """Give a flow another name, and say so."""
        if (flow := self._some_flow()) is None or flow.key in self.renamed.values():
            return
        now = FlowKey(self._new("m"))
        del self.flows[flow.key]
        self.flows[now] = replace(flow, key=now, live_name=now.name)
        for key in self._of(flow.key):
            output = self.outputs.pop(key)
            moved = OutputKey(now.name, key.name)
            self.outputs[moved] = replace(output, key=moved)
        self._say(flow.key, now)

    def _move_output(self) -> None:
        if (output := self._some_output()) is None or output.key in self.renamed.values():
            return
        now = OutputKey(output.key.flow, self._new("p"))
        del self.outputs[output.key]
        self.outputs[now] = replace(output, key=now, live_name=now.name)
        self._say(output.key, now)

    def _say(self, before: Key, now: Key) -> None:
        """Write a move, and let those of before lead to where the thing is by now."""
        self.renamed = {old: _led_on(new, before, now) for old, new in self.renamed.items()} | {before: now}

    def _gone_in(self, flow: FlowKey) -> set[str]:
        pairs = self.renamed.items()
        return {old.name for old, new in pairs if isinstance(new, OutputKey) and new.flow_key == flow}

    def _rename(self) -> None:
        if (flow := self._some_flow()) is not None:
            self.flows[flow.key] = replace(flow, live_name=self._new("live"))

    def _rename_output(self) -> None:
        if (output := self._some_output()) is not None:
            self.outputs[output.key] = replace(output, live_name=self._new("live"))


def _led_on(key: Key, before: Key, now: Key) -> Key:
    if key == before:
        return now
    if isinstance(key, OutputKey) and key.flow_key == before:
        return OutputKey(now.name, key.name)
    return key
