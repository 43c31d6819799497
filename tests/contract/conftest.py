"""The backends that keep the contract: in memory, and the API of the relay in both profiles."""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import httpx
import pytest

from reconciler.domain.marks import Owner
from reconciler.domain.model import Region
from reconciler.ports.backend import Backend
from reconciler.relay.addresses import Ports
from reconciler.relay.api.app import create_app
from reconciler.relay.api.door import WHOLE, Door
from reconciler.relay.carriage import Carriage
from reconciler.relay.catalogue import Catalogue
from reconciler.relay.engines.none import NoMedia
from reconciler.relay.giving import Giver
from reconciler.relay.ids import IdMaker
from reconciler.relay.plane import ControlPlane
from reconciler.relay.signatures import SpentSignatures
from reconciler.streamlink.backend import StreamLinkBackend
from reconciler.streamlink.client import ClientSettings, StreamLinkClient
from reconciler.streamlink.wire import Profile
from tests.fakes.api import KEYS
from tests.fakes.backend import FakeBackend
from tests.fakes.clock import FakeClock
from tests.fakes.samples import AWAY, REGION

OWNER: Final = Owner("tests")
REGIONS: Final = (AWAY, REGION)


@pytest.fixture(params=["memory", *Profile])
async def backend(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Backend]:
    """Return an empty account of each kind."""
    if request.param == "memory":
        yield FakeBackend(owner=OWNER, regions=REGIONS)
        return
    clock = FakeClock()
    catalogue = await Catalogue.open(tmp_path)
    plane = ControlPlane(
        catalogue=catalogue,
        carriage=Carriage(NoMedia()),
        giver=Giver(Ports("127.0.0.1"), os.urandom),
        ids=IdMaker(lambda: clock.now().timestamp(), os.urandom),
        regions=REGIONS,
        known_regions=REGIONS,
        host="127.0.0.1",
        now_s=lambda: clock.now().timestamp(),
    )
    spent = await SpentSignatures.open(tmp_path)
    # The strictest door there is: what passes it passes every other.
    door = Door(credentials=KEYS, now_s=lambda: clock.now().timestamp(), demands=WHOLE, spent=spent)
    app = create_app(plane, door)
    client = StreamLinkClient(
        ClientSettings(credentials=KEYS, endpoint="127.0.0.1:9", profile=request.param),
        clock=clock,
        random_fraction=lambda: 0.0,
        transport=httpx.ASGITransport(app),
    )
    over_api = StreamLinkBackend(client, owner=OWNER, regions=tuple(map(Region, REGIONS)), clock=clock)
    try:
        yield over_api
    finally:
        await over_api.close()
        await plane.records.close()
        await catalogue.close()
        await spent.close()
