"""What cannot be there twice is made anew in a break: how long the far end goes without a frame."""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from benchmarks.long.moving import ELSEWHERE, FLOW, MOVED, SIBLING, FreePort
from benchmarks.stage.account import HERE
from benchmarks.stage.arrivals import Arrivals, Growth, arriving, growing, longest_pause_s
from benchmarks.stage.desk import Desk, Said, flow_document, output_document
from benchmarks.stage.publishing import published
from benchmarks.stage.relay import Json, StagedRelay
from reconciler.domain.model import FoundOutput, RtmpPush
from reconciler.media.far_ends import probe_source

_SETTLED_FRAMES: Final = 50
_BANDWIDTH: Final = "10M"
_OVERRIDE: Final[Json] = {
    "kind": "Override",
    "metadata": {"name": "all_of_it"},
    "spec": {
        "resource": f"flow/{FLOW}",
        "action": "recreate",
        "lifts": ["budget"],
        "reason": "the account has no other flow",
        "expires": "2100-01-01T00:00:00Z",
    },
}
_KEY: Final = "STREAM-KEY-of-the-show"


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """A flow and an output of it, before and after."""

    name: str
    source: Json
    output: Json
    moved: Json
    """What of the output changes."""
    bandwidth: str = _BANDWIDTH
    """Of the flow, afterwards."""

    @property
    def takes_all(self) -> bool:
        """Whether the flow itself is made anew."""
        return self.bandwidth != _BANDWIDTH

    def documents(self, *, after: bool) -> tuple[Json, ...]:
        """Return the manifests: the flow, the output, and a sibling without which the flow would have to stop."""
        return (
            flow_document(FLOW, self.source, maxBandwidth=self.bandwidth if after else _BANDWIDTH),
            output_document(FLOW, MOVED, {**self.output, **self.moved} if after else self.output),
            output_document(FLOW, SIBLING, _sibling(self.output)),
            *([_OVERRIDE] if self.takes_all and after else []),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """What came of it."""

    name: str
    takes_all: bool
    """Whether it is a flow, of which every output stops."""
    blocked: Said
    done: Said
    gap_s: float
    """The longest time in which nothing came to the far end."""
    sibling_discontinuities: int
    sibling_connections: int
    left: tuple[str, ...]
    """The live names at the end: of the flows, and of the outputs."""
    in_step: bool
    """Whether a plan was empty at the end."""

    @property
    def is_clean(self) -> bool:
        """Return whether it was asked for, was done, and disturbed nobody else; a flow takes all of its outputs."""
        alone = self.takes_all or (self.sibling_discontinuities, self.sibling_connections) == (0, 1)
        return (self.blocked.status, self.done.status, alone, self.in_step) == (4, 0, True, True)


def breaks(free_port: FreePort) -> tuple[Break, ...]:
    """Return what can be there once only."""
    caller = {"protocol": "SRT", "srt": {"mode": "caller", "destination": {"host": HERE, "port": free_port()}}}
    push = {
        "protocol": "RTMP_PUSH",
        "rtmpPush": {"destinations": [{"url": f"rtmp://{HERE}:{free_port()}/far", "streamKey": {"file": "platform"}}]},
    }
    rtp = {"protocol": "RTP", "rtp": {"destinations": [{"host": HERE, "port": free_port()}]}}
    called = {"protocol": "SRT", "srt": {"mode": "caller", "source": {"host": HERE, "port": free_port()}}}
    away = {"region": ELSEWHERE}
    return (
        Break(name="SRT caller, region", source={"protocol": "SRT"}, output=caller, moved=away),
        Break(name="RTMP_PUSH, region", source={"protocol": "RTMP"}, output=push, moved=away),
        Break(name="RTP, region", source={"protocol": "RTP"}, output=rtp, moved=away),
        Break(name="flow that calls, maxBandwidth", source=called, output=caller, moved={}, bandwidth="20M"),
    )


def _sibling(output: Json) -> Json:
    match output["protocol"]:
        case "SRT":
            return {"protocol": "SRT", "srt": {"mode": "listener"}}
        case "RTMP_PUSH":
            return {"protocol": "RTMP_PULL"}
        case _:
            return {"protocol": "RTP", "rtp": {"destinations": [{"host": HERE, "port": _beside(output)}]}}


def _beside(output: Json) -> int:
    """Return the port after the one that an RTP output sends to, and after the one of its RTCP."""
    return int(output["rtp"]["destinations"][0]["port"]) + 2


async def _far_end(output: FoundOutput, stack: AsyncExitStack) -> Arrivals | Growth:
    """Return what counts at a far end; a plain server where we push, for a player of it would count its own pauses."""
    settings = None if output.spec is None else output.spec.settings
    if isinstance(settings, RtmpPush):
        port = urlsplit(settings.destinations[0].url).port or 0
        return await stack.enter_async_context(growing(port, _KEY))
    return await stack.enter_async_context(arriving(probe_source(output)))


async def break_(trial: Break) -> Broken:
    """
    Make it anew with somebody at its far end, and return what was seen there.

    Raises:
        StageError: it did not come that far.

    """
    async with StagedRelay() as relay, AsyncExitStack() as stack:
        vault = relay.state / "secrets"
        vault.mkdir(parents=True, mode=0o700)
        (vault / "platform").write_text(_KEY)
        (vault / "platform").chmod(0o600)
        desk = Desk(relay)
        desk.write(trial.documents(after=False))
        await desk.must_apply()
        flow = (await relay.flows())[FLOW]
        outputs = {output.live_name: output for output in flow.outputs}
        await stack.enter_async_context(published(flow))
        far = await _far_end(outputs[MOVED], stack)
        sibling = await stack.enter_async_context(arriving(probe_source(outputs[SIBLING])))
        await sibling.more(_SETTLED_FRAMES)
        await far.more(_SETTLED_FRAMES)
        since_s = far.moments_s[-1]
        desk.write(trial.documents(after=True))
        blocked = await desk.apply()
        done = await desk.apply(*blocked.approvals)
        await far.more(_SETTLED_FRAMES)
        planned = await desk.verb("plan", desk.tree, "--detailed-exitcode")
        flows = await relay.flows()
        seen = sibling.reception
        names = {name for found in flows.values() for name in (found.live_name, *(o.live_name for o in found.outputs))}
        return Broken(
            name=trial.name,
            takes_all=trial.takes_all,
            blocked=blocked,
            done=done,
            gap_s=longest_pause_s(far.moments_s, since_s=since_s),
            sibling_discontinuities=seen.discontinuities,
            sibling_connections=seen.connections,
            left=tuple(sorted(names)),
            in_step=planned.status == 0,
        )
