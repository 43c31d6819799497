"""The session of a `run`: the state directory held, the relay started where it is embedded, a world, and its loop."""

import contextlib
import random
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from reconciler.domain.safety.releases import APPLY
from reconciler.settings import BackendKind, Settings
from reconciler.wiring import relays, sources, streamlink
from reconciler.wiring.backends import Where, where
from reconciler.wiring.worlds import world_of

if TYPE_CHECKING:
    from reconciler.engine.loop import Loop, Timing
    from reconciler.engine.reconcile import PassOutcome
    from reconciler.engine.world import World
    from reconciler.relay.service import Relay

RELAY_OBSERVE_S: Final = 5.0
"""Between two passes for drift on a relay: it is on this machine, and asking costs next to nothing."""
CLOUD_OBSERVE_S: Final = 60.0


@dataclass(slots=True, kw_only=True)
class Session:
    """What `run` works on; within it the state directory is ours and the embedded relay, if chosen, serves."""

    settings: Settings
    world: "World"
    relay: "Relay | None"
    """None when the backend is not embedded."""

    def loop(self, on_pass: "Callable[[PassOutcome], None]" = lambda _: None, *, observes: bool = False) -> "Loop":
        """Return a loop that keeps the backend as the manifests say, or only looks; run it once."""
        from reconciler.engine.loop import Loop, Watcher

        watcher = Watcher(jitter=random.SystemRandom().random, on_pass=on_pass)
        return Loop(self.world, _timing(self.settings), watcher, observes=observes)


@contextlib.asynccontextmanager
async def session(
    settings: Settings, paths: Sequence[Path] = (), *, media: str = "engines", apply: str = APPLY
) -> AsyncIterator[Session]:
    """
    Lend what `run` works on, and take it down again; `apply` is how people call that verb from here, for a shell.

    Raises:
        StateHeldError: another process holds the state directory.
        UsageError: a path does not exist, or it is not clear which backend is meant.
        EnvironmentFailedError: the relay cannot start: an engine, a port or a writable folder is missing.

    """
    from reconciler.coordination.alone import AloneInDirectory

    sources.demand_paths(settings, paths)
    place = where(settings.backend, may_embed=True)
    tree, reading = sources.source(settings, paths), sources.reader(settings)
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(tree.close)
        coordinator = AloneInDirectory(settings.state, verb="run")
        coordinator.acquire()
        stack.callback(coordinator.release)
        relay: Relay | None = None
        match place:
            case Where.EMBEDDED:
                verdict = reading.read((await tree.snapshot()).files)
                relay = await stack.enter_async_context(relays.relay(settings, verdict, media=media))
                backend = relays.embedded(settings, relay)
            case Where.ADDRESSED:
                backend = relays.addressed(settings)
            case _:
                backend = streamlink.cloud(settings)
        stack.push_async_callback(backend.close)
        world = world_of(settings, tree, reading, backend, apply=apply)
        stack.callback(world.journal.close)
        yield Session(settings=settings, world=world, relay=relay)


def _timing(settings: Settings) -> "Timing":
    from reconciler.engine.loop import Timing

    loop = settings.loop
    is_cloud = settings.backend.kind is BackendKind.STREAMLINK
    return Timing(
        debounce_s=loop.debounce_ms / 1000,
        max_wait_s=loop.max_wait_ms / 1000,
        rescan_s=loop.rescan_s,
        observe_s=loop.observe_s or (CLOUD_OBSERVE_S if is_cloud else RELAY_OBSERVE_S),
    )
