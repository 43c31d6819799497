"""What every test shares."""

import pytest
from hypothesis import settings

# A law holds or does not; how long an example takes says nothing of it, least of all on a shared machine.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture
def anyio_backend() -> str:
    """Run async tests on asyncio, as the product does."""
    return "asyncio"
