"""
Timestamps for requests, so that no two equal ones are signed alike.

A signature covers whole seconds: the same write sent twice within one bears the signature of the first, and a service
that takes each signature once refuses it. So the later one is dated a second on; five minutes are allowed.
"""

from collections.abc import Hashable


class Timestamps:
    """Gives equal requests a second each."""

    def __init__(self) -> None:
        self._last_s: dict[Hashable, int] = {}

    def next(self, request: Hashable, now_s: int) -> int:
        """Return the timestamp of a request, seconds of the Unix epoch: now, or the first second that is free."""
        self._last_s = {known: last_s for known, last_s in self._last_s.items() if last_s >= now_s}
        timestamp_s = max(now_s, self._last_s.get(request, 0) + 1)
        self._last_s[request] = timestamp_s
        return timestamp_s
