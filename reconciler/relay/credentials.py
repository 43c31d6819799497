"""The one account of the relay: made at the first start, read at later ones."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from reconciler.domain.errors import EnvironmentFailedError
from reconciler.streamlink.signing import Credentials

FILE_NAME: Final = "credentials.env"
_ID_NAME: Final = "TENCENTCLOUD_SECRET_ID"
_KEY_NAME: Final = "TENCENTCLOUD_SECRET_KEY"
_ID_PREFIX: Final = "AKID"
_ID_BYTES: Final = 16
_KEY_BYTES: Final = 32


def load_or_make(directory: Path, random_bytes: Callable[[int], bytes]) -> Credentials:
    """
    Return the relay's credentials; the first call in a directory makes them and writes them (0600).

    Raises:
        EnvironmentFailedError: the file is there and holds no credentials, or cannot be used.

    """
    path = directory / FILE_NAME
    try:
        if not path.exists():
            _write(path, random_bytes)
        return _parse(path)
    except OSError as error:
        raise EnvironmentFailedError(f"The relay's credentials {path} cannot be used: {error.strerror}.") from error


def load(directory: Path) -> Credentials | None:
    """
    Return the credentials of the relay that keeps its state there; None when there are none.

    Raises:
        EnvironmentFailedError: the file is there and holds no credentials, or cannot be used.

    """
    path = directory / FILE_NAME
    try:
        return _parse(path) if path.exists() else None
    except OSError as error:
        raise EnvironmentFailedError(f"The relay's credentials {path} cannot be used: {error.strerror}.") from error


def _write(path: Path, random_bytes: Callable[[int], bytes]) -> None:
    text = (
        f"{_ID_NAME}={_ID_PREFIX}{random_bytes(_ID_BYTES).hex()}\n"
        f"{_KEY_NAME}={random_bytes(_KEY_BYTES).hex()}\n"
    )  # fmt: skip
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _parse(path: Path) -> Credentials:
    lines = path.read_text().splitlines()
    values = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    secret_id, secret_key = values.get(_ID_NAME, "").strip(), values.get(_KEY_NAME, "").strip()
    if not secret_id or not secret_key:
        raise EnvironmentFailedError(
            f"{path} holds no {_ID_NAME} and {_KEY_NAME}. Remove it, and the next start makes new ones."
        )
    return Credentials(secret_id=secret_id, secret_key=secret_key)
