"""Plan: what an apply would do now, sending nothing."""

import asyncio
from dataclasses import dataclass, field, replace

from reconciler.domain import planning
from reconciler.domain.changes import Plan
from reconciler.domain.model import Desired
from reconciler.domain.moves import moved_names
from reconciler.domain.policies import Approval, Policies
from reconciler.domain.resolution import Resolved, resolve
from reconciler.engine.guard.facts import Facts, Mode
from reconciler.engine.observe import observe
from reconciler.engine.pinning import in_force, with_pins, without
from reconciler.engine.world import World
from reconciler.ports.clock import Clock
from reconciler.ports.secrets import Vault
from reconciler.ports.source import Reader, Revision, Snapshot, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """What the manifests said at one moment."""

    revision: Revision
    verdict: Verdict
    trouble: str = ""
    """Why it is not the newest that there is; "" when it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a pass is to reach, and under whose eyes."""

    revision: Revision
    desired: Desired
    """The whole tree, secrets unresolved."""
    policies: Policies = field(default_factory=Policies)
    mode: Mode = Mode.SHOWN
    pass_id: str = ""
    """Of the pass that is under way; "" where each plan is one of its own."""

    @classmethod
    def of(cls, tree: Tree, mode: Mode, *, approvals: tuple[Approval, ...] = ()) -> "Target | None":
        """Return what a tree asks for, with approvals from elsewhere; None when it does not validate."""
        verdict = tree.verdict
        if verdict.desired is None:
            return None
        policies = replace(verdict.policies, approvals=(*verdict.policies.approvals, *approvals))
        return cls(revision=tree.revision, desired=verdict.desired, policies=policies, mode=mode)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What was read, and what would be done about it."""

    tree: Tree
    plan: Plan | None
    """None when the tree does not validate: then nothing may be done."""


async def read_tree(world: World) -> Tree:
    """
    Return the manifests as they are now, and what is wrong with them.

    Raises:
        SourceUnreadableError: the tree cannot be read as a whole.

    """
    return judge(await world.source.snapshot(), world.reader)


def judge(snapshot: Snapshot, reader: Reader) -> Tree:
    """Return what a snapshot says, and what is wrong with it."""
    return Tree(revision=snapshot.revision, verdict=reader.read(snapshot.files), trouble=snapshot.trouble)


async def preview(world: World, *, approvals: tuple[Approval, ...] = (), foresees: bool = True) -> Preview:
    """
    Return the changes that `apply` would send now; send none.

    Args:
        world: the ports.
        approvals: those that are in no document.
        foresees: whether what is on air now counts as blocked already.

    Raises:
        SourceUnreadableError: the tree cannot be read as a whole.
        BackendError: the backend could not be read.

    """
    tree = await read_tree(world)
    target = Target.of(tree, Mode.SHOWN, approvals=approvals)
    if target is None:
        return Preview(tree=tree, plan=None)
    plan = await plan_for(world, target)
    look = world.guard.foresee if foresees else world.guard.in_windows
    return Preview(tree=tree, plan=await look(plan))


def pass_id(clock: Clock) -> str:
    """Return a name for what is done now: no process begins two passes in one microsecond."""
    return f"{clock.now():%Y%m%dT%H%M%S.%f}"


async def plan_for(world: World, target: Target) -> Plan:
    """
    Return the plan that turns what the backend has into what is desired, as far as the guard lets it pass.

    Raises:
        BackendError: the backend could not be read.

    """
    orders = in_force(world.guard.ordered(target.policies), target.desired)
    desired, unread = with_pins(target.desired, orders.pins, world.pin_reader)
    resolved = without(await _resolved(desired, world.vault), unread)
    resolved = replace(resolved, moved=moved_names(target.policies.moves))
    began_s = world.clock.monotonic_s()
    with world.telemetry.span("observe"):
        actual = await observe(world.backend, clock=world.clock)
    proposed = planning.plan(
        resolved, actual, owner=world.owner, capabilities=world.backend.capabilities, in_step=world.in_step
    )
    facts = Facts(
        revision=target.revision,
        desired=desired,
        policies=target.policies,
        actual=actual,
        owner=world.owner,
        mode=target.mode,
        pass_id=target.pass_id or pass_id(world.clock),
        observed_s=began_s,
        recogniser=world.recogniser,
    )
    return world.guard.judge(proposed, facts)


async def _resolved(desired: Desired, vault: Vault) -> Resolved:
    """Return the desired state with its secrets; nobody else waits for a vault that takes its time."""
    if not vault.waits:
        return resolve(desired, vault.resolve)
    return await asyncio.to_thread(resolve, desired, vault.resolve)
