"""The backends that keep the contract: in memory, and the API of the relay in both profiles, on good days and bad."""

import os
from collections.abc import AsyncIterator, Mapping
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
from reconciler.relay.api.table import carry_out
from reconciler.relay.carriage import Carriage
from reconciler.relay.catalogue import Catalogue
from reconciler.relay.engines.none import NoMedia
from reconciler.relay.faults.injection import Faults
from reconciler.relay.faults.knobs import (
    AllowedProtocolsNull,
    DelayedStates,
    InternalError,
    Knob,
    ListOrder,
    Order,
    PageSizeCap,
    Throttle,
    UnknownFields,
    When,
)
from reconciler.relay.giving import Giver
from reconciler.relay.ids import IdMaker
from reconciler.relay.plane import ControlPlane
from reconciler.relay.signatures import SpentSignatures
from reconciler.streamlink.backend import StreamLinkBackend
from reconciler.streamlink.client import ClientSettings, StreamLinkClient
from reconciler.streamlink.wire import ACTIONS, Profile
from tests.fakes.api import KEYS
from tests.fakes.backend import FakeBackend
from tests.fakes.clock import FakeClock
from tests.fakes.samples import AWAY, REGION

OWNER: Final = Owner("tests")
REGIONS: Final = (AWAY, REGION)
WRITES: Final = frozenset(action.name for action in ACTIONS.values() if action.writes)
EDITS: Final = frozenset(name for name in WRITES if name.startswith("Modify"))
BAD_DAYS: Final[Mapping[str, tuple[Knob, ...]]] = {
    "answers are lost": (
        InternalError(when=When.AFTER_COMMIT, actions=WRITES - EDITS),
        InternalError(when=When.AFTER_COMMIT, actions=EDITS, times=1),
    ),
    "every second call is throttled": (Throttle(every=2),),
    "every second call fails": (InternalError(when=When.BEFORE_COMMIT, every=2, actions=frozenset(ACTIONS) - WRITES),),
    "reads are odd": (
        UnknownFields(),
        AllowedProtocolsNull(),
        DelayedStates(reads=1),
        PageSizeCap(rows=1),
        ListOrder(order=Order.REVERSED),
    ),
}
"""What a service does that a backend has to get over, so that nobody above it notices."""


@pytest.fixture(params=["memory", *Profile, *BAD_DAYS])
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
    faults = Faults(*BAD_DAYS.get(request.param, ()), monotonic_s=clock.monotonic_s, sleep=clock.sleep)
    app = create_app(plane, door, handler=faults.around(carry_out))
    profile = request.param if request.param in set(Profile) else Profile.MAINLAND
    client = StreamLinkClient(
        ClientSettings(credentials=KEYS, endpoint="127.0.0.1:9", profile=profile),
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
