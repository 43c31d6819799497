"""Server-sent events: transitions as they come, and what a client is told that has missed some."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import httpx
import pytest

from reconciler.domain.conditions import Aspect, Reason, Standing
from reconciler.domain.model import FlowKey
from reconciler.service.api import MOST_STREAMS
from reconciler.service.feed import HEARTBEAT_S, KEPT, Feed
from tests.fakes.board import FakeBoard, condition, status
from tests.fakes.clock import FakeClock
from tests.unit.service.serving import Stage

pytestmark = pytest.mark.anyio

NEWS = FlowKey("news")
DARK = condition(Aspect.ON_AIR, Standing.FALSE, Reason.DARK)
LIGHT = condition(Aspect.ON_AIR, Standing.TRUE, Reason.DELIVERING)


@contextlib.asynccontextmanager
async def listening(client: httpx.AsyncClient, last_id: str = "") -> AsyncIterator[AsyncIterator[str]]:
    """Lend the events of a stream, whole, after its first word."""
    headers = {"Last-Event-ID": last_id} if last_id else {}
    async with client.stream("GET", "/api/v1/stream", headers=headers) as answer:
        assert answer.status_code == 200, await answer.aread()
        events = _events(answer)
        assert (await anext(events)).startswith("retry: ")
        yield events


async def _events(answer: httpx.Response) -> AsyncIterator[str]:
    lines: list[str] = []
    async for line in answer.aiter_lines():
        if line:
            lines.append(line)
        else:
            yield "\n".join(lines)
            lines = []


def number_of(event: str) -> str:
    """Return the id of an event."""
    return event.splitlines()[0].removeprefix("id: ")


async def test_transitions_are_told_as_they_come() -> None:
    """With what was true before, once, to each who listens."""
    stage = Stage(board=FakeBoard(status(NEWS, DARK)))
    async with stage.served() as client, listening(client) as one, listening(client) as other:
        stage.board.turn(NEWS, LIGHT)

        told = await anext(one)

        assert told == await anext(other)
        assert "\nevent: transition\n" in told
        assert '"resource": "flow/news"' in told
        assert '"reason": "Dark"' in told
        assert '"reason": "Delivering"' in told


async def test_silence_has_a_heartbeat() -> None:
    """A comment, which no client takes for an event."""
    stage = Stage()
    async with stage.served() as client, listening(client) as events:
        await stage.clock.advance(HEARTBEAT_S)

        assert await anext(events) == ": still here"


async def test_who_comes_again_misses_nothing() -> None:
    """The id of the last event is enough."""
    stage = Stage(board=FakeBoard(status(NEWS, DARK)))
    async with stage.served() as client:
        async with listening(client) as events:
            stage.board.turn(NEWS, LIGHT)
            seen = number_of(await anext(events))
        stage.board.turn(NEWS, DARK)

        async with listening(client, seen) as events:
            assert '"after": {"aspect": "OnAir", "standing": "False"' in await anext(events)


@pytest.mark.parametrize("last_id", ["0-0", "nonsense", "99999", "-", "19b76e2d800-5", "19b76e2d800-x"])
async def test_an_id_that_is_not_known_is_told(last_id: str) -> None:
    """Such as one of a process before; whoever comes again with the id that it is told goes on."""
    stage = Stage(board=FakeBoard(status(NEWS, DARK)))
    async with stage.served() as client:
        async with listening(client, last_id) as events:
            told = await anext(events)
            rest = [event async for event in events]
        async with listening(client, number_of(told)) as events:
            stage.board.turn(NEWS, LIGHT)
            assert "transition" in await anext(events)

    assert "\nevent: lagged\n" in told
    assert rest == []


@contextlib.asynccontextmanager
async def feeding(board: FakeBoard) -> AsyncIterator[Feed]:
    """Lend a feed that follows a board; the kernel takes thousands of events before a client of a socket is slow."""
    feed = Feed(board, FakeClock(auto=False))
    following = asyncio.create_task(feed.run())
    await asyncio.sleep(0)
    yield feed
    following.cancel()
    await asyncio.wait({following})


async def _settle() -> None:
    for _ in range(2 * KEPT + 10):
        await asyncio.sleep(0)


async def test_a_reader_that_is_too_slow_is_told_and_closed() -> None:
    """It has lost its place when the ring has come round."""
    board = FakeBoard(status(NEWS, DARK))
    async with feeding(board) as feed:
        slow, fast = feed.stream(""), feed.stream("")
        await anext(slow)
        await anext(fast)
        for number in range(KEPT + 1):
            board.turn(NEWS, LIGHT if number % 2 == 0 else DARK)
            if number == 0:
                await _settle()
                assert "transition" in await anext(fast)
        await _settle()

        told = [event async for event in slow]

        assert len(told) == 1
        assert "event: lagged" in told[0]
        assert "event: transition" in await anext(fast)


async def test_a_gap_on_the_board_is_told_to_everybody() -> None:
    """Nobody knows what is missing; what comes after it is told again."""
    board = FakeBoard(status(NEWS, DARK))
    async with feeding(board) as feed:
        stream = feed.stream("")
        await anext(stream)
        board.subscriptions[0].lose()
        await _settle()

        assert "event: lagged" in await anext(stream)
        again = feed.stream("")
        await anext(again)
        board.turn(NEWS, LIGHT)
        await _settle()
        assert "event: transition" in await anext(again)


async def _admitted(client: httpx.AsyncClient) -> None:
    """Come again until the service has noticed that others have left."""
    for _ in range(10_000):
        async with client.stream("GET", "/api/v1/stream") as answer:
            if answer.status_code == 200:
                return
    pytest.fail("nobody has left")


async def test_streams_are_bounded_and_end_with_the_service() -> None:
    """One that ends makes room; a stop waits for none of them."""
    stage = Stage()
    async with (
        stage.served(limits=httpx.Limits(max_connections=None)) as client,
        contextlib.AsyncExitStack() as open_ones,
    ):
        for _ in range(MOST_STREAMS):
            await open_ones.enter_async_context(listening(client))

        refused = await client.get("/api/v1/stream")

        assert (refused.status_code, refused.headers["retry-after"]) == (503, "10")
        await open_ones.aclose()
        await _admitted(client)
        events = await open_ones.enter_async_context(listening(client))
        await stage.service.stop()
        assert [event async for event in events] == []
