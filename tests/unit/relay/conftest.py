"""What the relay's tests share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.unit.relay.calling import Api, make_plane


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    """Speak to a control plane that carries nothing."""
    speaking = Api(await make_plane(tmp_path))
    yield speaking
    await speaking.close()
    await speaking.plane.carriage.close()
    await speaking.plane.catalogue.close()
