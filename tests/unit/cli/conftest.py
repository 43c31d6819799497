"""What the tests of `why` share."""

import pytest

from tests.fakes.clock import FakeClock
from tests.unit.cli.decided import Told


@pytest.fixture
def clock() -> FakeClock:
    """Return the journal's time."""
    return FakeClock(auto=False)


@pytest.fixture
def told(clock: FakeClock) -> Told:
    """Return a journal that says nothing yet."""
    return Told(clock)
