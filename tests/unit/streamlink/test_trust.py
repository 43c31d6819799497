"""Whose certificates the client believes."""

import ssl
from pathlib import Path

import pytest

from reconciler.domain.errors import UsageError
from reconciler.streamlink.trust import Trust
from tests.certificates import Certificate, make_authority, make_certificate


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """Return an authority of ours."""
    return make_authority(tmp_path_factory.mktemp("authority"))


def handshake(shown: Certificate, trusted: ssl.SSLContext | None, host: str) -> None:
    """Go through a handshake in memory; ssl.SSLError where the client does not believe."""
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(shown.file, shown.key)
    assert trusted is not None
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusted.wrap_bio(down, up, server_hostname=host)
    server = serving.wrap_bio(up, down, server_side=True)
    waiting = [client, server]
    while waiting:
        side = waiting.pop(0)
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            waiting.append(side)


def test_the_authorities_of_everybody_are_the_default() -> None:
    """Nothing is said, so the HTTP client decides."""
    assert Trust().context() is None


def test_an_authority_of_ones_own(authority: Certificate, tmp_path: Path) -> None:
    """What it signed is believed for the names in it; what another signed is not, nor another name."""
    relay = make_certificate(tmp_path, authority, "DNS:relay.example")
    foreign = make_certificate(tmp_path, make_authority(tmp_path), "DNS:relay.example", name="foreign")
    trusted = Trust(ca_file=authority.file).context()

    handshake(relay, trusted, "relay.example")

    with pytest.raises(ssl.SSLCertVerificationError, match="issuer certificate"):
        handshake(foreign, trusted, "relay.example")
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        handshake(relay, trusted, "other.example")


def test_one_certificate_and_no_other(authority: Certificate, tmp_path: Path) -> None:
    """Known as such it needs no authority and no name; another of the same authority is not it."""
    relay = make_certificate(tmp_path, authority, "DNS:relay.example")
    sibling = make_certificate(tmp_path, authority, "DNS:relay.example", name="sibling")
    of_itself = make_authority(tmp_path, "of-itself")
    trusted = Trust(certificate=relay.file.read_text()).context()

    handshake(relay, trusted, "127.0.0.1")
    handshake(of_itself, Trust(certificate=of_itself.file.read_text()).context(), "127.0.0.1")

    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(sibling, trusted, "relay.example")


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    """The setting and the file are in the message."""
    (tmp_path / "text").write_text("no certificate")

    with pytest.raises(UsageError, match=r"backend\.caFile: .*text holds no certificates"):
        Trust(ca_file=tmp_path / "text").context()
    with pytest.raises(UsageError, match=r"backend\.caFile: .*gone cannot be read: No such file"):
        Trust(ca_file=tmp_path / "gone").context()
