"""An API that answers what a test tells it to, in place of the network."""

import json
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from reconciler.streamlink.client import ClientSettings, StreamLinkClient
from reconciler.streamlink.signing import Credentials
from tests.fakes.clock import FakeClock

KEYS = Credentials(secret_id="AKIDTEST", secret_key="account-secret-key")


@dataclass(frozen=True)
class Received:
    """One request."""

    action: str
    region: str
    payload: dict[str, Any]
    headers: httpx.Headers
    body: bytes


Reply = Mapping[str, Any] | httpx.Response | Exception | Callable[[Received], Any]
"""What stands under `Response`, a whole response, an error of the transport, or a function that returns one of them."""


def refusal(code: str, message: str = "because") -> dict[str, Any]:
    """Return the reply that carries an error."""
    return {"Error": {"Code": code, "Message": message}}


class ScriptedApi:
    """Answers each action with its replies in order, the last one for ever; keeps what it received."""

    def __init__(self, **replies: Reply | Sequence[Reply]) -> None:
        self._replies: dict[str, deque[Any]] = {
            action: deque(reply) if isinstance(reply, list) else deque([reply]) for action, reply in replies.items()
        }
        self.received: list[Received] = []

    @property
    def calls(self) -> Counter[str]:
        """Return how often each action was called."""
        return Counter(received.action for received in self.received)

    def payloads(self, action: str) -> list[dict[str, Any]]:
        """Return every request of an action."""
        return [received.payload for received in self.received if received.action == action]

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Answer one request; the handler of a MockTransport."""
        body = request.read()
        action = request.headers["X-TC-Action"]
        received = Received(action, request.headers["X-TC-Region"], json.loads(body), request.headers, body)
        self.received.append(received)
        queue = self._replies[action]
        reply: Any = queue.popleft() if len(queue) > 1 else queue[0]
        if callable(reply):
            reply = reply(received)
        if isinstance(reply, Exception):
            raise reply
        if isinstance(reply, httpx.Response):
            return reply
        return httpx.Response(200, json={"Response": {"RequestId": f"r{len(self.received)}", **reply}})


def client_of(
    api: ScriptedApi, clock: FakeClock | None = None, *, settings: ClientSettings | None = None
) -> StreamLinkClient:
    """Return a client whose network is the scripted API."""
    return StreamLinkClient(
        settings or ClientSettings(credentials=KEYS, endpoint="127.0.0.1:9"),
        clock=clock or FakeClock(),
        random_fraction=lambda: 1.0,
        transport=httpx.MockTransport(api.answer),
    )
