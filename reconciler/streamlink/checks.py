"""Checks of an account: the way to it, its clock, whether it knows us, what it lets us read, and how full it is."""

import asyncio
import ssl
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import httpx

from reconciler.domain.errors import BackendError, CredentialsRefusedError, ExitStatus
from reconciler.domain.model import FoundFlow, Region
from reconciler.ports.checks import Check, Sign, fail, failed, ok, warn
from reconciler.ports.clock import Clock
from reconciler.streamlink.backend import StreamLinkBackend
from reconciler.streamlink.client import StreamLinkClient

if TYPE_CHECKING:
    from collections.abc import Awaitable

CONNECT_S: Final = 5.0
"""For each step of the way; the client takes no longer."""
SKEW_WARN_S: Final = 60.0
SKEW_FAIL_S: Final = 300.0
"""Source: StreamLink API, signatures: a request that is more than five minutes off is refused."""
EXPIRY_WARN: Final = timedelta(days=14)
API_RATE_PER_S: Final = 20.0
"""Source: StreamLink API, the documented limit of each action."""
_FULL_SHARE: Final = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What is looked at, and what is known of it beforehand."""

    backend: StreamLinkBackend
    clock: Clock
    is_proxied: bool = False
    """Whether a proxy is asked, so that nobody here can tell the steps of the way."""
    most_flows: int | None = None
    """None where nobody knows, as for the fields below."""
    most_outputs: int | None = None
    """Of one flow."""


def account_checks(account: Account) -> tuple[Check, ...]:
    """Return the checks of an account."""

    async def look() -> tuple[Sign, ...]:
        way = await _way(account)
        if way.status is ExitStatus.BACKEND:
            return (way,)
        clock, known = await asyncio.gather(_skew(account), _known(account))
        return (way, clock, *known)

    return (Check(about="account", look=look),)


async def _way(account: Account) -> Sign:
    """Return how far one gets on the way to the API: name, connection, TLS."""
    client = account.backend.client
    if account.is_proxied:
        return ok("reach", f"{client.host} by way of the proxy of the environment, whose own way is not looked at")
    url = urlsplit(client.endpoint)
    host, port = url.hostname or "", url.port or {"https": 443}.get(url.scheme, 80)
    try:
        async with asyncio.timeout(CONNECT_S):
            found = await asyncio.get_running_loop().getaddrinfo(host, port)
    except (OSError, UnicodeError, TimeoutError) as error:
        return _no_way(f"the name {host} is not known: {_words(error)}", "Is the endpoint right, and DNS reachable?")
    try:
        async with asyncio.timeout(CONNECT_S):
            _, plain = await asyncio.open_connection(host, port)
        await _close(plain)
    except (OSError, TimeoutError) as error:
        addresses = _count(len({each[4][0] for each in found}), "address")
        said = f"{host} has {addresses}, and none answers at {port}: {_words(error)}"
        return _no_way(said, "Is it running, and does a firewall let this machine out?")
    if url.scheme != "https":
        return ok("reach", f"{host}:{port} answers, without TLS")
    return await _tls(client, host, port, account.clock)


async def _tls(client: StreamLinkClient, host: str, port: int, clock: Clock) -> Sign:
    context = client.settings.trust.context() or httpx.create_ssl_context()
    try:
        async with asyncio.timeout(CONNECT_S):
            _, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname=host)
    except (OSError, TimeoutError) as error:
        hint = "Where its authority is your own, backend.caFile (--ca-file) names its certificate."
        return _no_way(f"{host}:{port} answers, and TLS with it fails: {_words(error)}", hint)
    certificate = writer.get_extra_info("peercert") or {}
    await _close(writer)
    if "notAfter" not in certificate:
        return ok("reach", f"{host}:{port} answers with TLS and the very certificate that is expected")
    left = timedelta(seconds=ssl.cert_time_to_seconds(certificate["notAfter"]) - clock.now().timestamp())
    said = f"{host}:{port} answers with TLS; its certificate holds for {_count(left.days, 'day')}"
    if left < EXPIRY_WARN:
        return warn("reach", said, "Whoever keeps that API must renew it: nothing is sent once it has run out.")
    return ok("reach", said)


async def _skew(account: Account) -> Sign:
    """Return how far our clock is from the account's, to the second that its answers show."""
    their_time = await account.backend.client.their_time()
    if their_time is None:
        return warn("clock", "the API does not say what time it is", "See that this machine keeps its time by NTP.")
    skew_s = (account.clock.now() - their_time).total_seconds()
    said = f"this machine is {abs(skew_s):.0f} s {'ahead of' if skew_s > 0 else 'behind'} the API"
    if abs(skew_s) > SKEW_FAIL_S:
        said += f"; beyond {SKEW_FAIL_S:.0f} s every call is refused"
        return fail("clock", said, "Set the clock, and keep it by NTP (timedatectl set-ntp true).")
    if abs(skew_s) > SKEW_WARN_S:
        return warn("clock", f"{said}; calls are refused beyond {SKEW_FAIL_S:.0f} s", "Keep it by NTP.")
    return ok("clock", f"within {max(1, round(abs(skew_s)))} s of the API")


async def _known(account: Account) -> tuple[Sign, ...]:
    """Return whether the account knows us, which reads it allows, and how full it is."""
    backend = account.backend
    try:
        regions = await backend.regions()
    except BackendError as error:
        return (_unknown(error),)
    lists = await asyncio.gather(*(_listed(backend, region) for region in regions))
    read = [flow for found in lists if not isinstance(found, BackendError) for flow in found]
    refused = [error for error in lists if isinstance(error, BackendError)]
    if refused and len(refused) == len(lists):
        return (_unknown(refused[0]),)
    return (
        ok("credentials", f"accepted by {backend.name}"),
        *(failed("regions", error) for error in refused),
        await _rights(account, read),
        *_room(account, read, len(lists) - len(refused)),
    )


def _unknown(error: BackendError) -> Sign:
    return failed("credentials" if isinstance(error, CredentialsRefusedError) else "account", error)


async def _listed(backend: StreamLinkBackend, region: Region) -> tuple[FoundFlow, ...] | BackendError:
    try:
        return await backend.observe(region)
    except BackendError as error:
        return error


async def _rights(account: Account, flows: list[FoundFlow]) -> Sign:
    """Return which reads are allowed; what writes are can only be told by writing."""
    unsaid = "whether writes are cannot be told without writing"
    if not flows:
        return ok("rights", f"flows may be listed; other reads were not tried, for there is no flow; {unsaid}")
    flow, backend, until = flows[0], account.backend, account.clock.now()
    reads: dict[str, Awaitable[object]] = {
        "DescribeStreamLinkFlow": backend.client.call(
            "DescribeStreamLinkFlow", {"FlowId": flow.id}, region=flow.region
        ),
        "DescribeStreamLinkFlowRealtimeStatus": backend.status(flow.region, flow.id),
        "DescribeStreamLinkFlowLogs": backend.events(
            flow.region, flow.id, since=until - timedelta(hours=1), until=until
        ),
    }
    answers = await asyncio.gather(*reads.values(), return_exceptions=True)
    answered = dict(zip(reads, answers, strict=True))
    refused = [action for action, answer in answered.items() if isinstance(answer, CredentialsRefusedError)]
    if refused:
        said = f"the account lists flows and refuses {', '.join(refused)}"
        hint = "Allow these actions in the account's policy (CAM): without them nobody can tell what is on air."
        return fail("rights", said, hint, status=ExitStatus.BACKEND)
    for answer in answers:
        if isinstance(answer, BackendError):
            return failed("rights", answer)
        if isinstance(answer, BaseException):
            raise answer
    return ok("rights", f"all reads are allowed, tried on {flow.live_name}; {unsaid}")


def _room(account: Account, flows: list[FoundFlow], regions: int) -> tuple[Sign, ...]:
    """Return how full the account is, and whether its pace is kept."""
    outputs = [len(flow.outputs) for flow in flows]
    said = f"{_count(len(flows), 'flow')} with {_count(sum(outputs), 'output')} in {_count(regions, 'region')}"
    most_flows, most_outputs = account.most_flows, account.most_outputs
    rate = account.backend.client.settings.rate_per_s
    pace = (
        warn(
            "pace",
            f"{rate:g} calls a second of each action, and the API's limit is {API_RATE_PER_S:g}",
            "Lower backend.ratePerS; 15 leaves five to people.",
        ),
    )
    if most_flows is None or most_outputs is None:
        unsaid = "no limit is documented, so how much room is left is not known"
        return (ok("quotas", f"{said}; {unsaid}"), *(pace if rate > API_RATE_PER_S else ()))
    of = f"{said}; a relay takes {most_flows} flows and {most_outputs} outputs a flow unless it was told otherwise"
    if len(flows) > _FULL_SHARE * most_flows or max(outputs, default=0) > _FULL_SHARE * most_outputs:
        return (warn("quotas", of, "Make room, or start the relay with higher limits."),)
    return (ok("quotas", of),)


def _no_way(said: str, next_step: str) -> Sign:
    return fail("reach", said, next_step, status=ExitStatus.BACKEND)


def _count(number: int, word: str) -> str:
    plural = "es" if word.endswith("s") else "s"
    return f"{number} {word}{plural if number != 1 else ''}"


def _words(error: Exception) -> str:
    if isinstance(error, TimeoutError) and not error.args:
        return f"nothing within {CONNECT_S:g} s"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(CONNECT_S):
            await writer.wait_closed()
