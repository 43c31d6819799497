"""Certificates for tests, made by openssl: an authority of one's own, and what it signs."""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_EC: Final = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@dataclass(frozen=True)
class Certificate:
    """A certificate and its key, both in PEM form."""

    file: Path
    key: Path


def _openssl(*words: str | Path) -> None:
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, timeout=60)


def make_authority(folder: Path, name: str = "authority") -> Certificate:
    """Return an authority of nobody's but ours."""
    made = Certificate(folder / f"{name}.pem", folder / f"{name}.key")
    _openssl("req", "-x509", *_EC, "-keyout", made.key, "-out", made.file, "-days", "2", "-subj", f"/CN={name}")
    return made


def make_certificate(folder: Path, authority: Certificate, *alternatives: str, name: str = "relay") -> Certificate:
    """Return a certificate of that authority, for names such as `DNS:relay.example` and `IP:127.0.0.1`."""
    made = Certificate(folder / f"{name}.pem", folder / f"{name}.key")
    request, names = folder / f"{name}.csr", folder / f"{name}.names"
    names.write_text(f"subjectAltName={','.join(alternatives)}\n")
    _openssl("req", *_EC, "-keyout", made.key, "-out", request, "-subj", f"/CN={name}")
    signing = ("-CA", authority.file, "-CAkey", authority.key, "-CAcreateserial", "-days", "2", "-extfile", names)
    _openssl("x509", "-req", "-in", request, *signing, "-out", made.file)
    made.key.chmod(0o600)
    return made
