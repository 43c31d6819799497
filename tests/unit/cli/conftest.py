"""What the tests of the command line share."""

from collections.abc import Iterator

import pytest
import structlog

from tests.fakes.clock import FakeClock
from tests.unit.cli.decided import Told


@pytest.fixture(autouse=True)
def _unconfigured_logs() -> Iterator[None]:
    """Leave logging as it was: a verb that runs in this process turns down what later tests listen to."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def clock() -> FakeClock:
    """Return the journal's time."""
    return FakeClock(auto=False)


@pytest.fixture
def told(clock: FakeClock) -> Told:
    """Return a journal that says nothing yet."""
    return Told(clock)
