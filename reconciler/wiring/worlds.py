"""The world of a pass: all its ports, chosen; and lending one to `plan` and `apply`."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.domain.safety.releases import APPLY
from reconciler.settings import Settings
from reconciler.wiring import backends, guards, machine, sources, state, streamlink

if TYPE_CHECKING:
    from reconciler.engine.world import World
    from reconciler.ports.backend import Backend
    from reconciler.ports.source import Reader, Source


def world_of(settings: Settings, tree: "Source", reading: "Reader", backend: "Backend", *, apply: str) -> "World":
    """Return the world of these manifests and this backend; its journal is closed by who asks for it."""
    from reconciler.engine.world import World

    clock, journal = machine.clock(), state.journal(settings)
    return World(
        source=tree,
        reader=reading,
        pin_reader=sources.reader(settings),
        writer=sources.writer(),
        vault=sources.vault(settings),
        backend=backend,
        clock=clock,
        journal=journal,
        guard=guards.guard(settings, backend, clock, journal, apply=apply),
        owner=streamlink.owner(settings),
    )


@contextlib.asynccontextmanager
async def existing_world(
    settings: Settings, paths: Sequence[Path] = (), *, apply: str = APPLY
) -> AsyncIterator["World"]:
    """
    Lend what `plan` and `apply` work on; `apply` is how people call that verb from here, for a shell.

    Raises:
        UsageError: a path does not exist, or it is not clear which backend is meant.
        UnavailableError: no relay is running on the state directory.

    """
    sources.demand_paths(settings, paths)
    async with backends.existing_backend(settings) as backend:
        world = world_of(settings, sources.source(settings, paths), sources.reader(settings), backend, apply=apply)
        try:
            yield world
        finally:
            world.journal.close()
