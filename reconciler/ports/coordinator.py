"""Who may write."""

from typing import Protocol


class Coordinator(Protocol):
    """Keeps two reconcilers from writing to one account."""

    def acquire(self) -> None:
        """
        Become the only writer.

        Raises:
            StateHeldError: another process is.

        """
        ...

    def release(self) -> None:
        """Let others write."""
        ...
