"""What somebody may have meant."""

import difflib
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain, pairwise
from typing import Final

_MAX_LENGTH: Final = 64
"""Nobody means a name with a longer word, and comparing one takes its time."""
_CUTOFF: Final = 0.7
"""Likeness, as difflib counts it, from which a word may be a slip of another."""
_FEW: Final = 24
"""Words of which each is compared with care."""

_Pair = tuple[str, int]
"""
Two neighbouring letters, and how often they came before: what comes twice in both words is shared twice, and
not four times.
"""


class Vocabulary:
    """Words of which one may be meant; among ten thousand of them the nearest is found as soon as among a hundred."""

    def __init__(self, words: Iterable[str]) -> None:
        self._by_folded = {word.casefold(): word for word in sorted(words)}
        self._holders: dict[_Pair, list[str]] = {}
        """Words by each pair of neighbouring letters in them."""

    def nearest(self, word: str) -> str | None:
        """Return the word that this one is most likely a slip of; None when none is close."""
        if len(word) > _MAX_LENGTH:
            return None
        folded = word.casefold()
        close = difflib.get_close_matches(folded, self._shortlist(folded), n=1, cutoff=_CUTOFF)
        return self._by_folded[close[0]] if close else None

    def did_you_mean(self, word: str) -> str:
        """Return the question as a hint, "" when nothing is close."""
        found = self.nearest(word)
        return f"did you mean {found}?" if found is not None else ""

    def _shortlist(self, folded: str) -> Iterable[str]:
        """Return the words that share most pairs of letters: a slip spoils three of them at most."""
        if len(self._by_folded) <= _FEW:
            return self._by_folded
        if not self._holders:
            for word in self._by_folded:
                for pair in _pairs(word):
                    self._holders.setdefault(pair, []).append(word)
        shared = Counter(chain.from_iterable(self._holders.get(pair, ()) for pair in _pairs(folded)))
        most = max(shared.values(), default=0)
        candidates = [word for word, count in shared.items() if 2 * count >= most - 1 and _may_be_close(word, folded)]
        likest = sorted(candidates, key=lambda word: shared[word] / (len(word) + len(folded)), reverse=True)
        return likest[:_FEW]


def _may_be_close(word: str, folded: str) -> bool:
    """Return whether two words are close at best, by their lengths alone: the short ones would crowd out the rest."""
    return 2 * min(len(word), len(folded)) >= _CUTOFF * (len(word) + len(folded))


def _pairs(word: str) -> Iterator[_Pair]:
    """Yield neighbouring letters, each with how often they came before in the word; the ends have a neighbour, too."""
    seen: Counter[str] = Counter()
    for pair in map("".join, pairwise(f"\n{word}\n")):
        yield pair, seen[pair]
        seen[pair] += 1


def nearest(word: str, words: Iterable[str]) -> str | None:
    """Return the one of a few `words` that `word` is most likely a slip of; None when none is close."""
    return Vocabulary(words).nearest(word)


def did_you_mean(word: str, words: Iterable[str]) -> str:
    """Return the question as a hint, "" when nothing is close."""
    return Vocabulary(words).did_you_mean(word)
