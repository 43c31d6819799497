"""No engines: the control plane alone, for tests, benchmarks and machines without them."""

from collections.abc import Mapping

from reconciler.relay.media import EndHealth, EndId, EndState, FlowMedia

_IDLE = EndHealth(state=EndState.IDLE)


class NoMedia:
    """Implements `reconciler.relay.media.Media` and carries nothing: every end of a carried flow is idle."""

    def __init__(self) -> None:
        self._ends: dict[str, tuple[EndId, ...]] = {}

    async def carry(self, flow: FlowMedia) -> None:
        """Remember the ends of this flow."""
        self._ends[flow.id] = (flow.input.id, *(output.id for output in flow.outputs))

    async def drop(self, flow_id: str) -> None:
        """Forget the flow."""
        self._ends.pop(flow_id, None)

    async def health(self, flow_id: str) -> Mapping[EndId, EndHealth]:
        """Say that each end is idle."""
        return dict.fromkeys(self._ends.get(flow_id, ()), _IDLE)

    async def close(self) -> None:
        """Forget every flow."""
        self._ends.clear()
