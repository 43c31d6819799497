"""HTTP as sinks need it: one request at a time, bounded, never redirected, and no address or token in any text."""

import ipaddress
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from pathlib import Path
from typing import Final

import httpx

from reconciler import __version__
from reconciler.notifying.failures import Remedy, UndeliveredError, of_transport

TIMEOUT: Final = httpx.Timeout(connect=5.0, read=15.0, write=10.0, pool=5.0)
"""Seconds for each step of a request; an attempt as a whole has a deadline beside it."""
MAX_ANSWER_BYTES: Final = 8 * 1024 * 1024
"""A page of thirty comments of a forge is far below this."""
MAX_PORT: Final = 65_535
_LATER: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})
_REFUSING: Final = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.CONFLICT,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
    }
)
"""The request itself is refused; the other refusals are of whoever sends it, or of the place that it goes to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a server answered."""

    status: int
    headers: httpx.Headers
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """How HTTP is spoken."""

    ca_file: Path | None = None
    """Authorities in PEM form, in place of everybody's."""

    @asynccontextmanager
    async def open(self, url: str, *, called: str, headers: Mapping[str, str] | None = None) -> AsyncIterator["Line"]:
        """
        Lend a line to the server of a URL.

        Args:
            url: the address; it may be a secret.
            called: what may be shown in its place.
            headers: of every request.

        Raises:
            UndeliveredError: it is no address that may be spoken to.

        """
        place = address(url, called=called)
        is_secure = place.scheme == "https"
        client = httpx.AsyncClient(
            timeout=TIMEOUT,
            follow_redirects=False,
            # A proxy of the environment is for the world, never for this machine.
            trust_env=is_secure and not is_here(place.host),
            verify=self._trust() if is_secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
            headers={"user-agent": f"reconciler/{__version__}", **(headers or {})},
        )
        async with client:
            yield Line(client, place)

    def _trust(self) -> ssl.SSLContext | bool:
        if self.ca_file is None:
            return True
        return trusting(self.ca_file)


def trusting(ca_file: Path) -> ssl.SSLContext:
    """
    Return what certificates are verified with.

    Raises:
        UndeliveredError: the file cannot be read, or holds no certificates.

    """
    try:
        return ssl.create_default_context(cafile=ca_file)
    except ssl.SSLError:
        raise UndeliveredError(f"{ca_file} holds no certificates in PEM form", remedy=Remedy.SETTING) from None
    except OSError as error:
        raise UndeliveredError(f"{ca_file} cannot be read: {error.strerror}", remedy=Remedy.SETTING) from None


class Line:
    """A connection to one server."""

    def __init__(self, client: httpx.AsyncClient, place: httpx.URL) -> None:
        self._client = client
        self._place = place

    async def ask(
        self, method: str, path: str = "", *, content: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """
        Send a request, and return the answer whatever it is.

        Args:
            method: of HTTP.
            path: below the address, with its query, escaped; "" for the address itself.
            content: the body.
            headers: beside those of the line.

        Raises:
            UndeliveredError: there was none, or it was too long.

        """
        target = self._place.raw_path.rstrip(b"/") + path.encode("ascii") if path else self._place.raw_path
        # httpx writes the address of each request to a log of its own, and it may be a secret: it gets the host alone.
        request = self._client.build_request(
            method,
            self._place.copy_with(raw_path=b"/"),
            content=content,
            headers=headers,
            extensions={"target": target},
        )
        try:
            response = await self._client.send(request, stream=True)
            try:
                return Answer(status=response.status_code, headers=response.headers, content=await _read(response))
            finally:
                await response.aclose()
        except httpx.HTTPError as error:
            raise of_transport(error) from None


async def _read(response: httpx.Response) -> bytes:
    content = bytearray()
    async for chunk in response.aiter_bytes():
        content += chunk
        if len(content) > MAX_ANSWER_BYTES:
            raise UndeliveredError(f"the answer is longer than {MAX_ANSWER_BYTES} bytes", maybe=True)
    return bytes(content)


def demand_success(answer: Answer, now: datetime, *, says: str = "") -> None:
    """
    Go on only with an answer that says that it was done.

    Args:
        answer: the answer.
        now: the time, for limits that end at one.
        says: what the server gives as its reason, fit to be shown; "" where it gives none.

    Raises:
        UndeliveredError: it says something else.

    """
    status = answer.status
    if status // 100 == HTTPStatus.OK // 100:
        return
    why = f"the server answered HTTP {status}{f' ({says})' if says else ''}"
    wait_s = _wait_s(answer.headers, now)
    is_limit = status == HTTPStatus.FORBIDDEN and wait_s is not None
    if status in _LATER or is_limit:
        raise UndeliveredError(f"{why}: too much was asked of it", retry_in_s=wait_s)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise UndeliveredError(why, maybe=True, retry_in_s=wait_s)
    if status in _REFUSING:
        raise UndeliveredError(f"{why}: it refuses what was said", remedy=Remedy.NOTHING)
    if status // 100 == HTTPStatus.MULTIPLE_CHOICES // 100:
        raise UndeliveredError(f"{why}: redirects are not followed; name the last address", remedy=Remedy.SETTING)
    raise UndeliveredError(f"{why}: is the address right, and may we speak there?", remedy=Remedy.SETTING)


def _wait_s(headers: httpx.Headers, now: datetime) -> float | None:
    """Return how long the server wants to be left alone; None where it does not say."""
    said = headers.get("retry-after", "")
    if said.isascii() and said.isdigit():
        return float(said)
    if said:
        try:
            return max(0.0, (parsedate_to_datetime(said) - now).total_seconds())
        except (ValueError, TypeError, OverflowError):
            return None
    # Source: GitHub's and GitLab's pages on rate limits; a second of the epoch.
    reset = headers.get("x-ratelimit-reset", headers.get("ratelimit-reset", ""))
    left = headers.get("x-ratelimit-remaining", headers.get("ratelimit-remaining", ""))
    if left == "0" and reset.isascii() and reset.isdigit():
        return max(0.0, float(reset) - now.timestamp())
    return None


def address(url: str, *, called: str) -> httpx.URL:
    """
    Return the address that a text is.

    Raises:
        UndeliveredError: it is none, or would be spoken to in the clear.

    """
    try:
        place = httpx.URL(url)
    except httpx.InvalidURL:
        raise UndeliveredError(f"{called} is no URL", remedy=Remedy.SETTING) from None
    if place.port is not None and not 0 < place.port <= MAX_PORT:
        raise UndeliveredError(f"{called} has a port that is none of 1 to {MAX_PORT}", remedy=Remedy.SETTING)
    if place.scheme not in {"http", "https"} or not place.host:
        raise UndeliveredError(f"{called} is no URL that begins with https://", remedy=Remedy.SETTING)
    if place.scheme == "http" and not is_here(place.host):
        raise UndeliveredError(
            f"{called} begins with http:// and is of another machine: everybody between could read what is sent there. "
            "Use https://",
            remedy=Remedy.SETTING,
        )
    return place


def is_here(host: str) -> bool:
    """Return whether a host is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
