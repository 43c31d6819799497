"""Media that carry nothing and remember what they were told."""

import asyncio
from collections.abc import Mapping

from reconciler.relay.media import EndHealth, EndId, FlowMedia


class RecordingMedia:
    """Implements `relay.media.Media`; fails as often as it is told to, and waits while `gate` is closed."""

    def __init__(self) -> None:
        self.told: list[FlowMedia | str] = []
        """Flows to carry, and ids of flows to drop, in order."""
        self.healths: dict[EndId, EndHealth] = {}
        self.failures: list[Exception] = []
        """Raised one a call, until none is left."""
        self.failure_of_health: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.closed = False

    async def carry(self, flow: FlowMedia) -> None:
        """Remember the flow."""
        await self.gate.wait()
        self.told.append(flow)
        self._fail()

    async def drop(self, flow_id: str) -> None:
        """Remember the id."""
        await self.gate.wait()
        self.told.append(flow_id)
        self._fail()

    async def health(self, flow_id: str) -> Mapping[EndId, EndHealth]:  # noqa: ARG002 -- the contract's signature
        """Return what the test has put there."""
        if self.failure_of_health is not None:
            raise self.failure_of_health
        return self.healths

    async def close(self) -> None:
        """Remember it."""
        self.closed = True

    def _fail(self) -> None:
        if self.failures:
            raise self.failures.pop(0)
