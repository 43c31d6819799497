"""Names that the relay makes up: ids, stream keys, request ids."""

from collections.abc import Callable
from typing import Final

RandomBytes = Callable[[int], bytes]
"""Returns so many random bytes; `secrets.token_bytes` outside tests."""

_MS_DIGITS: Final = 12
_TAIL_BYTES: Final = 8
_KEY_BYTES: Final = 16


class IdMaker:
    """
    Makes ids as StreamLink does: 28 lower-case hex digits, the first 12 the creation time.

    Ids of one maker are unique and ascend, so that the order of ids is the order of creation.
    """

    def __init__(self, now_s: Callable[[], float], random_bytes: RandomBytes) -> None:
        self._now_s = now_s
        self._random_bytes = random_bytes
        self._last_ms = 0

    def start_after(self, last_id: str) -> None:
        """Make only ids greater than this one, whatever the clock says now."""
        self._last_ms = max(self._last_ms, int(last_id[:_MS_DIGITS], 16))

    def next(self) -> str:
        """Return an id that was never returned before."""
        self._last_ms = max(self._last_ms + 1, int(self._now_s() * 1000))
        return f"{self._last_ms:0{_MS_DIGITS}x}{self._random_bytes(_TAIL_BYTES).hex()}"


def stream_key(random_bytes: RandomBytes) -> str:
    """Return a key that nobody guesses, fit for a URL."""
    return random_bytes(_KEY_BYTES).hex()
