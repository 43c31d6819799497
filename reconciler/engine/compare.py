"""Compare: what one revision of the manifests would change after another one."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from reconciler.domain import comparing
from reconciler.domain.changes import Change, Edit, Plan, Sequence
from reconciler.domain.impact import Capabilities
from reconciler.domain.safety import brake
from reconciler.engine.plan import plan_for
from reconciler.engine.world import World
from reconciler.ports.source import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What is meant, and beside it what is to be put right anyway."""

    plan: Plan | None
    """What the later revision changes; None when its manifests have errors, for then nothing may be done."""
    by_hand: tuple[Change, ...] = ()
    """Changes among them that `run` leaves to people."""
    drift: Plan | None = None
    """What the backend lacks of the earlier revision already; None where no backend was asked."""


def compare(base: Verdict, head: Verdict, *, capabilities: Capabilities) -> Compared:
    """Return what `head` changes after `base`, as if the backend had just what the sound documents of `base` say."""
    if head.desired is None:
        return Compared(plan=None)
    proposed = comparing.compare(base.sound, head.desired, capabilities=capabilities)
    braked = brake(proposed, desired=head.desired, deleted_flows=frozenset(), automatic=False)
    alone = brake(proposed, desired=head.desired, deleted_flows=frozenset(), automatic=True)
    return Compared(plan=braked, by_hand=_without(braked.changes, alone.changes))


async def compare_live(world: World, base: Verdict, head: Verdict, *, now: Verdict | None = None) -> Compared:
    """
    Return what `head` changes at the backend, and apart from it what is to be put right there anyway.

    Args:
        world: the backend, and who we are there.
        base: what the head began with.
        head: what is proposed.
        now: what holds at present, where that is no longer `base`.

    Raises:
        BackendError: the backend could not be read.

    """
    if head.desired is None:
        return Compared(plan=None)
    plan = await plan_for(world, head.desired)
    before = await plan_for(world, base.sound)
    anyway = before if now is None or now is base else await plan_for(world, now.sound)
    meant = _without(plan.changes, before.changes)
    alone = brake(plan, desired=head.desired, deleted_flows=frozenset(), automatic=True)
    return Compared(
        plan=replace(plan, changes=meant),
        by_hand=_without(meant, alone.changes),
        drift=Plan(changes=_without(anyway.changes, meant)),
    )


def _without(changes: Iterable[Change], others: Iterable[Change]) -> tuple[Change, ...]:
    known = {_same(change) for change in others}
    return tuple(change for change in changes if _same(change) not in known)


def _same(change: Change) -> tuple[object, ...]:
    """Return what two changes have in common when they do the same."""
    differences = change.differences if isinstance(change, Edit | Sequence) else ()
    return change.key, change.action, differences
