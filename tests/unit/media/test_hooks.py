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


@pytest.mark.parametrize("extra", ["&call=play", "&addr=127.0.0.2", "&name=key&name=other"])
async def test_what_is_there_twice_lets_nobody_in(extra: str) -> None:
    """A caller's own words stand behind the server's, and may not take their place."""
    async with HookServer() as hooks, httpx.AsyncClient() as client:
        url = hooks.open_gate(lambda _: Admitted())
        reader, writer = await asyncio.open_connection("127.0.0.1", httpx.URL(url).port)
        body = f"addr=203.0.113.9&call=publish{extra}"
        head = f"POST {httpx.URL(url).path} HTTP/1.0\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(f"{head}{body}".encode())
        answer = await reader.read()
        writer.close()
        honest = await client.post(url, data={"addr": "203.0.113.9", "call": "publish"})

    assert answer == b""
    assert honest.status_code == 200
