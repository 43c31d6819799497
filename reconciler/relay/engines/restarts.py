"""When an engine that is not there is started, and what is said meanwhile."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from reconciler.media.rates import Backoff

HELD_S: Final = 10.0
"""An engine that ran this long was a good one: the next pause is short again."""
REMEMBERED_S: Final = 60.0
"""How long an engine that ended by itself is told of."""


@dataclass(slots=True)
class Restarts:
    """
    Paces the starts of one engine: at once after a long life, after a growing pause where it dies young.

    A pause is counted from the end of a try, so that a start which takes long is no reason to begin the next at once.
    """

    now_s: Callable[[], float]
    _backoff: Backoff = field(default_factory=Backoff)
    _retry_s: float | None = None
    _mishap: str = ""
    _mishap_s: float = 0.0

    @property
    def is_due(self) -> bool:
        """Whether it may be started now."""
        return self._retry_s is None or self.now_s() >= self._retry_s

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Start it meanwhile; whether that fails is all the same."""
        if self._retry_s is not None and self.now_s() - self._retry_s > HELD_S:
            self._backoff.reset()
        try:
            yield
        finally:
            self._retry_s = self.now_s() + self._backoff.pause_s()

    def died(self, words: str) -> None:
        """Note that it ended, and nobody had asked it to."""
        self._mishap, self._mishap_s = words, self.now_s()

    @property
    def mishap(self) -> str:
        """What has befallen it within the last minute, in words; empty when nothing has."""
        is_fresh = bool(self._mishap) and self.now_s() - self._mishap_s <= REMEMBERED_S
        return f"{self._mishap} and was started anew" if is_fresh else ""
