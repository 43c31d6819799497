"""Whoever started this process and restarts it when it hangs or dies, such as systemd."""

from typing import Protocol


class Supervisor(Protocol):
    """
    Is told how this process is, at the moment when it is told.

    Telling never waits and never fails: a supervisor that cannot be reached acts by itself.
    """

    @property
    def watchdog_s(self) -> float | None:
        """Return after how long without `alive` this process is restarted, in seconds; None where nobody watches."""
        ...

    def ready(self, status: str) -> None:
        """Say that the work has begun, or goes on after a reload; `status` is a line for people, with no secret."""
        ...

    def tell(self, status: str) -> None:
        """Say in a line for people what is being done."""
        ...

    def alive(self) -> None:
        """Say that this process is well."""
        ...

    def reloading(self) -> None:
        """Say that the settings are being read anew; `ready` ends it."""
        ...

    def stopping(self, status: str) -> None:
        """Say that the end has begun."""
        ...

    def extend(self, seconds: float) -> None:
        """Ask that the start, the reload or the stop under way may take this much longer from now on."""
        ...
