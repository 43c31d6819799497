"""Which names a reference to a secret may use; the vault refuses what these rules refuse."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

DEFAULT_ENV_PATTERNS: Final = ("STREAM_*",)
"""The setting `secrets.env` when it is not given."""

RESERVED_ENV_PREFIXES: Final = ("TENCENTCLOUD_", "RECONCILER_")
"""The account's own credentials and our settings: never a stream's secret, whatever the setting says."""

_ENV_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


@lru_cache(maxsize=64)
def _allowed(patterns: tuple[str, ...]) -> re.Pattern[str]:
    """Return what every name that may be read fits at once: nearly all names do, and a tree has twenty thousand."""
    reserved = "|".join(RESERVED_ENV_PREFIXES)
    return re.compile(rf"(?!(?i:{reserved}))(?={_ENV_NAME.pattern}\Z)(?:{_compiled(patterns).pattern})")


@lru_cache(maxsize=64)
def _compiled(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(re.escape(pattern).replace(r"\*", ".*") for pattern in patterns) or r"(?!)")


def env_problem(name: str, patterns: Sequence[str]) -> str:
    """
    Return why no secret may be read from this environment variable, "" when one may.

    The answer never quotes the name: people paste the secret itself there.

    Args:
        name: the variable.
        patterns: the setting `secrets.env`; `*` stands for any characters.
    """
    if _allowed(tuple(patterns)).fullmatch(name) is not None:
        return ""
    if _ENV_NAME.fullmatch(name) is None:
        return "this is no name of an environment variable (letters, digits and _)"
    if name.upper().startswith(RESERVED_ENV_PREFIXES):
        return f"names that begin with {' or '.join(RESERVED_ENV_PREFIXES)} are never read for a stream"
    allowed = ", ".join(patterns) if patterns else "nothing"
    return f"the name matches none of the patterns that may be read (secrets.env: {allowed})"


def file_problem(name: str) -> str:
    """Return why no secret may be read from a file of this name, "" when one may; the name is never quoted."""
    if not name or _CONTROL.search(name) is not None:
        return "this is no name of a file"
    if "\\" in name:
        return "the name has a backslash; directories are parted with /, and a drive has no place in it"
    if name.startswith("/"):
        return "the name is absolute; it must be relative to the directory of secrets (secrets.dir)"
    if ".." in name.split("/"):
        return "the name leaves the directory of secrets (secrets.dir)"
    return ""
