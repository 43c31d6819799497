"""How others on this machine find the service of a `run`: `service.json` in its state directory."""

import contextlib
import ipaddress
import json
import os
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from reconciler.domain.model import Address

FILE_NAME: Final = "service.json"
_ANYWHERE: Final = {4: "127.0.0.1", 6: "::1"}


def write(directory: Path, url: str) -> None:
    """
    Say where the service answers (0600); a reader sees the old text or the new one, whole.

    A disk that takes nothing is no reason not to answer.
    """
    remove(directory)
    draft = directory / f"{FILE_NAME}.new"
    with contextlib.suppress(OSError):
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "w") as file:
            json.dump({"url": here(url)}, file)
        draft.replace(directory / FILE_NAME)


def remove(directory: Path) -> None:
    """Say that no service answers any more."""
    with contextlib.suppress(OSError):
        (directory / FILE_NAME).unlink(missing_ok=True)


def here(url: str) -> str:
    """Return the URL as this machine reaches it: nobody can be asked at 0.0.0.0, which stands for all addresses."""
    parts = urlsplit(url)
    place = ipaddress.ip_address(parts.hostname or "")
    if not place.is_unspecified or parts.port is None:
        return url
    return urlunsplit(parts._replace(netloc=str(Address(_ANYWHERE[place.version], parts.port))))
