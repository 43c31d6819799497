"""The ownership mark: the last words of a Description, saying which reconciler keeps the object."""

import re
from dataclasses import dataclass
from typing import Final, NewType

Owner = NewType("Owner", str)
"""Which reconciler keeps an object; matches `^[a-z0-9-]{1,32}$`."""

OWNER_PATTERN: Final = re.compile(r"[a-z0-9-]{1,32}")

_MARK: Final = re.compile(
    r"(?:^|\s)\[gitops:v1 o=(?P<owner>[a-z0-9-]{1,32}) n=(?P<name>[A-Za-z0-9_]{1,32})"
    r"(?: s=(?P<versions>[0-9]{1,9}))?(?P<protected> p)?(?P<twin> t)?\]\s*$"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Whose an object is. It never holds a revision, a time or a hash: a mark that moves would be drift."""

    owner: Owner
    name: str
    """`metadata.name` of the manifest that the object was made from."""
    secret_versions: int = 0
    """Sum of the versions of its secrets: the only sign of a new value where the backend masks secrets."""
    protected: bool = False
    twin: bool = False

    def __str__(self) -> str:
        """Return the mark as it stands in a Description."""
        versions = f" s={self.secret_versions}" if self.secret_versions else ""
        return f"[gitops:v1 o={self.owner} n={self.name}{versions}{' p' * self.protected}{' t' * self.twin}]"


def split(description: str) -> tuple[str, Mark | None]:
    """Return the text that people wrote and the mark behind it; None when the object bears none."""
    found = _MARK.search(description)
    if found is None:
        return description, None
    mark = Mark(
        owner=Owner(found["owner"]),
        name=found["name"],
        secret_versions=int(found["versions"] or 0),
        protected=found["protected"] is not None,
        twin=found["twin"] is not None,
    )
    return description[: found.start()], mark


def join(text: str, mark: Mark) -> str:
    """Return the Description that carries both; the inverse of `split`."""
    return f"{text} {mark}" if text else str(mark)
