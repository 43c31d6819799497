"""The relay as one object: started, found, stopped."""

import json
import os
import stat
import time
from pathlib import Path

import httpx
import pytest
from structlog.testing import capture_logs

from reconciler.domain.errors import EnvironmentFailedError, UsageError
from reconciler.relay import registration
from reconciler.relay.service import MediaKind, Relay, RelaySettings
from reconciler.relay.serving import bind
from reconciler.streamlink.signing import SignedParts, signed_headers
from tests.unit.relay.calling import Json, srt_input, srt_output
from tests.unit.relay.recording import RecordingMedia

pytestmark = pytest.mark.anyio


def settings(state: Path, *, port: int = 0, host: str = "127.0.0.1") -> RelaySettings:
    """Return the settings of a relay that carries nothing."""
    return RelaySettings(state=state, media=MediaKind.NONE, port=port, host=host)


async def call(relay: Relay, action: str, payload: Json | None = None) -> Json:
    """Make one call over the network."""
    body = json.dumps(payload or {}).encode()
    parts = SignedParts(
        service="mps",
        host=relay.address,
        action=action,
        version="2019-06-12",
        region="local",
        timestamp_s=int(time.time()),
        body=body,
    )
    async with httpx.AsyncClient() as http:
        answer = await http.post(relay.endpoint, content=body, headers=signed_headers(parts, relay.credentials))
    response: Json = answer.json()["Response"]
    return response


NEWS: Json = {
    "FlowName": "news",
    "MaxBandwidth": 10_000_000,
    "InputGroup": [srt_input()],
    "OutputGroup": [{**srt_output(), "OutputRegion": "local"}],
}


def modes_in(directory: Path) -> dict[str, int]:
    """Return the permissions of every file."""
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()}


async def test_a_running_relay_can_be_found(tmp_path: Path) -> None:
    """The state directory says where it answers and who it is, until it stops; all of it is its owner's alone."""
    state = tmp_path / "deep" / "state"

    async with Relay(settings(state)) as relay:
        found = registration.read(state)
        modes = modes_in(state)
        answer = await call(relay, "DescribeStreamLinkFlows")

    assert found == registration.Registration(endpoint=relay_endpoint(found), pid=os.getpid(), regions=("local",))
    assert (stat.S_IMODE(state.stat().st_mode), set(modes.values())) == (0o700, {0o600})
    assert answer["TotalNum"] == 0
    assert registration.read(state) is None


def relay_endpoint(found: registration.Registration | None) -> str:
    """Return the endpoint that was found; it is a URL on loopback."""
    assert found is not None
    assert found.endpoint.startswith("http://127.0.0.1:")
    return found.endpoint


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"endpoint": "http://127.0.0.1:1", "pid": 1, "regions": null}'])
def test_a_registration_that_makes_no_sense_is_none(tmp_path: Path, text: str) -> None:
    """What somebody else left there is no relay."""
    (tmp_path / registration.FILE_NAME).write_text(text)

    assert registration.read(tmp_path) is None


async def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    """The message names the port and the next step, and the failed start leaves nothing but its directory."""
    async with Relay(settings(tmp_path / "first")) as first:
        port = int(first.address.rpartition(":")[2])

        with pytest.raises(EnvironmentFailedError, match=f"Port {port} .* is in use.*another port"):
            await Relay(settings(tmp_path / "second", port=port)).start()

    assert modes_in(tmp_path / "second") == {}


def test_an_address_that_is_not_there_is_named() -> None:
    """Nothing can listen on an address of nobody's."""
    with pytest.raises(EnvironmentFailedError, match=r"Nothing can listen on 192\.0\.2\.1:0"):
        bind("192.0.2.1", 0)


async def test_the_other_loopback(tmp_path: Path) -> None:
    """IPv6 addresses stand in brackets, in the endpoint and in what is given to ends."""
    async with Relay(settings(tmp_path, host="::1")) as relay:
        made = await call(relay, "CreateStreamLinkFlow", NEWS)

        assert relay.endpoint.startswith("http://[::1]:")
        assert made["Info"]["InputGroup"][0]["StreamUrls"][0]["Url"].startswith("srt://[::1]:")


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "relay.example", ""])  # noqa: S104 -- it is refused
def test_only_loopback_is_listened_on(tmp_path: Path, host: str) -> None:
    """Without TLS no key may leave the machine."""
    with pytest.raises(UsageError, match="loopback"):
        settings(tmp_path, host=host)


@pytest.mark.parametrize("regions", [(), ("AP",), ("a--b",), ("",)])
def test_regions_have_a_form(tmp_path: Path, regions: tuple[str, ...]) -> None:
    """There is at least one, and each looks like one."""
    with pytest.raises(UsageError, match="region"):
        RelaySettings(state=tmp_path, regions=regions)


async def test_a_state_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """A file in its place is no directory."""
    (tmp_path / "file").write_text("")

    with pytest.raises(EnvironmentFailedError, match="--state DIR"):
        await Relay(settings(tmp_path / "file" / "state")).start()


async def test_flows_that_ran_are_carried_again_after_a_restart(tmp_path: Path) -> None:
    """A stop ends the engines, not the flows; addresses and keys are those of before."""
    before, after = RecordingMedia(), RecordingMedia()
    async with Relay(settings(tmp_path), media=before) as relay:
        made = (await call(relay, "CreateStreamLinkFlow", NEWS))["Info"]
        await call(relay, "CreateStreamLinkFlow", {**NEWS, "FlowName": "idle"})
        await call(relay, "StartStreamLinkFlow", {"FlowId": made["FlowId"]})
        await relay.settled()
        keys = relay.credentials

    async with Relay(settings(tmp_path), media=after) as relay:
        await relay.settled()
        found = (await call(relay, "DescribeStreamLinkFlow", {"FlowId": made["FlowId"]}))["Info"]

        assert relay.credentials == keys
        assert relay.calls == {"DescribeStreamLinkFlow": 1}
    assert found == {**made, "State": "RUNNING"}
    assert (before.closed, after.closed) == (True, True)
    assert after.told == before.told
    assert len(after.told) == 1


async def test_no_secret_is_logged(tmp_path: Path) -> None:
    """A line says the action, the code and the time it took, and nothing that the client sent."""
    canary = "canary-canary-canary"
    wrong = {**NEWS, "InputGroup": [srt_input(Passphrase=canary, PbKeyLen=7)]}

    with capture_logs() as lines:
        async with Relay(settings(tmp_path)) as relay:
            await call(relay, "CreateStreamLinkFlow", wrong)
            await call(relay, canary)
            await call(relay, "DescribeStreamLinkFlows")
            key = relay.credentials.secret_key

    finished = [line for line in lines if line["event"] == "relay.request_finished"]
    assert [(line["action"], line["code"]) for line in finished] == [
        ("CreateStreamLinkFlow", "InvalidParameter.Input"),
        ("", "InvalidAction"),
        ("DescribeStreamLinkFlows", ""),
    ]
    assert finished[0].keys() == {"event", "log_level", "action", "code", "request_id", "duration_ms"}
    assert canary not in str(lines)
    assert key not in str(lines)


def test_a_relay_that_does_not_run_has_no_address(tmp_path: Path) -> None:
    """Asking is a mistake of the caller."""
    with pytest.raises(RuntimeError, match="not running"):
        _ = Relay(settings(tmp_path)).endpoint
