"""Which id a flow's name stands for: a cache, for the API wants ids and people say names."""

from collections.abc import Iterable

from reconciler.domain.changes import FlowAt
from reconciler.domain.model import FoundFlow, Region


class FlowIds:
    """Ids by region and live name, as they were last listed; several where people gave one name twice."""

    def __init__(self) -> None:
        self._ids: dict[Region, dict[str, frozenset[str]]] = {}

    def of(self, at: FlowAt) -> frozenset[str]:
        """Return the ids of the flows with this name."""
        return self._ids.get(at.region, {}).get(at.live_name, frozenset())

    def rebuild(self, region: Region, flows: Iterable[FoundFlow]) -> None:
        """Take a whole list of a region in place of all that was known of it."""
        ids: dict[str, frozenset[str]] = {}
        for flow in flows:
            ids[flow.live_name] = ids.get(flow.live_name, frozenset()) | {flow.id}
        self._ids[region] = ids

    def add(self, at: FlowAt, flow_id: str) -> None:
        """Remember a flow that was made or renamed; its former name stands until the next list."""
        self._ids.setdefault(at.region, {})[at.live_name] = self.of(at) | {flow_id}

    def forget(self, flow_id: str) -> None:
        """Forget a flow that is gone."""
        for region, named in self._ids.items():
            kept = {name: ids - {flow_id} for name, ids in named.items()}
            self._ids[region] = {name: ids for name, ids in kept.items() if ids}
