"""Keeps the engines of every flow as the control plane asks; the relay's `Media`."""

from collections.abc import Mapping
from pathlib import Path

from reconciler.relay.media import EndHealth, EndId, FlowMedia


class Supervisor:
    """Implements `reconciler.relay.media.Media` with real engines; its files are below `state`."""

    def __init__(self, *, state: Path) -> None:
        self._state = state

    async def carry(self, flow: FlowMedia) -> None:
        """Make the engines carry this flow so."""
        raise NotImplementedError

    async def drop(self, flow_id: str) -> None:
        """End everything of this flow."""
        raise NotImplementedError

    async def health(self, flow_id: str) -> Mapping[EndId, EndHealth]:
        """Return the health of each end of a carried flow."""
        raise NotImplementedError

    async def close(self) -> None:
        """End every engine and leave no process behind."""
        raise NotImplementedError
