"""What somebody may have meant."""

import difflib
from collections.abc import Iterable
from typing import Final

_MAX_LENGTH: Final = 64
"""Nobody means a name with a longer word, and comparing one takes its time."""


def nearest(word: str, words: Iterable[str]) -> str | None:
    """Return the one of `words` that `word` is most likely a slip of; None when none is close."""
    if len(word) > _MAX_LENGTH:
        return None
    by_folded = {candidate.casefold(): candidate for candidate in sorted(words)}
    close = difflib.get_close_matches(word.casefold(), by_folded, n=1, cutoff=0.7)
    return by_folded[close[0]] if close else None


def did_you_mean(word: str, words: Iterable[str]) -> str:
    """Return the question as a hint, "" when nothing is close."""
    found = nearest(word, words)
    return f"did you mean {found}?" if found is not None else ""
