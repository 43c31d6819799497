"""A control plane with faults in its way."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from reconciler.relay.api.table import carry_out
from reconciler.relay.faults.injection import Faults
from tests.fakes.clock import FakeClock
from tests.unit.relay.calling import Api, make_plane


@pytest.fixture
def clock() -> FakeClock:
    """Return the time that the faults go by."""
    return FakeClock()


@pytest.fixture
def faults(clock: FakeClock) -> Faults:
    """Return the knobs, none of them on."""
    return Faults(monotonic_s=clock.monotonic_s, sleep=clock.sleep)


@pytest.fixture
async def api(tmp_path: Path, faults: Faults) -> AsyncIterator[Api]:
    """Speak to a control plane that carries nothing, through the faults."""
    speaking = Api(await make_plane(tmp_path), handler=faults.around(carry_out))
    yield speaking
    await speaking.close()
    await speaking.plane.carriage.close()
    await speaking.plane.catalogue.close()
