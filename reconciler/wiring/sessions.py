"""The session of a `run`: the state directory held, the relay started where it is embedded, a world, and its loop."""

import contextlib
import random
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from reconciler.domain.safety.releases import APPLY
from reconciler.settings import BackendKind, Settings
from reconciler.wiring import guards, notifiers, relays, services, sources, streamlink
from reconciler.wiring.backends import Where, where
from reconciler.wiring.collecting import collected_at_rest
from reconciler.wiring.worlds import world_of

if TYPE_CHECKING:
    from reconciler.engine.board import StatusBoard
    from reconciler.engine.loop import Loop, Timing
    from reconciler.engine.reconcile import PassOutcome
    from reconciler.engine.world import World
    from reconciler.ports.backend import Backend
    from reconciler.ports.notifier import Notifier
    from reconciler.ports.telemetry import Telemetry
    from reconciler.relay.service import Relay
    from reconciler.service.health import Rhythm

RELAY_OBSERVE_S: Final = 5.0
"""Between two passes for drift on a relay: it is on this machine, and asking costs next to nothing."""
CLOUD_OBSERVE_S: Final = 60.0


@dataclass(slots=True, kw_only=True)
class Session:
    """What `run` works on; within it the state directory is ours and the embedded relay, if chosen, serves."""

    settings: Settings
    paths: tuple[Path, ...]
    """Where the manifests are, where the command line says it."""
    world: "World"
    relay: "Relay | None"
    """None when the backend is not embedded."""
    board: "StatusBoard"
    """What is true now, for as long as the session lasts."""
    has_ended: bool = False
    """Whether nothing is kept any more."""

    def loop(self, on_pass: "Callable[[PassOutcome], None]" = lambda _: None, *, observes: bool = False) -> "Loop":
        """Return a loop that keeps the backend as the manifests say, or only looks; run it once."""
        from reconciler.engine.loop import Loop, Watcher

        watcher = Watcher(jitter=random.SystemRandom().random, on_pass=on_pass)
        return Loop(self.world, timing(self.settings), watcher, board=self.board, observes=observes)

    def wake(self) -> None:
        """Look for new manifests at once."""
        self.world.source.wake()

    def close(self) -> None:
        """Stop looking for manifests, wherever they come from by then, and let go of the journal."""
        self.world.source.close()
        self.world.journal.close()

    def is_alive(self) -> bool:
        """Return whether nothing hangs, as `/livez` says it."""
        return services.is_alive(self.board, self.rhythm(), has_ended=self.has_ended)

    def rhythm(self) -> "Rhythm":
        """Return how often the loop looks and passes, by the settings of now."""
        return services.rhythm(self.settings, timing(self.settings).observe_s)

    def branch(self) -> str:
        """Return the branch that is followed now; "" where there is none."""
        return self.settings.source.branch if sources.is_followed(self.settings, self.paths) else ""

    def renew(self, settings: Settings, *, apply: str = APPLY) -> tuple[str, ...]:
        """
        Work by other settings from the next loop on; return which groups of them want a restart, and are kept.

        Where that cannot be, all stays as it is: the next loop goes on with what there was.

        Raises:
            UsageError: a path does not exist, or what the settings say of a branch cannot be.
            EnvironmentFailedError: this machine cannot check its signatures.

        """
        sources.demand_paths(settings, self.paths)
        world, kept = self.world, tuple(name for name in _KEPT if _differs(name, self.settings, settings))
        chosen = replace(settings, **{name: getattr(self.settings, name) for name in _KEPT})
        self.world = replace(
            world,
            source=sources.source(chosen, self.paths),
            reader=sources.reader(chosen),
            pin_reader=sources.reader(chosen),
            vault=sources.vault(chosen),
            guard=guards.guard(chosen, world.backend, world.clock, world.journal, apply=apply),
        )
        self.settings = chosen
        return kept


_KEPT: Final = ("backend", "service", "notify", "state")
"""Groups of settings that are what they were until the process is started again."""


def _differs(name: str, before: Settings, after: Settings) -> bool:
    return bool(getattr(before, name) != getattr(after, name))


@contextlib.asynccontextmanager
async def session(
    settings: Settings,
    paths: Sequence[Path] = (),
    *,
    media: str = "engines",
    apply: str = APPLY,
    observes: bool = False,
) -> AsyncIterator[Session]:
    """
    Lend what `run` works on, and take it down again.

    Args:
        settings: what was chosen.
        paths: where the manifests are; () for those of the settings.
        media: what an embedded relay carries with.
        apply: how people call that verb from here, for a shell.
        observes: whether nothing is ever sent.

    Raises:
        StateHeldError: another process holds the state directory.
        UsageError: a path does not exist, or it is not clear which backend is meant.
        EnvironmentFailedError: the relay or the service cannot start, for want of an engine, a port or a folder.

    """
    from reconciler.coordination.alone import AloneInDirectory
    from reconciler.engine.telling import board_of

    sources.demand_paths(settings, paths)
    place = where(settings.backend, may_embed=True)
    tree, reading = sources.source(settings, paths), sources.reader(settings)
    async with contextlib.AsyncExitStack() as stack:
        coordinator = AloneInDirectory(settings.state, verb="run")
        coordinator.acquire()
        stack.callback(coordinator.release)
        lent = await stack.enter_async_context(services.instruments(settings))
        notifier = await _notifier(settings, stack, observes=observes)
        relay: Relay | None = None
        if place is Where.EMBEDDED:
            verdict = reading.read((await tree.snapshot()).files)
            relay = await stack.enter_async_context(relays.relay(settings, verdict, media=media))
        backend = _backend(settings, place, relay, lent.telemetry)
        stack.push_async_callback(backend.close)
        world = world_of(settings, tree, reading, backend, apply=apply)
        world = replace(world, notifier=notifier, telemetry=lent.telemetry)
        board = board_of(world, observes=observes)
        here = Session(settings=settings, paths=tuple(paths), world=world, relay=relay, board=board)
        stack.callback(here.close)
        await stack.enter_async_context(_accompanied(here, lent))
        yield here


def _backend(settings: Settings, place: Where, relay: "Relay | None", telemetry: "Telemetry") -> "Backend":
    if relay is not None:
        return relays.embedded(settings, relay, telemetry)
    if place is Where.ADDRESSED:
        return relays.addressed(settings, telemetry)
    return streamlink.cloud(settings, telemetry)


@contextlib.asynccontextmanager
async def _accompanied(here: Session, lent: services.Instruments) -> AsyncIterator[None]:
    """Have the service listen meanwhile, where it is to, and memory looked through where it disturbs nobody."""
    loops = services.Loops(
        board=here.board,
        has_ended=lambda: here.has_ended,
        on_push=here.wake,
        branch=here.branch,
        rhythm=here.rhythm,
    )
    async with services.service(here.settings, lent, loops), collected_at_rest(here.board, here.world.clock):
        yield


async def _notifier(settings: Settings, stack: contextlib.AsyncExitStack, *, observes: bool) -> "Notifier":
    """Return who is told; nobody where nothing is ever sent: a commit would be pending for ever."""
    from reconciler.ports.notifier import Nobody

    telling = None if observes else notifiers.notifications(settings)
    return Nobody() if telling is None else await stack.enter_async_context(telling)


def timing(settings: Settings) -> "Timing":
    """Return when the loop looks and passes."""
    from reconciler.engine.loop import Timing

    loop = settings.loop
    is_cloud = settings.backend.kind is BackendKind.STREAMLINK
    return Timing(
        debounce_s=loop.debounce_ms / 1000,
        max_wait_s=loop.max_wait_ms / 1000,
        rescan_s=loop.rescan_s,
        observe_s=loop.observe_s or (CLOUD_OBSERVE_S if is_cloud else RELAY_OBSERVE_S),
    )
