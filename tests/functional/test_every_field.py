"""Every property against the relay's own API, in process, under each of its edit rules."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from reconciler.domain.impact import EditRules
from reconciler.domain.model import FlowState
from tests.fakes.served import served
from tests.unit.engine.fields import Case, cases
from tests.unit.engine.sweeping import needed, sweep

pytestmark = pytest.mark.anyio

CASES: Final = tuple(cases())


class HurriedClock:
    """Implements `ports.clock.Clock`: it waits for what is done, and never for a time to go by."""

    def __init__(self) -> None:
        self._skipped_s = 0.0

    def now(self) -> datetime:
        """Return the time of day, and what was skipped."""
        return datetime.now(UTC) + timedelta(seconds=self._skipped_s)

    def monotonic_s(self) -> float:
        """Return the time that goes by by itself, and what was skipped."""
        return time.monotonic() + self._skipped_s

    async def sleep(self, seconds: float) -> None:
        """Skip so much."""
        self._skipped_s += seconds
        await asyncio.sleep(0)

    async def wait(self, event: asyncio.Event, timeout_s: float) -> bool:
        """Wait for the event, and give up in earnest."""
        async with asyncio.timeout(timeout_s):
            await event.wait()
        return event.is_set()


@pytest.mark.parametrize("rules", EditRules)
@pytest.mark.parametrize("case", CASES, ids=str)
async def test_every_property_is_put_right_once_on_the_relay(case: Case, rules: EditRules, tmp_path: Path) -> None:
    """Of a running flow: the plan after it is empty, and no write was for nothing."""
    async with served(tmp_path, rules=rules) as backend:
        found = await sweep(case, FlowState.RUNNING, backend, HurriedClock())

    assert found.undone == ()
    assert found.after.is_empty, found.after
    assert found.writes == needed(case, rules, FlowState.RUNNING, outputs=found.outputs)
