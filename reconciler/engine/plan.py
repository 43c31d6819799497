"""Plan: what an apply would do now, sending nothing."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from reconciler.domain import planning
from reconciler.domain.changes import Plan
from reconciler.domain.model import Desired, Key
from reconciler.domain.resolution import resolve
from reconciler.domain.safety import brake
from reconciler.engine.observe import observe
from reconciler.engine.world import World
from reconciler.ports.source import Reader, Revision, Snapshot, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """What the manifests said at one moment."""

    revision: Revision
    verdict: Verdict


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
    return Tree(revision=snapshot.revision, verdict=reader.read(snapshot.files))


async def preview(world: World) -> Preview:
    """
    Return the changes that `apply` would send now; send none.

    Raises:
        SourceUnreadableError: the tree cannot be read as a whole.
        BackendError: the backend could not be read.

    """
    tree = await read_tree(world)
    if tree.verdict.desired is None:
        return Preview(tree=tree, plan=None)
    return Preview(tree=tree, plan=await plan_for(world, tree.verdict.desired))


async def plan_for(
    world: World, desired: Desired, *, deleted_flows: AbstractSet[Key] = frozenset(), automatic: bool = False
) -> Plan:
    """
    Return the braked plan that turns what the backend has into what is desired.

    Args:
        world: the ports.
        desired: the whole tree, secrets unresolved.
        deleted_flows: flows that were already deleted for this revision.
        automatic: whether nobody looks at the plan before it is carried out.

    Raises:
        BackendError: the backend could not be read.

    """
    resolved = resolve(desired, world.vault.resolve)
    actual = await observe(world.backend, clock=world.clock)
    proposed = planning.plan(resolved, actual, owner=world.owner, capabilities=world.backend.capabilities)
    return brake(proposed, desired=desired, deleted_flows=deleted_flows, automatic=automatic)
