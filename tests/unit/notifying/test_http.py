"""HTTP as sinks speak it, to real servers on loopback."""

import logging
import math
import ssl
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from reconciler.notifying import failures
from reconciler.notifying.failures import Remedy, UndeliveredError
from reconciler.notifying.http import MAX_ANSWER_BYTES, Wire, demand_success
from tests.certificates import make_authority, make_certificate
from tests.fakes.http_server import Reply, serving

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CANARY = "canary-of-an-address"


async def post(url: str, wire: Wire | None = None) -> None:
    """Send something to an address."""
    async with (wire or Wire()).open(url, called="the text in url") as line:
        demand_success(await line.ask("POST", content=b"{}"), NOW)


async def refused(reply: Reply) -> UndeliveredError:
    """Return what an answer means."""
    async with serving(lambda _: reply) as server:
        with pytest.raises(UndeliveredError) as caught:
            await post(server.url)
    return caught.value


@pytest.mark.parametrize("status", [200, 201, 202, 204])
async def test_done(status: int) -> None:
    """Whatever begins with a two; the address is asked for as it is, with its query."""
    async with serving(lambda _: Reply(status=status)) as server:
        await post(f"{server.url}/services/T0/{CANARY}?a=b%20c")

    (asked,) = server.asked
    assert (asked.method, asked.target, asked.body) == ("POST", f"/services/T0/{CANARY}?a=b%20c", b"{}")
    assert asked.headers["host"] == f"127.0.0.1:{server.port}"


@pytest.mark.parametrize(
    ("reply", "meant"),
    [
        pytest.param(Reply(status=500), (Remedy.TIME, True, None), id="broken"),
        pytest.param(Reply(status=503, headers={"retry-after": "7"}), (Remedy.TIME, True, 7), id="back soon"),
        pytest.param(Reply(status=429, headers={"retry-after": "30"}), (Remedy.TIME, False, 30), id="too much"),
        pytest.param(
            Reply(status=429, headers={"retry-after": "Thu, 01 Jan 2026 00:01:00 GMT"}), (Remedy.TIME, False, 60),
            id="too much until",
        ),
        pytest.param(Reply(status=429, headers={"retry-after": "soon"}), (Remedy.TIME, False, None), id="who knows"),
        pytest.param(
            Reply(status=403, headers={"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1767225900"}),
            (Remedy.TIME, False, 300), id="the hour's calls are spent",
        ),
        pytest.param(
            Reply(status=403, headers={"x-ratelimit-remaining": "9", "x-ratelimit-reset": "1767225900"}),
            (Remedy.SETTING, False, None), id="not allowed",
        ),
        pytest.param(Reply(status=403, headers={"retry-after": "60"}), (Remedy.TIME, False, 60), id="a second limit"),
        pytest.param(
            Reply(status=429, headers={"retry-after": "Fri, 31 Dec 99999999999999 23:59:59 GMT"}),
            (Remedy.TIME, False, None), id="until a day that never comes",
        ),
        pytest.param(
            Reply(status=403, headers={"x-ratelimit-remaining": "0", "x-ratelimit-reset": "9" * 5000}),
            (Remedy.TIME, False, math.inf), id="for ever",
        ),
        pytest.param(Reply(status=401), (Remedy.SETTING, False, None), id="unknown"),
        pytest.param(Reply(status=404), (Remedy.SETTING, False, None), id="not there"),
        pytest.param(Reply(status=410), (Remedy.SETTING, False, None), id="not there any more"),
        pytest.param(Reply(status=400), (Remedy.NOTHING, False, None), id="not understood"),
        pytest.param(Reply(status=422), (Remedy.NOTHING, False, None), id="not taken"),
        pytest.param(Reply(cuts=True), (Remedy.TIME, True, None), id="cut"),
    ],
)  # fmt: skip
async def test_not_done(reply: Reply, meant: tuple[Remedy, bool, float | None]) -> None:
    """What helps, and whether it may have been done nevertheless."""
    error = await refused(reply)

    assert (error.remedy, error.maybe, error.retry_in_s) == meant


async def test_a_redirect_is_not_followed() -> None:
    """What is said would go to whom nobody named."""
    async with serving() as other:
        error = await refused(Reply(status=307, headers={"location": f"{other.url}/{CANARY}"}))

    assert other.asked == []
    assert error.remedy is Remedy.SETTING
    assert CANARY not in str(error)


async def test_an_answer_without_end_is_not_read() -> None:
    """A server cannot fill the memory."""
    error = await refused(Reply(body=b" " * (MAX_ANSWER_BYTES + 1)))

    assert str(error) == f"the answer is longer than {MAX_ANSWER_BYTES} bytes"


async def test_nobody_there() -> None:
    """It was surely not done, and the address is not in the text."""
    async with serving() as server:
        url = f"{server.url}/{CANARY}"

    with pytest.raises(UndeliveredError, match=r"^no connection$") as caught:
        await post(url)

    assert not caught.value.maybe


@pytest.mark.parametrize(
    "url",
    [
        pytest.param(f"http://hooks.example/{CANARY}", id="in the clear"),
        pytest.param(f"ftp://127.0.0.1/{CANARY}", id="another scheme"),
        pytest.param(CANARY, id="no address"),
        pytest.param(f"https://a:b{CANARY}", id="no port"),
        pytest.param(f"https:///{CANARY}", id="no host"),
        pytest.param(f"https://127.0.0.1:99999/{CANARY}", id="no such port"),
    ],
)
async def test_what_is_no_address_to_speak_to(url: str) -> None:
    """It is refused before anything is sent, and not quoted."""
    with pytest.raises(UndeliveredError, match=r"^the text in url ") as caught:
        await post(url)

    assert caught.value.remedy is Remedy.SETTING
    assert CANARY not in str(caught.value)


async def test_no_log_holds_the_address(caplog: pytest.LogCaptureFixture) -> None:
    """Not even those of the libraries, at their most talkative."""
    caplog.set_level(logging.DEBUG)

    async with serving() as server:
        await post(f"{server.url}/{CANARY}")

    assert caplog.records
    assert CANARY not in caplog.text


async def test_over_tls_only_who_is_trusted_is_told(tmp_path: Path) -> None:
    """By an authority of one's own where it is named."""
    authority = make_authority(tmp_path)
    shown = make_certificate(tmp_path, authority, "IP:127.0.0.1")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(shown.file, shown.key)

    async with serving(tls=tls) as server:
        with pytest.raises(UndeliveredError, match="caFile") as caught:
            await post(server.url)
        await post(server.url, Wire(ca_file=authority.file))

    assert caught.value.remedy is Remedy.SETTING
    assert len(server.asked) == 1


@pytest.mark.parametrize("content", [None, "nothing"])
async def test_authorities_that_are_none(tmp_path: Path, content: str | None) -> None:
    """The file is named."""
    path = tmp_path / "authorities.pem"
    if content is not None:
        path.write_text(content)

    with pytest.raises(UndeliveredError, match=r"authorities\.pem"):
        await post("https://127.0.0.1:9", Wire(ca_file=path))


def kinds(kind: type[httpx.HTTPError]) -> set[type[httpx.HTTPError]]:
    """Return an exception and everything derived from it."""
    return {kind}.union(*(kinds(child) for child in kind.__subclasses__()))


@pytest.mark.parametrize("kind", sorted(kinds(httpx.HTTPError), key=str))
async def test_every_failure_of_the_client_is_one_of_ours(kind: type[httpx.HTTPError]) -> None:
    """Without its own words, which may hold an address."""
    error = kind.__new__(kind)
    error.args = (CANARY,)

    assert CANARY not in str(failures.of_transport(error))
