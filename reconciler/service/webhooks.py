"""
Webhooks: a forge says that somebody has pushed, and the loop looks at once instead of at its next turn.

That is all they do. Nothing of a delivery is believed but that it happened: what the manifests say is fetched, and its
signatures are checked, as always. So the worst that a stolen secret can do is to have the loop look more often, and
even that has a bound.
"""

import asyncio
import json
from collections import OrderedDict
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from reconciler.ports.clock import Clock
from reconciler.service.forges import FORGES, PING, PUSH, Delivery, Forge
from reconciler.service.metrics import Metrics
from reconciler.service.problems import HEADERS, ProblemError
from reconciler.service.secret_lines import SecretLines

log: Final = structlog.get_logger()

MOST_BODY_BYTES: Final = 25 * 1024 * 1024
"""Source: GitHub's cap of a payload."""
MOST_HELD_BYTES: Final = 64 * 1024 * 1024
"""Of all bodies that are being read: their senders have shown nothing yet."""
MOST_HASHED_AT_ONCE_BYTES: Final = 1024 * 1024
"""A body of that size takes a millisecond or so for each secret; a larger one is hashed in a thread."""
REFUSALS_EVERY_S: Final = 60.0
"""Between two log lines about refusals, which anybody can cause."""
REMEMBERED: Final = 4096
"""Deliveries that are known again."""
WAKE_GAP_S: Final = 1.0
"""Between two wakes, in the long run: what comes in between is one wake at its end."""
WAKES_AT_ONCE: Final = 5
"""Wakes without a gap after a quiet time: people push twice within a second, and wait for the second one, too."""
_JSON: Final = "application/json"


class Replays:
    """Deliveries that were taken, the newest so many."""

    def __init__(self, most: int = REMEMBERED) -> None:
        self._most = most
        self._seen: OrderedDict[tuple[str, str], None] = OrderedDict()

    def has(self, forge: str, names: tuple[str, ...]) -> bool:
        """Return whether a delivery was taken that is known by one of these."""
        return any((forge, name) in self._seen for name in names)

    def add(self, forge: str, names: tuple[str, ...]) -> None:
        """Take note of one."""
        for name in names:
            self._seen[forge, name] = None
        while len(self._seen) > self._most:
            self._seen.popitem(last=False)


class Waker:
    """Wakes the source, a few times at once and then no more than once in a while; no push is forgotten."""

    def __init__(self, on_push: Callable[[], None], clock: Clock) -> None:
        self._on_push = on_push
        self._clock = clock
        self._is_even_at_s = clock.monotonic_s()
        """When the wakes so far are no more than one a gap."""
        self._later: asyncio.Task[None] | None = None

    def wake(self) -> None:
        """Wake it now, or at the end of the gap."""
        if self._later is not None and not self._later.done():
            return
        rest_s = self._is_even_at_s - (WAKES_AT_ONCE - 1) * WAKE_GAP_S - self._clock.monotonic_s()
        if rest_s <= 0:
            self._wake()
        else:
            self._later = asyncio.get_running_loop().create_task(self._wake_after(rest_s), name="webhook wakes")

    def close(self) -> None:
        """Wake no more."""
        if self._later is not None:
            self._later.cancel()

    async def _wake_after(self, seconds: float) -> None:
        await self._clock.sleep(seconds)
        self._wake()

    def _wake(self) -> None:
        self._is_even_at_s = max(self._is_even_at_s, self._clock.monotonic_s()) + WAKE_GAP_S
        self._on_push()


class Refusals:
    """Deliveries that were refused: logged by their number, no more than once in a while."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._count = 0
        self._quiet_until_s = clock.monotonic_s()

    def tell(self, forge: str, result: str) -> None:
        """Take note of one, and log all that were not logged yet, where it is time."""
        self._count += 1
        now_s = self._clock.monotonic_s()
        if now_s >= self._quiet_until_s:
            log.info("service.webhook_refused", forge=forge, result=result, count=self._count)
            self._count, self._quiet_until_s = 0, now_s + REFUSALS_EVERY_S


class Webhooks:
    """Answers `POST /hooks/FORGE`."""

    def __init__(
        self, secrets: SecretLines, waker: Waker, *, branch: Callable[[], str], clock: Clock, metrics: Metrics
    ) -> None:
        """`branch` returns the one whose pushes count now; "" for every branch."""
        self._secrets = secrets
        self._waker = waker
        self._branch = branch
        self._clock = clock
        self._metrics = metrics
        self._replays = Replays()
        self._refusals = Refusals(clock)
        self._held_bytes = 0

    async def answer(self, request: Request) -> Response:
        """
        Take one delivery.

        Raises:
            ProblemError: it proves nothing, was taken before, or is no JSON.

        """
        name = request.path_params["forge"]
        forge = FORGES.get(name)
        if forge is None:
            raise ProblemError(HTTPStatus.NOT_FOUND, f"There is no such forge; there are: {', '.join(FORGES)}.")
        try:
            said = await self._take(name, forge, request)
        except ProblemError as problem:
            result = f"refused {problem.status.value}"
            self._metrics.webhook_answered(name, result)
            self._refusals.tell(name, result)
            raise
        self._metrics.webhook_answered(name, said["result"])
        log.info("service.webhook_answered", forge=name, result=said["result"])
        status = HTTPStatus.OK if said["result"] == PING else HTTPStatus.ACCEPTED
        return JSONResponse(said, status, HEADERS)

    async def _take(self, name: str, forge: Forge, request: Request) -> dict[str, str]:
        if forge.signature not in request.headers:
            raise _unsigned(forge)
        body = await self._body(request)
        delivery = Delivery(headers=request.headers, body=body, now_s=self._clock.now().timestamp())
        proof = await self._proof(forge, delivery)
        if not proof:
            raise _unsigned(forge)
        names = forge.names(delivery, proof)
        if self._replays.has(name, names):
            raise ProblemError(HTTPStatus.CONFLICT, "This delivery was taken already; nothing was done.")
        kind = forge.kind(request.headers)
        ref = _ref_of(request, delivery.body) if kind == PUSH else ""
        self._replays.add(name, names)
        if kind == PING:
            return {"result": PING, "detail": "The signature is right."}
        if kind != PUSH:
            return {"result": "ignored", "detail": "Only pushes are of interest."}
        if not self._is_ours(ref):
            wanted = self._branch() or "any branch"
            return {"result": "ignored", "detail": f"It is not about {wanted}, which the manifests are read from."}
        self._waker.wake()
        return {"result": "woken", "detail": "The manifests are looked at."}

    async def _proof(self, forge: Forge, delivery: Delivery) -> str:
        """Return what proves a delivery; one that is large takes its time for every secret, and has proven nothing."""
        secrets, size = self._secrets.now(), len(delivery.body)
        if size <= MOST_HASHED_AT_ONCE_BYTES:
            return forge.proof(delivery, secrets)
        self._held_bytes += size
        try:
            return await asyncio.to_thread(forge.proof, delivery, secrets)
        finally:
            self._held_bytes -= size

    def _is_ours(self, ref: str) -> bool:
        branch = self._branch()
        # A generic sender need not know of branches.
        return not ref or (ref == f"refs/heads/{branch}" if branch else ref.startswith("refs/heads/"))

    async def _body(self, request: Request) -> bytes:
        """Return the body; one that is too large is read no further."""
        # The server has refused what is no number.
        if int(request.headers.get("content-length", "0")) > MOST_BODY_BYTES:
            raise _too_large()
        parts = bytearray()
        try:
            async for part in request.stream():
                parts += part
                self._held_bytes += len(part)
                if len(parts) > MOST_BODY_BYTES:
                    raise _too_large()
                if self._held_bytes > MOST_HELD_BYTES:
                    raise ProblemError(
                        HTTPStatus.SERVICE_UNAVAILABLE,
                        "Too many large deliveries are being read; send it again later.",
                        headers={"Retry-After": "30"},
                    )
        except ClientDisconnect:
            raise ProblemError(HTTPStatus.BAD_REQUEST, "The body was cut short.") from None
        finally:
            self._held_bytes -= len(parts)
        return bytes(parts)


def _ref_of(request: Request, body: bytes) -> str:
    """Return the ref that a push is about; "" where the body does not say."""
    if not body:
        return ""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _JSON:
        raise ProblemError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"The body must be {_JSON}; choose that content type in the forge."
        )
    try:
        payload: Any = json.loads(body)
    except (ValueError, RecursionError):
        raise ProblemError(HTTPStatus.BAD_REQUEST, "The body is no JSON.") from None
    ref = payload.get("ref", "") if isinstance(payload, dict) else None
    if not isinstance(ref, str):
        raise ProblemError(HTTPStatus.BAD_REQUEST, "The body is no object with a ref, such as refs/heads/main.")
    return ref


def _too_large() -> ProblemError:
    return ProblemError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"The body is larger than {MOST_BODY_BYTES} bytes.")


def _unsigned(forge: Forge) -> ProblemError:
    return ProblemError(
        HTTPStatus.UNAUTHORIZED,
        f"The header {forge.signature} proves nothing: is the secret there a line of service.webhookSecretFile?",
    )
