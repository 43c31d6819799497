"""The relay: started in this process, found on the state directory, or addressed; and its keys."""

import secrets
from typing import TYPE_CHECKING

from reconciler.domain.errors import UnavailableError, UsageError
from reconciler.domain.model import Region
from reconciler.settings import Settings
from reconciler.wiring.streamlink import Place, account_keys, backend_at

if TYPE_CHECKING:
    from reconciler.ports.backend import Backend
    from reconciler.ports.source import Verdict
    from reconciler.ports.telemetry import Telemetry
    from reconciler.relay.service import Relay
    from reconciler.streamlink.signing import Credentials


def relay(settings: Settings, verdict: "Verdict", *, media: str) -> "Relay":
    """Return the relay to start in this process; it serves the regions that the manifests name."""
    from reconciler.relay.service import Relay
    from reconciler.relay.settings import MediaKind, RelaySettings

    return Relay(RelaySettings(state=settings.state, regions=_regions_of(verdict), media=MediaKind(media)))


def embedded(settings: Settings, relay: "Relay", telemetry: "Telemetry | None" = None) -> "Backend":
    """Return the backend that is the relay of this process."""
    regions = settings.backend.regions or tuple(map(Region, relay.settings.regions))
    place = Place(endpoint=relay.endpoint)
    return backend_at(place, settings, credentials=relay.credentials, regions=regions, telemetry=telemetry)


def found(settings: Settings) -> "Backend":
    """
    Return the backend that is the relay which runs on the state directory.

    Raises:
        UnavailableError: none does.
        UsageError: its keys are not there.

    """
    from reconciler.relay import registration

    registered = registration.read(settings.state)
    if registered is None:
        raise UnavailableError(
            f"No backend is chosen, and no relay runs on {settings.state}. Start one, `reconciler run` with manifests "
            "or `reconciler relay` alone; or choose an account with --backend streamlink",
            maybe_applied=False,
        )
    regions = settings.backend.regions or tuple(map(Region, registered.regions))
    # Whoever may write into the state directory is this relay's owner: what it says there needs no authority, and what
    # is sent to an address of this machine does not leave it.
    place = Place(endpoint=registered.endpoint, certificate=registered.certificate, is_here=True)
    return backend_at(place, settings, credentials=_keys(settings), regions=regions)


def addressed(settings: Settings, telemetry: "Telemetry | None" = None) -> "Backend":
    """
    Return the backend that is the relay at the endpoint of the settings.

    Raises:
        UsageError: its keys are neither in the environment nor in the state directory.

    """
    keys = account_keys(settings) if settings.backend.account is not None else _keys(settings)
    place = Place(endpoint=settings.backend.endpoint)
    regions = settings.backend.regions or None
    return backend_at(place, settings, credentials=keys, regions=regions, telemetry=telemetry)


def carries_nothing(settings: Settings) -> bool:
    """Return whether the relay that is meant says in the state directory that it carries no media."""
    from reconciler.relay import registration

    registered = registration.read(settings.state)
    if registered is None:
        return False
    named = {"", registered.endpoint, registered.endpoint.partition("://")[2]}
    return settings.backend.endpoint in named and not registered.carries


def _regions_of(verdict: "Verdict") -> tuple[Region, ...]:
    """Return the regions that the manifests name, and the one of everybody's first flow."""
    from reconciler.domain.regions import LOCAL

    named = {flow.spec.region for flow in verdict.desired.flows} if verdict.desired is not None else set()
    return tuple(sorted({Region(LOCAL), *named}))


def _keys(settings: Settings) -> "Credentials":
    from reconciler.relay import credentials

    path = settings.state / credentials.FILE_NAME
    if not path.exists():
        raise UsageError(
            f"The relay's keys are neither in {path} nor in the environment (TENCENTCLOUD_SECRET_ID and "
            "TENCENTCLOUD_SECRET_KEY); --state says where the relay keeps its own"
        )
    return credentials.load_or_make(settings.state, secrets.token_bytes)
