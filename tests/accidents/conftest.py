"""A house for each scenario."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from reconciler.relay.faults.injection import Faults
from reconciler.relay.service import Relay
from reconciler.relay.settings import MediaKind, RelaySettings
from tests.accidents.house import House
from tests.endtoend.commands import Shell


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """Serve the control plane alone beside an empty tree; no knob is on yet, and delays end when they are told to."""
    delayed, released = asyncio.Event(), asyncio.Event()

    async def sleep(_: float) -> None:
        delayed.set()
        await released.wait()

    tree, state = tmp_path / "manifests", tmp_path / "state"
    tree.mkdir()
    faults = Faults(sleep=sleep)
    async with Relay(RelaySettings(state=state, media=MediaKind.NONE, faults=faults)) as relay:
        yield House(
            relay=relay,
            faults=faults,
            tree=tree,
            reconciler=Shell(home=tmp_path, state=state, variables={"STREAM_IN": "canary-canary-in"}),
            delayed=delayed,
            released=released,
        )
        released.set()
