"""Worlds in memory: a tree that tests write, a backend that remembers, a clock that moves when it is told to."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from reconciler.domain.changes import Call, Change, Create, Delete, Edit, Plan, Start, Stop
from reconciler.domain.errors import BackendError, SourceUnreadableError
from reconciler.domain.findings import Finding, Position, Rule, Severity
from reconciler.domain.impact import Capabilities
from reconciler.domain.marks import Mark
from reconciler.domain.model import (
    Address,
    Desired,
    Flow,
    FlowState,
    FoundFlow,
    FoundOutput,
    Output,
    Region,
)
from reconciler.domain.resolution import secret_versions
from reconciler.domain.secrets import Secret, SecretRef
from reconciler.engine.apply import Execution, Terms, execute
from reconciler.engine.world import World
from reconciler.ports.backend import Applied, EndStatus
from reconciler.ports.source import ManifestFile, Revision, Snapshot, Verdict
from tests.builders import LOCAL, US, resolved
from tests.fakes.clock import FakeClock

BROKEN: Final = Finding(
    rule=Rule(id="SL001", name="syntax", severity=Severity.ERROR, explanation="It cannot be read."),
    at=Position("manifests/news.yaml", 3, 7),
    message="this is no YAML",
)
"""What is wrong with a tree that does not validate."""


class MemorySource:
    """A tree whose one file names what it says; implements `ports.source.Source`."""

    name = "memory"

    def __init__(self) -> None:
        self.trees: dict[str, Desired | None] = {}
        self.current = ""
        self.problem = ""
        self.hint: asyncio.Event | None = None
        self.closed = False

    def write(self, revision: str, *resources: Flow | Output, hint: bool = True) -> None:
        """Say what the tree says from now on."""
        self.trees[revision] = resolved(*resources).desired
        self._turn_to(revision, hint=hint)

    def break_it(self, revision: str) -> None:
        """Make the tree one that does not validate."""
        self.trees[revision] = None
        self._turn_to(revision, hint=True)

    def _turn_to(self, revision: str, *, hint: bool) -> None:
        self.current = revision
        if hint and self.hint is not None:
            self.hint.set()

    async def snapshot(self) -> Snapshot:
        """Return the tree as it is now."""
        if self.problem:
            raise SourceUnreadableError(self.problem)
        file = ManifestFile(path="manifests/news.yaml", content=self.current.encode())
        return Snapshot(revision=Revision(self.current), files=(file,))

    def watch(self, hint: asyncio.Event) -> None:
        """Set the event on every write."""
        self.hint = hint

    def close(self) -> None:
        """Stop watching."""
        self.closed = True


class MemoryReader:
    """Reads the trees of a `MemorySource`; implements `ports.source.Reader`."""

    def __init__(self, source: MemorySource) -> None:
        self._source = source

    def read(self, files: Sequence[ManifestFile]) -> Verdict:
        """Return what the test said that this tree says."""
        desired = self._source.trees[files[0].content.decode()]
        return Verdict(findings=() if desired is not None else (BROKEN,), desired=desired)


class MemoryVault:
    """Knows every secret; implements `ports.secrets.Vault`."""

    def resolve(self, ref: SecretRef) -> Secret:
        """Return a value made from the name."""
        return Secret(f"value-of-{ref.name}", version=ref.version)


Fault = Callable[[Call], BackendError | None]
"""Returns what the backend answers instead of doing a call, or None to do it."""


@dataclass
class MemoryBackend:
    """An account in memory; implements `ports.backend.Backend`."""

    flows: dict[tuple[Region, str], FoundFlow] = field(default_factory=dict)
    name: str = "memory"
    capabilities: Capabilities = field(default_factory=Capabilities)
    served: tuple[Region, ...] = (LOCAL,)
    unreadable: dict[Region, BackendError] = field(default_factory=dict)
    fault: Fault = lambda _: None
    sent: list[str] = field(default_factory=list)
    """Every call that arrived, `action key`, in order."""
    observed: int = 0
    """How often a region was listed."""
    hanging: asyncio.Event | None = None
    """While set to an event, calls wait for it."""
    at_once: int = 0
    most_at_once: int = 0

    async def regions(self) -> tuple[Region, ...]:
        """Return the regions that a pass reads."""
        return self.served

    async def observe(self, region: Region) -> tuple[FoundFlow, ...]:
        """Return all flows of the region."""
        self.observed += 1
        if region in self.unreadable:
            raise self.unreadable[region]
        return tuple(flow for flow in self.flows.values() if flow.region == region)

    async def apply(self, call: Call) -> Applied:
        """Make one call, or fail as the test wants."""
        self.sent.append(f"{call.action} {call.key}")
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await (self.hanging.wait() if self.hanging else asyncio.sleep(0))
        finally:
            self.at_once -= 1
        if (error := self.fault(call)) is not None:
            raise error
        self._change(call)
        return Applied(request_id=f"r{len(self.sent)}")

    async def status(self, region: Region, flow_id: str) -> tuple[EndStatus, ...]:
        """Return nothing: no media here."""
        return ()

    async def close(self) -> None:
        """Do nothing."""

    def hold(self, *flows: FoundFlow) -> None:
        """Put flows there, as if somebody had made them."""
        self.flows.update(((flow.region, flow.live_name), flow) for flow in flows)

    def flow(self, live_name: str = "news") -> FoundFlow:
        """Return the flow of this name in the local region."""
        return self.flows[LOCAL, live_name]

    def output(self, live_name: str = "tower", *, of: str = "news") -> FoundOutput:
        """Return an output of a flow."""
        return next(output for output in self.flow(of).outputs if output.live_name == live_name)

    def _change(self, call: Call) -> None:
        at = (call.at.region, call.at.live_name)
        match call:
            case Create(wanted=Flow() as wanted):
                self.flows[at] = _found_flow(wanted)
            case Create(wanted=Output() as wanted):
                self._keep(at, (*self.flows[at].outputs, _found_output(wanted)))
            case Edit(wanted=Flow() as wanted):
                found = self.flows.pop(at)
                edited = replace(_found_flow(wanted), outputs=found.outputs, state=found.state)
                self.flows[at[0], wanted.live_name] = edited
            case Edit(wanted=Output() as wanted, found=FoundOutput(id=edited_id)):
                self._keep(
                    at,
                    tuple(_found_output(wanted) if each.id == edited_id else each for each in self.flows[at].outputs),
                )
            case Delete(found=FoundFlow()):
                self.flows.pop(at, None)
            case Delete(found=FoundOutput(id=deleted_id)):
                self._keep(at, tuple(each for each in self.flows[at].outputs if each.id != deleted_id))
            case Start() | Stop():
                state = FlowState.RUNNING if isinstance(call, Start) else FlowState.IDLE
                self.flows[at] = replace(self.flows[at], state=state)

    def _keep(self, at: tuple[Region, str], outputs: tuple[FoundOutput, ...]) -> None:
        self.flows[at] = replace(self.flows[at], outputs=outputs)


def _found_flow(wanted: Flow) -> FoundFlow:
    mark = Mark(owner=US, name=wanted.key.name, secret_versions=secret_versions(wanted.spec))
    return FoundFlow(
        id=f"id-{wanted.live_name}",
        region=wanted.spec.region,
        live_name=wanted.live_name,
        mark=mark,
        state=FlowState.IDLE,
        spec=wanted.spec,
        input_addresses=(Address("127.0.0.1", 20000),),
    )


def _found_output(wanted: Output) -> FoundOutput:
    mark = Mark(owner=US, name=wanted.key.name, secret_versions=secret_versions(wanted.spec))
    return FoundOutput(id=f"id-{wanted.live_name}", live_name=wanted.live_name, mark=mark, spec=wanted.spec)


@dataclass
class Worldlet:
    """A world and its parts, as tests turn them."""

    source: MemorySource
    backend: MemoryBackend
    clock: FakeClock
    world: World


def a_world() -> Worldlet:
    """Return an empty tree beside an empty account."""
    source, backend, clock = MemorySource(), MemoryBackend(), FakeClock(auto=False)
    world = World(
        source=source, reader=MemoryReader(source), vault=MemoryVault(), backend=backend, clock=clock, owner=US
    )
    return Worldlet(source=source, backend=backend, clock=clock, world=world)


async def run_plan(small: Worldlet, *changes: Change, terms: Terms | None = None) -> Execution:
    """Return what became of these changes."""
    return await execute(Plan(changes=changes), small.backend, clock=small.clock, terms=terms or Terms())
