"""
What is killed: an apply of a tree on a relay that is served by another process.

It is put together as `reconciler apply` is, but for a transport, a backend and a journal that know when to die. All
that it would ask is approved, and the numbers of the guard are small, so that a whole matrix takes minutes.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from random import SystemRandom
from typing import Final

import httpx

from reconciler import wiring
from reconciler.domain.change_ids import change_id
from reconciler.domain.changes import Action, Plan
from reconciler.domain.model import Region, ResourceKind
from reconciler.domain.policies import Approval, Limit, Override
from reconciler.domain.safety.limits import Limits
from reconciler.engine.apply import Terms
from reconciler.engine.guard import Guard
from reconciler.engine.guard.facts import Keeper, Mode
from reconciler.engine.plan import Target, plan_for, read_tree
from reconciler.engine.reconcile import carry_out
from reconciler.engine.world import World
from reconciler.ports.clock import Clock
from reconciler.relay import credentials, registration
from reconciler.streamlink.backend import Service, StreamLinkBackend
from reconciler.streamlink.client import ClientSettings, StreamLinkClient
from tests.crash.fate import Fate, FatefulBackend, FatefulJournal, FatefulTransport
from tests.crash.scenario import ON_AIR

LIMITS: Final = Limits(
    delete_share=1.0, edit_share=1.0, sample_gap_s=0.05, delete_gap_s=0.05, twin_deadline_s=20.0, settling_s=1.0
)
MOST_ROUNDS: Final = 20
PAUSE_S: Final = 0.3


class UnfinishedError(Exception):
    """Something is still to be done after many rounds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A state directory on which a relay runs, and a tree."""

    state: Path
    tree: Path


def client_of(state: Path, fate: Fate, clock: Clock) -> StreamLinkClient:
    """
    Return a client of the relay that runs on a state directory.

    Raises:
        FileNotFoundError: none does.

    """
    found = registration.read(state)
    if found is None:
        raise FileNotFoundError(state)
    return StreamLinkClient(
        ClientSettings(
            credentials=credentials.load_or_make(state, SystemRandom().randbytes),
            endpoint=found.endpoint,
            rate_per_s=1000.0,
        ),
        clock=clock,
        random_fraction=SystemRandom().random,
        transport=FatefulTransport(httpx.AsyncHTTPTransport(), fate),
    )


async def apply(place: Place, fate: Fate) -> int:
    """
    Apply the tree until nothing is left to do, and return how many rounds that took; or die on the way.

    Raises:
        UnfinishedError: something is left after many rounds.

    """
    async with _world(place, fate) as world:
        plan = Plan()
        for number in range(MOST_ROUNDS):
            target = await _target(world)
            plan = await plan_for(world, target)
            if plan.is_empty:
                return number
            approved = replace(target, policies=replace(target.policies, approvals=_approvals(plan, world)))
            outcome = await carry_out(world, approved, await plan_for(world, approved), terms=Terms())
            if outcome.undone or outcome.left.waiting:
                await world.clock.sleep(PAUSE_S)
        held = [str(one) for one in (*plan.blocked, *plan.waiting, *plan.failed)]
        raise UnfinishedError("\n".join([*(f"{one.action} {one.key}" for one in plan.changes), *held]))


@asynccontextmanager
async def _world(place: Place, fate: Fate) -> AsyncIterator[World]:
    settings = wiring.load_settings(flags={"state": place.state}, environment={})
    clock, owner = wiring.clock(), wiring.owner(settings)
    found = registration.read(place.state)
    regions = tuple(map(Region, found.regions)) if found is not None else ()
    over_api = StreamLinkBackend(
        client_of(place.state, fate, clock), owner=owner, regions=regions, clock=clock, service=Service(is_ours=True)
    )
    backend = FatefulBackend(over_api, fate, watched=ON_AIR)
    journal = FatefulJournal(wiring.journal(settings), fate)
    keeper = Keeper(
        backend=backend,
        clock=clock,
        journal=journal,
        verifier=wiring.verifier(settings),
        owner=owner,
        zone_of=wiring.zone_of,
        limits=LIMITS,
    )
    try:
        yield World(
            source=wiring.source(settings, (place.tree,)),
            reader=wiring.reader(settings),
            pin_reader=wiring.reader(settings),
            writer=wiring.writer(),
            vault=wiring.vault(settings, environment={"STREAM_KEY": "a-key"}),
            backend=backend,
            clock=clock,
            journal=journal,
            guard=Guard(keeper),
            owner=owner,
        )
    finally:
        await backend.close()
        journal.close()


async def _target(world: World) -> Target:
    target = Target.of(await read_tree(world), Mode.ONCE)
    assert target is not None, "the tree has errors"
    later = world.clock.now() + timedelta(hours=1)
    lifted = tuple(
        Override(name=f"{kind}-{action}", of=kind, action=action, lifts=frozenset(Limit), reason="all", expires=later)
        for kind in ResourceKind
        for action in Action
    )
    return replace(target, policies=replace(target.policies, overrides=lifted))


def _approvals(plan: Plan, world: World) -> tuple[Approval, ...]:
    held = [one.change for one in plan.blocked if one.change is not None]
    return tuple(
        Approval(
            name=f"approve-{change_id(change)}",
            resource=change.key,
            action=change.action,
            change=change_id(change),
            reason="all is approved",
            expires=world.clock.now() + timedelta(hours=1),
        )
        for change in (*plan.changes, *held)
    )
