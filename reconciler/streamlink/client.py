"""The API over HTTP: signed, limited, bounded, and repeated only where repeating is safe."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Final

import httpx

from reconciler.domain.errors import BackendError, HaltedError, ThrottledError, UnavailableError, UsageError
from reconciler.domain.model import Address
from reconciler.ports.clock import Clock
from reconciler.ports.telemetry import CallMade
from reconciler.streamlink import failures
from reconciler.streamlink.answers import Answer, envelope_of, tag_of
from reconciler.streamlink.breaker import DEFAULT_PAUSE_S, Breaker
from reconciler.streamlink.call_log import Begun, logged
from reconciler.streamlink.ratelimit import DEFAULT_BURST, DEFAULT_RATE_PER_S, Pace, RateLimiter
from reconciler.streamlink.redaction import outline, shown
from reconciler.streamlink.signing import Credentials, SignedParts, signed_headers
from reconciler.streamlink.timestamps import Timestamps
from reconciler.streamlink.trust import Trust
from reconciler.streamlink.wire import ACTIONS, PRODUCTS, REQUEST_ID_HEADER, Action, Payload, Profile

MAX_CONNECTIONS: Final = 32
"""httpx's shared pool collapses above about 40 busy connections: its cost a request grows with their square."""
KEEP_ALIVE_S: Final = 4.0
"""Shorter than what servers grant (5 s is usual), so that a create rarely meets a connection that just closed."""
_QUOTE: Final = '"'
"""How a server's tag begins that stands for every byte; a weak one begins otherwise, and is not enough."""
MAX_ANSWER_BYTES: Final = 64 * 1024 * 1024
"""A page of a hundred full flows is far below this; what is above is not the API."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings:
    """How an account's API is reached."""

    credentials: Credentials
    profile: Profile = Profile.MAINLAND
    endpoint: str = ""
    """`host:port` or a URL; "" for the profile's own host. Plain http is for loopback alone: requests hold secrets."""
    insecure_http: bool = False
    """Whether plain http may leave this machine all the same."""
    trust: Trust = field(default_factory=Trust)
    """Whose certificates count."""
    rate_per_s: float = DEFAULT_RATE_PER_S
    """Calls a second of each action, at most."""
    burst: int = DEFAULT_BURST
    """Calls of an action that may leave at once after a rest, where the API's limit has room for them."""
    breaker_pause_s: float = DEFAULT_PAUSE_S
    """How long a region is left alone that is down."""
    attempts: int = 4
    """Times that a call is sent at most, where repeating is safe."""
    backoff_s: float = 0.5
    """Longest first pause between attempts; it doubles with each, and each is drawn from zero to it."""
    max_backoff_s: float = 8.0
    timeout: httpx.Timeout = field(default_factory=lambda: httpx.Timeout(connect=5.0, read=20.0, write=10.0, pool=30.0))
    """Seconds for each step of one attempt."""
    deadline_s: float = 60.0
    """Seconds for one attempt as a whole: a server that drips bytes never reaches a time-out of reading."""
    on_call: Callable[[CallMade], None] = lambda _: None
    """Told of every attempt that is over."""
    before_write: Callable[[], None] = lambda: None
    """Asked when the turn of a call that writes has come; what it raises ends that call unsent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What all clients of one account at one endpoint share: each has a pace of its own otherwise."""

    limiter: RateLimiter
    breaker: Breaker


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """What is called."""

    action: Action
    payload: Payload = field(repr=False)
    """It may hold secrets."""
    region: str
    known: str | None


class StreamLinkClient:
    """
    Calls actions of one account.

    Every failure leaves as a `BackendError`. An attempt is repeated where nothing was carried out (throttles, no
    connection), and where the action may be sent again although something was; a create with an unknown outcome never.
    """

    def __init__(
        self,
        settings: ClientSettings,
        *,
        clock: Clock,
        random_fraction: Callable[[], float],
        transport: httpx.AsyncBaseTransport | None = None,
        traffic: Traffic | None = None,
    ) -> None:
        """
        Prepare a client; nothing is connected yet.

        Args:
            settings: how the account is reached.
            clock: the time, for signatures and pauses.
            random_fraction: returns numbers from 0 to 1, for the jitter of pauses.
            transport: takes the place of the network, in tests.
            traffic: of another client of the same account and endpoint in this process; None where this is the first.

        Raises:
            UsageError: the endpoint is none.

        """
        self.settings: Final = settings
        self._product = PRODUCTS[settings.profile]
        self._url = endpoint_url(settings.endpoint or self._product.host, insecure_http=settings.insecure_http)
        self._clock = clock
        self._random_fraction = random_fraction
        self._timestamps = Timestamps()
        self.traffic: Final = traffic or Traffic(
            limiter=RateLimiter(clock, Pace(rate_per_s=settings.rate_per_s, burst=settings.burst)),
            breaker=Breaker(clock, host=self.host, pause_s=settings.breaker_pause_s),
        )
        # A proxy of the environment is for the world, never for this machine, nor for what anybody could read.
        self.heeds_proxies: Final = (
            self._url.scheme == "https" and not _is_local(self._url) and not settings.trust.certificate
        )
        self._http = httpx.AsyncClient(
            limits=httpx.Limits(max_connections=MAX_CONNECTIONS, keepalive_expiry=KEEP_ALIVE_S),
            timeout=settings.timeout,
            follow_redirects=False,
            trust_env=self.heeds_proxies,
            # Plain http needs no authorities, and reading them takes longer than everything else here.
            verify=(settings.trust.context() or True)
            if self._url.scheme == "https"
            else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
            transport=transport,
        )

    @property
    def host(self) -> str:
        """Return the host, and the port unless it is the scheme's own."""
        return self._url.netloc.decode("ascii")

    @property
    def endpoint(self) -> str:
        """Return where calls go, as a URL."""
        return f"{self._url.scheme}://{self.host}"

    async def call(self, name: str, payload: Payload, *, region: str, known: str | None = None) -> Answer:
        """
        Call an action, as often as that is safe, and return its answer.

        Args:
            name: of the action.
            payload: the request.
            region: which region's objects are meant.
            known: the tag of an answer that the caller has, "" where it has none but wants a tag; what says the same
                again is not read. None where no tag is wanted.

        Raises:
            BackendError: refused, or no usable answer.

        """
        action = ACTIONS[name]
        request = _Request(action=action, payload=payload, region=region, known=known)
        attempt = 1
        doubt: UnavailableError | None = None
        while True:
            try:
                return await self._in_turn(request, attempt)
            except BackendError as error:
                if isinstance(error, UnavailableError) and error.maybe_applied:
                    doubt = error
                if attempt >= self.settings.attempts or not _may_repeat(action, error):
                    # An attempt that surely did nothing says nothing about those before it.
                    did_nothing = error.retryable or isinstance(error, HaltedError)
                    if doubt is None or doubt is error or not did_nothing:
                        raise
                    raise doubt from error
            await self._clock.sleep(self._pause_s(attempt))
            attempt += 1

    async def their_time(self) -> datetime | None:
        """
        Return the time of day that the service shows on whatever it answers, to the second; None where it shows none.

        Nothing is signed, so neither a wrong clock nor wrong keys keep it from being told.
        """
        try:
            async with asyncio.timeout(self.settings.deadline_s), self._http.stream("GET", self._url) as response:
                shown_at = parsedate_to_datetime(response.headers.get("Date", ""))
        except (httpx.HTTPError, TimeoutError, ValueError):
            return None
        return shown_at if shown_at.tzinfo is not None else None

    async def close(self) -> None:
        """Let go of connections."""
        await self._http.aclose()

    def _pause_s(self, attempt: int) -> float:
        """Return a pause drawn from the whole width, so that clients which failed together do not return together."""
        longest_s: float = min(self.settings.max_backoff_s, self.settings.backoff_s * 2 ** (attempt - 1))
        return longest_s * self._random_fraction()

    async def _in_turn(self, request: _Request, attempt: int) -> Answer:
        """Send the call once, when its turn comes, and tell the log how it ended."""
        action, region = request.action, request.region
        self.traffic.breaker.demand(region)
        async with self.traffic.limiter.turn(action.name) as waited_s:
            if action.writes:
                self.settings.before_write()
            begun = Begun(action=action, region=region, attempt=attempt, waited_s=waited_s)
            with self.traffic.breaker.watched(region), logged(begun, self._clock, self.settings.on_call) as end:
                answer = await self._attempt(request)
                end.request_id = answer.request_id
        return answer

    async def _attempt(self, request: _Request) -> Answer:
        """Send the call once."""
        name, region, known = request.action.name, request.region, request.known or ""
        sent = failures.Sent(action=name, region=region, host=self.host, writes=request.action.writes)
        body = json.dumps(request.payload).encode("ascii")
        try:
            async with (
                asyncio.timeout(self.settings.deadline_s),
                self._answered(name, region, body, known) as response,
            ):
                content = await _read(response, sent)
        except TimeoutError as error:
            raise failures.of_deadline(self.settings.deadline_s, sent) from error
        except httpx.HTTPError as error:
            raise failures.of_transport(error, sent) from error
        if known.startswith(_QUOTE) and response.status_code == HTTPStatus.NOT_MODIFIED:
            request_id = response.headers.get(REQUEST_ID_HEADER, "")
            return Answer(response={}, request_id=request_id, tag=known, is_known=True)
        tag, request_id = ("", "") if request.known is None else _tag(response, content)
        if request_id and tag == known and response.status_code == HTTPStatus.OK:
            return Answer(response={}, request_id=request_id, tag=tag, is_known=True)
        return replace(self._answer(response, content, request.payload, sent), tag=tag)

    @asynccontextmanager
    async def _answered(self, action: str, region: str, body: bytes, known: str) -> AsyncIterator[httpx.Response]:
        parts = SignedParts(
            service=self._product.service,
            host=self.host,
            action=action,
            version=self._product.version,
            region=region,
            timestamp_s=self._timestamp_s(action, region, body),
            body=body,
        )
        headers = signed_headers(parts, self.settings.credentials) | {"X-TC-Language": "en-US"}
        if known.startswith(_QUOTE):
            # Only where the server gave it before: it may say in a line that its answer is the same.
            headers["If-None-Match"] = known
        async with self._http.stream("POST", self._url, content=body, headers=headers) as response:
            yield response

    def _timestamp_s(self, action: str, region: str, body: bytes) -> int:
        now_s = int(self._clock.now().timestamp())
        return self._timestamps.next((action, region, body), now_s) if ACTIONS[action].writes else now_s

    def _answer(self, response: httpx.Response, content: bytes, payload: Payload, sent: failures.Sent) -> Answer:
        status, envelope = response.status_code, envelope_of(content)
        request_id = _text((envelope or {}).get("RequestId"))
        if envelope is not None and "Error" in envelope:
            error = envelope["Error"] if isinstance(envelope["Error"], dict) else {}
            code, message = _text(error.get("Code")), self._shown(_text(error.get("Message")), payload)
            raise failures.of_code(self._shown(code, payload), message, sent, request_id=request_id)
        body = outline(content, response.headers.get("Content-Type", ""))
        if status != HTTPStatus.OK:
            raise failures.of_status(status, body, sent)
        if envelope is None:
            raise failures.of_garbled(f"an answer without a whole `Response`, HTTP {status} with {body}", sent)
        return Answer(response=envelope, request_id=request_id)

    def _shown(self, text: str, payload: Payload) -> str:
        credentials = self.settings.credentials
        return shown(text, payload=payload, also=(credentials.secret_key, credentials.token))


def endpoint_url(endpoint: str, *, insecure_http: bool = False) -> httpx.URL:
    """
    Return the URL of an endpoint: http on loopback unless it says otherwise, https everywhere else.

    Args:
        endpoint: host and port, or a URL.
        insecure_http: whether plain http may leave this machine where the endpoint says so.

    Raises:
        UsageError: it is no endpoint, or it would send secrets in the clear.

    """
    try:
        bare = httpx.URL(endpoint if "://" in endpoint else f"https://{endpoint}")
        url = bare.copy_with(scheme="http") if _is_local(bare) and "://" not in endpoint else bare
    except httpx.InvalidURL as error:
        message = f"The endpoint {endpoint!r} is neither HOST:PORT nor a URL: {error}"
        raise UsageError(message) from error
    if url.scheme not in {"http", "https"} or not url.host or url.path not in {"", "/"} or url.query or url.userinfo:
        raise UsageError(f"The endpoint must be HOST:PORT, http://HOST:PORT or https://HOST:PORT, without more: {url}")
    if url.scheme == "http" and not _is_local(url) and not insecure_http:
        raise UsageError(
            f"The endpoint {endpoint} would send secrets in the clear; only https may leave this machine. Where nobody "
            f"else is on that network, backend.insecureHttp allows it."
        )
    return url.copy_with(path="/")


def _is_local(url: httpx.URL) -> bool:
    return Address(host=url.host, port=url.port or 0).is_loopback


def _may_repeat(action: Action, error: BackendError) -> bool:
    if isinstance(error, ThrottledError):
        return True
    if not isinstance(error, UnavailableError) or error.retry_in_s is not None:
        return False
    return action.repeatable or not error.maybe_applied


def _tag(response: httpx.Response, content: bytes) -> tuple[str, str]:
    """Return the tag of an answer, the server's own where it gives one, and the id of the request where it is found."""
    own = response.headers.get("ETag", "")
    return (own, "") if own.startswith(_QUOTE) else tag_of(content)


async def _read(response: httpx.Response, sent: failures.Sent) -> bytes:
    content = bytearray()
    async for chunk in response.aiter_bytes():
        content += chunk
        if len(content) > MAX_ANSWER_BYTES:
            raise failures.of_garbled(f"an answer of more than {MAX_ANSWER_BYTES} bytes", sent)
    return bytes(content)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
