"""Whom the client believes to be the API, when it speaks TLS."""

import ssl
from dataclasses import dataclass
from pathlib import Path

from reconciler.domain.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Authorities, or one certificate; by default the authorities that everybody trusts."""

    ca_file: Path | None = None
    """Authorities in PEM form, in place of everybody's."""
    certificate: str = ""
    """
    The API's own certificate in PEM form, told by somebody who knows: then it is this one and no other, and neither its
    authority nor the names in it matter.
    """

    def context(self) -> ssl.SSLContext | None:
        """
        Return what httpx verifies with; None for everybody's authorities.

        Raises:
            UsageError: the file cannot be read, or holds no certificates.

        """
        if self.certificate:
            return _pinned(self.certificate)
        if self.ca_file is None:
            return None
        try:
            return ssl.create_default_context(cafile=self.ca_file)
        except ssl.SSLError as error:
            raise UsageError(f"backend.caFile: {self.ca_file} holds no certificates in PEM form.") from error
        except OSError as error:
            raise UsageError(f"backend.caFile: {self.ca_file} cannot be read: {error.strerror}.") from error


def _pinned(certificate: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    # Without it only a certificate that is its own authority could be an end of the chain.
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cadata=certificate)
    return context
