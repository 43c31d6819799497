"""The backends that keep the contract: in memory, and the API of the relay in both profiles, on good days and bad."""

import copy
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Final

import pytest

from reconciler.domain.marks import Owner
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
from tests.fakes.served import OWNER, REGIONS, shared

OTHERS: Final = Owner("others")

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
async def both(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[Backend, Backend]]:
    """Return an empty account of each kind, as we reach it and as others do."""
    if request.param == "memory":
        memory = FakeBackend(owner=OWNER, regions=REGIONS)
        theirs = copy.copy(memory)
        theirs.owner = OTHERS
        yield memory, theirs
        return
    profile = request.param if request.param in set(Profile) else Profile.MAINLAND
    async with shared(tmp_path, profile=profile, knobs=BAD_DAYS.get(request.param, ())) as of:
        yield of(OWNER), of(OTHERS)


@pytest.fixture
def backend(both: tuple[Backend, Backend]) -> Backend:
    """Return the empty account."""
    return both[0]


@pytest.fixture
def others(both: tuple[Backend, Backend]) -> Backend:
    """Return the same account, as somebody reaches it who marks things as his."""
    return both[1]
