"""What was shown to whom: an append-only file in the state directory."""

import json
import os
import pwd
from datetime import datetime
from pathlib import Path
from typing import Final

import structlog

from reconciler.domain.errors import EnvironmentFailedError

FILE_NAME: Final = "audit.log"

log: Final = structlog.get_logger()


def record_reveal(state: Path, resource: str, at: datetime) -> None:
    """
    Write down (0600) and log that a whole URL is about to be shown, without the URL.

    Raises:
        EnvironmentFailedError: it cannot be written down; then nothing may be shown.

    """
    line = {"event": "status.revealed", "resource": resource, "at": at.isoformat(), "user": _user()}
    path = state / FILE_NAME
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        with os.fdopen(os.open(path, flags, 0o600), "a") as file:
            file.write(json.dumps(line, separators=(",", ":")) + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise EnvironmentFailedError(
            f"Nothing is revealed, because {path} cannot be written: {error.strerror}."
        ) from error
    log.info("status.revealed", resource=resource, at=line["at"], user=line["user"])


def _user() -> str:
    """Return who runs this process, as the machine knows it; the environment would say whatever it is told."""
    uid = os.getuid()
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
