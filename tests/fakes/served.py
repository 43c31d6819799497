"""The backend over the API, with the relay's own control plane behind it, in one process and without a network."""

import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import httpx

from reconciler.domain.impact import EditRules
from reconciler.domain.marks import Owner
from reconciler.domain.model import Region
from reconciler.relay.addresses import Ports
from reconciler.relay.api.app import create_app
from reconciler.relay.api.door import WHOLE, Door
from reconciler.relay.api.table import carry_out
from reconciler.relay.carriage import Carriage
from reconciler.relay.catalogue import Catalogue
from reconciler.relay.editing import EditRules as RelayRules
from reconciler.relay.engines.none import NoMedia
from reconciler.relay.faults.injection import Faults
from reconciler.relay.faults.knobs import Knob
from reconciler.relay.giving import Giver
from reconciler.relay.ids import IdMaker
from reconciler.relay.plane import ControlPlane
from reconciler.relay.signatures import SpentSignatures
from reconciler.streamlink.backend import Service, StreamLinkBackend
from reconciler.streamlink.client import ClientSettings, StreamLinkClient
from reconciler.streamlink.wire import Profile
from tests.fakes.api import KEYS
from tests.fakes.clock import FakeClock
from tests.fakes.samples import AWAY, REGION

OWNER: Final = Owner("tests")
REGIONS: Final = (AWAY, REGION)
_RULES: Final = {
    EditRules.LIVE_2023: RelayRules.LIVE_2023,
    EditRules.CONSOLE_2022: RelayRules.LIVE_2022,
    EditRules.STRICT_2021: RelayRules.STRICT_2021,
}


@asynccontextmanager
async def served(
    state: Path,
    *,
    profile: Profile = Profile.MAINLAND,
    rules: EditRules | None = None,
    knobs: Sequence[Knob] = (),
    owner: Owner = OWNER,
) -> AsyncIterator[StreamLinkBackend]:
    """
    Lend an empty account.

    Args:
        state: where the relay keeps its catalogue.
        profile: in whose words the API speaks.
        rules: those that the relay keeps, and that the backend is told; None for all live, of which nobody tells it.
        knobs: what goes wrong in it.
        owner: whose marks it makes.

    """
    async with shared(state, profile=profile, rules=rules, knobs=knobs) as of:
        yield of(owner)


@asynccontextmanager
async def shared(
    state: Path,
    *,
    profile: Profile = Profile.MAINLAND,
    rules: EditRules | None = None,
    knobs: Sequence[Knob] = (),
) -> AsyncIterator[Callable[[Owner], StreamLinkBackend]]:
    """Lend an empty account, as above, by what gives each owner a backend of it."""
    clock = FakeClock()
    catalogue = await Catalogue.open(state)
    plane = ControlPlane(
        catalogue=catalogue,
        carriage=Carriage(NoMedia()),
        giver=Giver(Ports("127.0.0.1"), os.urandom),
        ids=IdMaker(lambda: clock.now().timestamp(), os.urandom),
        regions=REGIONS,
        known_regions=REGIONS,
        host="127.0.0.1",
        now_s=lambda: clock.now().timestamp(),
        edit_rules=_RULES[rules or EditRules.LIVE_2023],
    )
    spent = await SpentSignatures.open(state)
    # The strictest door there is: what passes it passes every other.
    door = Door(credentials=KEYS, now_s=lambda: clock.now().timestamp(), demands=WHOLE, spent=spent)
    faults = Faults(*knobs, monotonic_s=clock.monotonic_s, sleep=clock.sleep)
    client = StreamLinkClient(
        ClientSettings(credentials=KEYS, endpoint="127.0.0.1:9", profile=profile),
        clock=clock,
        random_fraction=lambda: 0.0,
        transport=httpx.ASGITransport(create_app(plane, door, handler=faults.around(carry_out))),
    )
    regions = tuple(map(Region, REGIONS))

    def of(owner: Owner) -> StreamLinkBackend:
        return StreamLinkBackend(client, owner=owner, regions=regions, clock=clock, service=Service(rules=rules))

    try:
        yield of
    finally:
        await client.close()
        await plane.records.close()
        await catalogue.close()
        await spent.close()
