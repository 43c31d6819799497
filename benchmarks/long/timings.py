"""How long something took, again and again."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median


@dataclass(slots=True)
class Timing:
    """One thing that recovers."""

    name: str
    took_s: list[float] = field(default_factory=list)
    """Of each time that it did."""
    trouble: str = ""
    """Why it did not, where it did not."""

    def took(self, seconds: float) -> None:
        """Add one more time."""
        self.took_s.append(seconds)

    @property
    def cells(self) -> tuple[str, str, str]:
        """Return how often it was measured, the median and the longest, for a table."""
        if not self.took_s:
            return ("0", "-", "-")
        return (str(len(self.took_s)), f"{median(self.took_s):.2f}", f"{max(self.took_s):.2f}")


def has_recovered(timings: Sequence[Timing], *, rounds: int) -> bool:
    """Return whether everything came back, each time."""
    return bool(timings) and all(not one.trouble and len(one.took_s) >= rounds for one in timings)
