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


def sign(text: str, key: Path) -> str:
    """
    Return the armoured signature of a text by an SSH key, private or, where an agent holds that, public.

    Raises:
        EnvironmentFailedError: OpenSSH is not there, or cannot use the key.

    """
    done = _ran(("-Y", "sign", "-f", str(key), "-n", NAMESPACE, "-q"), text)
    if done is None or done.returncode:
        said = done.stderr.decode(errors="replace").strip() if done is not None else f"no answer in {TIMEOUT_S:g} s"
        raise EnvironmentFailedError(f"ssh-keygen could not sign with {key}: {said}")
    return done.stdout.decode()


def _is_by(name: str, text: str, *, allowed: Path, signature: Path) -> bool:
    words = ("-Y", "verify", "-f", str(allowed), "-I", name, "-n", NAMESPACE, "-s", str(signature))
    done = _ran(words, text)
    return done is not None and done.returncode == 0


def _ran(words: Sequence[str], text: str) -> subprocess.CompletedProcess[bytes] | None:
    """Return what came of ssh-keygen; None where it did not end in time."""
    program = shutil.which("ssh-keygen")
    if program is None:
        raise EnvironmentFailedError(
            "Approvals are to be signed (guard.approvers), and there is no ssh-keygen for that; it comes with OpenSSH "
            "(Debian: apt-get install openssh-client)"
        )
    try:
        return subprocess.run(  # noqa: S603 -- fixed words, and what people gave stands behind its option
            (program, *words), input=text.encode(), capture_output=True, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return None
