"""Authorities and certificates for tests."""

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

EC = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@dataclass(frozen=True)
class Authority:
    """Somebody who signs certificates."""

    folder: Path
    name: str

    @property
    def certificate(self) -> Path:
        """What those who trust it need."""
        return self.folder / f"{self.name}-ca.pem"

    def found(self) -> "Authority":
        """Make its own certificate."""
        openssl("req", "-x509", *EC, "-days", "2", "-subj", f"/CN={self.name}", *self._files(self.name))
        return self

    def signed(self, leaf: str, names: str, *, days: int = 2) -> ssl.SSLContext:
        """Return what a server with these names (`DNS:…`, `IP:…`) needs; fewer than no days have expired."""
        request = str(self.folder / f"{leaf}.csr")
        key, certificate = self.folder / f"{leaf}.key", self.folder / f"{leaf}.pem"
        openssl(
            "req", *EC, "-keyout", str(key), "-out", request, "-subj", "/CN=x", "-addext", f"subjectAltName={names}"
        )
        signer = ("-CA", str(self.certificate), "-CAkey", str(self.folder / f"{self.name}-ca.key"), "-set_serial", "7")
        openssl(
            *("x509", "-req", "-in", request, *signer, "-days", str(days), "-copy_extensions", "copy"),
            *("-out", str(certificate)),
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        return context

    def _files(self, name: str) -> tuple[str, ...]:
        return "-keyout", str(self.folder / f"{name}-ca.key"), "-out", str(self.folder / f"{name}-ca.pem")


def openssl(*arguments: str) -> None:
    """Run openssl."""
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)
