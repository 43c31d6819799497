"""Why something was not told, as far as it matters for what to do next."""

from collections.abc import Mapping
from enum import Enum
from typing import Final

import httpx


class Remedy(Enum):
    """What helps against a failure."""

    TIME = "time"
    """The same again later: a server that is down, a limit that was reached."""
    SETTING = "setting"
    """Somebody has to change something: an address, a token, a right."""
    NOTHING = "nothing"
    """What was said is refused for what it is."""


class UndeliveredError(Exception):
    """
    Something was not told; its text is fit to be shown, and holds no secret.

    It stays within this room: the loop that keeps streams never hears of it.
    """

    def __init__(
        self, why: str, *, remedy: Remedy = Remedy.TIME, maybe: bool = False, retry_in_s: float | None = None
    ) -> None:
        self.remedy = remedy
        self.maybe = maybe
        """Whether it may have been told nevertheless."""
        self.retry_in_s = retry_in_s
        """Seconds after which the server wants to be asked again; None where it did not say."""
        super().__init__(why)


TRANSPORT: Final[Mapping[type[httpx.HTTPError], tuple[str, bool]]] = {
    httpx.HTTPError: ("the HTTP client failed", True),
    httpx.TimeoutException: ("the time is up", True),
    httpx.ConnectTimeout: ("no connection in time", False),
    httpx.PoolTimeout: ("all connections are busy", False),
    httpx.ConnectError: ("no connection", False),
    httpx.ReadTimeout: ("no answer in time", True),
    httpx.ReadError: ("the connection broke before the answer", True),
    httpx.ProxyError: ("the proxy refused", False),
    httpx.UnsupportedProtocol: ("it is neither http nor https", False),
    httpx.LocalProtocolError: ("the request is no valid HTTP", False),
    httpx.RemoteProtocolError: ("the answer is no valid HTTP", True),
}
"""What a failure of the transport means, and whether the request may have arrived; others are as their parents."""


def of_transport(error: httpx.HTTPError) -> UndeliveredError:
    """Return our error for one of httpx, whose own text may hold an address."""
    why, maybe = next(TRANSPORT[each] for each in type(error).__mro__ if each in TRANSPORT)
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        hint = "its certificate is of no authority that is trusted here; `caFile` names one of your own"
        return UndeliveredError(hint, remedy=Remedy.SETTING)
    return UndeliveredError(why, maybe=maybe)
