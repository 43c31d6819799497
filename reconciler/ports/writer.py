"""How manifests are written."""

from collections.abc import Sequence
from typing import Protocol

from reconciler.domain.model import Flow, Output
from reconciler.domain.policies import Approval


class Writer(Protocol):
    """Turns resources into text that the reader turns into the same resources again; pure."""

    def document(self, resource: Flow | Output, *, region: str = "") -> str:
        """
        Return one document; what is default is left out. Secrets are references.

        Args:
            resource: what it says.
            region: of an output's flow, which is its own where it does not say.

        """
        ...

    def approval(self, approval: Approval) -> str:
        """Return one document that says what the approval says, under a name that tells it apart from others."""
        ...

    def file(self, documents: Sequence[str], *, head: Sequence[str]) -> str:
        """Return documents as one file, under lines of comment."""
        ...
