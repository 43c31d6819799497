"""Who may approve, where the settings say who."""

from typing import Protocol


class Verifier(Protocol):
    """Tells whether one of the approvers signed a text."""

    @property
    def is_asked(self) -> bool:
        """Return whether anybody must have signed at all."""
        ...

    def signer(self, text: str, signature: str) -> str | None:
        """Return who signed the text, by the name that the settings give; None when no approver did."""
        ...
