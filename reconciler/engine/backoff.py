"""Back-off: how long to leave a failing thing alone."""

from typing import Final

BASE_S: Final = 1.0
"""The most that the first pause lasts."""
MOST_S: Final = 300.0
"""The most that any pause lasts; an outage of hours is found over within five minutes."""


def pause_s(failures: int, *, jitter: float) -> float:
    """
    Return the pause after so many failures in a row, with full jitter.

    Args:
        failures: from 1.
        jitter: a random number, 0 <= jitter < 1; many reconcilers must not come back all at once.

    """
    # Beyond 2^16 the ceiling holds anyway; the bound keeps a year of failures from overflowing a float.
    return jitter * min(MOST_S, BASE_S * 2.0 ** min(failures - 1, 16))
