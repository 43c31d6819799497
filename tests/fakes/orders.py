"""Orders in memory."""

from typing import Final

from reconciler.domain.errors import EnvironmentFailedError
from reconciler.domain.model import Key
from reconciler.domain.orders import Halt, Order, Orders, Pause, Pin, Trial
from reconciler.ports.clock import Clock


class MemoryOrders:
    """Implements `ports.orders.OrderBook`."""

    def __init__(self, clock: Clock) -> None:
        self._clock: Final = clock
        self.is_full = False
        self._kept: dict[tuple[type[Order], Key | None], Order] = {}

    def read(self) -> Orders:
        """Return what holds at this moment."""
        held = [order for _, order in sorted(self._kept.items(), key=lambda item: str(item[0][1]))]
        held = [order for order in held if order.given.holds(self._clock.now())]
        return Orders(
            halt=next((each for each in held if isinstance(each, Halt)), None),
            pauses=tuple(each for each in held if isinstance(each, Pause)),
            pins=tuple(each for each in held if isinstance(each, Pin)),
            trials=tuple(each for each in held if isinstance(each, Trial)),
        )

    def give(self, order: Order) -> None:
        """Keep an order, in place of one of the same kind for the same resource; as long as there is room."""
        if self.is_full:
            raise EnvironmentFailedError("no space left")
        self._kept[type(order), None if isinstance(order, Halt) else order.resource] = order

    def lift(self, kind: type[Order], resource: Key | None = None) -> Order | None:
        """Take an order back, and return it; None where there was none; as long as there is room."""
        if self.is_full:
            raise EnvironmentFailedError("no space left")
        return self._kept.pop((kind, resource), None)
