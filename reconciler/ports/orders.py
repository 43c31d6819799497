"""Where people's orders beside git are kept, and read again right before every write."""

from typing import Protocol

from reconciler.domain.model import Key
from reconciler.domain.orders import Order, Orders


class OrderBook(Protocol):
    """
    Keeps orders until they are lifted or have expired; through restarts.

    `tests/contract/test_orders.py` is the definition; every implementation must pass it.
    """

    def read(self) -> Orders:
        """
        Return what holds at this moment; cheap enough to be asked before every call.

        It never fails, and errs towards writing nothing: an order that cannot be read is a halt that says so.
        """
        ...

    def give(self, order: Order) -> None:
        """
        Keep an order, in place of one of the same kind for the same resource; it is there when this returns.

        Raises:
            EnvironmentFailedError: it cannot be written down.

        """
        ...

    def lift(self, kind: type[Order], resource: Key | None = None) -> Order | None:
        """
        Take an order back, and return it; None where there was none.

        Raises:
            EnvironmentFailedError: it cannot be taken away.

        """
        ...


class NoOrders:
    """Implements what is read of an `OrderBook` where nobody can order anything."""

    def read(self) -> Orders:
        """Return none."""
        return Orders()

    def give(self, order: Order) -> None:
        """Keep nothing."""

    def lift(self, kind: type[Order], resource: Key | None = None) -> Order | None:
        """Return None, for there is none."""
        del kind, resource
        return None
