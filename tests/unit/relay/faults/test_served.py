"""A relay that is served with faults: connections that are cut, and how loud it is."""

import asyncio
import json
import time
from pathlib import Path

import httpx
import pytest
from structlog.testing import capture_logs

from reconciler.relay import registration
from reconciler.relay.faults.injection import Faults
from reconciler.relay.faults.knobs import Drop, MaskedSecrets, Throttle, When
from reconciler.relay.service import Relay
from reconciler.relay.settings import MediaKind, RelaySettings
from reconciler.streamlink.signing import SignedParts, signed_headers

pytestmark = pytest.mark.anyio

DEADLINE_S = 20.0
NEWS = {"FlowName": "news", "MaxBandwidth": 10_000_000}


def settings(tmp_path: Path, *faults: Faults) -> RelaySettings:
    """Return the settings of a relay that carries nothing."""
    return RelaySettings(state=tmp_path / "state", media=MediaKind.NONE, faults=faults[0] if faults else None)


def signed(relay: Relay, action: str, body: bytes) -> dict[str, str]:
    """Return the headers of a call."""
    parts = SignedParts(
        service="mps",
        host=relay.address,
        action=action,
        version="2019-06-12",
        region="local",
        timestamp_s=int(time.time()),
        body=body,
    )
    return signed_headers(parts, relay.credentials)


async def received(relay: Relay, action: str, payload: object) -> bytes:
    """Return every byte that comes back on a connection of its own, until the relay closes it."""
    body = json.dumps(payload).encode()
    headers = signed(relay, action, body) | {"Content-Length": str(len(body))}
    text = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    host, _, port = relay.address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(f"POST / HTTP/1.1\r\n{text}\r\n".encode() + body)
        return await asyncio.wait_for(reader.read(), DEADLINE_S)
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


async def flows(relay: Relay, http: httpx.AsyncClient) -> int:
    """Return how many flows there are."""
    answer = await http.post(relay.endpoint, content=b"{}", headers=signed(relay, "DescribeStreamLinkFlows", b"{}"))
    total: int = answer.json()["Response"]["TotalNum"]
    return total


async def connection_of(http: httpx.AsyncClient, relay: Relay) -> object:
    """Return the client's side of the connection that a call was answered on."""
    async with http.stream("POST", relay.endpoint, content=b"{}") as answer:
        address = answer.extensions["network_stream"].get_extra_info("client_addr")
        await answer.aread()
        return address


@pytest.mark.parametrize(("when", "made"), [(When.BEFORE_COMMIT, 0), (When.AFTER_COMMIT, 1)])
async def test_a_dropped_call_gets_not_a_byte(tmp_path: Path, when: When, made: int) -> None:
    """The connection ends without an answer, no HTTP 500 either; only the flow tells on which side of the commit."""
    faults = Faults(Drop(when=when, actions=frozenset({"CreateStreamLinkFlow"})))

    async with Relay(settings(tmp_path, faults)) as relay, httpx.AsyncClient() as http:
        answered = await received(relay, "CreateStreamLinkFlow", NEWS)
        there = await flows(relay, http)

    assert (answered, there) == (b"", made)


async def test_a_dropped_call_costs_others_nothing(tmp_path: Path) -> None:
    """A connection that is open beside it stays open, and its next call is answered on it."""
    faults = Faults(Drop(when=When.BEFORE_COMMIT, actions=frozenset({"CreateStreamLinkFlow"})))

    async with Relay(settings(tmp_path, faults)) as relay, httpx.AsyncClient() as http:
        before = await connection_of(http, relay)
        await received(relay, "CreateStreamLinkFlow", NEWS)
        after = await connection_of(http, relay)

    assert before == after


async def test_a_relay_with_faults_says_so(tmp_path: Path) -> None:
    """In the log, and to whoever looks it up in the state directory."""
    with capture_logs() as events:
        faults = Faults(MaskedSecrets(), Throttle(times=1), Throttle(times=2))
        async with Relay(settings(tmp_path, faults)):
            found = registration.read(tmp_path / "state")

    assert found is not None
    assert found.faults == ("throttle", "maskedSecrets")
    assert {"event": "relay.faults_turned_on", "log_level": "warning", "knobs": found.faults} in events


async def test_a_relay_without_faults_says_nothing(tmp_path: Path) -> None:
    """They are off by default."""
    with capture_logs() as events:
        async with Relay(settings(tmp_path)) as relay:
            found = registration.read(tmp_path / "state")

    assert relay.settings.faults is None
    assert found is not None
    assert found.faults == ()
    assert [event for event in events if "fault" in event["event"]] == []
