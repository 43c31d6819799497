"""
The API over HTTP: one address, POST, always 200.

The official SDK reads an error only where the status is 200 and the content type is `application/json` and nothing
else, so every answer has both. It never says what it has already; who does is told in a line that it still holds.
"""

import logging
import time
import traceback
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import structlog
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from reconciler.relay.addresses import PortsExhaustedError
from reconciler.relay.api.answers import response
from reconciler.relay.api.calls import Handler
from reconciler.relay.api.door import Door
from reconciler.relay.api.reading import read_call
from reconciler.relay.api.refusals import RefusalError
from reconciler.relay.api.table import carry_out
from reconciler.relay.catalogue import CatalogueFailedError
from reconciler.relay.plane import ControlPlane
from reconciler.serving.connections import PROVEN
from reconciler.streamlink.codes import Code
from reconciler.streamlink.wire import ACTIONS

log: Final = structlog.get_logger()

_BODIES: Final = 8
"""Of the largest kind that may be in memory at once; who waits to be proven must not fill it."""

Json = dict[str, Any]


def create_app(
    plane: ControlPlane,
    door: Door,
    *,
    monotonic_s: Callable[[], float] = time.monotonic,
    handler: Handler = carry_out,
) -> Starlette:
    """
    Return the API of one account as an ASGI application.

    Args:
        plane: what it works on.
        door: whose requests it answers.
        monotonic_s: seconds that never run backwards, for the durations in the log.
        handler: carries out every action.

    """
    endpoint = _Endpoint(plane, door, monotonic_s, handler)
    # A path of any kind and any method: what is not the API's is answered in the API's own words too.
    return Starlette(routes=[Route("/{path:path}", endpoint)], exception_handlers={Exception: _answer_crash})


@dataclass(slots=True)
class _Outcome:
    """What the log says of one request."""

    action: str = ""
    code: str = ""


class _Endpoint:
    """Answers each request; an ASGI application of its own, because a Route then lets every method in."""

    def __init__(self, plane: ControlPlane, door: Door, monotonic_s: Callable[[], float], handler: Handler) -> None:
        self._plane = plane
        self._door = door
        self._monotonic_s = monotonic_s
        self._held_bytes = 0
        self._handler = handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request and log it, without its body and without its secrets."""
        started_s = self._monotonic_s()
        request_id = str(uuid.uuid4())
        request = Request(scope, receive)
        action = request.headers.get("x-tc-action", "")
        # What a client calls an action is its own text; only what is one goes into the log.
        outcome = _Outcome(action=action if action in ACTIONS else "")
        try:
            fields = await self._answer(request, outcome)
        except ClientDisconnect:
            return
        quiet = not outcome.code and outcome.action in ACTIONS and not ACTIONS[outcome.action].writes
        known = request.headers.get("if-none-match", "") if quiet else None
        await response(fields, request_id, known=known)(scope, receive, send)
        log.log(
            logging.DEBUG if quiet else logging.INFO,
            "relay.request_finished",
            action=outcome.action,
            code=outcome.code,
            request_id=request_id,
            duration_ms=round((self._monotonic_s() - started_s) * 1000, 1),
        )

    async def _answer(self, request: Request, outcome: _Outcome) -> Json:
        try:
            return await self._carry_out(request)
        except RefusalError as refusal:
            code, message = refusal.code, refusal.message
        except PortsExhaustedError as error:
            code, message = Code.EXCEEDED_QUANTITY_LIMIT, str(error)
        except CatalogueFailedError:
            code, message = Code.INTERNAL_ERROR, "The relay's disk did not take the change; nothing has changed."
        outcome.code = code.value
        return _error(code, message)

    async def _carry_out(self, request: Request) -> Json:
        if request.method != "POST" or request.url.path != "/":
            raise RefusalError(Code.UNSUPPORTED_PROTOCOL, "Requests are sent as POST to the path /.")
        headers, claim = self._door.claim(request.headers.items())
        body = await self._body(request)
        profile = self._door.prove(claim, body)
        # Told by the server of the connection; where the application is called without one, nobody asks.
        request.scope.get("state", {}).get(PROVEN, lambda: None)()
        call = read_call(headers, body, profile=profile, plane=self._plane)
        await self._door.let_pass(call, claim)
        return await self._handler(self._plane, call)

    async def _body(self, request: Request) -> bytes:
        """Return the body; one that is too large is read no further."""
        limit_bytes = self._plane.limits.request_bytes
        parts = bytearray()
        try:
            async for part in request.stream():
                parts += part
                self._held_bytes += len(part)
                if len(parts) > limit_bytes:
                    raise RefusalError(
                        Code.REQUEST_SIZE_LIMIT_EXCEEDED,
                        f"The body is larger than {limit_bytes} bytes, the most that this relay takes "
                        f"(--max-request-bytes).",
                    )
                if self._held_bytes > limit_bytes * _BODIES:
                    raise RefusalError(
                        Code.REQUEST_LIMIT_EXCEEDED, "Too many large requests are being read; send this one later."
                    )
        finally:
            self._held_bytes -= len(parts)
        return bytes(parts)


def _error(code: Code, message: str) -> Json:
    return {"Error": {"Code": code.value, "Message": message}}


async def _answer_crash(request: Request, error: Exception) -> Response:  # noqa: ARG001 -- Starlette's signature
    """Answer for a bug of ours in the API's words; Starlette raises it again for the server."""
    request_id = str(uuid.uuid4())
    # Places alone: messages and local variables may hold what a client sent.
    places = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
    log.error("relay.request_crashed", kind=type(error).__name__, places=places[-5:], request_id=request_id)
    return response(_error(Code.INTERNAL_ERROR, "A bug of the relay; its log says where."), request_id)
