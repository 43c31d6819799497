"""Signatures of approvers, checked by OpenSSH as git does it."""

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from reconciler.domain.errors import EnvironmentFailedError

NAMESPACE: Final = "reconciler"
"""What a signature is for: one that was made for git, or for mail, approves nothing."""
TIMEOUT_S: Final = 10.0


class SshVerifier:
    """
    Implements `ports.signatures.Verifier` with `ssh-keygen -Y verify`.

    Each approver is `NAME KEY-TYPE KEY`, a line as in SSH's file of allowed signers, without options.
    """

    def __init__(self, approvers: Sequence[str]) -> None:
        self._approvers = tuple(approvers)

    @property
    def is_asked(self) -> bool:
        """Return whether approvers are named, so that one of them must have signed."""
        return bool(self._approvers)

    def signer(self, text: str, signature: str) -> str | None:
        """
        Return the name of the approver who signed a text; None when no one of them did.

        Raises:
            EnvironmentFailedError: OpenSSH is not there.

        """
        if not signature.strip():
            return None
        names = [line.split(maxsplit=1)[0] for line in self._approvers]
        with tempfile.TemporaryDirectory(prefix="reconciler-") as folder:
            allowed, signed = Path(folder, "allowed"), Path(folder, "signature")
            allowed.write_text("\n".join(self._approvers) + "\n", encoding="utf-8")
            signed.write_text(signature, encoding="utf-8")
            return next((name for name in names if _is_by(name, text, allowed=allowed, signature=signed)), None)


def _is_by(name: str, text: str, *, allowed: Path, signature: Path) -> bool:
    program = shutil.which("ssh-keygen")
    if program is None:
        raise EnvironmentFailedError(
            "Approvals must be signed (guard.approvers), and there is no ssh-keygen to check that with; it comes with "
            "OpenSSH (Debian: apt-get install openssh-client)"
        )
    words = (program, "-Y", "verify", "-f", str(allowed), "-I", name, "-n", NAMESPACE, "-s", str(signature))
    try:
        done = subprocess.run(  # noqa: S603 -- fixed words, and names out of the settings behind their options
            words, input=text.encode(), capture_output=True, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0
