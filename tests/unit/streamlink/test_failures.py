"""Foreign errors become ours, every one of them."""

from collections.abc import Iterator

import httpx
import pytest

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
from reconciler.streamlink.codes import Code
from reconciler.streamlink.failures import TRANSPORT_FAILURES, Sent, of_code, of_status, of_transport

WRITE = Sent(action="CreateStreamLinkFlow", region="local", host="api.example", writes=True)
READ = Sent(action="DescribeStreamLinkFlow", region="local", host="api.example", writes=False)


def below(kind: type[httpx.HTTPError]) -> Iterator[type[httpx.HTTPError]]:
    """Yield a class and all that are made from it."""
    yield kind
    for each in kind.__subclasses__():
        yield from below(each)


def test_every_exception_of_httpx_is_translated() -> None:
    """A new one in a new version of httpx fails here, and not on the air."""
    assert set(below(httpx.HTTPError)) == set(TRANSPORT_FAILURES)


NEVER_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)


def raised(kind: type[httpx.HTTPError]) -> httpx.HTTPError:
    """Return an exception of this class."""
    if issubclass(kind, httpx.HTTPStatusError):
        request = httpx.Request("POST", "http://127.0.0.1")
        return kind("x", request=request, response=httpx.Response(500, request=request))
    return kind("x")


@pytest.mark.parametrize("kind", list(TRANSPORT_FAILURES), ids=str)
def test_a_write_that_left_may_have_been_carried_out(kind: type[httpx.HTTPError]) -> None:
    """Only what never reached the service is known not to have been carried out; a read changes nothing ever."""
    error = raised(kind)

    assert of_transport(error, WRITE).maybe_applied is (kind not in NEVER_LEFT)
    assert of_transport(error, READ).maybe_applied is False


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (Code.NOT_FOUND, NotFoundError),
        (Code.STATE, WrongStateError),
        (Code.OUTPUT, RejectedError),
        (Code.EXCEEDED_QUANTITY_LIMIT, QuotaExceededError),
        (Code.REQUEST_LIMIT_EXCEEDED, ThrottledError),
        (Code.INTERNAL_ERROR, UnavailableError),
        (Code.SIGNATURE_FAILURE, CredentialsRefusedError),
        (Code.SIGNATURE_EXPIRE, CredentialsRefusedError),
        (Code.USER_ARREARS, CredentialsRefusedError),
        (Code.UNAUTHORIZED, CredentialsRefusedError),
    ],
)
def test_every_class_of_codes_has_its_error(code: Code, expected: type[BackendError]) -> None:
    """The error keeps the code and the request id, and says both to people."""
    error = of_code(code, "because", WRITE, request_id="r1")

    assert type(error) is expected
    assert (error.code, error.request_id) == (code, "r1")
    assert f"because [{code}]" in str(error)


def test_a_rejection_names_the_field() -> None:
    """The part after the dot is the API's name of what is wrong."""
    error = of_code(Code.MAX_BANDWIDTH, "", WRITE, request_id="")

    assert isinstance(error, RejectedError)
    assert error.field == "MaxBandwidth"


def test_an_internal_error_may_hide_a_write() -> None:
    """After it a write is looked for; a read is simply repeated."""
    after_write, after_read = (of_code(Code.INTERNAL_ERROR, "", sent, request_id="") for sent in (WRITE, READ))

    assert isinstance(after_write, UnavailableError)
    assert after_write.maybe_applied
    assert isinstance(after_read, UnavailableError)
    assert not after_read.maybe_applied


@pytest.mark.parametrize(
    ("status", "expected"),
    [(429, ThrottledError), (500, UnavailableError), (503, UnavailableError), (301, GarbledError), (404, GarbledError)],
)
def test_http_statuses_have_errors(status: int, expected: type[BackendError]) -> None:
    """The API answers 200 always, so another status comes from something before it."""
    error = of_status(status, "an empty body", WRITE)

    assert type(error) is expected
    assert f"HTTP {status} with an empty body" in str(error)
