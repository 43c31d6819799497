"""The test picture at the input of a flow."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from reconciler.domain.model import FoundFlow
from reconciler.media.far_ends import signal_target
from reconciler.media.signal import publish


@asynccontextmanager
async def published(flow: FoundFlow) -> AsyncIterator[None]:
    """Publish it meanwhile."""
    task = asyncio.create_task(publish(signal_target(flow), stop=asyncio.Event()))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})
