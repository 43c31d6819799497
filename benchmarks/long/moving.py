"""Outputs made anew beside the old one: what those see who stay until the end, and those who move over."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.stage.account import HERE
from benchmarks.stage.arrivals import Arrivals, arriving, longest_pause_s
from benchmarks.stage.desk import Desk, Said, flow_document, output_document
from benchmarks.stage.publishing import published
from benchmarks.stage.relay import Json, StagedRelay, until_there
from reconciler.domain.model import FoundFlow, FoundOutput
from reconciler.media.far_ends import probe_source

FLOW: Final = "news"
MOVED: Final = "partner"
SIBLING: Final = "sibling"
ELSEWHERE: Final = "eu-frankfurt"
"""Another region for an output: what alone makes it anew."""
DEADLINE_S: Final = 8.0
"""How long somebody is waited for who does not come."""
_SETTLED_FRAMES: Final = 50
FreePort = Callable[[], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """An output that is made anew, and its flow."""

    name: str
    source: Json
    before: Json
    after: Json

    def documents(self, output: Json) -> tuple[Json, ...]:
        """Return the manifests: the flow, the output in one of its forms, and its sibling, as the output was first."""
        sibling = {"protocol": "SRT", "srt": {"mode": "listener"}} if self.before["protocol"] == "SRT" else self.before
        return (
            flow_document(FLOW, self.source),
            output_document(FLOW, MOVED, output),
            output_document(FLOW, SIBLING, sibling),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What came of it."""

    name: str
    blocked: Said
    """What was said without an approval."""
    stayed: bool
    """Whether the output was the same one after that."""
    done: Said
    """What was said with it."""
    revealed: str
    """What `status --reveal` gave for the new one."""
    old_discontinuities: int
    """At the old one's receiver, until it was taken away."""
    old_connections: int
    sibling_discontinuities: int
    sibling_connections: int
    frames_after: int
    """At the new one's receiver, once the old one was gone."""
    both_s: float
    """How long both delivered."""
    gap_s: float
    """The longest time without a frame for a receiver that moves over: from the old one, or the new one."""
    left: tuple[str, ...]
    """The live names of the outputs at the end."""
    in_step: bool
    """Whether a plan was empty at the end."""

    @property
    def is_clean(self) -> bool:
        """Return whether nobody saw anything of it."""
        seen = self.old_discontinuities + self.sibling_discontinuities
        once = (self.old_connections, self.sibling_connections) == (1, 1)
        asked = self.stayed and (self.blocked.status, self.done.status) == (4, 0)
        return asked and not seen and once and self.both_s > 0 and self.in_step


@dataclass(frozen=True, slots=True, kw_only=True)
class Abandoned:
    """What came of a new output to which nobody came."""

    name: str
    blocked: Said
    done: Said
    old_discontinuities: int
    old_connections: int
    frames_after: int
    """At the old one's receiver, after all of it."""
    left: tuple[str, ...]
    """The live names of the outputs at the end."""

    @property
    def is_clean(self) -> bool:
        """Return whether the old one served on as if nothing had been."""
        once = (self.old_discontinuities, self.old_connections) == (0, 1)
        return once and self.left == (MOVED, SIBLING)


def trials(free_port: FreePort) -> tuple[Trial, ...]:
    """Return every output that can be there twice."""
    listener: Json = {"protocol": "SRT", "srt": {"mode": "listener"}}
    caller = {"protocol": "SRT", "srt": {"mode": "caller", "destination": {"host": HERE, "port": free_port()}}}
    rtmp, rtsp = {"protocol": "RTMP_PULL"}, {"protocol": "RTSP"}
    origin = {"protocol": "RTSP", "rtsp": {"url": f"rtsp://{HERE}:{free_port()}/live"}}
    return (
        Trial(name="SRT listener, region", source={"protocol": "SRT"}, before=listener, after=_elsewhere(listener)),
        Trial(name="SRT listener to caller", source={"protocol": "SRT"}, before=listener, after=caller),
        Trial(name="RTMP_PULL, region", source={"protocol": "RTMP"}, before=rtmp, after=_elsewhere(rtmp)),
        Trial(name="RTSP, region", source=origin, before=rtsp, after=_elsewhere(rtsp)),
    )


def _elsewhere(output: Json) -> Json:
    return {**output, "region": ELSEWHERE}


async def move(trial: Trial) -> Moved:
    """
    Make an output anew with a receiver at it, have another one come to the new one, and return what was seen.

    Raises:
        StageError: it did not come that far.

    """
    async with StagedRelay() as relay, AsyncExitStack() as stack:
        scene = await Scene.set_up(trial, relay, stack)
        scene.desk.write(trial.documents(trial.after))
        blocked = await scene.desk.apply()
        stayed = scene.old.id in {output.id for output in (await scene.flow()).outputs}
        async with scene.desk.applying(*blocked.approvals) as applied:
            twin = await scene.twin()
            told = await scene.desk.verb("status", "--reveal", f"output/{FLOW}/{twin.live_name}")
            new = await stack.enter_async_context(arriving(probe_source(twin)))
            await new.more(1)
            done = await applied
        # Whoever was at the old one is cut by now, and cannot come back: what he counted until then is his last word.
        before = scene.at_old.reception
        after = await new.more(_SETTLED_FRAMES)
        planned = await scene.desk.verb("plan", scene.desk.tree, "--detailed-exitcode")
        return Moved(
            name=trial.name,
            blocked=blocked,
            stayed=stayed,
            done=done,
            revealed=told.text,
            old_discontinuities=before.discontinuities,
            old_connections=before.connections,
            sibling_discontinuities=scene.at_sibling.reception.discontinuities,
            sibling_connections=scene.at_sibling.reception.connections,
            frames_after=after.frames,
            both_s=scene.at_old.moments_s[-1] - new.moments_s[0],
            gap_s=longest_pause_s(scene.at_old.moments_s, new.moments_s, since_s=scene.since_s),
            left=tuple(sorted(output.live_name for output in (await scene.flow()).outputs)),
            in_step=planned.status == 0,
        )


async def abandon(trial: Trial, *, deadline_s: float = DEADLINE_S) -> Abandoned:
    """
    Make an output anew with a receiver at it, have nobody come to the new one, and return what was seen.

    Raises:
        StageError: it did not come that far.

    """
    async with StagedRelay() as relay, AsyncExitStack() as stack:
        scene = await Scene.set_up(trial, relay, stack, guard={"twinDeadlineS": deadline_s})
        scene.desk.write(trial.documents(trial.after))
        blocked = await scene.desk.apply()
        done = await scene.desk.apply(*blocked.approvals)
        after = await scene.at_old.more(_SETTLED_FRAMES)
        return Abandoned(
            name=trial.name,
            blocked=blocked,
            done=done,
            old_discontinuities=after.discontinuities,
            old_connections=after.connections,
            frames_after=after.frames,
            left=tuple(sorted(output.live_name for output in (await scene.flow()).outputs)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A flow on air with the output that is to be made anew, and receivers at it and at its sibling."""

    relay: StagedRelay
    desk: Desk
    old: FoundOutput
    at_old: Arrivals
    at_sibling: Arrivals
    since_s: float
    """When all of them had settled."""

    @classmethod
    async def set_up(cls, trial: Trial, relay: StagedRelay, stack: AsyncExitStack, **settings: Any) -> "Scene":
        """Return the scene, with everybody connected."""
        desk = Desk(relay)
        desk.settle(**settings)
        desk.write(trial.documents(trial.before))
        await desk.must_apply()
        flow = (await relay.flows())[FLOW]
        outputs = {output.live_name: output for output in flow.outputs}
        await stack.enter_async_context(published(flow))
        at_old, at_sibling = [
            await stack.enter_async_context(arriving(probe_source(outputs[name]))) for name in (MOVED, SIBLING)
        ]
        await at_sibling.more(_SETTLED_FRAMES)
        await at_old.more(_SETTLED_FRAMES)
        since_s = at_old.moments_s[-1]
        return cls(relay=relay, desk=desk, old=outputs[MOVED], at_old=at_old, at_sibling=at_sibling, since_s=since_s)

    async def flow(self) -> FoundFlow:
        """Return the flow as it is."""
        return (await self.relay.flows())[FLOW]

    async def twin(self) -> FoundOutput:
        """Return the new output, once it is there."""

        async def look() -> FoundOutput | None:
            return next((one for one in (await self.flow()).outputs if one.mark is not None and one.mark.twin), None)

        return await until_there(look, "the twin")
