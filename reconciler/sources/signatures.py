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

    def __init__(self, approvers: Sequence[str], *, timeout_s: float = TIMEOUT_S) -> None:
        """
        Know some approvers.

        Args:
            approvers: one line each.
            timeout_s: how long one check may take; what takes longer counts as signed by nobody.

        """
        self._approvers = tuple(approvers)
        self._timeout_s = timeout_s

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
            for name in names:
                words = ("-Y", "verify", "-f", str(allowed), "-I", name, "-n", NAMESPACE, "-s", str(signed))
                done = _ran(words, text, timeout_s=self._timeout_s)
                if done is not None and done.returncode == 0:
                    return name
        return None


def sign(text: str, key: Path) -> str:
    """
    Return the armoured signature of a text by an SSH key, private or, where an agent holds that, public.

    Raises:
        EnvironmentFailedError: OpenSSH is not there, or cannot use the key.

    """
    done = _ran(("-Y", "sign", "-f", str(key), "-n", NAMESPACE, "-q"), text, timeout_s=TIMEOUT_S)
    if done is None or done.returncode:
        said = done.stderr.decode(errors="replace").strip() if done is not None else f"no answer in {TIMEOUT_S:g} s"
        raise EnvironmentFailedError(
            f"ssh-keygen could not sign with {key}: {said}. A key with a passphrase must be held by an agent (ssh-add)"
        )
    return done.stdout.decode()


def _ran(words: Sequence[str], text: str, *, timeout_s: float) -> subprocess.CompletedProcess[bytes] | None:
    """Return what came of ssh-keygen; None where it did not end in time."""
    program = shutil.which("ssh-keygen")
    if program is None:
        raise EnvironmentFailedError(
            "Approvals are to be signed (guard.approvers), and there is no ssh-keygen for that; it comes with OpenSSH "
            "(Debian: apt-get install openssh-client)"
        )
    try:
        return subprocess.run(  # noqa: S603 -- fixed words, and what people gave stands behind its option
            (program, *words),
            input=text.encode(),
            capture_output=True,
            timeout=timeout_s,
            check=False,
            # Without a terminal of its own it asks nobody for a passphrase, and does not wait for one.
            start_new_session=True,
        )
    except subprocess.TimeoutExpired:
        return None
