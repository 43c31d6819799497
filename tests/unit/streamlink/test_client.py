"""The client: what it sends, when it sends it again, and what it makes of each answer."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from reconciler.domain.errors import (
    BackendError,
    CredentialsRefusedError,
    GarbledError,
    HaltedError,
    RejectedError,
    ThrottledError,
    UnavailableError,
    UsageError,
)
from reconciler.streamlink.answers import Answer
from reconciler.streamlink.client import ClientSettings, StreamLinkClient, endpoint_url
from reconciler.streamlink.signing import Signer, verify
from reconciler.streamlink.wire import Profile
from tests.fakes.api import KEYS, Reply, ScriptedApi, client_of, refusal
from tests.fakes.clock import FakeClock

pytestmark = pytest.mark.anyio

READ = "DescribeStreamLinkFlow"
CREATE = "CreateStreamLinkOutputInfo"
SETTINGS = ClientSettings(credentials=KEYS, endpoint="127.0.0.1:9")
SECRET_PAYLOAD = {"FlowId": "f", "Output": {"SRTSettings": {"Passphrase": "canary-passphrase"}}}


def first(reply: Reply) -> list[Reply]:
    """Return this reply, and success from then on."""
    return [reply, {"Info": {}}]


async def call(api: ScriptedApi, action: str, payload: dict[str, Any] | None = None) -> Answer:
    """Call an action in the region `local`."""
    client = client_of(api)
    try:
        return await client.call(action, payload or {"FlowId": "f"}, region="local")
    finally:
        await client.close()


@pytest.mark.parametrize(
    ("profile", "service", "version"),
    [(Profile.MAINLAND, "mps", "2019-06-12"), (Profile.INTERNATIONAL, "mdc", "2020-08-28")],
)
async def test_a_call_is_signed_for_its_product(profile: Profile, service: str, version: str) -> None:
    """The request proves whose it is, in the words of the profile, and asks for English."""
    api, clock = ScriptedApi(DescribeStreamLinkFlow={"Info": {}}), FakeClock()
    client = client_of(api, clock, settings=replace(SETTINGS, profile=profile))

    await client.call(READ, {"FlowId": "ü"}, region="local")

    (received,) = api.received
    signer = verify(
        dict(received.headers),
        received.body,
        secret_key_of={KEYS.secret_id: KEYS.secret_key}.get,
        now_s=clock.now().timestamp(),
    )
    assert signer == Signer(secret_id=KEYS.secret_id, service=service)
    assert received.headers["X-TC-Version"] == version
    assert received.headers["X-TC-Language"] == "en-US"
    assert received.headers["Host"] == "127.0.0.1:9"
    assert received.body == b'{"FlowId": "\\u00fc"}'
    await client.close()


async def test_an_answer_has_its_fields_and_its_request_id() -> None:
    """What stands under `Response` is the answer."""
    answer = await call(ScriptedApi(DescribeStreamLinkFlow={"Info": {"FlowId": "f"}}), READ)

    assert (answer.response["Info"], answer.request_id) == ({"FlowId": "f"}, "r1")


@pytest.mark.parametrize(("action", "signatures"), [(READ, 1), ("DeleteStreamLinkFlow", 3)])
async def test_equal_writes_of_one_second_are_signed_apart(action: str, signatures: int) -> None:
    """A service may take each signature once for what changes something; of reads it takes any number."""
    api, clock = ScriptedApi(**{action: {}}), FakeClock()
    client = client_of(api, clock)

    for _ in range(3):
        await client.call(action, {"FlowId": "f"}, region="local")

    assert len({request.headers["Authorization"] for request in api.received}) == signatures
    await client.close()


@pytest.mark.parametrize("action", [READ, CREATE, "DeleteStreamLinkFlow", "StartStreamLinkFlow"])
async def test_a_throttled_call_is_sent_again(action: str) -> None:
    """A throttle did nothing, so even a create is sent again, and only once more."""
    api = ScriptedApi(**{action: first(refusal("RequestLimitExceeded.UinLimitExceeded"))})

    await call(api, action)

    assert api.calls[action] == 2


async def test_pauses_grow_and_have_a_longest() -> None:
    """Each pause may be twice as long as the one before, up to a bound; four attempts are all."""
    api, clock = ScriptedApi(DescribeStreamLinkFlow=refusal("RequestLimitExceeded")), FakeClock()
    client = client_of(api, clock, settings=replace(SETTINGS, attempts=5, max_backoff_s=1.5))

    with pytest.raises(ThrottledError):
        await client.call(READ, {"FlowId": "f"}, region="local")

    assert api.calls[READ] == 5
    assert clock.slept_s == [0.5, 1.0, 1.5, 1.5]


REPEATED = [
    READ,
    "ModifyStreamLinkInput",
    "ModifyStreamLinkOutputInfo",
    "DeleteStreamLinkOutput",
    "DeleteStreamLinkFlow",
]
SENT_ONCE = ["CreateStreamLinkFlow", "CreateStreamLinkInput", CREATE, "StartStreamLinkFlow", "StopStreamLinkFlow"]
UNKNOWN_OUTCOMES = [
    pytest.param(refusal("InternalError"), id="internal error"),
    pytest.param(httpx.ReadTimeout("x"), id="no answer"),
    pytest.param(httpx.RemoteProtocolError("x"), id="broken connection"),
    pytest.param(httpx.Response(502, text="<html>"), id="bad gateway"),
    pytest.param(httpx.Response(200, text="<html>hello"), id="a page"),
    pytest.param(httpx.Response(200, content=b""), id="nothing"),
]


@pytest.mark.parametrize("action", REPEATED)
@pytest.mark.parametrize("reply", UNKNOWN_OUTCOMES)
async def test_what_may_be_sent_again_is(action: str, reply: Reply) -> None:
    """A read, an edit with the whole object and a delete are repeated when their outcome is unknown."""
    api = ScriptedApi(**{action: first(reply)})

    await call(api, action)

    assert api.calls[action] == 2


@pytest.mark.parametrize("action", SENT_ONCE)
@pytest.mark.parametrize("reply", UNKNOWN_OUTCOMES)
async def test_a_create_whose_outcome_is_unknown_is_never_repeated(action: str, reply: Reply) -> None:
    """It may have been carried out: a second one would make a second object."""
    api = ScriptedApi(**{action: first(reply)})

    with pytest.raises(UnavailableError) as error:
        await call(api, action)

    assert api.calls[action] == 1
    assert error.value.maybe_applied


async def test_a_create_that_never_left_is_sent_again() -> None:
    """Where nobody answered the connection, nothing was made."""
    api = ScriptedApi(**{CREATE: first(httpx.ConnectError("refused"))})

    await call(api, CREATE)

    assert api.calls[CREATE] == 2


async def test_nobody_there_is_known_not_to_be_applied() -> None:
    """An endpoint that refuses connections leaves nothing in doubt."""
    with pytest.raises(UnavailableError) as error:
        await call(ScriptedApi(**{CREATE: httpx.ConnectError("refused")}), CREATE)

    assert not error.value.maybe_applied
    assert "no connection (refused)" in str(error.value)


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (refusal("AuthFailure.SignatureFailure"), CredentialsRefusedError),
        (refusal("InvalidParameter.Output"), RejectedError),
        (httpx.Response(404, text="not here"), GarbledError),
        ({"Error": "broken"}, UnavailableError),
    ],
)
async def test_a_refusal_is_not_repeated_where_that_is_no_use(reply: Reply, expected: type[BackendError]) -> None:
    """The error says what it is at once; only what is transient is worth another attempt."""
    api = ScriptedApi(**{CREATE: reply})

    with pytest.raises(expected):
        await call(api, CREATE)

    assert api.calls[CREATE] == 1


@pytest.mark.parametrize(
    "reply",
    [
        refusal("InvalidParameter.Output", "Passphrase canary-passphrase is bad"),
        refusal("InternalError", "canary-passphrase"),
        httpx.Response(500, json={"echo": SECRET_PAYLOAD}),
        httpx.Response(200, text=f"<pre>{json.dumps(SECRET_PAYLOAD)} account-secret-key</pre>"),
    ],
)
async def test_no_error_repeats_a_secret(reply: Reply) -> None:
    """An answer that echoes the request is shown without what must not be shown."""
    with pytest.raises(BackendError) as error, capture_logs() as logs:
        await call(ScriptedApi(**{CREATE: reply}), CREATE, SECRET_PAYLOAD)

    shown = f"{error.value} {logs}"
    assert "canary" not in shown
    assert "account-secret-key" not in shown


READ_ANSWER = json.dumps({"Response": {"Info": {"InputGroup": [SECRET_PAYLOAD]}, "RequestId": "r"}})
FROM_THE_SECRET = READ_ANSWER[READ_ANSWER.index("canary") :]


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        pytest.param(httpx.Response(200, text=READ_ANSWER[:-3]), "HTTP 200", id="its end is missing"),
        pytest.param(httpx.Response(200, text=FROM_THE_SECRET), "HTTP 200", id="its begin is missing"),
        pytest.param(httpx.Response(200, json=["canary"]), "HTTP 200", id="another JSON"),
        pytest.param(httpx.Response(502, text=FROM_THE_SECRET), "HTTP 502", id="a bad gateway that has it"),
        pytest.param(httpx.Response(404, text=FROM_THE_SECRET), "HTTP 404", id="a page that has it"),
    ],
)
async def test_no_error_tells_a_secret_of_what_was_read(reply: httpx.Response, said: str) -> None:
    """An answer that was cut or wrapped holds secrets that no request did, and is not quoted at all."""
    with pytest.raises(UnavailableError, match=f"{said} with a body of {len(reply.content)} bytes") as error:
        await call(ScriptedApi(**{READ: reply}), READ)

    assert "canary" not in str(error.value)


@pytest.mark.parametrize("code", ["InternalError", ""])
async def test_every_attempt_is_one_event(code: str) -> None:
    """The log says which action, where, how it ended and what the vendor's support asks for; never a body."""
    api = ScriptedApi(**{CREATE: refusal(code) if code else {"Info": {}}})

    with capture_logs() as logs:
        await asyncio.gather(call(api, CREATE, SECRET_PAYLOAD), return_exceptions=True)

    assert logs == [
        {
            "event": "streamlink.call_finished",
            "log_level": "warning" if code else "info",
            "action": CREATE,
            "region": "local",
            "code": code,
            "attempt": 1,
            "request_id": "r1",
            "waited_s": 0.0,
            "duration_s": 0.0,
        }
    ]


class Trickle(httpx.AsyncByteStream):
    """A body that never ends."""

    def __init__(self, pause: Callable[[], Any]) -> None:
        self._pause = pause

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            await self._pause()
            yield b" " * 1024 * 1024


@pytest.mark.parametrize(
    ("deadline_s", "pause", "words"),
    [
        pytest.param(60.0, lambda: asyncio.sleep(0), "an answer of more than", id="too large"),
        pytest.param(0.05, lambda: asyncio.sleep(3600), "no whole answer within", id="too slow"),
    ],
)
async def test_an_answer_has_bounds(deadline_s: float, pause: Callable[[], Any], words: str) -> None:
    """Whatever is at the other end, a call ends, and its memory is bounded."""
    api = ScriptedApi(**{CREATE: httpx.Response(200, stream=Trickle(pause))})
    client = client_of(api, settings=replace(SETTINGS, deadline_s=deadline_s))

    with pytest.raises(UnavailableError, match=words) as error:
        await client.call(CREATE, {"FlowId": "f"}, region="local")

    assert error.value.maybe_applied


async def test_calls_keep_the_rate() -> None:
    """The bucket of each action stands before the network."""
    api, clock = ScriptedApi(DescribeStreamLinkFlow={"Info": {}}), FakeClock()
    client = client_of(api, clock, settings=replace(SETTINGS, rate_per_s=10, burst=1))

    for _ in range(4):
        await client.call(READ, {"FlowId": "f"}, region="local")

    assert clock.monotonic_s() == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ("127.0.0.1:8080", "http://127.0.0.1:8080/"),
        ("localhost:8080", "http://localhost:8080/"),
        ("[::1]:8080", "http://[::1]:8080/"),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080/"),
        ("https://127.0.0.1:8443", "https://127.0.0.1:8443/"),
        ("mps.tencentcloudapi.com", "https://mps.tencentcloudapi.com/"),
        ("https://api.example:8443", "https://api.example:8443/"),
    ],
)
def test_an_endpoint_is_a_host_or_a_url(endpoint: str, expected: str) -> None:
    """This machine is spoken to plainly unless told otherwise, the world never."""
    assert str(endpoint_url(endpoint)) == expected


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://api.example",
        "ftp://127.0.0.1",
        "http://127.0.0.1/path",
        "https://u:p@api.example",
        "https://",
        "127.0.0.1:port",
        "https://api.example?x=1",
    ],
)
def test_what_is_no_endpoint_is_refused(endpoint: str) -> None:
    """A wrong setting is told at once, and secrets never leave in the clear."""
    with pytest.raises(UsageError):
        endpoint_url(endpoint)


async def test_without_an_endpoint_the_account_is_at_its_product() -> None:
    """The profile knows its own host."""
    client = StreamLinkClient(
        ClientSettings(credentials=KEYS, profile=Profile.INTERNATIONAL), clock=FakeClock(), random_fraction=lambda: 0.0
    )

    assert client.endpoint == "https://mdc.intl.tencentcloudapi.com"
    await client.close()


async def test_a_write_whose_turn_has_come_is_asked_about_once_more() -> None:
    """What waited behind the rate limit while somebody stopped all writes never leaves; reads go on."""
    halted: list[bool] = []

    def demand_writable() -> None:
        if halted:
            raise HaltedError("all writes are stopped")

    api, clock = ScriptedApi(**{CREATE: {}, READ: {}}), FakeClock(auto=False)
    settings = replace(SETTINGS, rate_per_s=10, burst=1, before_write=demand_writable)
    client = client_of(api, clock, settings=settings)
    calls = [asyncio.create_task(client.call(CREATE, {"FlowId": "f"}, region="local")) for _ in range(5)]
    await clock.advance(0.15)
    halted.append(True)
    reading = asyncio.create_task(client.call(READ, {"FlowId": "f"}, region="local"))
    await clock.advance(10)
    ended = await asyncio.gather(*calls, return_exceptions=True)

    assert api.calls[CREATE] == 2
    assert [isinstance(each, HaltedError) for each in ended] == [False, False, True, True, True]
    assert (await reading).request_id


async def test_a_halt_says_nothing_of_an_attempt_before_it() -> None:
    """A delete that may have been done stays in doubt, though its repetition was stopped."""
    asked: list[bool] = []

    def demand_writable() -> None:
        asked.append(True)
        if len(asked) > 1:
            raise HaltedError("all writes are stopped")

    api = ScriptedApi(DeleteStreamLinkFlow=refusal("InternalError"))
    client = client_of(api, settings=replace(SETTINGS, before_write=demand_writable))

    with pytest.raises(UnavailableError) as error:
        await client.call("DeleteStreamLinkFlow", {"FlowId": "f"}, region="local")

    assert error.value.maybe_applied
