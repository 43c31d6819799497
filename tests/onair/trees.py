"""Trees of manifests for histories: two flows at most, outputs of three kinds, and one thing changed at a time."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from typing import Final

from reconciler.domain.model import (
    Address,
    Care,
    Desired,
    Flow,
    FlowKey,
    FlowSpec,
    FlowState,
    InputSpec,
    Output,
    OutputKey,
    OutputSettings,
    OutputSpec,
    Region,
    RtmpAddress,
    RtmpPush,
    Srt,
)
from reconciler.domain.protocols import Protocol, SrtMode
from reconciler.domain.secrets import Secret

HERE: Final = Region("local")
ELSEWHERE: Final = Region("eu-frankfurt")
"""Where an output may be; no flow is there."""
GROUP: Final = "pair"
_LISTS: Final = ((), ("203.0.113.0/28",), ("203.0.113.0/28", "198.51.100.0/24"), ("198.51.100.0/24",))
_NAMES: Final = ("alpha", "bravo", "carol", "delta")


@dataclass(frozen=True)
class Tree:
    """What the manifests say at one revision."""

    flows: tuple[Flow, ...]
    outputs: tuple[Output, ...]

    @property
    def desired(self) -> Desired:
        """Return it as a reader of manifests does."""
        return Desired(flows=self.flows, outputs=self.outputs)

    def of(self, flow: Flow) -> tuple[Output, ...]:
        """Return the outputs of a flow."""
        return tuple(output for output in self.outputs if output.key.flow_key == flow.key)

    def with_flow(self, flow: Flow) -> "Tree":
        """Return the tree with this flow in place of the one of its name."""
        return replace(self, flows=tuple(flow if each.key == flow.key else each for each in self.flows))

    def with_output(self, output: Output) -> "Tree":
        """Return the tree with this output in place of the one of its name."""
        return replace(self, outputs=tuple(output if each.key == output.key else each for each in self.outputs))


def first(rng: Random) -> Tree:
    """Return a tree to begin with."""
    flows = [_flow(name, rng) for name in ("news", "sport")[: rng.choice((1, 2))]]
    outputs: list[Output] = []
    for flow in flows:
        outputs += [_output(flow.key.name, name, rng) for name in rng.sample(_NAMES, rng.choice((1, 2, 2, 3)))]
    if len(outputs) > 1 and rng.random() < 0.4:
        outputs[:2] = [_grouped(output, GROUP) for output in outputs[:2]]
    return Tree(flows=tuple(flows), outputs=tuple(outputs))


def another(tree: Tree, rng: Random) -> Tree:
    """Return the tree with one thing in it that is otherwise."""
    chance = rng.random()
    if not tree.outputs or chance < 0.05:
        return _with_other_flows(tree, rng)
    if chance < 0.3:
        return tree.with_flow(rng.choice(_OF_FLOWS)(rng.choice(tree.flows), rng))
    if chance < 0.5:
        return _with_other_outputs(tree, rng)
    output = rng.choice(tree.outputs)
    return tree.with_output(rng.choice(_OF_OUTPUTS)(output, rng))


def _flow(name: str, rng: Random) -> Flow:
    settings = Srt(mode=SrtMode.LISTENER, latency_ms=rng.choice((120, 200)))
    spec = FlowSpec(
        region=HERE,
        max_bandwidth_bps=10_000_000,
        state=FlowState.RUNNING,
        input=InputSpec(protocol=Protocol.SRT, settings=settings, allowlist=()),
    )
    return Flow(key=FlowKey(name), live_name=name, spec=spec)


def _output(flow: str, name: str, rng: Random) -> Output:
    kind = rng.choice(("caller", "listener", "listener", "push"))
    settings: OutputSettings = Srt(mode=SrtMode.LISTENER)
    if kind == "caller":
        settings = Srt(mode=SrtMode.CALLER, peer=Address(f"{name}.example", 9000))
    if kind == "push":
        settings = RtmpPush(destinations=(RtmpAddress(url=f"rtmp://{name}.example/live", stream_key=Secret("a key")),))
    spec = OutputSpec(
        region=HERE,
        protocol=Protocol.RTMP_PUSH if kind == "push" else Protocol.SRT,
        settings=settings,
        allowlist=() if kind == "listener" else None,
        max_concurrent=4 if kind == "listener" else None,
    )
    return Output(key=OutputKey(flow, name), live_name=name, spec=spec)


def _grouped(output: Output, group: str) -> Output:
    return replace(output, care=replace(output.care, redundancy_group=group))


def _with_other_flows(tree: Tree, rng: Random) -> Tree:
    """Return the tree with a flow less, or one more."""
    free = [name for name in ("opera", "chess") if FlowKey(name) not in {each.key for each in tree.flows}]
    if len(tree.flows) > 1 or not free:
        gone = rng.choice(tree.flows)
        kept = tuple(output for output in tree.outputs if output not in tree.of(gone))
        return Tree(tuple(flow for flow in tree.flows if flow != gone), kept)
    added = _flow(rng.choice(free), rng)
    return Tree((*tree.flows, added), (*tree.outputs, _output(added.key.name, "alpha", rng)))


def _received_later(flow: Flow, rng: Random) -> Flow:
    latency = Srt(mode=SrtMode.LISTENER, latency_ms=rng.choice((120, 200, 300)))
    return _receiving(flow, replace(flow.spec.input, settings=latency))


def _received_from(flow: Flow, rng: Random) -> Flow:
    return _receiving(flow, replace(flow.spec.input, allowlist=rng.choice(_LISTS)))


def _called(flow: Flow, rng: Random) -> Flow:
    return _receiving(flow, replace(flow.spec.input, description=rng.choice(("", "a", "b"))))


def _broadened(flow: Flow, rng: Random) -> Flow:
    return replace(flow, spec=replace(flow.spec, max_bandwidth_bps=rng.choice((10_000_000, 20_000_000))))


def _switched(flow: Flow, rng: Random) -> Flow:
    return replace(flow, spec=replace(flow.spec, state=rng.choice(list(FlowState))))


def _renamed_flow(flow: Flow, rng: Random) -> Flow:
    return replace(flow, live_name=flow.key.name + rng.choice(("", "_live")))


def _protected(flow: Flow, rng: Random) -> Flow:
    return replace(flow, care=Care(protected=rng.random() < 0.5))


_OF_FLOWS: Final[tuple[Callable[[Flow, Random], Flow], ...]] = (
    _received_later, _received_from, _called, _broadened, _broadened, _broadened, _switched, _renamed_flow, _protected,
)  # fmt: skip


def _receiving(flow: Flow, received: InputSpec) -> Flow:
    return replace(flow, spec=replace(flow.spec, input=received))


def _with_other_outputs(tree: Tree, rng: Random) -> Tree:
    flow = rng.choice(tree.flows)
    own = tree.of(flow)
    free = [name for name in _NAMES if name not in {output.key.name for output in own}]
    if own and (rng.random() < 0.6 or not free):
        gone = rng.choice(own)
        return replace(tree, outputs=tuple(output for output in tree.outputs if output != gone))
    return replace(tree, outputs=(*tree.outputs, _output(flow.key.name, rng.choice(free), rng)))


def _setting(output: Output, rng: Random) -> Output:
    settings = output.spec.settings
    if isinstance(settings, Srt):
        return _sending(output, replace(settings, latency_ms=rng.choice((120, 200, 300))))
    assert isinstance(settings, RtmpPush)
    return _sending(output, replace(settings, chunk_size=rng.choice((4096, 8192))))


def _sending(output: Output, settings: OutputSettings) -> Output:
    return replace(output, spec=replace(output.spec, settings=settings))


def _turned(output: Output, _: Random) -> Output:
    """Return an SRT output that calls where it listened, or the other way about."""
    settings = output.spec.settings
    if not isinstance(settings, Srt):
        return output
    if settings.mode is SrtMode.CALLER:
        listens = replace(settings, mode=SrtMode.LISTENER, peer=None)
        return replace(output, spec=replace(output.spec, settings=listens, allowlist=(), max_concurrent=4))
    calls = replace(settings, mode=SrtMode.CALLER, peer=Address(f"{output.key.name}.example", 9000))
    return replace(output, spec=replace(output.spec, settings=calls, allowlist=None, max_concurrent=None))


def _pulled_by(output: Output, rng: Random) -> Output:
    if output.spec.allowlist is None:
        return output
    spec = replace(output.spec, allowlist=rng.choice(_LISTS), max_concurrent=rng.choice((1, 4, 4)))
    return replace(output, spec=spec)


def _described(output: Output, rng: Random) -> Output:
    return replace(output, spec=replace(output.spec, description=rng.choice(("", "a", "b"))))


def _moved(output: Output, rng: Random) -> Output:
    return replace(output, spec=replace(output.spec, region=rng.choice((HERE, ELSEWHERE))))


def _renamed(output: Output, rng: Random) -> Output:
    return replace(output, live_name=output.key.name + rng.choice(("", "_live")))


def _cared(output: Output, rng: Random) -> Output:
    return replace(output, care=replace(output.care, protected=rng.random() < 0.3))


_OF_OUTPUTS: Final[tuple[Callable[[Output, Random], Output], ...]] = (
    _setting, _setting, _setting, _turned, _turned, _moved, _moved, _moved, _pulled_by, _described, _renamed, _cared,
)  # fmt: skip
