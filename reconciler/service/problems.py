"""Refusals, as problem details (RFC 9457): what is wrong with a request, in JSON, whatever it was."""

import json
import traceback
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

log: Final = structlog.get_logger()

MEDIA_TYPE: Final = "application/problem+json"
HEADERS: Final[Mapping[str, str]] = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
"""Of every answer: what is true now is not true later, and nobody guesses what it is."""


class ProblemError(Exception):
    """A request that is not answered as it was asked."""

    def __init__(
        self, status: HTTPStatus, detail: str, *, parameter: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        self.status: Final = status
        self.detail: Final = detail
        self.parameter: Final = parameter
        """Which one is wrong; "" where none is."""
        self.headers: Final = dict(headers or {})
        super().__init__(detail)


def answer(problem: ProblemError) -> Response:
    """Return what is said of it."""
    said: dict[str, Any] = {"type": "about:blank", "title": problem.status.phrase, "status": problem.status.value}
    said["detail"] = problem.detail
    if problem.parameter:
        said["parameter"] = problem.parameter
    content = json.dumps(said).encode()
    return Response(content, problem.status.value, {**HEADERS, **problem.headers}, media_type=MEDIA_TYPE)


def add_to(app: Starlette) -> None:
    """Have the application answer every refusal so, those of the router too."""
    app.add_exception_handler(ProblemError, _refused)
    app.add_exception_handler(HTTPException, _not_routed)
    app.add_exception_handler(Exception, _crashed)


async def _refused(_request: Request, error: Exception) -> Response:
    if not isinstance(error, ProblemError):
        raise error
    return answer(error)


async def _not_routed(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    status = HTTPStatus(error.status_code)
    said = {
        HTTPStatus.NOT_FOUND: "There is nothing here. /api/v1/openapi.json says what there is.",
        HTTPStatus.METHOD_NOT_ALLOWED: f"{request.method} is not for this path; the header Allow says what is.",
    }
    return answer(ProblemError(status, said.get(status, status.phrase), headers=error.headers))


async def _crashed(_request: Request, error: Exception) -> Response:
    # Places alone: messages and local variables may hold what a client sent.
    places = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
    log.error("service.request_crashed", kind=type(error).__name__, places=places[-5:])
    return answer(ProblemError(HTTPStatus.INTERNAL_SERVER_ERROR, "A bug of the reconciler; its log says where."))
