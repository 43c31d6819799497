"""Somebody who is told."""

from reconciler.ports.notifier import Bulletin


class Listener:
    """Implements `ports.notifier.Notifier`, and keeps what it is told."""

    def __init__(self) -> None:
        self.bulletins: list[Bulletin] = []

    def tell(self, bulletin: Bulletin) -> None:
        """Keep it."""
        self.bulletins.append(bulletin)
