"""Wiring: from settings to the chosen implementations; the only place that picks, and that reads the environment."""

import asyncio
import contextlib
import json
import os
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from reconciler.domain.errors import EnvironmentFailedError, UnavailableError, UsageError
from reconciler.domain.marks import Owner
from reconciler.domain.model import FoundFlow, Region
from reconciler.settings import (
    DEFAULT_FILE,
    Account,
    BackendKind,
    BackendSettings,
    Layers,
    LoopSettings,
    Profile,
    Settings,
    settings_from,
)

if TYPE_CHECKING:
    from reconciler.domain.changes import Call
    from reconciler.domain.impact import Capabilities
    from reconciler.engine.loop import Loop, Timing
    from reconciler.engine.reconcile import PassOutcome
    from reconciler.engine.world import World
    from reconciler.ports.backend import Applied, Backend, EndStatus
    from reconciler.ports.source import ManifestFile, Reader, Source, Verdict
    from reconciler.ports.secrets import Vault
    from reconciler.relay.service import Relay
    from reconciler.streamlink.signing import Credentials

LOCAL: Final = Region("local")
RELAY_OWNER: Final = Owner("local")
RELAY_OBSERVE_S: Final = 5.0
"""Between two passes for drift on a relay: it is on this machine, and asking costs next to nothing."""
CLOUD_OBSERVE_S: Final = 60.0
RELAY_RATE_PER_S: Final = 1000.0
"""The relay sets no limit of its own; this one only keeps a runaway from filling its disk."""
CLOUD_RATE_PER_S: Final = 15.0
"""Source: StreamLink API, the default limit of an action is 20 calls a second; five are left to people."""


class Where(StrEnum):
    """How a backend is come by."""

    EMBEDDED = "embedded"
    """The relay, started in this process."""
    FOUND = "found"
    """The relay that is running on the state directory."""
    ADDRESSED = "addressed"
    """A relay at a given endpoint."""
    CLOUD = "cloud"
    """A StreamLink account."""


def load_settings(
    config: Path | None = None,
    flags: Mapping[str, Any] | None = None,
    *,
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """
    Return the settings that flags, the environment and the settings file say, in this order.

    Args:
        config: the settings file; None for `RECONCILER_CONFIG`, else `reconciler.yaml` where it is there.
        flags: by path, such as `backend.owner`; None where not given.
        environment: the process's own when None.

    Raises:
        UsageError: a setting is not allowed, or the file is not there.

    """
    environment = os.environ if environment is None else environment
    named = config or environment.get("RECONCILER_CONFIG")
    path = Path(named) if named else DEFAULT_FILE
    if named and not path.is_file():
        raise UsageError(f"The settings file {path} is not there")
    content = _settings_file(path) if path.is_file() else {}
    return settings_from(Layers(flags=flags or {}, environment=environment, file=content, file_name=str(path)))


def wants_color(*, environment: Mapping[str, str] | None = None) -> bool | None:
    """Return False where NO_COLOR asks for none (see no-color.org); None leaves it to the terminal."""
    environment = os.environ if environment is None else environment
    return False if environment.get("NO_COLOR") else None


def where(backend: BackendSettings, *, may_embed: bool) -> Where:
    """
    Return how the backend is come by.

    Raises:
        UsageError: nothing chosen, and keys of an account in the environment; or something that is needed is missing.

    """
    match backend.kind:
        case None:
            _refuse_unclear(backend)
            return Where.EMBEDDED if may_embed else Where.FOUND
        case BackendKind.RELAY if backend.endpoint:
            return Where.ADDRESSED
        case BackendKind.RELAY:
            return Where.EMBEDDED if may_embed else Where.FOUND
        case BackendKind.STREAMLINK:
            _demand_cloud(backend)
            return Where.CLOUD


def source(settings: Settings, paths: Sequence[Path] = ()) -> "Source":
    """Return the tree of manifests: the given paths, else those of the settings."""
    from reconciler.sources.directory import DirectorySource

    return DirectorySource(tuple(paths) or settings.paths)


def reader(settings: Settings) -> "Reader":
    """Return what reads manifests."""
    from reconciler.manifests.reader import ManifestReader

    return ManifestReader(secrets_env=settings.secrets.env)


def vault(settings: Settings, *, environment: Mapping[str, str] | None = None) -> "Vault":
    """Return where secrets are looked up."""
    from reconciler.sources.vault import SecretVault

    return SecretVault(
        env=os.environ if environment is None else environment,
        env_patterns=settings.secrets.env,
        directory=settings.secrets.dir,
    )


def owner(settings: Settings) -> Owner:
    """Return whose objects may be touched."""
    return settings.backend.owner or RELAY_OWNER


def demand_paths(settings: Settings, paths: Sequence[Path]) -> None:
    """
    Go on only where the manifests are there.

    Raises:
        UsageError: a path does not exist.

    """
    missing = [path for path in (tuple(paths) or settings.paths) if not path.exists()]
    if missing:
        names = ", ".join(map(str, missing))
        raise UsageError(f"There is nothing at {names}. `reconciler init` writes a first working tree of manifests.")


@contextlib.asynccontextmanager
async def existing_backend(settings: Settings) -> AsyncIterator["Backend"]:
    """
    Lend the backend that a verb other than `run` talks to.

    Raises:
        UsageError: it is not clear which.
        UnavailableError: no relay is running on the state directory.

    """
    match where(settings.backend, may_embed=False):
        case Where.FOUND:
            backend = _relay_backend(settings, _found_relay(settings.state))
        case Where.ADDRESSED:
            backend = _relay_backend(settings, _Address(endpoint=settings.backend.endpoint))
        case _:
            backend = _cloud_backend(settings)
    async with contextlib.aclosing(_Closing(backend)):
        yield backend


@contextlib.asynccontextmanager
async def existing_world(settings: Settings, paths: Sequence[Path] = ()) -> AsyncIterator["World"]:
    """
    Lend what `plan` and `apply` work on.

    Raises:
        UsageError: a path does not exist, or it is not clear which backend is meant.
        UnavailableError: no relay is running on the state directory.

    """
    demand_paths(settings, paths)
    async with existing_backend(settings) as backend:
        yield _world(settings, source(settings, paths), reader(settings), backend)


@dataclass(slots=True, kw_only=True)
class Session:
    """What `run` works on; within it the state directory is ours and the embedded relay, if chosen, serves."""

    settings: Settings
    world: "World"
    relay: "Relay | None"
    """None when the backend is not embedded."""

    def loop(self, on_pass: "Callable[[PassOutcome], None]" = lambda _: None) -> "Loop":
        """Return a loop that keeps the backend as the manifests say; run it once."""
        from reconciler.engine.loop import Loop, Watcher

        timing = _timing(self.settings.loop, is_relay=self.settings.backend.kind is not BackendKind.STREAMLINK)
        return Loop(self.world, timing, Watcher(jitter=random.SystemRandom().random, on_pass=on_pass))


@contextlib.asynccontextmanager
async def session(settings: Settings, paths: Sequence[Path] = (), *, media: str = "engines") -> AsyncIterator[Session]:
    """
    Lend what `run` works on, and take it down again.

    Raises:
        StateHeldError: another process holds the state directory.
        UsageError: a path does not exist, or it is not clear which backend is meant.
        EnvironmentFailedError: the relay cannot start: an engine, a port or a writable folder is missing.

    """
    from reconciler.coordination.alone import Alone

    demand_paths(settings, paths)
    place = where(settings.backend, may_embed=True)
    async with contextlib.AsyncExitStack() as stack:
        coordinator = Alone(settings.state)
        coordinator.acquire()
        stack.callback(coordinator.release)
        tree, reading = source(settings, paths), reader(settings)
        relay: Relay | None = None
        if place is Where.EMBEDDED:
            raise NotImplementedError(media)
        backend = _cloud_backend(settings)
        yield Session(settings=settings, world=_world(settings, tree, reading, backend), relay=relay)
