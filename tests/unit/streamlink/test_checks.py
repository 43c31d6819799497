"""Tests of `streamlink.checks`: against a relay that serves over a socket, and an API that refuses as it is told."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from reconciler.domain.errors import ExitStatus
from reconciler.domain.marks import Owner
from reconciler.domain.model import Region
from reconciler.engine.examine import examine
from reconciler.ports.checks import Grade, Sign
from reconciler.ports.clock import Clock
from reconciler.relay.service import Relay
from reconciler.relay.settings import MediaKind, RelaySettings
from reconciler.sources.clock import SystemClock
from reconciler.streamlink.backend import StreamLinkBackend
from reconciler.streamlink.checks import Account, account_checks
from reconciler.streamlink.client import ClientSettings, StreamLinkClient
from reconciler.streamlink.signing import Credentials
from reconciler.streamlink.trust import Trust
from tests.certificates import make_authority, make_certificate
from tests.fakes.api import KEYS, ScriptedApi, refusal
from tests.fakes.clock import FakeClock

pytestmark = pytest.mark.anyio

REGIONS: Final = (Region("local"),)
FLOW: Final = {"FlowId": "flow-1", "FlowName": "news", "State": "IDLE", "InputGroup": [], "OutputGroup": []}
DENIED: Final = refusal("UnauthorizedOperation")


class Skewed(SystemClock):
    """A clock that is off."""

    def __init__(self, by_s: float) -> None:
        self._by = timedelta(seconds=by_s)

    def now(self) -> datetime:
        """Return a time that is not."""
        return super().now() + self._by


def account_at(settings: ClientSettings, clock: Clock, **known: Any) -> Account:
    """Return the account that answers there."""
    client = StreamLinkClient(settings, clock=clock, random_fraction=lambda: 0.0)
    backend = StreamLinkBackend(client, owner=Owner("local"), regions=REGIONS, clock=clock)
    return Account(backend=backend, clock=clock, **known)


async def signs_of(account: Account) -> dict[str, Sign]:
    """Return what is found of an account, by what it is about."""
    signs = await examine(account_checks(account), clock=SystemClock())
    await account.backend.close()
    return {sign.about: sign for sign in signs}


async def of_a_relay(folder: Path, *, keys: Credentials | None = None, skew_s: float = 0.0) -> dict[str, Sign]:
    """Return what is found of a relay, with other keys or a clock that is off."""
    async with Relay(RelaySettings(state=folder / "state", media=MediaKind.NONE)) as relay:
        settings = ClientSettings(credentials=keys or relay.credentials, endpoint=relay.endpoint)
        return await signs_of(account_at(settings, Skewed(skew_s), most_flows=100, most_outputs=10))


async def test_an_account_that_knows_us(tmp_path: Path) -> None:
    """Everything is accepted, and what cannot be known is said."""
    found = await of_a_relay(tmp_path)

    assert {about: sign.grade for about, sign in found.items()} == dict.fromkeys(
        ("reach", "clock", "credentials", "rights", "quotas"), Grade.OK
    )
    assert "cannot be told without writing" in found["rights"].said
    assert "100 flows" in found["quotas"].said


@pytest.mark.parametrize(
    ("skew_s", "grade", "said"),
    [
        pytest.param(-70, Grade.WARN, "behind the API", id="behind"),
        pytest.param(70, Grade.WARN, "ahead of the API", id="ahead"),
        pytest.param(-310, Grade.FAIL, "every call is refused", id="too far"),
    ],
)
async def test_a_clock_that_is_off(tmp_path: Path, skew_s: float, grade: Grade, said: str) -> None:
    """It is told also where the account refuses every signature because of it, and there is the cause."""
    found = await of_a_relay(tmp_path, skew_s=skew_s)

    assert found["clock"].grade is grade
    assert said in found["clock"].said
    assert found["credentials"].grade is (Grade.FAIL if grade is Grade.FAIL else Grade.OK)


async def test_a_wrong_key(tmp_path: Path) -> None:
    """The status is that of refused keys, and neither key is told."""
    wrong = Credentials(secret_id="AKIDWRONG", secret_key="canary-of-a-wrong-key")
    found = await of_a_relay(tmp_path, keys=wrong)

    assert (found["credentials"].grade, found["credentials"].status) == (Grade.FAIL, ExitStatus.BACKEND)
    assert "canary" not in str(found)
    assert "rights" not in found


async def test_a_port_at_which_nobody_listens() -> None:
    """One line says so, and nothing more is tried."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        endpoint = f"127.0.0.1:{bound.getsockname()[1]}"
        found = await signs_of(account_at(ClientSettings(credentials=KEYS, endpoint=endpoint), SystemClock()))

    assert list(found) == ["reach"]
    assert (found["reach"].grade, found["reach"].status) == (Grade.FAIL, ExitStatus.BACKEND)
    assert "none answers" in found["reach"].said


async def test_a_name_that_nobody_has() -> None:
    """One that cannot be a name needs no server to be unknown."""
    settings = ClientSettings(credentials=KEYS, endpoint=f"https://{'a' * 64}.example")
    found = await signs_of(account_at(settings, SystemClock()))

    assert "is not known" in found["reach"].said


async def tls_sign(folder: Path, *, ahead: timedelta = timedelta(), trusts: bool = True) -> Sign:
    """Return what is found of the way to a TLS server whose certificate holds for two days, so far ahead in time."""
    authority = make_authority(folder)
    shown = make_certificate(folder, authority, "IP:127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(shown.file, shown.key)
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    settings = ClientSettings(
        credentials=KEYS,
        endpoint=f"https://127.0.0.1:{port}",
        trust=Trust(ca_file=authority.file) if trusts else Trust(),
        attempts=1,
    )
    async with server:
        return (await signs_of(account_at(settings, Skewed(ahead.total_seconds()))))["reach"]


async def test_a_certificate_that_runs_out(tmp_path: Path) -> None:
    """It is warned of two weeks before."""
    now = await tls_sign(tmp_path)
    long_before = await tls_sign(tmp_path, ahead=timedelta(days=-30))

    assert (now.grade, long_before.grade) == (Grade.WARN, Grade.OK)
    assert "holds for 1 day" in now.said
    assert "holds for 31 days" in long_before.said


async def test_an_authority_that_nobody_knows(tmp_path: Path) -> None:
    """The next step names the setting."""
    found = await tls_sign(tmp_path, trusts=False)

    assert found.grade is Grade.FAIL
    assert "backend.caFile" in found.next_step


def scripted(**replies: Any) -> Account:
    """Return an account with one flow whose API answers so."""
    lists = {"Infos": [FLOW], "TotalNum": 1, "TotalPage": 1, "PageNum": 1, "PageSize": 100}
    api = ScriptedApi(**{"DescribeStreamLinkFlows": lists, **replies})
    clock = FakeClock()
    date = format_datetime(clock.now().astimezone(UTC), usegmt=True)

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"Date": date}) if request.method == "GET" else api.answer(request)

    client = StreamLinkClient(
        ClientSettings(credentials=KEYS, endpoint="127.0.0.1:9"),
        clock=clock,
        random_fraction=lambda: 0.0,
        transport=httpx.MockTransport(answer),
    )
    backend = StreamLinkBackend(client, owner=Owner("us"), regions=REGIONS, clock=clock)
    return Account(backend=backend, clock=clock, is_proxied=True)


READS: Final[dict[str, Callable[[], Any]]] = {
    "DescribeStreamLinkFlow": lambda: {"Info": FLOW},
    "DescribeStreamLinkFlowRealtimeStatus": lambda: {"Datas": []},
    "DescribeStreamLinkFlowLogs": lambda: {"Infos": [], "TotalNum": 0, "TotalPage": 0},
}


@pytest.mark.parametrize("denied", READS)
async def test_a_read_that_the_policy_forbids_is_named(denied: str) -> None:
    """The keys are right, and one action is not allowed: the next step is the account's policy."""
    replies = {action: reply() for action, reply in READS.items()} | {denied: DENIED}
    found = await signs_of(scripted(**replies))

    assert found["credentials"].grade is Grade.OK
    assert (found["rights"].grade, found["rights"].status) == (Grade.FAIL, ExitStatus.BACKEND)
    assert (denied in found["rights"].said, "policy" in found["rights"].next_step) == (True, True)


async def test_all_reads_are_tried_on_a_flow() -> None:
    """Where there is one; how much room an account has nobody documents."""
    found = await signs_of(scripted(**{action: reply() for action, reply in READS.items()}))

    assert (found["rights"].grade, found["clock"].grade) == (Grade.OK, Grade.OK)
    assert "tried on news" in found["rights"].said
    assert "proxy" in found["reach"].said
    assert "1 flow with 0 outputs in 1 region; no limit is documented" in found["quotas"].said
