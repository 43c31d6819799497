"""How much of everything the relay takes on."""

import resource
from dataclasses import dataclass
from typing import Final

from reconciler.domain.errors import EnvironmentFailedError

MAX_BODY_BYTES: Final = 10 * 1024 * 1024
"""Source: StreamLink API, limits of POST with v3 signing."""

_OTHER_DESCRIPTORS: Final = 256
"""What the relay needs beside its clients' connections: files, databases, its side of the engines."""


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
    """Seconds that a client has for each request, from its first byte to its last; the first one's begin with the
    connection, so that the TLS handshake is among them."""


def demand_descriptors(limits: Limits) -> None:
    """
    Go on only where the process may open as many connections as are allowed.

    Raises:
        EnvironmentFailedError: it may not.

    """
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = limits.connections + _OTHER_DESCRIPTORS
    if soft != resource.RLIM_INFINITY and soft < needed:
        raise EnvironmentFailedError(
            f"{limits.connections} connections (--max-connections) need {needed} descriptors, and this process may "
            f"have {soft}. `ulimit -n {needed}` before it, or LimitNOFILE={needed} in its systemd unit, allows them."
        )
