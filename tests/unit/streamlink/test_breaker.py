"""The breaker: when a region is left alone, what is said then, and how it comes back."""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from reconciler.domain.errors import BackendError, ThrottledError, UnavailableError
from reconciler.streamlink.breaker import FAILURES
from reconciler.streamlink.client import ClientSettings, StreamLinkClient
from tests.fakes.api import KEYS, Received, Reply, ScriptedApi, client_of, refusal
from tests.fakes.clock import FakeClock

pytestmark = pytest.mark.anyio

READ, CREATE, EDIT = "DescribeStreamLinkFlow", "CreateStreamLinkOutputInfo", "ModifyStreamLinkOutputInfo"
ONCE = ClientSettings(credentials=KEYS, endpoint="127.0.0.1:9", attempts=1)
DOWN = httpx.ConnectError("refused")
WELL: dict[str, Any] = {"Info": {}}


async def outcome(client: StreamLinkClient, action: str = READ, region: str = "near") -> BackendError | None:
    """Return how a call failed; None when it did not."""
    try:
        await client.call(action, {"FlowId": "f"}, region=region)
    except BackendError as error:
        return error
    return None


async def open_breaker(client: StreamLinkClient) -> None:
    """Call until the region counts as down."""
    for _ in range(FAILURES):
        await outcome(client)


def is_refused(error: BackendError | None) -> bool:
    """Return whether the breaker refused the call."""
    return isinstance(error, UnavailableError) and error.retry_in_s is not None


def answering(*down: str) -> Any:
    """Return a service that is down in these regions."""

    def answer(received: Received) -> Any:
        return DOWN if received.region in down else WELL

    return answer


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(DOWN, id="no connection"),
        pytest.param(httpx.ReadTimeout("x"), id="no answer"),
        pytest.param(httpx.Response(502, text="<html>"), id="bad gateway"),
        pytest.param(httpx.Response(200, text="<html>"), id="a page"),
        pytest.param(refusal("InternalError"), id="internal error"),
        pytest.param(refusal("InternalError.Database"), id="internal error of a kind"),
        pytest.param(refusal("ServiceUnavailable"), id="unavailable"),
    ],
)
async def test_a_region_that_is_down_is_left_alone(reply: Reply) -> None:
    """After so many failures in a row nothing is sent; the error says since when, why, and when it is tried again."""
    api, clock = ScriptedApi(DescribeStreamLinkFlow=reply), FakeClock()
    client = client_of(api, clock, settings=ONCE)
    await open_breaker(client)
    await clock.sleep(20.0)

    error = await outcome(client)

    assert api.calls[READ] == FAILURES
    assert isinstance(error, UnavailableError)
    assert (error.maybe_applied, error.retry_in_s) == (False, 40.0)
    assert "Nothing was sent to 127.0.0.1:9 in near: it counts as down since 00:00:00 UTC, after 5 calls" in str(error)
    assert "It is tried again in 40 s. The last one: DescribeStreamLinkFlow at 127.0.0.1:9" in str(error)


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(WELL, id="success"),
        pytest.param(refusal("InvalidParameter.Id"), id="not found"),
        pytest.param(refusal("InvalidParameter.State"), id="wrong state"),
        pytest.param(refusal("RequestLimitExceeded"), id="throttle"),
        pytest.param(refusal("AuthFailure.SignatureFailure"), id="credentials"),
        pytest.param(refusal("ResponseSizeLimitExceeded"), id="too large a page"),
        pytest.param(refusal("FailedOperation"), id="failed operation"),
    ],
)
async def test_any_answer_ends_the_row(reply: Reply) -> None:
    """Who refuses is not down, so failures with an answer between them open nothing."""
    replies: list[Any] = [*[DOWN] * (FAILURES - 1), reply, *[DOWN] * (FAILURES - 1), WELL]
    client = client_of(ScriptedApi(DescribeStreamLinkFlow=replies), settings=ONCE)

    for _ in replies[:-1]:
        await outcome(client)

    assert await outcome(client) is None


async def test_one_call_by_itself_opens_nothing() -> None:
    """A call gives up before the breaker does, so that the next one is sent at all."""
    api = ScriptedApi(DescribeStreamLinkFlow=[*[DOWN] * 4, WELL])
    client = client_of(api)

    first, second = await outcome(client), await outcome(client)

    assert isinstance(first, UnavailableError)
    assert second is None


async def test_after_the_pause_one_call_is_let_through() -> None:
    """Its answer closes the breaker; whoever calls meanwhile is told that it is under way."""
    answered, clock = asyncio.Event(), FakeClock(auto=False)
    api = ScriptedApi(DescribeStreamLinkFlow=[*[DOWN] * FAILURES, WELL])
    client = client_of(api, clock, settings=replace(ONCE, burst=10))
    await open_breaker(client)
    await clock.advance(61.0)
    breaker = client.traffic.breaker

    async def probe() -> None:
        with breaker.watched("near"):
            await answered.wait()

    probing = asyncio.create_task(probe())
    await clock.advance(0)
    meanwhile = await outcome(client)
    answered.set()
    await probing

    assert is_refused(meanwhile)
    assert "right now, by a call that is under way" in str(meanwhile)
    assert await outcome(client) is None


@pytest.mark.parametrize(("wait_s", "sent"), [(59.0, 1), (61.0, 2)])
async def test_a_probe_that_fails_is_followed_by_another_pause(wait_s: float, sent: int) -> None:
    """The region is asked once a pause, not more."""
    api, clock = ScriptedApi(DescribeStreamLinkFlow=DOWN), FakeClock()
    client = client_of(api, clock, settings=ONCE)
    await open_breaker(client)
    await clock.sleep(61.0)
    await outcome(client)

    await clock.sleep(wait_s)
    await outcome(client)

    assert api.calls[READ] == FAILURES + sent


async def test_a_probe_that_is_given_up_makes_room_for_the_next() -> None:
    """A cancelled call says nothing of the region, and must not shut it for ever."""
    clock = FakeClock()
    client = client_of(ScriptedApi(DescribeStreamLinkFlow=[*[DOWN] * FAILURES, WELL]), clock, settings=ONCE)
    await open_breaker(client)
    await clock.sleep(61.0)
    with pytest.raises(asyncio.CancelledError), client.traffic.breaker.watched("near"):
        raise asyncio.CancelledError

    assert await outcome(client) is None


async def test_regions_are_apart() -> None:
    """One that is down takes nothing from the others, and their answers do not keep it from being left alone."""
    api = ScriptedApi(DescribeStreamLinkFlow=answering("far"))
    client = client_of(api, settings=ONCE)

    for _ in range(FAILURES):
        assert await outcome(client, region="near") is None
        await outcome(client, region="far")

    assert is_refused(await outcome(client, region="far"))
    assert await outcome(client, region="near") is None


async def test_an_answer_to_a_call_under_way_closes_it() -> None:
    """What was sent before is left alone, and an answer is an answer."""
    clock = FakeClock()
    client = client_of(ScriptedApi(DescribeStreamLinkFlow=[*[DOWN] * FAILURES, WELL]), clock, settings=ONCE)
    with client.traffic.breaker.watched("near"):
        await open_breaker(client)
        refused = await outcome(client)

    assert is_refused(refused)
    assert await outcome(client) is None


async def fail_late(client: StreamLinkClient, opened: asyncio.Event, clock: FakeClock) -> None:
    """Make a call that fails long after the breaker has opened."""
    with contextlib.suppress(UnavailableError), client.traffic.breaker.watched("near"):
        await opened.wait()
        await clock.sleep(50.0)
        raise UnavailableError("late", maybe_applied=False)


async def test_failures_of_calls_under_way_prolong_nothing() -> None:
    """They were sent before it opened, and say no more than those that opened it."""
    clock = FakeClock()
    api = ScriptedApi(DescribeStreamLinkFlow=[*[DOWN] * FAILURES, WELL])
    client = client_of(api, clock, settings=ONCE)
    opened = asyncio.Event()
    late = asyncio.create_task(fail_late(client, opened, clock))
    await asyncio.sleep(0)
    await open_breaker(client)
    opened.set()
    await late

    await clock.sleep(11.0)

    assert await outcome(client) is None


async def test_what_an_attempt_may_have_done_is_not_forgotten() -> None:
    """An edit that may have been carried out stays in doubt, although its next attempt was not sent."""
    api = ScriptedApi(DescribeStreamLinkFlow=DOWN, ModifyStreamLinkOutputInfo=httpx.ReadTimeout("x"))
    client = client_of(api, settings=replace(ONCE, attempts=2))
    for _ in range(2):
        await outcome(client)

    error = await outcome(client, EDIT)

    assert api.calls[EDIT] == 1
    assert isinstance(error, UnavailableError)
    assert (error.maybe_applied, error.retry_in_s) == (True, None)


@pytest.mark.parametrize(
    "then", [refusal("RequestLimitExceeded"), DOWN], ids=["the next is throttled", "nobody is there any more"]
)
async def test_an_attempt_that_did_nothing_does_not_speak_for_those_before(then: Reply) -> None:
    """A time-out leaves an edit in doubt whatever its later attempts meet."""
    api = ScriptedApi(ModifyStreamLinkOutputInfo=[httpx.ReadTimeout("x"), then])

    error = await outcome(client_of(api), EDIT)

    assert isinstance(error, UnavailableError)
    assert error.maybe_applied
    assert isinstance(error.__cause__, ThrottledError | UnavailableError)


async def test_a_create_that_is_refused_is_in_no_doubt() -> None:
    """It was not sent, so nobody needs to look for it."""
    api = ScriptedApi(DescribeStreamLinkFlow=DOWN, CreateStreamLinkOutputInfo=WELL)
    client = client_of(api, settings=ONCE)
    await open_breaker(client)

    error = await outcome(client, CREATE)

    assert (is_refused(error), api.calls[CREATE]) == (True, 0)


async def test_what_queued_while_it_opened_is_not_sent() -> None:
    """The breaker is asked before the queue and again at its end."""
    clock = FakeClock(auto=False)
    api = ScriptedApi(DescribeStreamLinkFlow=DOWN)
    client = client_of(api, clock, settings=replace(ONCE, rate_per_s=1, burst=1))
    running = [asyncio.create_task(outcome(client)) for _ in range(FAILURES + 3)]

    while not all(task.done() for task in running):
        await clock.advance(1.0)

    assert api.calls[READ] == FAILURES
    assert [is_refused(task.result()) for task in running] == [False] * FAILURES + [True] * 3


async def test_clients_of_one_account_share_pace_and_breaker() -> None:
    """What one of them has learnt the other knows, and together they keep one rate."""
    clock = FakeClock()
    settings = replace(ONCE, rate_per_s=10, burst=1)
    first = client_of(ScriptedApi(DescribeStreamLinkFlow=DOWN), clock, settings=settings)
    api = ScriptedApi(DescribeStreamLinkFlow=WELL)
    second = StreamLinkClient(
        settings,
        clock=clock,
        random_fraction=lambda: 1.0,
        transport=httpx.MockTransport(api.answer),
        traffic=first.traffic,
    )
    await outcome(second)

    await open_breaker(first)

    assert clock.monotonic_s() == pytest.approx(FAILURES * 0.1)
    assert is_refused(await outcome(second))


def events(logs: Sequence[Any]) -> list[Any]:
    """Return what was said of the breaker."""
    return [event for event in logs if event["event"].startswith("streamlink.breaker")]


async def test_opening_and_closing_are_told_once_each() -> None:
    """People see when it began, why, and how long it lasted."""
    clock = FakeClock()
    client = client_of(ScriptedApi(DescribeStreamLinkFlow=[*[DOWN] * (FAILURES + 1), WELL]), clock, settings=ONCE)

    with capture_logs() as logs:
        await open_breaker(client)
        for _ in range(2):
            await outcome(client)
            await clock.sleep(61.0)
            await outcome(client)

    why = "DescribeStreamLinkFlow at 127.0.0.1:9 in near: no connection (refused)."
    where = {"host": "127.0.0.1:9", "region": "near"}
    opened = {"event": "streamlink.breaker_opened", "log_level": "warning", "failures": 5, "why": why, "pause_s": 60.0}
    closed = {"event": "streamlink.breaker_closed", "log_level": "info", "failures": 6, "open_s": 122.0}
    assert events(logs) == [where | opened, where | closed]
