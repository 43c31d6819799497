"""The service that an RTMP server asks before it lets anybody in."""

import asyncio

import httpx
import pytest

from reconciler.media.hooks import Admitted, Answer, HookServer, Question, Refused

pytestmark = pytest.mark.anyio


def gatekeeper(question: Question) -> Answer:
    """Send who publishes to the hub, let players in as they are, and nobody else."""
    return {"publish": Admitted("hub"), "play": Admitted()}.get(question["call"], Refused())


@pytest.mark.parametrize(
    ("call", "status", "location"), [("publish", 302, "hub"), ("play", 200, None), ("else", 403, None)]
)
async def test_the_answer_is_the_gatekeepers(call: str, status: int, location: str | None) -> None:
    """A new name is a redirection, an admission is OK, and a refusal is forbidden."""
    async with HookServer() as hooks, httpx.AsyncClient() as client:
        answer = await client.post(hooks.open_gate(gatekeeper), data={"call": call, "name": "a b&c"})

    assert (answer.status_code, answer.headers.get("location")) == (status, location)


async def test_a_closed_gate_and_a_guessed_one_let_nobody_in() -> None:
    """Only who knows the path of an open gate gets an answer other than no."""
    async with HookServer() as hooks, httpx.AsyncClient() as client:
        url = hooks.open_gate(gatekeeper)
        guessed = await client.post(url[:-1], data={"call": "play"})
        hooks.close_gate(url)
        closed = await client.post(url, data={"call": "play"})

    assert (guessed.status_code, closed.status_code) == (403, 403)


@pytest.mark.parametrize("said", [b"", b"nonsense\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n"])
async def test_what_is_no_question_gets_no_answer(said: bytes) -> None:
    """A caller that speaks nonsense is hung up on, and the next one is served."""
    async with HookServer() as hooks, httpx.AsyncClient() as client:
        url = hooks.open_gate(gatekeeper)
        reader, writer = await asyncio.open_connection("127.0.0.1", httpx.URL(url).port)
        writer.write(said)
        writer.write_eof()
        answer = await reader.read()
        writer.close()
        next_one = await client.post(url, data={"call": "play"})

    assert answer == b""
    assert next_one.status_code == 200
