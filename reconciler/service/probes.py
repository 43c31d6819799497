"""`/livez`, `/readyz` and `/metrics`: what machines ask every few seconds."""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from reconciler.service import health
from reconciler.service.api import answer
from reconciler.service.gate import TRUSTED
from reconciler.service.health import Check
from reconciler.service.metrics import Metrics
from reconciler.service.options import Sights
from reconciler.service.problems import HEADERS

WITHHELD: Final = "reason withheld"
"""For who shows no token where one is needed: reasons name servers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probes:
    """Answers them."""

    sights: Sights
    metrics: Metrics

    def routes(self) -> list[Route]:
        """Return the paths that are answered."""
        answers = {"/livez": self.livez, "/readyz": self.readyz, "/metrics": self.exposition}
        return [Route(path, answer, methods=["GET"]) for path, answer in answers.items()]

    def alive(self) -> tuple[Check, ...]:
        """Return what speaks for the loop going on."""
        sights = self.sights
        return health.alive(sights.board.vitals(), sights.rhythm(), has_ended=sights.has_ended())

    def ready(self) -> tuple[Check, ...]:
        """Return what speaks for its doing its work."""
        sights = self.sights
        return health.ready(
            sights.board.vitals(), sights.rhythm(), now=sights.clock.now(), has_ended=sights.has_ended()
        )

    def is_ready(self) -> bool:
        """Return whether it does its work."""
        return not any(check.why for check in self.ready())

    async def livez(self, request: Request) -> Response:
        """Say whether a restart would help."""
        return _told(request, "livez", self.alive())

    async def readyz(self, request: Request) -> Response:
        """Say whether it does its work."""
        return _told(request, "readyz", self.ready())

    async def exposition(self, request: Request) -> Response:
        """Say what Prometheus wants to know."""
        content, media_type = self.metrics.exposition(request.headers.get("accept", ""))
        return Response(content, headers={**HEADERS, "Content-Type": media_type})


def _told(request: Request, name: str, checks: Sequence[Check]) -> Response:
    is_well = not any(check.why for check in checks)
    status = HTTPStatus.OK if is_well else HTTPStatus.SERVICE_UNAVAILABLE
    is_trusted = request.scope.get("state", {}).get(TRUSTED, False)
    if "verbose" in request.query_params:
        lines = [
            f"[{'-' if check.why else '+'}]{check.name} {_shown(check, is_trusted=is_trusted) or 'ok'}"
            for check in checks
        ]
        text = "\n".join((*lines, f"{name} check {'passed' if is_well else 'failed'}", ""))
        return Response(text, status.value, HEADERS, media_type="text/plain")
    said = [{"name": check.name, "ok": not check.why, "why": _shown(check, is_trusted=is_trusted)} for check in checks]
    return answer({"status": "ok" if is_well else "failed", "checks": said}, status)


def _shown(check: Check, *, is_trusted: bool) -> str:
    return check.why if is_trusted or not check.why else WITHHELD
