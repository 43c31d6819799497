"""The backends that keep the contract: in memory, and the API of the relay in both profiles, on good days and bad."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Final

import pytest

from reconciler.ports.backend import Backend
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
from reconciler.streamlink.wire import ACTIONS, Profile
from tests.fakes.backend import FakeBackend
from tests.fakes.served import OWNER, REGIONS, served

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
    profile = request.param if request.param in set(Profile) else Profile.MAINLAND
    async with served(tmp_path, profile=profile, knobs=BAD_DAYS.get(request.param, ())) as over_api:
        yield over_api
