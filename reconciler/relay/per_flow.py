"""What is made of a flow, and stays good for as long as the flow is the very same."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from reconciler.relay.flows import Flow

_Made = TypeVar("_Made")


@dataclass(slots=True)
class PerFlow(Generic[_Made]):
    """Remembers the last thing that was made of each flow, and shows none of it: there may be secrets in it."""

    _kept: dict[str, tuple[Flow, Hashable, _Made]] = field(default_factory=dict, repr=False)

    def of(self, flow: Flow, way: Hashable, make: Callable[[Flow], _Made]) -> _Made:
        """Return what is made of a flow in this way; made anew where the flow or the way is another one by now."""
        kept = self._kept.get(flow.id)
        # A flow is a value that never changes: a changed one is another object under the same id.
        if kept is None or kept[0] is not flow or kept[1] != way:
            kept = self._kept[flow.id] = flow, way, make(flow)
        return kept[2]

    def forget(self, flow: Flow) -> None:
        """Forget a flow that is gone."""
        self._kept.pop(flow.id, None)
