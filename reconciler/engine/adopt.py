"""Adopt: take over what manifests describe and nobody keeps yet, writing nothing but marks."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from reconciler.domain import adopting
from reconciler.domain.adoptions import Adopting, Adoption
from reconciler.domain.changes import Plan
from reconciler.domain.errors import UsageError
from reconciler.domain.model import Actual, Desired, Key
from reconciler.engine.apply import Execution, Terms, execute
from reconciler.engine.guard.facts import Facts, Mode
from reconciler.engine.observe import observe
from reconciler.engine.plan import Tree, pass_id, read_tree
from reconciler.engine.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What was read, and what would be taken over."""

    tree: Tree
    adoption: Adoption | None
    """None when the tree does not validate: then nothing may be written."""
    actual: Actual | None = None
    """What the account has; None when nobody asked it."""


async def survey(world: World, *, chosen: AbstractSet[Key] | None, sends_secrets: bool) -> Survey:
    """
    Return what an adoption would do; write nothing.

    Args:
        world: the manifests and the account.
        chosen: the resources to take over, a flow with its outputs; None for all that there are.
        sends_secrets: whether running flows may be sent secrets that the backend masks.

    Raises:
        UsageError: no manifest describes what is chosen.
        SourceUnreadableError: the tree cannot be read as a whole.
        BackendError: the account could not be read.

    """
    tree = await read_tree(world)
    desired = tree.verdict.desired
    if desired is None:
        return Survey(tree=tree, adoption=None)
    if unknown := adopting.unknown(desired, chosen or frozenset()):
        raise UsageError(
            f"No manifest describes {', '.join(map(str, unknown))}. `reconciler export` writes one of what is there."
        )
    actual = await observe(world.backend, clock=world.clock)
    terms = Adopting(owner=world.owner, look_up=world.vault.resolve, chosen=chosen, sends_secrets=sends_secrets)
    return Survey(tree=tree, adoption=adopting.adoption(desired, actual, terms), actual=actual)


async def take_over(world: World, seen: Survey, *, terms: Terms) -> Execution:
    """Return what became of each mark; one that is refused keeps none of the others from being written."""
    adopted = () if seen.adoption is None else seen.adoption.adopted
    verdict = seen.tree.verdict
    facts = Facts(
        revision=seen.tree.revision,
        desired=verdict.desired or Desired(),
        policies=verdict.policies,
        actual=seen.actual or Actual(regions={}),
        owner=world.owner,
        mode=Mode.SHOWN,
        pass_id=pass_id(world.clock),
    )
    # Nothing of it is a difference to be judged as a whole; the calendars are asked at each write all the same.
    world.guard.judge(Plan(), facts)
    return await execute(Plan(changes=tuple(one.edit for one in adopted)), world, terms=terms)
