"""Which id a flow's name stands for: a cache, for the API wants ids and people say names."""

from collections.abc import Iterable

from reconciler.domain.changes import FlowAt
from reconciler.domain.model import FoundFlow, Region


class FlowIds:
    """Ids by region and live name, as they were last listed; several where people gave one name twice."""

    def __init__(self) -> None:
        self._ids: dict[FlowAt, frozenset[str]] = {}

    def of(self, at: FlowAt) -> frozenset[str]:
        """Return the ids of the flows with this name."""
        return self._ids.get(at, frozenset())

    def rebuild(self, region: Region, flows: Iterable[FoundFlow]) -> None:
        """Take a whole list of a region in place of all that was known of it."""
        self._ids = {at: ids for at, ids in self._ids.items() if at.region != region}
        for flow in flows:
            self.add(FlowAt(region, flow.live_name), flow.id)

    def add(self, at: FlowAt, flow_id: str) -> None:
        """Remember a flow that was made or renamed; its former name stands until the next list."""
        self._ids[at] = self.of(at) | {flow_id}

    def forget(self, flow_id: str) -> None:
        """Forget a flow that is gone."""
        kept = {at: ids - {flow_id} for at, ids in self._ids.items()}
        self._ids = {at: ids for at, ids in kept.items() if ids}
