"""The control plane's state, and how a flow is changed: one call at a time, first on the disk, then in the engines."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from weakref import WeakValueDictionary

from reconciler.relay.carriage import Carriage
from reconciler.relay.catalogue import Catalogue, CatalogueFailedError
from reconciler.relay.editing import EditRules
from reconciler.relay.flows import Flow, FlowState
from reconciler.relay.giving import Giver
from reconciler.relay.ids import IdMaker
from reconciler.relay.limits import Limits
from reconciler.relay.per_flow import PerFlow
from reconciler.relay.recording.records import Records


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlPlane:
    """What the actions work on."""

    catalogue: Catalogue
    carriage: Carriage
    giver: Giver
    ids: IdMaker
    regions: tuple[str, ...]
    """Where this relay keeps flows."""
    known_regions: tuple[str, ...]
    """Where outputs may be; holds `regions` too."""
    host: str
    """Address of the ports that are given to flows."""
    now_s: Callable[[], float]
    """Seconds of the Unix epoch."""
    edit_rules: EditRules = EditRules.LIVE_2023
    advertised: str = ""
    """Name or address by which the world reaches that host; "" where it is the host's own."""
    limits: Limits = field(default_factory=Limits)
    records: Records = field(default_factory=Records)
    """Samples and logs of the flows; in memory, and empty, where nobody records."""
    calls: Counter[str] = field(default_factory=Counter)
    """Signed calls so far, by action, whatever came of them."""
    naming: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while a flow gets its name, so that no two get one."""
    described: PerFlow[Any] = field(default_factory=PerFlow, init=False, repr=False)
    """Flows as the API describes them."""
    _locks: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary, init=False)

    def as_seen(self, flow: Flow) -> Flow:
        """Return the flow with its addresses as the world reaches them, for whoever asks; never to be kept."""
        return replace(flow, host=self.advertised) if self.advertised else flow

    @asynccontextmanager
    async def alone(self, flow_id: str) -> AsyncIterator[None]:
        """Within it, no other call changes this flow."""
        lock = self._locks.get(flow_id)
        if lock is None:
            # Kept alive by those who hold it or wait for it, and by nobody else.
            self._locks[flow_id] = lock = asyncio.Lock()
        async with lock:
            yield

    async def commit(self, flow: Flow) -> Flow:
        """
        Give the flow's ends what they lack, keep it, and have the engines carry it; return it as kept.

        Raises:
            PortsExhaustedError: an end needs a port, and there is none.
            CatalogueFailedError: it could not be written; nothing has changed.

        """
        before = self.catalogue.flow(flow.id)
        after = self.giver.give(flow)
        try:
            await self.catalogue.save(after)
        except CatalogueFailedError:
            self.giver.take_back(after, kept=before)
            raise
        if before is not None:
            self.giver.take_back(before, kept=after)
        if after.state is FlowState.RUNNING or (before is not None and before.state is FlowState.RUNNING):
            self.carriage.update(after)
        return after

    async def remove(self, flow: Flow) -> None:
        """Forget a flow that does not run, and take its addresses back."""
        await self.catalogue.remove(flow.id)
        self.giver.take_back(flow, kept=None)
        self.described.forget(flow)
