"""The relay as one object: started, found, stopped."""

import json
import os
import ssl
import stat
import time
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from reconciler.domain.errors import EnvironmentFailedError, UsageError
from reconciler.relay import registration
from reconciler.relay.service import Relay
from reconciler.relay.settings import MediaKind, RelaySettings
from reconciler.serving.server import bind
from reconciler.serving.tls import TlsFiles
from reconciler.streamlink.signing import SignedParts, signed_headers
from tests.certificates import Certificate, make_authority, make_certificate
from tests.unit.relay.calling import Json, srt_input, srt_output
from tests.unit.relay.recording import RecordingMedia

pytestmark = pytest.mark.anyio


def settings(state: Path, *, port: int = 0, host: str = "127.0.0.1") -> RelaySettings:
    """Return the settings of a relay that carries nothing."""
    return RelaySettings(state=state, media=MediaKind.NONE, port=port, host=host)


async def call(relay: Relay, action: str, payload: Json | None = None, *, ca: Path | None = None) -> Json:
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
    async with httpx.AsyncClient(verify=True if ca is None else ssl.create_default_context(cafile=ca)) as http:
        answer = await http.post(relay.endpoint, content=body, headers=signed_headers(parts, relay.credentials))
    response: Json = answer.json()["Response"]
    return response


NEWS: Json = {
    "FlowName": "news",
    "MaxBandwidth": 10_000_000,
    "InputGroup": [srt_input()],
    "OutputGroup": [{**srt_output(), "OutputRegion": "local"}],
}


MANY: Json = {
    "FlowName": "many",
    "MaxBandwidth": 10_000_000,
    "InputGroup": [{"InputName": "camera", "Protocol": "RTMP"}],
    "OutputGroup": [{"OutputName": "players", "Description": "", "Protocol": "RTMP_PULL", "OutputRegion": "local"}],
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

    assert found == registration.Registration(
        endpoint=relay_endpoint(found), pid=os.getpid(), regions=("local",), carries=False
    )
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


EVERYBODY = str(IPv4Address(0))
NOWHERE = TlsFiles(certificate=Path("relay.pem"), key=Path("relay.key"))


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        pytest.param({"host": "192.0.2.1"}, "--tls-cert FILE --tls-key FILE.*--insecure-http", id="plain HTTP"),
        pytest.param({"host": EVERYBODY, "advertise": "relay.example"}, "--insecure-http", id="on every address"),
        pytest.param({"host": "relay.example"}, "--listen: 'relay.example' is no address", id="a name"),
        pytest.param({"host": ""}, "--listen: '' is no address", id="nothing"),
        pytest.param({"host": EVERYBODY, "tls": NOWHERE}, "--advertise HOST says by which", id="nothing to give out"),
        pytest.param({"media_host": "::"}, "--advertise HOST says by which", id="nothing to give out for media"),
        pytest.param({"media_host": "relay.example"}, "--media-listen: .* is no address", id="media on a name"),
        pytest.param({"advertise": "relay.example:80"}, "--advertise: .* neither a name nor", id="more than a host"),
        pytest.param({"tls": NOWHERE, "insecure_http": True}, "exclude each other", id="both"),
    ],
)
def test_what_cannot_be_listened_on(tmp_path: Path, chosen: dict[str, Any], message: str) -> None:
    """No key leaves the machine in the clear unless somebody asked for it, and addresses are such as can be used."""
    with pytest.raises(UsageError, match=message):
        RelaySettings(state=tmp_path, media=MediaKind.NONE, **chosen)


@pytest.mark.parametrize(
    "chosen",
    [
        pytest.param({"host": "192.0.2.1", "tls": NOWHERE}, id="TLS"),
        pytest.param({"host": "192.0.2.1", "insecure_http": True}, id="plain HTTP on purpose"),
        pytest.param({"tls": NOWHERE}, id="TLS on loopback"),
        pytest.param({"host": EVERYBODY, "tls": NOWHERE, "advertise": "relay.example"}, id="every address"),
        pytest.param({"host": "::", "media_host": "192.0.2.1", "tls": NOWHERE}, id="media on one address"),
    ],
)
def test_what_can_be_listened_on(tmp_path: Path, chosen: dict[str, Any]) -> None:
    """With a certificate, or on purpose."""
    RelaySettings(state=tmp_path, media=MediaKind.NONE, **chosen)


async def test_media_listens_on_an_address_of_this_machine(tmp_path: Path) -> None:
    """One that it has not got is refused at the start, not for each output."""
    elsewhere = replace(settings(tmp_path), media_host="198.51.100.1")

    with pytest.raises(EnvironmentFailedError, match=r"--media-listen: nothing can listen on 198\.51\.100\.1"):
        await Relay(elsewhere).start()


async def test_what_is_given_out_is_said_at_each_start(tmp_path: Path) -> None:
    """Addresses bear the advertised host in every answer, and another after a restart; ports and keys are kept."""
    seen: list[str] = []
    for advertised in ("", "relay.example", "2001:db8::7"):
        chosen = replace(settings(tmp_path), advertise=advertised)
        async with Relay(chosen) as relay:
            if not seen:
                await call(relay, "CreateStreamLinkFlow", MANY)
            (flow,) = (await call(relay, "DescribeStreamLinkFlows"))["Infos"]
            one = (await call(relay, "DescribeStreamLinkFlow", {"FlowId": flow["FlowId"]}))["Info"]
            assert one == flow
            assert relay.endpoint.startswith("http://127.0.0.1:")
            seen.append(json.dumps(flow))

    assert "127.0.0.1" not in seen[1]
    assert seen[1].count("relay.example") == seen[0].count("127.0.0.1")
    assert seen[1].replace("relay.example", "127.0.0.1") == seen[0]
    assert "rtmp://[2001:db8::7]:" in seen[2]
    assert '"Ip": "2001:db8::7"' in seen[2]


async def test_what_was_given_before_listens_where_the_relay_does(tmp_path: Path) -> None:
    """A flow of a relay on another address is carried on this one, on its ports, and described so."""
    async with Relay(settings(tmp_path)) as relay:
        before = (await call(relay, "CreateStreamLinkFlow", MANY))["Info"]
    media = RecordingMedia()

    with capture_logs() as lines:
        async with Relay(replace(settings(tmp_path), media_host="::1"), media=media) as relay:
            (after,) = (await call(relay, "DescribeStreamLinkFlows"))["Infos"]
            await call(relay, "StartStreamLinkFlow", {"FlowId": after["FlowId"]})
            await relay.settled()
    async with Relay(settings(tmp_path)) as relay:
        (back,) = (await call(relay, "DescribeStreamLinkFlows"))["Infos"]

    (old,), (new,) = (each["InputGroup"][0]["InputAddressList"] for each in (before, after))
    assert new == {**old, "Ip": "::1"}
    assert (
        after["InputGroup"][0]["InputAddressList"][0]["Port"] == before["InputGroup"][0]["InputAddressList"][0]["Port"]
    )
    assert "host='::1'" in str(media.told[0])
    assert back == {**before, "State": "RUNNING"}
    moved = [line for line in lines if line["event"] == "relay.flows_moved"]
    assert [(line["flows"], line["host"]) for line in moved] == [(1, "::1")]


async def test_the_port_of_the_api_is_never_given(tmp_path: Path) -> None:
    """Nor is one that was given taken for the API."""
    async with Relay(settings(tmp_path / "other")) as other:
        free = int(other.address.rpartition(":")[2])
    chosen = replace(settings(tmp_path, port=free), media_host="::1", ports=range(free, free + 1))
    rtmp = {**NEWS, "InputGroup": [{"InputName": "camera", "Protocol": "RTMP"}], "OutputGroup": []}

    async with Relay(chosen) as relay:
        refused = (await call(relay, "CreateStreamLinkFlow", rtmp))["Error"]
    async with Relay(replace(chosen, port=0)) as relay:
        await call(relay, "CreateStreamLinkFlow", rtmp)
    with pytest.raises(EnvironmentFailedError, match=f"Port {free} of the API was given .*--listen"):
        await Relay(chosen).start()

    assert f"Every TCP port of {free}-{free}" in refused["Message"]


async def test_it_says_how_it_is_known(tmp_path: Path, certificate: Certificate) -> None:
    """The registration holds the endpoint and the certificate; the API is spoken over TLS."""
    tls = TlsFiles(certificate=certificate.file, key=certificate.key)

    async with Relay(replace(settings(tmp_path), tls=tls)) as relay:
        found = registration.read(tmp_path)
        answer = await call(relay, "DescribeStreamLinkFlows", ca=certificate.file.with_name("authority.pem"))

    assert found is not None
    assert found.endpoint == f"https://{relay_address(found)}"
    assert found.certificate == certificate.file.read_text()
    assert answer["TotalNum"] == 0


def relay_address(found: registration.Registration) -> str:
    """Return host and port of what was found."""
    return found.endpoint.partition("//")[2]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """Return a certificate for the loopback address."""
    folder = tmp_path_factory.mktemp("certificates")
    return make_certificate(folder, make_authority(folder), "IP:127.0.0.1")


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
