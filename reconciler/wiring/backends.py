"""Which backend the settings mean, and lending it to a verb."""

import contextlib
from collections.abc import AsyncIterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.domain.errors import UsageError
from reconciler.settings import BackendKind, BackendSettings, Layers, Settings, settings_from
from reconciler.wiring import relays, streamlink

if TYPE_CHECKING:
    from reconciler.ports.backend import Backend


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
            backend = relays.found(settings)
        case Where.ADDRESSED:
            backend = relays.addressed(settings)
        case _:
            backend = streamlink.cloud(settings)
    try:
        yield backend
    finally:
        await backend.close()


@contextlib.asynccontextmanager
async def relay_on(state: Path) -> AsyncIterator["Backend"]:
    """
    Lend the relay that runs on a state directory, with all of its regions and whatever the settings choose.

    Raises:
        UnavailableError: no relay is running there.
        UsageError: its keys are not there.

    """
    chosen = settings_from(Layers(flags={"state": state, "backend.kind": BackendKind.RELAY}))
    async with existing_backend(chosen) as backend:
        yield backend


def without_media(settings: Settings) -> str:
    """Return in words that the backend is a relay which carries no media, where that is known; else ""."""
    is_relay = where(settings.backend, may_embed=False) is not Where.CLOUD
    if not is_relay or not relays.carries_nothing(settings):
        return ""
    return (
        f"The relay on {settings.state} carries no media (it was started with `--media none`): every input and output "
        "stays idle. Start it without that to carry streams"
    )


def _refuse_unclear(backend: BackendSettings) -> None:
    if backend.account is not None:
        raise UsageError(
            "TENCENTCLOUD_SECRET_ID is set, and no backend is chosen. Say which is meant: --backend streamlink for "
            "that account (with --owner NAME), or --backend relay for the relay on this machine. The settings file "
            "(backend.kind) and RECONCILER_BACKEND_KIND say it, too"
        )
    if backend.endpoint:
        raise UsageError(
            "An endpoint is set, and no backend is chosen. Say what answers there: --backend relay or "
            "--backend streamlink"
        )


def _demand_cloud(backend: BackendSettings) -> None:
    if backend.account is None:
        raise UsageError(
            "A cloud account needs its keys in the environment: TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY"
        )
    if backend.owner is None:
        raise UsageError(
            "A cloud account needs an owner, so that nobody else's objects are touched: --owner NAME, backend.owner "
            "in the settings file, or RECONCILER_BACKEND_OWNER"
        )
