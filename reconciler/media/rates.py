"""Bit rates from byte counters, and pauses between tries."""

from collections import deque
from dataclasses import dataclass, field
from random import Random
from typing import Final

WINDOW_S: Final = 3.0
"""How far back a bit rate looks."""
_LEAST: Final = 2
"""Samples that a rate needs."""


@dataclass(slots=True)
class RateWindow:
    """The bit rate of a byte counter over the last few seconds; a counter or a time that falls began anew."""

    _samples: deque[tuple[float, int]] = field(default_factory=deque)

    def feed(self, at_s: float, total_bytes: int) -> None:
        """Take the counter as it is at a moment."""
        if self._samples and (total_bytes < self._samples[-1][1] or at_s < self._samples[-1][0]):
            self._samples.clear()
        self._samples.append((at_s, total_bytes))
        while len(self._samples) > _LEAST and self._samples[1][0] <= at_s - WINDOW_S:
            self._samples.popleft()

    def clear(self) -> None:
        """Forget what was seen: nothing flows."""
        self._samples.clear()

    @property
    def bitrate_bps(self) -> int:
        """Bits per second; 0 while fewer than two moments are known."""
        if not self._samples:
            return 0
        (first_s, first), (last_s, last) = self._samples[0], self._samples[-1]
        return round(8 * (last - first) / (last_s - first_s)) if last_s > first_s else 0


@dataclass(slots=True)
class Backoff:
    """Growing pauses with full jitter; a try that held begins them anew."""

    first_s: float = 0.5
    most_s: float = 10.0
    random: Random = field(default_factory=Random)
    _tries: int = 0

    def pause_s(self) -> float:
        """Return how long to wait before the next try: at least a half of `first_s`."""
        most_s = min(self.most_s, self.first_s * 2**self._tries)
        self._tries = min(self._tries + 1, 16)
        return max(self.first_s / 2, self.random.uniform(0, most_s))

    def reset(self) -> None:
        """The last try held."""
        self._tries = 0
