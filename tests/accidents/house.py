"""A house that streams: a relay that keeps everything and carries nothing, a tree, the command line, and loops."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from tencentcloud.mps.v20190612 import models

from reconciler import wiring
from reconciler.domain.model import FoundFlow, FoundOutput, Region
from reconciler.engine.guard import Guard
from reconciler.engine.guard.facts import Keeper
from reconciler.engine.loop import Loop, Timing, Watcher
from reconciler.engine.reconcile import PassOutcome
from reconciler.engine.world import World
from reconciler.ports.backend import Backend
from reconciler.relay.faults.injection import Faults
from reconciler.relay.service import Relay
from reconciler.settings import Settings
from tests.endtoend.commands import DEADLINE_S, Kept, Said
from tests.endtoend.sdk import Sdk

FAST: Final = 40.0
"""So many seconds of a fast clock go by in one of everybody's."""
LIST = "DescribeStreamLinkFlows"


class FastClock:
    """Implements `ports.clock.Clock`: everybody's clock, some times as fast, so that calls over a socket take part."""

    def __init__(self, times: float = FAST) -> None:
        self._times = times
        self._began_s = time.monotonic()
        self._epoch = datetime.now(tz=UTC)
        self._jumped = timedelta()

    def now(self) -> datetime:
        """Return the time of day."""
        return self._epoch + self._jumped + timedelta(seconds=self.monotonic_s())

    def monotonic_s(self) -> float:
        """Return seconds since this clock was made."""
        return (time.monotonic() - self._began_s) * self._times

    async def sleep(self, seconds: float) -> None:
        """Wait so many of its seconds."""
        await asyncio.sleep(seconds / self._times)

    async def wait(self, event: asyncio.Event, timeout_s: float) -> bool:
        """Wait for the event, or so many of its seconds."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(event.wait(), timeout_s / self._times)
        return event.is_set()

    def jump(self, seconds: float) -> None:
        """Put the time of day forward or back, as a machine does whose clock was wrong."""
        self._jumped += timedelta(seconds=seconds)


class LateLists:
    """The backend itself, but for lists that show what is new some seconds late; a fresh process knows of nothing."""

    def __init__(self, backend: Backend, clock: FastClock, *, lag_s: float) -> None:
        self._backend = backend
        self._clock = clock
        self._lag_s = lag_s
        self._first_seen: dict[str, float] = {}

    def __getattr__(self, name: str) -> Any:
        """Return whatever else the backend can do."""
        return getattr(self._backend, name)

    async def observe(self, region: Region) -> tuple[FoundFlow, ...]:
        """Return the flows of a region without what was made a moment ago."""
        flows = await self._backend.observe(region)
        kept = [flow for flow in flows if self._is_shown(flow)]
        return tuple(replace(flow, outputs=tuple(filter(self._is_shown, flow.outputs))) for flow in kept)

    def _is_shown(self, found: FoundFlow | FoundOutput) -> bool:
        now_s = self._clock.monotonic_s()
        return now_s - self._first_seen.setdefault(found.id, now_s) >= self._lag_s


@dataclass(slots=True, kw_only=True)
class AtWork:
    """A loop that is running in this process, on a fast clock."""

    clock: FastClock
    world: World
    loop: Loop
    passes: list[PassOutcome] = field(default_factory=list)

    @property
    def next_in_s(self) -> float:
        """Return in how many seconds the next pass was due, when the last one was over that had anything to do."""
        (noted,) = self.world.journal.notes(kind="pass.finished", limit=1)
        return float(noted.note.fields["next_in_s"])

    async def passed(self, count: int = 1) -> PassOutcome:
        """Return the last pass, once so many more than now are over."""
        wanted = len(self.passes) + count
        await until(lambda: len(self.passes) >= wanted)
        return self.passes[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class House(Kept):
    """A relay, its official client, a tree, and the reconcilers that are let loose on them."""

    relay: Relay
    faults: Faults
    delayed: asyncio.Event
    """Set by the first call that meets a delay."""
    released: asyncio.Event
    """Set to end every delay."""

    def write(self, **files: str) -> None:
        """Write files into the tree, `a__b` as `a/b.yaml`."""
        for name, text in files.items():
            path = self.tree.joinpath(*name.split("__")).with_suffix(".yaml")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def remove(self, *names: str) -> None:
        """Take files out of the tree."""
        for name in names:
            self.tree.joinpath(*name.split("__")).with_suffix(".yaml").unlink()

    async def applied(self, **files: str) -> Said:
        """Write files, and make the account as the tree says, which succeeds."""
        self.write(**files)
        said = await self.apply()
        assert said.status == 0, said.everything
        return said

    @property
    def sdk(self) -> Sdk:
        """Return the official SDK on the account."""
        return Sdk(self.relay.address, self.relay.credentials)

    async def flows(self) -> dict[str, Any]:
        """Return every flow of the account by its name, of which no two are the same, as the official SDK reads it."""
        request = models.DescribeStreamLinkFlowsRequest()
        request.PageNum, request.PageSize = 1, 100
        answer = await self.sdk.call(LIST, request)
        named = {flow.FlowName: flow for flow in answer.Infos}
        assert len(named) == len(answer.Infos) == answer.TotalNum
        return named

    async def names(self) -> dict[str, list[str]]:
        """Return the names of the outputs of every flow."""
        flows = await self.flows()
        return {name: sorted(output.OutputName for output in flow.OutputGroup) for name, flow in sorted(flows.items())}

    async def ids(self) -> dict[str, str]:
        """Return the id of every flow, and of every output as `flow/output`."""
        flows = await self.flows()
        outputs = {
            f"{name}/{each.OutputName}": each.OutputId for name, flow in flows.items() for each in flow.OutputGroup
        }
        return {**{name: flow.FlowId for name, flow in flows.items()}, **outputs}

    async def everything(self) -> str:
        """Return the whole account as one text, to be compared."""
        flows = await self.flows()
        return json.dumps({name: json.loads(flow.to_json_string()) for name, flow in flows.items()}, sort_keys=True)

    async def latencies(self) -> dict[str, int]:
        """Return the latency of every SRT output, by `flow/output`."""
        flows = await self.flows()
        ends = {f"{name}/{end.OutputName}": end for name, flow in flows.items() for end in flow.OutputGroup}
        return {name: int(end.SRTSettings.Latency) for name, end in ends.items()}

    async def delete_by_hand(self, flow: str, output: str) -> None:
        """Delete an output in the console."""
        found = (await self.flows())[flow]
        request = models.DeleteStreamLinkOutputRequest()
        request.FlowId = found.FlowId
        (request.OutputId,) = [each.OutputId for each in found.OutputGroup if each.OutputName == output]
        await self.sdk.call("DeleteStreamLinkOutput", request)

    async def make_by_hand(self, name: str, *, description: str = "") -> None:
        """Make a flow in the console."""
        request = models.CreateStreamLinkFlowRequest()
        request.FlowName, request.MaxBandwidth = name, 10_000_000
        end = models.CreateInput()
        end.InputName, end.Protocol, end.SRTSettings = "by_hand", "SRT", models.CreateInputSRTSettings()
        end.SRTSettings.Mode, end.Description = "LISTENER", description
        request.InputGroup = [end]
        await self.sdk.call("CreateStreamLinkFlow", request)

    async def edit_by_hand(self, flow: str, output: str, *, latency: int) -> None:
        """Give an SRT caller another latency in the console, where people know nothing of marks and leave them."""
        found = (await self.flows())[flow]
        (end,) = [each for each in found.OutputGroup if each.OutputName == output]
        request = models.ModifyStreamLinkOutputInfoRequest()
        request.FlowId, request.Output = found.FlowId, models.ModifyOutputInfo()
        for member in ("OutputId", "OutputName", "Description", "Protocol"):
            setattr(request.Output, member, getattr(end, member))
        settings = models.CreateOutputSRTSettings()
        settings.Mode, settings.PeerIdleTimeout = end.SRTSettings.Mode, end.SRTSettings.PeerIdleTimeout
        settings.Latency = settings.RecvLatency = settings.PeerLatency = latency
        settings.Destinations = []
        for destination in end.SRTSettings.Destinations:
            target = models.CreateOutputSRTSettingsDestinations()
            target.Ip, target.Port = destination.Ip, destination.Port
            settings.Destinations.append(target)
        request.Output.SRTSettings = settings
        await self.sdk.call("ModifyStreamLinkOutputInfo", request)

    @property
    def writes(self) -> int:
        """Return how many calls there were that change something, whatever came of them."""
        return sum(count for action, count in self.relay.calls.items() if not action.startswith("Describe"))

    @property
    def deletes(self) -> int:
        """Return how many calls there were that delete something."""
        return sum(count for action, count in self.relay.calls.items() if action.startswith("Delete"))

    @contextlib.asynccontextmanager
    async def running(
        self,
        tree: Path | None = None,
        *,
        owner: str = "local",
        times: float = FAST,
        observe_s: float = 20.0,
        lag_s: float = 0.0,
    ) -> AsyncIterator[AtWork]:
        """Have a loop at work, the real one on the real backend; lists may be some seconds behind."""
        flags = {"state": self.reconciler.state, "backend.owner": owner}
        settings = wiring.load_settings(flags=flags, environment=self.reconciler.variables)
        async with wiring.existing_world(settings, [tree or self.tree]) as wired:
            clock = FastClock(times)
            world = replace(wired, clock=clock, backend=LateLists(wired.backend, clock, lag_s=lag_s))
            world = replace(world, guard=Guard(_keeper(world, clock, settings)))
            passes: list[PassOutcome] = []
            loop = Loop(world, Timing(observe_s=observe_s), Watcher(jitter=lambda: 0.99, on_pass=passes.append))
            task = asyncio.create_task(loop.run())
            try:
                yield AtWork(clock=clock, world=world, loop=loop, passes=passes)
            finally:
                loop.stop()
                await asyncio.wait_for(task, DEADLINE_S)
                world.journal.close()


def _keeper(world: World, clock: FastClock, settings: Settings) -> Keeper:
    return Keeper(
        backend=world.backend,
        clock=clock,
        journal=world.journal,
        verifier=wiring.verifier(settings),
        owner=world.owner,
        zone_of=wiring.zone_of,
        orders=wiring.orders(settings),
        limits=wiring.limits(settings),
    )


async def until(holds: Callable[[], bool | Awaitable[bool]]) -> None:
    """Look again and again until it holds."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            held = holds()
            if held if isinstance(held, bool) else await held:
                return
            await asyncio.sleep(0.02)
