"""The time zones that there are, from the IANA data that travels with the package `tzdata`."""

from collections.abc import Set as AbstractSet
from datetime import tzinfo
from functools import cache
from importlib import resources
from typing import Final
from zoneinfo import ZoneInfo

_NONE_AT_ALL: Final = frozenset({"Factory"})
"""Names in the catalogue that are no place."""


@cache
def names() -> AbstractSet[str]:
    """Return the name of every zone; the same on every machine, whatever that itself has."""
    listed = (resources.files("tzdata") / "zones").read_text(encoding="ascii")
    return frozenset(listed.split()) - _NONE_AT_ALL


def clock(name: str) -> tzinfo | None:
    """Return the wall clock of a zone; None when there is no such zone."""
    return ZoneInfo(name) if name in names() else None
