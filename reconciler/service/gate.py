"""
Who is answered at all.

On loopback everybody on this machine is, as long as the request was meant for it: a page in a browser may send one
under a name that it has made point here (DNS rebinding), and that name stands in the header Host. Elsewhere, and
wherever tokens are set, a bearer token is asked for. Health is told to everybody, without reasons, and a webhook shows
by its signature whose it is.
"""

from http import HTTPStatus
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from reconciler.domain.model import Address
from reconciler.service.problems import ProblemError, answer
from reconciler.service.secret_lines import SecretLines
from reconciler.serving.connections import PROVEN

TRUSTED: Final = "trusted"
"""In the state of a request's scope: whether whoever asks may know everything."""
HOOKS: Final = "/hooks/"
_OPEN: Final = frozenset({"/livez", "/readyz"})


class Gate:
    """Lets requests through to the application."""

    def __init__(self, app: ASGIApp, *, on_loopback: bool, tokens: SecretLines | None) -> None:
        self._app = app
        self._on_loopback = on_loopback
        self._tokens = tokens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or have it answered."""
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)
        try:
            if self._on_loopback:
                _demand_local(headers.get("host", ""))
            is_trusted = self._knows(headers.get("authorization", ""))
            is_open = scope["path"] in _OPEN or scope["path"].startswith(HOOKS)
            if not is_trusted and not is_open:
                raise _unauthorized()
        except ProblemError as problem:
            await answer(problem)(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        state[TRUSTED] = is_trusted
        if is_trusted and self._tokens is not None:
            state.get(PROVEN, lambda: None)()
        await self._app(scope, receive, send)

    def _knows(self, authorization: str) -> bool:
        if self._tokens is None:
            return True
        scheme, _, token = authorization.partition(" ")
        return scheme.lower() == "bearer" and self._tokens.has(token.strip().encode("latin-1"))


def _demand_local(host: str) -> None:
    name = host.rpartition(":")[0] if host.rpartition("]")[2].count(":") else host
    if not Address(name.strip("[]").lower(), 1).is_loopback:
        raise ProblemError(
            HTTPStatus.MISDIRECTED_REQUEST,
            "This is for the machine itself, and the header Host does not name it: use 127.0.0.1 or localhost. A proxy "
            "in front must send that as Host.",
        )


def _unauthorized() -> ProblemError:
    return ProblemError(
        HTTPStatus.UNAUTHORIZED,
        "A token of service.tokenFile is needed: Authorization: Bearer TOKEN.",
        headers={"WWW-Authenticate": "Bearer"},
    )
