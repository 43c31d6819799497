"""Secrets of sinks: addresses, tokens, keys and passwords, each in a file of its own."""

import os
import stat
from pathlib import Path
from typing import Final

from reconciler.domain.secrets import Secret
from reconciler.notifying.failures import Remedy, UndeliveredError

MAX_BYTES: Final = 4096
"""A file larger than this is no secret but a mistake."""


def read_secret(path: Path) -> Secret:
    """
    Return the secret that a file holds now: whoever replaces the file has replaced the secret.

    Raises:
        UndeliveredError: it cannot be read, is empty, too large, or no text.

    """
    try:
        # Without blocking, so that a pipe cannot hold the sink up.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
            content = file.read(MAX_BYTES + 1) if is_file else b""
    except OSError as error:
        raise _unusable(path, f"cannot be read: {error.strerror or type(error).__name__}") from None
    if not is_file:
        raise _unusable(path, "is no regular file")
    if len(content) > MAX_BYTES:
        raise _unusable(path, f"is larger than {MAX_BYTES} bytes")
    try:
        text = content.decode("ascii").strip()
    except UnicodeDecodeError:
        # The original error holds the bytes: it must not travel along.
        raise _unusable(path, "is not plain ASCII text") from None
    if not text:
        raise _unusable(path, "is empty")
    return Secret(text)


def _unusable(path: Path, why: str) -> UndeliveredError:
    return UndeliveredError(f"the file {path} {why}", remedy=Remedy.SETTING)
