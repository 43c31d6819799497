"""The relay's certificate and key, and everything that may be wrong with them."""

import subprocess
from pathlib import Path

import pytest

from reconciler.domain.errors import EnvironmentFailedError, UsageError
from reconciler.serving.tls import TlsFiles, identity_from
from tests.certificates import Certificate, make_authority, make_certificate


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """Return a certificate for a name."""
    folder = tmp_path_factory.mktemp("certificates")
    return make_certificate(folder, make_authority(folder), "DNS:relay.example")


def files(made: Certificate, *, certificate: Path | None = None, key: Path | None = None) -> TlsFiles:
    """Return where they are, but for what a test puts elsewhere."""
    return TlsFiles(certificate=certificate or made.file, key=key or made.key)


def written(folder: Path, name: str, text: str, mode: int = 0o600) -> Path:
    """Return a file that holds this."""
    path = folder / name
    path.write_text(text)
    path.chmod(mode)
    return path


def test_the_first_certificate_is_the_relays_own(made: Certificate, tmp_path: Path) -> None:
    """What follows in the file is its chain."""
    own, authority = made.file.read_text(), made.file.with_name("authority.pem").read_text()
    chain = written(tmp_path, "chain.pem", f"# the relay\n{own}{authority}")

    identity = identity_from(files(made, certificate=chain))

    assert identity.certificate == own


def test_what_cannot_be_read_is_named(made: Certificate, tmp_path: Path) -> None:
    """A file that is not there is the machine's fault, and says which option named it."""
    with pytest.raises(EnvironmentFailedError, match=r"--tls-cert: .*gone\.pem cannot be read: No such file"):
        identity_from(files(made, certificate=tmp_path / "gone.pem"))
    with pytest.raises(EnvironmentFailedError, match=r"--tls-key: .*gone\.key cannot be read: No such file"):
        identity_from(files(made, key=tmp_path / "gone.key"))


def test_what_holds_something_else_is_named(made: Certificate, tmp_path: Path) -> None:
    """The key in the place of the certificate, and the other way round, and a torn file."""
    torn = written(tmp_path, "torn", made.file.read_text().replace("MII", "!!!", 1))

    with pytest.raises(UsageError, match=r"--tls-cert: .* holds no certificate"):
        identity_from(files(made, certificate=made.key))
    with pytest.raises(UsageError, match=r"--tls-key: .* holds no private key"):
        identity_from(files(made, key=written(tmp_path, "key", made.file.read_text())))
    with pytest.raises(UsageError, match="cannot be used for TLS"):
        identity_from(files(made, certificate=torn))


def test_a_key_of_another_certificate_is_named(made: Certificate, tmp_path: Path) -> None:
    """The likely cause is in the message."""
    other = make_authority(tmp_path)
    other.key.chmod(0o600)

    with pytest.raises(UsageError, match="is not the one of the first certificate"):
        identity_from(files(made, key=other.key))


@pytest.mark.parametrize("mode", [0o604, 0o602, 0o601, 0o644, 0o777])
def test_a_key_that_everybody_may_read_is_refused(made: Certificate, tmp_path: Path, mode: int) -> None:
    """The message says the mode and the way out; that a group may read it is the operator's choice."""
    open_to_all = written(tmp_path, "key", made.key.read_text(), mode)
    of_a_group = written(tmp_path, "group.key", made.key.read_text(), 0o640)

    with pytest.raises(UsageError, match=rf"open to every user .*{mode:04o}.*chmod 600"):
        identity_from(files(made, key=open_to_all))

    assert identity_from(files(made, key=of_a_group)).certificate


def test_a_locked_key_is_refused_and_nobody_is_asked(made: Certificate, tmp_path: Path) -> None:
    """A restart at night finds nobody who types a passphrase."""
    locked = tmp_path / "locked.key"
    subprocess.run(
        ["openssl", "pkey", "-in", made.key, "-aes256", "-passout", "pass:canary", "-out", locked],
        check=True,
        capture_output=True,
    )
    locked.chmod(0o600)

    with pytest.raises(UsageError, match="locked with a passphrase"):
        identity_from(files(made, key=locked))
