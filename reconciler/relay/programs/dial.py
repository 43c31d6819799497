"""A connection to somebody else's RTMP server: resolved, allowed, made and trusted in time; or why not, in words."""

import contextlib
import errno
import socket
import ssl
import threading
import time
from enum import StrEnum
from typing import Any, Final

from reconciler.relay.programs import reach

CONNECT_S: Final = 10.0
"""For all of it: the name, every address that it has, and TLS."""


STUCK_S: Final = 8.0
"""A destination that takes nothing for so long is given up; so is one that never answers."""


class Trouble(StrEnum):
    """What can be said of a destination; nothing else is passed on, whatever it sends."""

    UNKNOWN = "the host is not known"
    REFUSED = "the connection was refused: nothing listens there"
    NO_ROUTE = "no route to host"
    NO_ANSWER = "no answer in time"
    DENIED = reach.DENIED
    OWN = reach.OWN
    NO_TLS = "the destination does not speak TLS"
    TLS_FAILED = "the TLS connection failed"
    EXPIRED = "the certificate of the destination has expired"
    NOT_YET = "the certificate of the destination is not valid yet"
    OTHER_NAME = "the certificate of the destination is for another name"
    UNTRUSTED = "the certificate of the destination is signed by nobody that is trusted here"
    INVALID = "the certificate of the destination is not valid"
    LOGIN = "the destination refused the user name or password"
    STUCK = "the destination stopped reading"
    SILENT = "the destination stopped sending"
    GARBLED = "what ffmpeg sends is not understood"


class DialError(Exception):
    """There is no connection."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble)
        self.trouble = trouble


def dial(order: dict[str, Any]) -> socket.socket:
    """
    Return a connection to `host` and `port` of the order, over TLS where it says so.

    Raises:
        DialError: there is none.

    """
    deadline_s = time.monotonic() + CONNECT_S
    made = _connect(order, deadline_s)
    try:
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(1000 * STUCK_S))
        if not order["tls"]:
            return made
        made.settimeout(_left(deadline_s))
        return _trust(order["authorities"]).wrap_socket(made, server_hostname=order["host"])
    except (OSError, ValueError) as error:
        made.close()
        raise DialError(why_no_tls(error)) from error


def _connect(order: dict[str, Any], deadline_s: float) -> socket.socket:
    """Connect to the first address that may be connected to and answers."""
    trouble = Trouble.UNKNOWN
    found = _resolve(order["host"], order["port"], deadline_s)
    for number, (family, place) in enumerate(found):
        refusal = reach.refusal_of(order, str(place[0]), order["port"])
        if refusal:
            trouble = Trouble(refusal)
            continue
        made = socket.socket(family, socket.SOCK_STREAM)
        # One address that swallows everything leaves time for the others.
        made.settimeout(_left(deadline_s) / (len(found) - number))
        try:
            made.connect(place)
        except OSError as error:
            made.close()
            trouble = _why_unreachable(error)
        else:
            return made
    raise DialError(trouble)


def _resolve(host: str, port: int, deadline_s: float) -> list[tuple[int, Any]]:
    """Look a name up on a thread of its own: nothing else can be told to give up."""
    found: list[tuple[int, Any]] = []

    def look() -> None:
        with contextlib.suppress(OSError, UnicodeError):
            found.extend((each[0], each[4]) for each in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))

    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    looking.join(_left(deadline_s))
    return list(found)


def _left(deadline_s: float) -> float:
    """Return how long there is; never nothing, for that would mean "do not wait" to a socket."""
    return max(0.1, deadline_s - time.monotonic())


def _trust(authorities: str) -> ssl.SSLContext:
    """Return whom is believed: the authorities of this machine, and those given."""
    context = ssl.create_default_context()
    if authorities:
        context.load_verify_locations(cadata=authorities)
    return context


def _why_unreachable(error: OSError) -> Trouble:
    if isinstance(error, TimeoutError) or error.errno == errno.ETIMEDOUT:
        return Trouble.NO_ANSWER
    return Trouble.REFUSED if isinstance(error, ConnectionRefusedError) else Trouble.NO_ROUTE


def why_no_tls(error: Exception) -> Trouble:
    """Return what is wrong with a destination that was to speak TLS."""
    match error:
        case ssl.SSLCertVerificationError():
            return _why_not_trusted(error.verify_code)
        case ssl.SSLError(reason=str(reason)) if "ALERT" in reason:
            return Trouble.TLS_FAILED
        case _:
            # It answers in another protocol, hangs up on ours, or waits for more of what it takes ours to be.
            return Trouble.NO_TLS


def _why_not_trusted(code: int) -> Trouble:
    """Return what is wrong with a certificate by OpenSSL's number. Source: openssl/x509_vfy.h."""
    known = {
        9: Trouble.NOT_YET,
        10: Trouble.EXPIRED,
        18: Trouble.UNTRUSTED,
        19: Trouble.UNTRUSTED,
        20: Trouble.UNTRUSTED,
        21: Trouble.UNTRUSTED,
        62: Trouble.OTHER_NAME,
        64: Trouble.OTHER_NAME,
    }
    return known.get(code, Trouble.INVALID)
