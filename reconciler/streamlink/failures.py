"""The one place where foreign errors become ours: httpx's exceptions, HTTP statuses, and the API's codes."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import httpx

from reconciler.domain.errors import (
    BackendError,
    CredentialsRefusedError,
    GarbledError,
    NotFoundError,
    QuotaExceededError,
    RejectedError,
    ThrottledError,
    UnavailableError,
    WrongStateError,
)
from reconciler.streamlink.codes import Class, Code, class_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """The call that failed, as far as an error may tell."""

    action: str
    region: str
    host: str
    writes: bool
    """Whether it would have changed something; a read is never `maybe_applied`."""


@dataclass(frozen=True, slots=True)
class _Transport:
    """What a failure of the transport says."""

    why: str
    left: bool
    """Whether the request may have reached the service."""
    garbled: bool = False


TRANSPORT_FAILURES: Final[Mapping[type[httpx.HTTPError], _Transport]] = {
    httpx.HTTPError: _Transport("the HTTP client failed", left=True),
    httpx.HTTPStatusError: _Transport("the HTTP status is an error", left=True, garbled=True),
    httpx.RequestError: _Transport("the request failed", left=True),
    httpx.TransportError: _Transport("the transport failed", left=True),
    httpx.TimeoutException: _Transport("the time is up", left=True),
    httpx.ConnectTimeout: _Transport("no connection in time", left=False),
    httpx.ReadTimeout: _Transport("no answer in time", left=True),
    httpx.WriteTimeout: _Transport("the request could not be sent in time", left=True),
    httpx.PoolTimeout: _Transport("all connections are busy", left=False),
    httpx.NetworkError: _Transport("the network failed", left=True),
    httpx.ConnectError: _Transport("no connection", left=False),
    httpx.ReadError: _Transport("the connection broke before the answer", left=True),
    httpx.WriteError: _Transport("the connection broke while sending", left=True),
    httpx.CloseError: _Transport("the connection could not be closed", left=True),
    httpx.ProxyError: _Transport("the proxy refused", left=False),
    httpx.UnsupportedProtocol: _Transport("the endpoint is neither http nor https", left=False),
    httpx.ProtocolError: _Transport("HTTP was not kept", left=True),
    httpx.LocalProtocolError: _Transport("the request is no valid HTTP", left=True),
    httpx.RemoteProtocolError: _Transport("the answer is no valid HTTP", left=True),
    httpx.DecodingError: _Transport("the answer cannot be decoded", left=True, garbled=True),
    httpx.TooManyRedirects: _Transport("the answer is a redirect", left=True, garbled=True),
}
"""Every exception of httpx; a test fails when a new one is not among them."""


def of_transport(error: httpx.HTTPError, sent: Sent) -> UnavailableError:
    """Return our error for one of httpx."""
    kind = next(TRANSPORT_FAILURES[each] for each in type(error).__mro__ if each in TRANSPORT_FAILURES)
    maybe_applied = sent.writes and kind.left
    detail = f" ({error})" if str(error) and not kind.left else ""
    if "CERTIFICATE_VERIFY_FAILED" in detail:
        detail += "; where the API's authority is your own, backend.caFile (--ca-file) names its certificate"
    message = f"{_call(sent)}: {kind.why}{detail}.{_outcome(maybe_applied=maybe_applied)}"
    return (GarbledError if kind.garbled else UnavailableError)(message, maybe_applied=maybe_applied)


def of_deadline(deadline_s: float, sent: Sent) -> UnavailableError:
    """Return the error of a call that took longer than any call may."""
    message = f"{_call(sent)}: no whole answer within {deadline_s:g} s.{_outcome(maybe_applied=sent.writes)}"
    return UnavailableError(message, maybe_applied=sent.writes)


def of_status(status: int, body: str, sent: Sent) -> BackendError:
    """
    Return the error of an HTTP status other than 200 whose body is no answer of the API.

    Args:
        status: the HTTP status.
        body: what may be said of the body.
        sent: the call.

    """
    says = f"HTTP {status} with {body}"
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return ThrottledError(f"{_call(sent)} was throttled before it reached the API ({says}).")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        message = f"{_call(sent)} was answered {says}.{_outcome(maybe_applied=sent.writes)}"
        return UnavailableError(message, maybe_applied=sent.writes)
    return of_garbled(f"an answer that the API never gives, {says}", sent)


def of_garbled(what: str, sent: Sent, *, request_id: str = "") -> GarbledError:
    """Return the error of an answer outside the contract."""
    message = (
        f"{_call(sent)} got {what}. Is the endpoint a StreamLink API, and nothing between it and here?"
        f"{_outcome(maybe_applied=sent.writes)}"
    )
    return GarbledError(message, maybe_applied=sent.writes, request_id=request_id)


def of_code(code: str, message: str, sent: Sent, *, request_id: str) -> BackendError:
    """
    Return our error for one that the API answered.

    Args:
        code: the API's code.
        message: as much of the API's message as may be shown.
        sent: the call.
        request_id: what the vendor's support asks for.

    """
    says = f"{_call(sent)} was refused: {message or 'no reason given'} [{code}]"
    kind = class_of(code)
    if kind is Class.PLAN_ERROR:
        return RejectedError(f"{says}.", field=code.partition(".")[2], code=code, request_id=request_id)
    if kind is Class.TRANSIENT:
        outcome = _outcome(maybe_applied=sent.writes)
        return UnavailableError(f"{says}.{outcome}", maybe_applied=sent.writes, code=code, request_id=request_id)
    error, hint = _REFUSALS[kind]
    hint = _credentials_hint(code) if kind is Class.CREDENTIALS else hint
    return error(f"{says}.{hint}", code=code, request_id=request_id)


_REFUSALS: Final[Mapping[Class, tuple[type[BackendError], str]]] = {
    Class.ABSENT: (NotFoundError, ""),
    Class.WRONG_STATE: (WrongStateError, " The flow's state does not allow it."),
    Class.QUOTA: (QuotaExceededError, " The account is full: free something, or ask the vendor for more."),
    Class.THROTTLE: (ThrottledError, " Something else may be using the account too."),
    Class.CREDENTIALS: (CredentialsRefusedError, ""),
}
"""What is raised for a class of codes, and what it means for people."""


def _credentials_hint(code: str) -> str:
    match code:
        case Code.SIGNATURE_EXPIRE:
            return " Is this machine's clock more than five minutes off?"
        case Code.USER_ARREARS:
            return " The account is suspended for debt."
        case Code.UNAUTHORIZED | Code.UNAUTHORIZED_BY_AUTH:
            return " The account's policy must allow this action."
        case _:
            return " Check TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY."


def _call(sent: Sent) -> str:
    return f"{sent.action} at {sent.host} in {sent.region}"


def _outcome(*, maybe_applied: bool) -> str:
    return " It may have been carried out nevertheless." if maybe_applied else ""
