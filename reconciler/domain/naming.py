"""Names of manifests and of secrets for what was made without them: readable, fit, unique, the same every time."""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

LONGEST: Final = 32
"""Characters of `metadata.name`. Source: schemas/v1."""

_UNFIT: Final = re.compile(r"[^A-Za-z0-9_]+")


class Names:
    """Gives names out, each once; they are compared without case."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = {name.casefold() for name in taken}

    def give(self, wish: str, *, longest: int | None = LONGEST) -> str:
        """Return the wish when it is free, else the wish with the first free number from 2 behind it."""
        name, number = wish[:longest], 1
        while name.casefold() in self._taken:
            number += 1
            end = f"_{number}"
            name = f"{wish[: None if longest is None else longest - len(end)]}{end}"
        self._taken.add(name.casefold())
        return name


def fit(live_name: str, *, otherwise: str) -> str:
    """Return a live name as `metadata.name` may be: accents are dropped, and what else does not fit becomes `_`."""
    plain = unicodedata.normalize("NFKD", live_name)
    letters = "".join(char for char in plain if not unicodedata.combining(char))
    fitting = _UNFIT.sub("_", letters)
    # One that is fit already stays what it is, its underscores too.
    stripped = fitting if fitting == live_name else fitting.strip("_")
    return stripped[:LONGEST] or otherwise
