"""Signatures of approvers, with keys and signatures of OpenSSH itself."""

import os
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from reconciler.domain.changes import Action
from reconciler.domain.errors import EnvironmentFailedError
from reconciler.domain.model import OutputKey
from reconciler.domain.policies import Approval
from reconciler.domain.safety.releases import signed_text
from reconciler.sources.signatures import SshVerifier, sign

APPROVAL = Approval(
    name="final",
    resource=OutputKey("news", "tower"),
    action=Action.EDIT,
    change="0123456789ab",
    reason="the partner knows",
    expires=datetime(2026, 1, 2, tzinfo=UTC),
)
TEXT = signed_text(APPROVAL)


def keygen(*words: str, text: str = "") -> str:
    """Return what OpenSSH says."""
    done = subprocess.run(
        ("/usr/bin/ssh-keygen", *words), input=text, capture_output=True, text=True, timeout=30, check=True
    )
    return done.stdout


def a_key(folder: Path, name: str, *, kind: str = "ed25519", passphrase: str = "") -> Path:
    """Return a new private key of somebody."""
    path = folder / name
    keygen("-q", "-t", kind, "-N", passphrase, "-C", f"{name}@example", "-f", str(path))
    return path


def approver(name: str, key: Path) -> str:
    """Return the line that names an approver."""
    kind, text, _ = key.with_suffix(".pub").read_text().split()
    return f"{name} {kind} {text}"


@pytest.fixture
def anna(tmp_path: Path) -> Path:
    """Return Anna's key."""
    return a_key(tmp_path, "anna")


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_who_signed_is_known_by_name(tmp_path: Path, kind: str) -> None:
    """Whatever kind of key it is, one of several approvers is found."""
    berta, anna = a_key(tmp_path, "berta"), a_key(tmp_path, "anna", kind=kind)
    verifier = SshVerifier([approver("berta", berta), approver("anna", anna)])

    assert verifier.is_asked
    assert verifier.signer(TEXT, sign(TEXT, anna)) == "anna"
    assert verifier.signer(TEXT, sign(TEXT, berta)) == "berta"


def test_a_name_may_have_several_keys(tmp_path: Path, anna: Path) -> None:
    """Somebody with two machines is one approver."""
    other = a_key(tmp_path, "other")
    verifier = SshVerifier([approver("anna", anna), approver("anna", other)])

    assert verifier.signer(TEXT, sign(TEXT, other)) == "anna"


def test_a_key_of_nobody_signs_for_nobody(tmp_path: Path, anna: Path) -> None:
    """Nor does the key of one approver under the name of another."""
    mallory = a_key(tmp_path, "mallory")

    assert SshVerifier([approver("anna", anna)]).signer(TEXT, sign(TEXT, mallory)) is None


@pytest.mark.parametrize(
    "tampered",
    [
        replace(APPROVAL, action=Action.DELETE),
        replace(APPROVAL, resource=OutputKey("news", "mast")),
        replace(APPROVAL, change="ba9876543210"),
        replace(APPROVAL, expires=datetime(2030, 1, 2, tzinfo=UTC)),
        replace(APPROVAL, reason="nobody knows"),
    ],
    ids=["action", "resource", "change", "expiry", "reason"],
)
def test_every_word_of_an_approval_is_signed(anna: Path, tampered: Approval) -> None:
    """What was signed once releases nothing else, and not for longer."""
    verifier = SshVerifier([approver("anna", anna)])

    assert verifier.signer(signed_text(tampered), sign(TEXT, anna)) is None


def test_the_same_moment_in_another_zone_is_signed_alike(anna: Path) -> None:
    """A document may be written with any offset."""
    elsewhere = replace(APPROVAL, expires=datetime(2026, 1, 2, 8, tzinfo=timezone(timedelta(hours=8))))

    assert SshVerifier([approver("anna", anna)]).signer(signed_text(elsewhere), sign(TEXT, anna)) == "anna"


def test_a_signature_for_something_else_approves_nothing(anna: Path) -> None:
    """One that was made for git has another namespace."""
    for_git = keygen("-Y", "sign", "-q", "-f", str(anna), "-n", "git", text=TEXT)

    assert SshVerifier([approver("anna", anna)]).signer(TEXT, for_git) is None


@pytest.mark.parametrize("signature", ["", "   \n", "no signature at all", "-----BEGIN SSH SIGNATURE-----\nAAAA\n"])
def test_what_is_no_signature_is_nobodys(anna: Path, signature: str) -> None:
    """Empty, or garbled."""
    assert SshVerifier([approver("anna", anna)]).signer(TEXT, signature) is None


def test_who_is_removed_from_the_settings_approves_no_more(tmp_path: Path, anna: Path) -> None:
    """That is how a key is revoked: old signatures of it count no longer either."""
    berta = a_key(tmp_path, "berta")
    signature = sign(TEXT, anna)

    assert SshVerifier([approver("anna", anna), approver("berta", berta)]).signer(TEXT, signature) == "anna"
    assert SshVerifier([approver("berta", berta)]).signer(TEXT, signature) is None


def test_without_approvers_nobody_is_asked() -> None:
    """And nobody has signed anything."""
    verifier = SshVerifier(())

    assert not verifier.is_asked
    assert verifier.signer(TEXT, "whatever") is None


def test_a_key_with_a_passphrase_needs_an_agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing waits for somebody to type; the error names the key."""
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.delenv("DISPLAY", raising=False)
    locked = a_key(tmp_path, "locked", passphrase="long enough")

    with pytest.raises(EnvironmentFailedError, match=r"could not sign with .*locked.*held by an agent"):
        sign(TEXT, locked)


def test_a_key_that_is_not_there_is_said(tmp_path: Path) -> None:
    """With what OpenSSH says of it."""
    with pytest.raises(EnvironmentFailedError, match="nobody"):
        sign(TEXT, tmp_path / "nobody")


def test_without_openssh_the_package_is_named(tmp_path: Path, anna: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without it approves nothing, and says what to install."""
    signature = sign(TEXT, anna)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(EnvironmentFailedError, match="apt-get install openssh-client"):
        SshVerifier([approver("anna", anna)]).signer(TEXT, signature)
    with pytest.raises(EnvironmentFailedError, match="openssh-client"):
        sign(TEXT, anna)


def test_a_program_that_hangs_approves_nothing(tmp_path: Path, anna: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is given up after a bounded time, and nobody has signed."""
    signature = sign(TEXT, anna)
    slow = tmp_path / "bin" / "ssh-keygen"
    slow.parent.mkdir()
    slow.write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{slow.parent}{os.pathsep}/bin")
    hasty = SshVerifier([approver("anna", anna)], timeout_s=0.2)

    assert hasty.signer(TEXT, signature) is None
