"""Inputs and outputs at the API: what feeds what, what they are given, and what may be changed when."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.relay.editing import EditRules
from tests.unit.relay.calling import (
    CALLED,
    INPUTS,
    OUTPUTS,
    Api,
    an_input,
    make_plane,
    modified,
    output,
    srt_input,
    srt_output,
)

pytestmark = pytest.mark.anyio

FEEDS = {
    "SRT": {"SRT", "RTMP"},
    "RTMP": {"RTMP", "RTMP_PULL"},
    "RTMP_PULL": {"RTMP", "RTMP_PULL"},
    "RTP": {"RTP"},
    "RTSP_PULL": {"RTSP_PULL"},
    "RIST": {"RIST"},
    "HLS_PULL": set(),
}


@pytest.mark.parametrize("protocol", INPUTS)
async def test_an_input_feeds_what_the_matrix_allows(api: Api, protocol: str) -> None:
    """Every output of the matrix is made, every other refused, and the flow says which."""
    flow = await api.create_flow(InputGroup=[INPUTS[protocol]])

    codes = {
        name: await api.code("CreateStreamLinkOutputInfo", {"FlowId": flow["FlowId"], "Output": wanted})
        for name, wanted in OUTPUTS.items()
    }

    assert {name for name, code in codes.items() if code == ""} == FEEDS[protocol]
    assert {code for code in codes.values() if code} == {"InvalidParameter.Protocol"}
    assert set(flow["AllowedOutputProtocols"]) == FEEDS[protocol]


async def test_what_is_not_said_means_the_default(api: Api) -> None:
    """Defaults are filled in, words get the API's own case, and what does not apply is null."""
    flow = await api.create_flow(InputGroup=[an_input("srt")])
    made = await api.add(flow, srt_output(Mode="caller", Destinations=[CALLED]))

    found = flow["InputGroup"][0]
    latencies = {"Latency": 120, "RecvLatency": 120, "PeerLatency": 120}
    assert (found["Protocol"], found["FailOver"], found["Description"]) == ("SRT", "CLOSE", "")
    assert found["SRTSettings"].items() >= {**latencies, "Mode": "LISTENER", "PbKeyLen": 0, "Passphrase": ""}.items()
    assert made["SRTSettings"].items() >= {**latencies, "Mode": "CALLER", "Destinations": [CALLED]}.items()
    assert (made["MaxConcurrent"], made["OutputKind"], made["State"]) == (4, "Pinpoint", "ENABLED")
    assert {made[member] for member in ("RTMPSettings", "RTPSettings", "RTMPPullSettings", "RISTSettings")} == {None}


async def test_a_listener_gets_an_address_of_its_own(api: Api) -> None:
    """Inputs and outputs that wait get a port each, whole URLs, and no passphrase in them."""
    secured = {"Passphrase": "canary-canary", "PbKeyLen": 16, "StreamId": "#!::r=a,m=b"}
    flow = await api.create_flow(InputGroup=[srt_input(**secured)])
    made = await api.add(flow, srt_output())

    found = flow["InputGroup"][0]
    (address,) = found["InputAddressList"]
    (source,) = made["SRTSettings"]["SourceAddresses"]
    (ingest,), (playback,) = found["StreamUrls"], made["StreamUrls"]
    assert address["Ip"] == source["Ip"] == "127.0.0.1"
    assert address["Port"] != source["Port"]
    assert ingest["Type"] == "IngestEndpoint"
    assert ingest["Url"].startswith(f"srt://127.0.0.1:{address['Port']}?mode=caller&streamid=%23%21%3A%3Ar%3Da")
    assert "canary" not in ingest["Url"]
    assert (playback["Type"], playback["Url"]) == ("Playback", f"srt://127.0.0.1:{source['Port']}?mode=caller")


async def test_an_rtmp_flow_has_one_port_and_a_key_for_each_end(api: Api) -> None:
    """Publisher and players meet at one port, under keys that the relay made."""
    flow = await api.create_flow(InputGroup=[INPUTS["RTMP"]])
    first = await api.add(flow, output("one", "RTMP_PULL"))
    second = await api.add(flow, output("two", "RTMP_PULL"))

    found = flow["InputGroup"][0]
    port = found["InputAddressList"][0]["Port"]
    ingest_key = found["RTMPSettings"]["StreamKey"]
    servers = [made["RTMPPullSettings"]["ServerUrls"][0] for made in (first, second)]
    assert found["StreamUrls"][0]["Url"] == f"rtmp://127.0.0.1:{port}/live/{ingest_key}"
    assert {server["TcUrl"] for server in servers} == {f"rtmp://127.0.0.1:{port}/play"}
    assert len({ingest_key, *(server["StreamKey"] for server in servers)}) == 3
    assert first["StreamUrls"][0]["Url"] == f"rtmp://127.0.0.1:{port}/play/{servers[0]['StreamKey']}"


async def test_pulled_outputs_say_where(api: Api) -> None:
    """RTSP and RIST outputs have an address; an input that pulls has none."""
    rtsp = await api.create_flow(InputGroup=[INPUTS["RTSP_PULL"]], OutputGroup=[OUTPUTS["RTSP_PULL"]])
    rist = await api.create_flow(FlowName="rist", InputGroup=[INPUTS["RIST"]], OutputGroup=[OUTPUTS["RIST"]])

    url = rtsp["OutputGroup"][0]["RTSPPullSettings"]["ServerUrls"][0]["Url"]
    source = rist["OutputGroup"][0]["RISTSettings"]["SourceAddresses"][0]
    assert (rtsp["InputGroup"][0]["InputAddressList"], url[:17]) == ([], "rtsp://127.0.0.1:")
    assert rist["OutputGroup"][0]["StreamUrls"][0]["Url"] == f"rist://127.0.0.1:{source['Port']}"


@pytest.fixture(params=list(EditRules))
async def ruled(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Api]:
    """Speak to a control plane under each generation of edit rules."""
    speaking = Api(await make_plane(tmp_path, rules=request.param))
    yield speaking
    await speaking.close()
    await speaking.plane.carriage.close()
    await speaking.plane.catalogue.close()


async def test_what_may_be_changed_while_a_flow_runs(ruled: Api) -> None:
    """The rules decide on creates, allowlists, other edits and deletes; a stopped flow takes them all."""
    flow = await ruled.create_flow(OutputGroup=[srt_output()])
    (first,) = flow["OutputGroup"]
    changed = {**srt_output(), "OutputId": first["OutputId"]}
    del changed["OutputRegion"]
    calls = [
        ("CreateStreamLinkOutputInfo", {"FlowId": flow["FlowId"], "Output": srt_output("second")}),
        (
            "ModifyStreamLinkOutputInfo",
            {"FlowId": flow["FlowId"], "Output": {**changed, "AllowIpList": ["10.0.0.0/8"]}},
        ),
        ("ModifyStreamLinkOutputInfo", {"FlowId": flow["FlowId"], "Output": {**changed, "Description": "x"}}),
        ("ModifyStreamLinkInput", modified(flow, Description="x")),
        ("DeleteStreamLinkOutput", {"FlowId": flow["FlowId"], "OutputId": first["OutputId"]}),
    ]
    state = "InvalidParameter.State"
    expected = {
        EditRules.STRICT_2021: [state] * 5,
        EditRules.LIVE_2022: ["", "", state, state, ""],
        EditRules.LIVE_2023: [""] * 5,
    }
    await ruled.done("StartStreamLinkFlow", {"FlowId": flow["FlowId"]})

    codes = [await ruled.code(action, payload) for action, payload in calls]

    assert codes == expected[ruled.plane.edit_rules]


async def test_a_relay_without_ports_is_full(tmp_path: Path) -> None:
    """The last port gone, nothing more that listens is made, and nothing half made is left."""
    speaking = Api(await make_plane(tmp_path, ports=range(29_990, 29_992)))
    flow = await speaking.create_flow()

    await speaking.add(flow, srt_output())
    full = await speaking.code("CreateStreamLinkOutputInfo", {"FlowId": flow["FlowId"], "Output": srt_output("third")})
    named = {"FlowId": flow["FlowId"], "OutputId": (await speaking.describe(flow))["OutputGroup"][0]["OutputId"]}
    await speaking.done("DeleteStreamLinkOutput", named)

    assert full == "InvalidParameter.ExceededQuantityLimit"
    assert (await speaking.add(flow, srt_output("third")))["OutputName"] == "third"
    await speaking.close()
    await speaking.plane.catalogue.close()


@pytest.mark.parametrize(("feed", "fed"), [("SRT", "SRT"), ("RTMP", "RTMP_PULL"), ("RTP", "RTP"), ("RIST", "RIST")])
async def test_every_address_is_the_advertised_one(api: Api, feed: str, fed: str) -> None:
    """Whatever is answered, and by which action, says where the world reaches it; what is kept does not."""
    away = Api(replace(api.plane, advertised="relay.example"))
    flow = await away.create_flow(InputGroup=[INPUTS[feed]])
    named = {"FlowId": flow["FlowId"]}
    made = await away.add(flow, OUTPUTS[fed])
    wanted = {name: value for name, value in OUTPUTS[fed].items() if name != "OutputRegion"}
    wanted["OutputId"] = made["OutputId"]
    edited = await away.done("ModifyStreamLinkOutputInfo", {**named, "Output": wanted})
    listed = await away.done("DescribeStreamLinkFlows")

    told = [flow, made, edited, listed, await away.describe(flow)]

    assert all("relay.example" in str(each) for each in told)
    assert "127.0.0.1" not in str(told)
    assert "relay.example" not in str(await api.describe(flow))
    await away.close()
