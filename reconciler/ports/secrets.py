"""Where the values of secrets are kept."""

from typing import Protocol

from reconciler.domain.secrets import Secret, SecretRef


class Vault(Protocol):
    """Resolves references to secrets."""

    @property
    def waits(self) -> bool:
        """Return whether a look-up may take its time, so that it belongs into a thread; then it may be in several."""
        ...

    def resolve(self, ref: SecretRef) -> Secret:
        """
        Return the secret's value.

        Raises:
            SecretUnavailableError: it is not there, not allowed, or too large; the message says how to mend it.

        """
        ...
