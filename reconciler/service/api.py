"""The read-only JSON API under `/api/v1/`; `openapi.json` describes it to others."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from importlib import resources
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from reconciler.domain.conditions import Aspect, Reason, Standing
from reconciler.domain.model import FlowKey, Key, OutputKey, ResourceKind
from reconciler.ports.status import Board, ResourceStatus
from reconciler.service import parameters, views
from reconciler.service.archive import Archive
from reconciler.service.feed import Feed
from reconciler.service.parameters import Query
from reconciler.service.problems import HEADERS, ProblemError

MOST_STREAMS: Final = 32
"""At once; each is a connection for as long as its client likes."""
RECENT: Final = 20
"""Calls and notes that are told with one resource."""
_MOST_ID_CHARACTERS: Final = 64

Json = Mapping[str, Any]


def openapi() -> Json:
    """Return the description of the API."""
    described: Json = json.loads((resources.files(__package__) / "openapi.json").read_bytes())
    return described


@dataclass(slots=True, kw_only=True)
class Api:
    """Answers what is asked."""

    board: Board
    archive: Archive
    feed: Feed
    streams: int = 0
    """Open ones."""

    def routes(self) -> list[Route]:
        """Return the paths that are answered."""
        answers = {
            "status": self.status,
            "resources": self.resources,
            "resources/{flow}": self.resource,
            "resources/{flow}/{output}": self.resource,
            "history": self.history,
            "events": self.events,
            "stream": self.stream,
            "openapi.json": self.description,
        }
        return [Route(f"/api/v1/{path}", answer, methods=["GET"]) for path, answer in answers.items()]

    async def description(self, request: Request) -> Response:
        """Describe the API."""
        parameters.read(request, parameters.NONE)
        return answer(openapi())

    async def status(self, request: Request) -> Response:
        """Say how the loop is."""
        parameters.read(request, parameters.NONE)
        return answer(views.vitals(self.board.vitals()))

    async def resources(self, request: Request) -> Response:
        """List resources in the order of their addresses, those that are asked for."""
        query = parameters.read(request, parameters.RESOURCES)
        demands = _demands(query)
        found = [
            (str(key), status)
            for key, status in self.board.resources().items()
            if all(demand(status) for demand in demands)
        ]
        after = query.text("after")
        # The board keeps them in this order.
        rest = [each for each in found if each[0] > after] if after else found
        page = rest[: query.limit]
        return answer(
            {
                "items": [views.resource(status) for _, status in page],
                "total": len(found),
                "next": page[-1][0] if len(page) < len(rest) else None,
            }
        )

    async def resource(self, request: Request) -> Response:
        """Say all of one resource, with what happened to it lately."""
        parameters.read(request, parameters.NONE)
        key = _key_in(request.path_params)
        status = self.board.resources().get(key)
        if status is None:
            raise ProblemError(HTTPStatus.NOT_FOUND, f"{key} is neither wanted, held back nor being removed.")
        calls, notes = await self.archive.ask(
            lambda history: (
                history.calls(resource=str(key), limit=RECENT),
                history.notes(resource=str(key), limit=RECENT),
            )
        )
        recent = {"calls": [views.call(each) for each in calls], "events": [views.note(each) for each in notes]}
        return answer({**views.resource(status), "recent": recent})

    async def history(self, request: Request) -> Response:
        """List calls of the journal, the newest first."""
        query = parameters.read(request, parameters.HISTORY)
        calls = await self.archive.ask(
            lambda history: history.calls(resource=query.text("resource"), limit=query.limit)
        )
        return answer({"items": [views.call(each) for each in calls]})

    async def events(self, request: Request) -> Response:
        """List notes of the journal, the newest first."""
        query = parameters.read(request, parameters.EVENTS)
        notes = await self.archive.ask(
            lambda history: history.notes(resource=query.text("resource"), kind=query.text("kind"), limit=query.limit)
        )
        return answer({"items": [views.note(each) for each in notes]})

    async def stream(self, request: Request) -> Response:
        """Tell of every transition from now on."""
        parameters.read(request, parameters.NONE)
        if self.streams >= MOST_STREAMS:
            raise ProblemError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"{MOST_STREAMS} streams are open, and there are no more; come again later.",
                headers={"Retry-After": "10"},
            )
        return _Stream(self, request.headers.get("last-event-id", "")[:_MOST_ID_CHARACTERS])


class _Stream(StreamingResponse):
    """A stream that is counted while it is open."""

    def __init__(self, api: Api, last_id: str) -> None:
        super().__init__(api.feed.stream(last_id), media_type="text/event-stream", headers=HEADERS)
        self._api = api
        api.streams += 1

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._api.streams -= 1


def answer(said: Json, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """Return an answer in JSON."""
    return Response(json.dumps(said).encode(), status.value, HEADERS, media_type="application/json")


def _key_in(path: Mapping[str, str]) -> Key:
    if "output" in path:
        return OutputKey(path["flow"], path["output"])
    return FlowKey(path["flow"])


def _demands(query: Query) -> list[Callable[[ResourceStatus], bool]]:
    """Return what a resource must be, only as much as is asked: there may be ten thousand of them."""
    demands: list[Callable[[ResourceStatus], bool]] = []
    if (kind := query.get("kind", ResourceKind)) is not None:
        demands.append(lambda status: kind.holds(status.key))
    if flow := query.text("flow"):
        demands.append(lambda status: status.key.flow_key.name == flow)
    if (paused := query.get("paused", bool)) is not None:
        demands.append(lambda status: paused is (status.pause is not None))
    if (pinned := query.get("pinned", bool)) is not None:
        demands.append(lambda status: pinned is (status.pin is not None))
    asked = {
        name: value
        for name, kind_of_word in (("aspect", Aspect), ("standing", Standing), ("reason", Reason))
        if (value := query.get(name, kind_of_word)) is not None
    }
    if asked:
        # Of one condition all of it, and not of two a half each.
        demands.append(
            lambda status: any(
                all(getattr(each, name) is value for name, value in asked.items())
                for each in status.conditions.values()
            )
        )
    return demands
