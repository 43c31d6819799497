"""Certificate and key of whoever serves over TLS, read once at the start."""

import re
import ssl
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

from reconciler.domain.errors import EnvironmentFailedError, UsageError

_CERTIFICATE: Final = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_OTHERS: Final = stat.S_IRWXO


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """Where certificate and key are."""

    certificate: Path
    """PEM, one's own first, then those between it and its authority."""
    key: Path
    """PEM, without a passphrase, and closed to other users."""
    certificate_option: str = "--tls-cert"
    """What messages call the setting of the one."""
    key_option: str = "--tls-key"


@dataclass(frozen=True, slots=True)
class Identity:
    """What is shown to clients."""

    context: ssl.SSLContext
    """TLS 1.2 or newer."""
    certificate: str
    """One's own certificate, PEM: whoever trusts this very one needs no authority, nor a name in it."""


def identity_from(files: TlsFiles) -> Identity:
    """
    Return what the files say.

    Raises:
        UsageError: they hold no certificate, no key, or not those of each other; or the key is open to everybody.
        EnvironmentFailedError: they cannot be read.

    """
    found = _CERTIFICATE.search(_read(files.certificate, files.certificate_option))
    if found is None:
        raise UsageError(f"{files.certificate_option}: {files.certificate} holds no certificate in PEM form.")
    _demand_private(files.key, files.key_option)
    if "PRIVATE KEY-----" not in _read(files.key, files.key_option):
        raise UsageError(f"{files.key_option}: {files.key} holds no private key in PEM form.")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(files.certificate, files.key, password=_refuse_passphrase)
    except ssl.SSLError as error:
        raise UsageError(_why(error, files)) from error
    except _PassphraseWantedError as error:
        raise UsageError(
            f"{files.key_option}: {files.key} is locked with a passphrase, and nobody is there to type it at a "
            f"restart. `openssl pkey -in {files.key} -out FILE` writes one without; keep it 0600."
        ) from error
    return Identity(context, found[0] + "\n")


class _PassphraseWantedError(Exception):
    """OpenSSL asks for a passphrase."""


def _refuse_passphrase() -> NoReturn:
    raise _PassphraseWantedError


def _read(path: Path, option: str) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError as error:
        raise EnvironmentFailedError(f"{option}: {path} cannot be read: {error.strerror}.") from error


def _demand_private(key: Path, option: str) -> None:
    try:
        mode = stat.S_IMODE(key.stat().st_mode)
    except OSError as error:
        raise EnvironmentFailedError(f"{option}: {key} cannot be read: {error.strerror}.") from error
    if mode & _OTHERS:
        raise UsageError(
            f"{option}: {key} is open to every user of this machine (mode {mode:04o}). `chmod 600 {key}` closes it; "
            f"if others may have read it, make a new one."
        )


def _why(error: ssl.SSLError, files: TlsFiles) -> str:
    if error.reason == "KEY_VALUES_MISMATCH":
        return (
            f"The key {files.key} ({files.key_option}) is not the one of the first certificate in {files.certificate} "
            f"({files.certificate_option}). One's own certificate stands first, those of its authority after it."
        )
    return (
        f"{files.certificate} ({files.certificate_option}) and {files.key} ({files.key_option}) cannot be used "
        f"for TLS: {error.reason or 'the text is no PEM'}."
    )
