"""Compare: what one revision of the manifests would change after another one."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from reconciler.domain import comparing
from reconciler.domain.changes import Change, Edit, Plan, Sequence
from reconciler.domain.impact import Capabilities, Impact
from reconciler.domain.model import Desired, Key
from reconciler.engine.guard.facts import Mode
from reconciler.engine.plan import Target, plan_for
from reconciler.engine.world import World
from reconciler.ports.source import Revision, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What is meant, and beside it what is to be put right anyway."""

    plan: Plan | None
    """What the later revision changes; None when its manifests have errors, for then nothing may be done."""
    noticed: tuple[Change, ...] = ()
    """Changes among them that viewers would notice, so that they wait for an approval while it is on air."""
    drift: Plan | None = None
    """What the backend lacks of the earlier revision already; None where no backend was asked."""


def compare(base: Verdict, head: Verdict, *, capabilities: Capabilities) -> Compared:
    """Return what `head` changes after `base`, as if the backend had just what the sound documents of `base` say."""
    if head.desired is None:
        return Compared(plan=None)
    plan = comparing.compare(base.sound, head.desired, policies=head.policies, capabilities=capabilities)
    return Compared(plan=plan, noticed=_noticed(plan.changes))


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
    theirs = _since(base.sound, head.desired, now.sound) if now is not None else Desired()
    plan = await _planned(world, _together(head.desired, theirs), head)
    before = await _planned(world, base.sound, base)
    anyway = before if now is None or now is base else await _planned(world, now.sound, now)
    keys = _keys(theirs)
    meant = tuple(change for change in _without(plan.changes, before.changes) if change.key not in keys)
    return Compared(
        plan=replace(plan, changes=meant),
        noticed=_noticed(meant),
        drift=Plan(changes=_without(anyway.changes, meant)),
    )


def _since(base: Desired, head: Desired, now: Desired) -> Desired:
    """
    Return what others have added since: the head knows nothing of it, and means to remove none of it.

    Without it, what the head adds would look like a new name of something that others have added.
    """
    known = _keys(base) | _keys(head)
    return Desired(
        flows=tuple(flow for flow in now.flows if flow.key not in known),
        outputs=tuple(output for output in now.outputs if output.key not in known),
    )


def _together(one: Desired, other: Desired) -> Desired:
    return Desired(flows=(*one.flows, *other.flows), outputs=(*one.outputs, *other.outputs))


def _keys(desired: Desired) -> frozenset[Key]:
    return frozenset((*(flow.key for flow in desired.flows), *(output.key for output in desired.outputs)))


async def _planned(world: World, desired: Desired, verdict: Verdict) -> Plan:
    target = Target(revision=Revision(""), desired=desired, policies=verdict.policies, mode=Mode.SHOWN)
    return await plan_for(world, target)


def _noticed(changes: Iterable[Change]) -> tuple[Change, ...]:
    return tuple(change for change in changes if change.impact is not Impact.NONE)


def _without(changes: Iterable[Change], others: Iterable[Change]) -> tuple[Change, ...]:
    known = {_same(change) for change in others}
    return tuple(change for change in changes if _same(change) not in known)


def _same(change: Change) -> tuple[object, ...]:
    """Return what two changes have in common when they do the same."""
    differences = change.differences if isinstance(change, Edit | Sequence) else ()
    return change.key, change.action, differences
