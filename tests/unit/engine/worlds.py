"""Worlds in memory: a tree that tests write, a backend that remembers, a clock that moves when it is told to."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

from reconciler.domain.changes import Action, Call, Change, Plan
from reconciler.domain.errors import BackendError, SecretUnavailableError, SourceUnreadableError, UnavailableError
from reconciler.domain.findings import Finding, Position, Rule, Severity
from reconciler.domain.model import Actual, Desired, Flow, FoundFlow, FoundOutput, Output, Region, ResourceKind, Srt
from reconciler.domain.policies import Limit, Override, Policies
from reconciler.domain.protocols import OUTPUT_PROTOCOLS
from reconciler.domain.safety.limits import Limits
from reconciler.domain.secrets import Secret, SecretRef
from reconciler.engine.apply import Execution, Terms, execute
from reconciler.engine.guard import Guard
from reconciler.engine.guard.facts import Facts, Keeper, Mode
from reconciler.engine.plan import Target
from reconciler.engine.world import World
from reconciler.manifests.reader import ManifestReader
from reconciler.manifests.writing import ManifestWriter
from reconciler.ports.backend import Applied, Backend, EndStatus
from reconciler.ports.clock import Clock
from reconciler.ports.journal import Journal
from reconciler.ports.orders import OrderBook
from reconciler.ports.source import ManifestFile, Revision, Snapshot, Verdict
from tests.builders import US, resolved
from tests.fakes.backend import FakeBackend
from tests.fakes.clock import FakeClock
from tests.fakes.journal import MemoryJournal
from tests.fakes.orders import MemoryOrders

BROKEN: Final = Finding(
    rule=Rule(
        id="SL001",
        name="syntax",
        severity=Severity.ERROR,
        explanation="It cannot be read.",
        remedy="Mend it.",
        example="a picture",
    ),
    at=Position("manifests/news.yaml", 3, 7),
    message="this is no YAML",
)
"""What is wrong with a tree that does not validate."""

NO_POLICIES: Final = Policies()

Result = TypeVar("Result")


class MemorySource:
    """A tree whose one file names what it says; implements `ports.source.Source`."""

    name = "memory"
    is_whole = False
    proven_at = None

    def __init__(self) -> None:
        self.trees: dict[str, Desired | None] = {}
        self.policies: dict[str, Policies] = {}
        self.current = ""
        self.problem = ""
        self.trouble = ""
        self.reading: asyncio.Event | None = None
        """While this is an event, a look waits for it."""
        self.hint: asyncio.Event | None = None
        self.closed = False
        self.looks = 0
        """How often it was read."""

    def write(
        self, revision: str, *resources: Flow | Output, hint: bool = True, policies: Policies = NO_POLICIES
    ) -> None:
        """Say what the tree says from now on."""
        self.trees[revision] = resolved(*resources).desired
        self.policies[revision] = policies
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
        self.looks += 1
        if self.reading is not None:
            await self.reading.wait()
        if self.problem:
            raise SourceUnreadableError(self.problem)
        file = ManifestFile(path="manifests/news.yaml", content=self.current.encode())
        return Snapshot(revision=Revision(self.current), files=(file,), trouble=self.trouble)

    def watch(self, hint: asyncio.Event) -> None:
        """Set the event on every write."""
        self.hint = hint

    def wake(self) -> None:
        """Say that something may have changed."""
        if self.hint is not None:
            self.hint.set()

    def close(self) -> None:
        """Stop watching."""
        self.closed = True


class MemoryReader:
    """Reads the trees of a `MemorySource`; implements `ports.source.Reader`."""

    def __init__(self, source: MemorySource) -> None:
        self._source = source

    def read(self, files: Sequence[ManifestFile]) -> Verdict:
        """Return what the test said that this tree says."""
        revision = files[0].content.decode()
        desired = self._source.trees[revision]
        policies = self._source.policies.get(revision, NO_POLICIES)
        return Verdict(findings=() if desired is not None else (BROKEN,), desired=desired, policies=policies)


class MemoryVault:
    """Knows every secret but those of `missing`; implements `ports.secrets.Vault`."""

    waits = False

    def __init__(self) -> None:
        self.missing: set[str] = set()

    def resolve(self, ref: SecretRef) -> Secret:
        """Return a value made from the name."""
        if ref.name in self.missing:
            raise SecretUnavailableError(ref, "it is not set")
        return Secret(f"value-of-{ref.name}", version=ref.version)


Fault = Callable[[Call], BackendError | None]
"""Returns what the backend answers instead of doing a call, or None to do it."""


class MeddledBackend(FakeBackend):
    """The backend in memory, and what tests do to it behind the reconciler's back."""

    on_status: Callable[[], None] | None = None
    """What happens in the world while a status is read."""
    wild: Exception | None = None
    """What a status ends with, as only a bug of ours would."""
    looked_at: list[str]
    """Flows whose status was asked for, in order."""
    listing: asyncio.Event | None = None
    """While this is an event, lists wait for it."""

    def __init__(self, *, regions: Iterable[str] = ("local",)) -> None:
        super().__init__(regions=regions)
        self.looked_at = []
        self.fault: Fault = lambda _: None
        self.sent: list[str] = []
        """Every call that arrived, `action key`, in order."""
        self.observed = 0
        """How often a region was listed."""
        self.hanging: asyncio.Event | None = None
        """While this is an event, calls wait for it."""
        self.pause: Callable[[], Awaitable[None]] = lambda: asyncio.sleep(0)
        """How long a call takes."""
        self.at_once = 0
        self.most_at_once = 0
        self.unlisted: set[str] = set()
        """Live names that lists do not show yet."""
        self.unwell: set[str] = set()
        """Live names of the flows whose status cannot be read."""
        self.untold: set[str] = set()
        """Ids of the ends that a status leaves out."""
        self.uncounted = False
        """Whether nobody can say how many are connected."""
        self.lost: Fault = lambda _: None
        """What is answered in place of the good news that a call was done."""
        self.then: Callable[[Call], None] = lambda _: None
        """What happens in the world when a call was done."""

    async def observe(self, region: Region) -> tuple[FoundFlow, ...]:
        """Return all flows of a region."""
        self.observed += 1
        if self.listing is not None:
            await self.listing.wait()
        listed = [flow for flow in await super().observe(region) if flow.live_name not in self.unlisted]
        # Whoever reads a flow again that has not changed gives the same value, as the client of the API does.
        seen = ((flow, self._listed(flow)) for flow in listed)
        return tuple(flow if outputs == flow.outputs else replace(flow, outputs=outputs) for flow, outputs in seen)

    def _listed(self, flow: FoundFlow) -> tuple[FoundOutput, ...]:
        return tuple(output for output in flow.outputs if output.live_name not in self.unlisted)

    async def status(self, region: Region, flow_id: str) -> tuple[EndStatus, ...]:
        """Return what every end of a flow says, where that can be read."""
        self.looked_at.append(flow_id)
        if self.on_status is not None:
            self.on_status()
        if self.wild is not None:
            raise self.wild
        if flow_id in self.flows and self.flows[flow_id].live_name in self.unwell:
            raise UnavailableError("no status today", maybe_applied=False)
        return tuple(end for end in await super().status(region, flow_id) if end.id not in self.untold)

    async def apply(self, call: Call) -> Applied:
        """Make one call, or fail as the test wants."""
        self.sent.append(f"{call.action} {call.key}")
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await self.pause()
            if self.hanging is not None:
                await self.hanging.wait()
        finally:
            self.at_once -= 1
        if (error := self.fault(call)) is not None:
            raise error
        applied = await super().apply(call)
        self.then(call)
        if (error := self.lost(call)) is not None:
            raise error
        return applied

    async def sessions(self, region: Region, flow_id: str, end: EndStatus, *, at: datetime) -> int:
        """Return how many are connected to an end, where that can be read."""
        if self.uncounted:
            raise UnavailableError("no statistics today", maybe_applied=False)
        return await super().sessions(region, flow_id, end, at=at)

    def hold(self, *flows: FoundFlow) -> None:
        """Put flows there, as if somebody had made them."""
        self.flows.update((flow.id, replace(flow, allowed_outputs=OUTPUT_PROTOCOLS)) for flow in flows)

    def flow(self, live_name: str = "news") -> FoundFlow:
        """Return the flow of this name."""
        return next(flow for flow in self.flows.values() if flow.live_name == live_name)

    def names(self) -> set[str]:
        """Return the names of all flows, and `flow/output` of all outputs."""
        flows = self.flows.values()
        outputs = {f"{flow.live_name}/{output.live_name}" for flow in flows for output in flow.outputs}
        return outputs | {flow.live_name for flow in flows}

    def latency_ms(self, live_name: str = "tower", *, of: str = "news") -> int:
        """Return the latency of an SRT output."""
        spec = next(output.spec for output in self.flow(of).outputs if output.live_name == live_name)
        assert spec is not None
        assert isinstance(spec.settings, Srt)
        return spec.settings.latency_ms

    def drop_output(self, live_name: str = "tower", *, of: str = "news") -> None:
        """Delete an output by hand."""
        flow = self.flow(of)
        kept = tuple(output for output in flow.outputs if output.live_name != live_name)
        self.flows[flow.id] = replace(flow, outputs=kept)


class PatientClock(FakeClock):
    """A clock that lets a whole pass come to rest before it moves on: no time goes by while something can still run."""

    jumped_s = 0.0
    """By how much somebody set the clock on the wall."""

    def now(self) -> datetime:
        """Return the time of day."""
        return super().now() + timedelta(seconds=self.jumped_s)

    async def _settle(self) -> None:
        # Alone in the loop's queue is who asks: all others wait, and no turn more would change that.
        ready = vars(asyncio.get_running_loop())["_ready"]
        for _ in range(400):
            await asyncio.sleep(0)
            if not ready:
                return


@dataclass
class Worldlet:
    """A world and its parts, as tests turn them."""

    source: MemorySource
    backend: MeddledBackend
    clock: PatientClock
    vault: MemoryVault
    orders: MemoryOrders
    world: World


@dataclass(frozen=True, kw_only=True)
class Remains:
    """What outlives a process in its state directory."""

    journal: Journal
    orders: MemoryOrders


def a_world(backend: MeddledBackend | None = None) -> Worldlet:
    """Return an empty tree beside an account, an empty one where none is given."""
    return worldlet_of(MemorySource(), backend or MeddledBackend(), PatientClock(auto=False), MemoryVault())


def worldlet_of(
    source: MemorySource,
    backend: MeddledBackend,
    clock: PatientClock,
    vault: MemoryVault,
    *,
    remains: Remains | None = None,
) -> Worldlet:
    """Return a world of these parts; a new one of old parts is a reconciler that was started again."""
    left = remains or Remains(journal=MemoryJournal(clock), orders=MemoryOrders(clock))
    world = World(
        source=source,
        reader=MemoryReader(source),
        pin_reader=ManifestReader(),
        writer=ManifestWriter(),
        vault=vault,
        backend=backend,
        clock=clock,
        journal=left.journal,
        guard=Guard(keeper(backend, clock, left.journal, orders=left.orders)),
        owner=US,
    )
    return Worldlet(source=source, backend=backend, clock=clock, vault=vault, orders=left.orders, world=world)


def restarted(small: Worldlet) -> Worldlet:
    """Return the reconciler as it is after its process died: journal, orders, tree and account are left."""
    left = Remains(journal=small.world.journal, orders=small.orders)
    return worldlet_of(small.source, small.backend, small.clock, small.vault, remains=left)


def keeper(
    backend: Backend,
    clock: Clock,
    journal: Journal,
    *,
    limits: Limits | None = None,
    orders: OrderBook | None = None,
) -> Keeper:
    """Return what a guard works with, where nobody has to sign."""
    return Keeper(
        backend=backend,
        clock=clock,
        journal=journal,
        verifier=Nobody(),
        owner=US,
        zone_of=ZoneInfo,
        orders=orders or MemoryOrders(clock),
        limits=limits or Limits(),
    )


class Nobody:
    """Asks for no signatures; implements `ports.signatures.Verifier`."""

    is_asked = False

    def signer(self, text: str, signature: str) -> str | None:
        """Return nobody, for nobody is asked."""
        del text, signature
        return None


def say(
    small: Worldlet,
    *resources: Flow | Output,
    revision: str = "drawn",
    mode: Mode = Mode.SHOWN,
    policies: Policies = NO_POLICIES,
) -> Target:
    """Write a tree, and return it as the target of a pass."""
    small.source.write(revision, *resources, policies=policies)
    return Target(revision=Revision(revision), desired=resolved(*resources).desired, policies=policies, mode=mode)


def lifted(*limits: Limit, until: datetime = datetime(2030, 1, 1, tzinfo=UTC)) -> Policies:
    """Return the policies under which these limits hold for nothing."""
    overrides = (
        Override(
            name=f"{kind}-{action}",
            of=kind,
            action=action,
            lifts=frozenset(limits),
            reason="a test wants it",
            expires=until,
        )
        for kind in ResourceKind
        for action in Action
    )
    return Policies(overrides=tuple(overrides))


async def finish(small: Worldlet, work: Coroutine[Any, Any, Result] | asyncio.Future[Result]) -> Result:
    """Return what the work returns, moving the clock for as long as it waits for something."""
    task = asyncio.ensure_future(work)
    await small.clock.advance(0)
    while not task.done():
        await small.clock.advance(1)
    return task.result()


async def run_plan(small: Worldlet, *changes: Change, terms: Terms | None = None) -> Execution:
    """Return what became of these changes, of which the guard thinks nothing bad."""
    seen = Actual(regions={region: await small.backend.observe(region) for region in await small.backend.regions()})
    facts = Facts(
        revision=Revision("drawn"), desired=Desired(), policies=Policies(), actual=seen, owner=US, mode=Mode.SAVED
    )
    small.world.guard.judge(Plan(), facts)
    return await finish(small, execute(Plan(changes=changes), small.world, terms=terms or Terms()))
