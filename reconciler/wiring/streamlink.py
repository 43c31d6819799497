"""The StreamLink client, of an account or of whatever speaks its API, and what is known of a service beforehand."""

import random
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from reconciler.domain.errors import UsageError
from reconciler.domain.marks import Owner
from reconciler.domain.model import Region
from reconciler.settings import AUTO, BackendKind, Settings
from reconciler.wiring import machine, state

if TYPE_CHECKING:
    from reconciler.domain.impact import Capabilities, EditRules
    from reconciler.ports.backend import Backend
    from reconciler.ports.telemetry import Telemetry
    from reconciler.streamlink.signing import Credentials

RELAY_OWNER: Final = Owner("local")
RELAY_RATE_PER_S: Final = 1000.0
"""The relay sets no limit of its own; this one only keeps a runaway from filling its disk."""
CLOUD_RATE_PER_S: Final = 15.0
"""Source: StreamLink API, the default limit of an action is 20 calls a second; five are left to people."""
RELAY_BREAKER_PAUSE_S: Final = 5.0
"""How long a relay is left alone that does not answer: it is started again within seconds, and asking costs nothing."""
CLOUD_BREAKER_PAUSE_S: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an API answers, and how it is known for what it is."""

    endpoint: str
    certificate: str = ""
    """PEM; the one that it shows, where that is known."""
    is_here: bool = False
    """Whether it is known to be on this machine."""


def owner(settings: Settings) -> Owner:
    """Return whose objects may be touched."""
    return settings.backend.owner or RELAY_OWNER


def edit_rules(settings: Settings) -> "EditRules | None":
    """Return what is edited while a flow runs; None where only a refusal would tell."""
    from reconciler.domain.impact import EditRules

    chosen = settings.backend.edit_rules
    return None if chosen == AUTO else EditRules(chosen)


def capabilities(settings: Settings) -> "Capabilities":
    """Return what the backend of the settings can do, without asking it."""
    from reconciler.domain.impact import Capabilities

    rules = edit_rules(settings)
    is_known = rules is not None or settings.backend.kind is not BackendKind.STREAMLINK
    known = Capabilities(is_certain=is_known) if rules is None else Capabilities(rules=rules)
    rate = settings.backend.rate_per_s
    return known if rate is None else replace(known, calls_per_s=rate)


def account_keys(settings: Settings) -> "Credentials":
    """
    Return the keys of the environment's account.

    Raises:
        UsageError: there are none.

    """
    from reconciler.streamlink.signing import Credentials

    account = settings.backend.account
    if account is None:
        raise UsageError("TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY are not set")
    token = account.token.reveal() if account.token is not None else ""
    return Credentials(secret_id=account.secret_id, secret_key=account.secret_key.reveal(), token=token)


def cloud(settings: Settings, telemetry: "Telemetry | None" = None) -> "Backend":
    """
    Return the backend that is the environment's account.

    Raises:
        UsageError: its keys are not there, or its place is none; see `backend_at`.

    """
    return backend_at(
        Place(endpoint=settings.backend.endpoint),
        settings,
        credentials=account_keys(settings),
        regions=settings.backend.regions or None,
        telemetry=telemetry,
    )


def backend_at(
    place: Place,
    settings: Settings,
    *,
    credentials: "Credentials",
    regions: tuple[Region, ...] | None,
    telemetry: "Telemetry | None" = None,
) -> "Backend":
    """
    Return the backend that answers at a place.

    Args:
        place: where it is.
        settings: how it is spoken to.
        credentials: what calls are signed with.
        regions: what a pass reads; None for every region that it serves.
        telemetry: what calls are counted with; None where nobody counts.

    Raises:
        UsageError: it is no endpoint, would be sent secrets in the clear, or the authorities' file cannot be read.

    """
    from reconciler.engine.guard import demand_writable
    from reconciler.ports.telemetry import Untold
    from reconciler.streamlink.backend import Service, StreamLinkBackend
    from reconciler.streamlink.client import ClientSettings, StreamLinkClient
    from reconciler.streamlink.trust import Trust
    from reconciler.streamlink.wire import Profile

    is_cloud = settings.backend.kind is BackendKind.STREAMLINK
    clock = machine.clock()
    client = StreamLinkClient(
        ClientSettings(
            credentials=credentials,
            profile=Profile(settings.backend.profile or Profile.MAINLAND),
            endpoint=place.endpoint,
            insecure_http=place.is_here or settings.backend.insecure_http,
            trust=Trust(ca_file=settings.backend.ca_file, certificate=place.certificate),
            rate_per_s=settings.backend.rate_per_s or (CLOUD_RATE_PER_S if is_cloud else RELAY_RATE_PER_S),
            breaker_pause_s=CLOUD_BREAKER_PAUSE_S if is_cloud else RELAY_BREAKER_PAUSE_S,
            on_call=(telemetry or Untold()).call_made,
            before_write=partial(demand_writable, state.orders(settings)),
        ),
        clock=clock,
        random_fraction=random.SystemRandom().random,
    )
    called = "" if is_cloud else "relay"
    service = Service(called=called, is_ours=not is_cloud, rules=edit_rules(settings))
    return StreamLinkBackend(client, owner=owner(settings), regions=regions, clock=clock, service=service)
