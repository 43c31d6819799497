"""How much of everything the relay takes on."""

from dataclasses import dataclass
from typing import Final

MAX_BODY_BYTES: Final = 10 * 1024 * 1024
"""Source: StreamLink API, limits of POST with v3 signing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Ceilings. Whatever is above one is refused with its number and the option that sets it."""

    flows: int = 10_000
    """Kept at once, in all regions; an idle one costs some memory, a running one a process."""
    outputs: int = 500
    """Of one flow."""
    request_bytes: int = MAX_BODY_BYTES
    """Of a request's body."""
    connections: int = 512
    """To the API, at once; who has proven nothing yet makes room for others first."""
    request_s: float = 20.0
    """Seconds that a client has for the TLS handshake, and then for each request from its first byte to its last."""
