"""Secrets: references that manifests may hold, and values that nothing may print."""

import hmac
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, final


class SecretSource(StrEnum):
    """Where a secret is looked up."""

    ENV = "env"
    FILE = "file"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretRef:
    """What a manifest may say of a secret: where it is found, never what it is."""

    source: SecretSource
    name: str
    """Environment variable, or relative name under the `secrets.dir` setting."""
    version: int = 0
    """Raised by hand when the secret's value changes; 0 when the manifest does not say."""

    def __str__(self) -> str:
        """Return the reference as messages show it, `env:STREAM_CITY_NEWS`."""
        return f"{self.source}:{self.name}"


@final
class Secret:
    """
    A secret's value. Comparable, and shown as `***` wherever it might be printed.

    The value leaves only through `reveal()`, so that a reader can search for every place that lets it out.
    """

    __slots__ = ("_value", "version")

    def __init__(self, value: str, *, version: int = 0) -> None:
        self._value = value
        self.version: Final = version
        """Version of the reference that it was resolved from; never part of equality."""

    def reveal(self) -> str:
        """Return the value, for the wire or a 0600 file."""
        return self._value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __repr__(self) -> str:
        return "***"

    def __reduce__(self) -> tuple[object, ...]:
        msg = "A secret is never pickled."
        raise TypeError(msg)


@final
class Hidden:
    """A secret that the backend has and does not tell (masked or blanked on read)."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Hidden)

    def __hash__(self) -> int:
        return hash(Hidden)

    def __repr__(self) -> str:
        return "***"


HIDDEN: Final = Hidden()

SecretValue = SecretRef | Secret | Hidden
"""A secret at any stage: as written, as resolved, as the backend masks it."""
