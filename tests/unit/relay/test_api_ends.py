"""Inputs and outputs at the API: what they must say, what they are given, and what may be changed when."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.relay.editing import EditRules
from tests.unit.relay.calling import Api, Json, make_plane, output, srt_input, srt_output

pytestmark = pytest.mark.anyio

CALLED = {"Ip": "tower.example", "Port": 9000}
CODE = "InvalidParameter"
RTMP = {"Destinations": [{"Url": "rtmp://cdn.example/live", "StreamKey": "canary"}]}
RTP = {"Destinations": [CALLED], "FEC": "none", "IdleTimeout": 5000}


def an_input(protocol: str, **members: object) -> Json:
    """Return an input of any protocol."""
    return {"InputName": "camera", "Protocol": protocol, **members}


RTMP_SOURCE = {"SourceAddresses": [{"TcUrl": "rtmp://studio.example/live", "StreamKey": "canary"}]}
RTSP_SOURCE = {"SourceAddresses": [{"Url": "rtsp://camera.example/1"}]}
INPUTS = {
    "SRT": srt_input(),
    "RTMP": an_input("RTMP"),
    "RTMP_PULL": an_input("RTMP_PULL", RTMPPullSettings=RTMP_SOURCE),
    "RTP": an_input("RTP"),
    "RTSP_PULL": an_input("RTSP_PULL", RTSPPullSettings=RTSP_SOURCE),
    "RIST": an_input("RIST"),
    "HLS_PULL": an_input("HLS_PULL", HLSPullSettings={"SourceAddresses": [{"Url": "https://origin.example/a.m3u8"}]}),
}
OUTPUTS = {
    "SRT": srt_output(),
    "RTMP": output("push", "RTMP", RTMPSettings=RTMP),
    "RTMP_PULL": output("pull", "RTMP_PULL"),
    "RTP": output("rtp", "RTP", RTPSettings=RTP),
    "RTSP_PULL": output("rtsp", "RTSP_PULL"),
    "RIST": output("rist", "RIST"),
    "HLS_PULL": output("hls", "HLS_PULL"),
}
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


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        pytest.param({**srt_input(), "InputName": "a b"}, f"{CODE}.Name", id="a blank in the name"),
        pytest.param({**srt_input(), "InputName": "a" * 33}, f"{CODE}.Name", id="a long name"),
        pytest.param({**srt_input(), "AllowIpList": ["10.0.0.1"]}, f"{CODE}.Input", id="no prefix length"),
        pytest.param({**srt_input(), "AllowIpList": ["10.0.0.0/255.0.0.0"]}, f"{CODE}.Input", id="a netmask"),
        pytest.param({**srt_input(), "AllowIpList": ["10.0.0.0/33"]}, f"{CODE}.Input", id="a long prefix"),
        pytest.param({**srt_input(), "AllowIpList": "10.0.0.0/8"}, CODE, id="no list"),
        pytest.param({**srt_input(), "InputRegion": "na-ashburn"}, f"{CODE}.Input", id="elsewhere than its flow"),
        pytest.param({**srt_input(), "Zones": ["a", "b"]}, f"{CODE}.Input", id="two zones without failover"),
        pytest.param({**srt_input(), "FailOver": "OPEN", "Zones": ["a"]}, f"{CODE}.Input", id="failover in one zone"),
        pytest.param(
            {**srt_input(), "ResilientStream": {"Enable": True, "BufferTime": 5}}, f"{CODE}.Input", id="a short buffer"
        ),
        pytest.param(srt_input(Latency=3001), f"{CODE}.Input", id="a long latency"),
        pytest.param(srt_input(Mode="RENDEZVOUS"), f"{CODE}.Input", id="no such mode"),
        pytest.param(srt_input(Mode="CALLER"), f"{CODE}.Input", id="a caller without an address"),
        pytest.param(
            srt_input(Mode="CALLER", SourceAddresses=[{"Ip": "a b", "Port": 1}]), f"{CODE}.Input", id="no host"
        ),
        pytest.param(srt_input(Passphrase="canary-canary"), f"{CODE}.Input", id="a passphrase without key length"),
        pytest.param(srt_input(PbKeyLen=16), f"{CODE}.Input", id="a key length without passphrase"),
        pytest.param(srt_input(Passphrase="short", PbKeyLen=16), f"{CODE}.Input", id="a short passphrase"),
        pytest.param(srt_input(Encryption="on"), "UnknownParameter", id="unknown, nested"),
        pytest.param(srt_input(SourceAddresses=[{"Ip": "a"}]), "MissingParameter", id="missing, nested"),
        pytest.param(an_input("RTP", RTPSettings={"IdleTimeout": 10}), f"{CODE}.Input", id="a short timeout"),
        pytest.param(an_input("RTMP_PULL"), f"{CODE}.Input", id="a pull from nowhere"),
        pytest.param(
            an_input("RTMP_PULL", RTMPPullSettings={"SourceAddresses": [{"TcUrl": "http://a", "StreamKey": "k"}]}),
            f"{CODE}.Input",
            id="RTMP from a web page",
        ),
        pytest.param(
            an_input("RTSP_PULL", RTSPPullSettings={"SourceAddresses": [{"Url": "rtmp://a"}]}),
            f"{CODE}.Input",
            id="RTSP from RTMP",
        ),
    ],
)
async def test_an_input_that_cannot_be(api: Api, wanted: Json, code: str) -> None:
    """What is wrong with an input is answered with the code of its kind, and no value is quoted."""
    response = await api.call(
        "CreateStreamLinkFlow", {"FlowName": "news", "MaxBandwidth": 10_000_000, "InputGroup": [wanted]}
    )

    assert response["Error"]["Code"] == code
    assert "canary" not in response["Error"]["Message"]


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        pytest.param({**srt_output(), "OutputName": ""}, f"{CODE}.Name", id="no name"),
        pytest.param({**srt_output(), "Description": None}, "MissingParameter", id="no description"),
        pytest.param({**srt_output(), "OutputRegion": None}, "MissingParameter", id="no region"),
        pytest.param({**srt_output(), "OutputRegion": "mars"}, f"{CODE}.Output", id="no such region"),
        pytest.param({**srt_output(), "Protocol": "WebRTC"}, f"{CODE}.Protocol", id="no such protocol"),
        pytest.param({**srt_output(), "AllowIpList": ["all"]}, f"{CODE}.Output", id="no CIDR"),
        pytest.param({**srt_output(), "MaxConcurrent": 5}, f"{CODE}.Output", id="too many receivers"),
        pytest.param({**srt_output(), "Zones": ["a", "b"]}, f"{CODE}.Output", id="two zones"),
        pytest.param(
            {**srt_output(), "PidSelector": {"AudioPID": [1]}, "StreamSelector": {"SelectorType": "PID"}},
            f"{CODE}.Output",
            id="two selectors",
        ),
        pytest.param(srt_output(Mode="CALLER"), f"{CODE}.Output", id="a caller without an address"),
        pytest.param(srt_output(PbKeyLen=32), f"{CODE}.Output", id="a key length without passphrase"),
        pytest.param(srt_output(FEC={"Enable": True, "Cols": 0}), f"{CODE}.Output", id="no columns"),
        pytest.param(srt_output(FEC={"Enable": True, "Rows": -1}), f"{CODE}.Output", id="one row"),
        pytest.param(srt_output(Mode="CALLER", Destinations=[{"Ip": "-x", "Port": 1}]), f"{CODE}.Output", id="no host"),
        pytest.param(output("p", "RTMP"), f"{CODE}.Output", id="a push to nowhere"),
        pytest.param(
            output("p", "RTMP", RTMPSettings={"Destinations": [{"Url": "rtmp://a/b", "StreamKey": "canary\ncanary"}]}),
            f"{CODE}.Output",
            id="a key of two lines",
        ),
        pytest.param(
            output("p", "RTMP", RTMPSettings={"Destinations": [{"Url": "http://a/b", "StreamKey": "canary"}]}),
            f"{CODE}.Output",
            id="a push to a web page",
        ),
    ],
)
async def test_an_output_that_cannot_be(api: Api, wanted: Json, code: str) -> None:
    """What is wrong with an output is answered with the code of its kind, and no value is quoted."""
    flow = await api.create_flow()

    response = await api.call("CreateStreamLinkOutputInfo", {"FlowId": flow["FlowId"], "Output": wanted})

    assert response["Error"]["Code"] == code
    assert "canary" not in response["Error"]["Message"]
    assert (await api.describe(flow))["OutputGroup"] == []


@pytest.mark.parametrize(
    ("protocol", "wanted"),
    [
        ("RTP", output("p", "RTP", RTPSettings={**RTP, "Destinations": [{"Ip": "a/b", "Port": 1}]})),
        ("RIST", output("p", "RIST", RISTSettings={"Mode": "CALLER"})),
    ],
)
async def test_other_outputs_that_cannot_be(api: Api, protocol: str, wanted: Json) -> None:
    """An RTP destination is a host, and a RIST output cannot call, for nothing says whom."""
    flow = await api.create_flow(InputGroup=[INPUTS[protocol]])

    refused = await api.code("CreateStreamLinkOutputInfo", {"FlowId": flow["FlowId"], "Output": wanted})

    assert refused == "InvalidParameter.Output"


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


async def test_fields_that_the_relay_does_nothing_with_survive(api: Api) -> None:
    """Security groups, zones and selectors are kept as they were sent; settings of other protocols are not."""
    extras = {
        "SecurityGroupIds": ["sg-1"],
        "Zones": ["zone-2"],
        "StreamSelector": {"SelectorType": "TRACK", "TrackSelector": {"VideoIndex": [1]}},
        "OutputType": "TencentCSS",
    }
    flow = await api.create_flow()

    made = await api.add(flow, {**srt_output(), **extras, "RTMPSettings": RTMP})

    assert made.items() >= extras.items()
    assert made["RTMPSettings"] is None


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


@pytest.mark.parametrize(("protocol", "scheme"), [("RTP", "rtp"), ("RIST", "rist")])
async def test_other_pushed_inputs_get_an_address_too(api: Api, protocol: str, scheme: str) -> None:
    """Where nothing carries the protocol yet, its address is given all the same."""
    flow = await api.create_flow(InputGroup=[INPUTS[protocol]])

    found = flow["InputGroup"][0]
    assert found["StreamUrls"][0]["Url"] == f"{scheme}://127.0.0.1:{found['InputAddressList'][0]['Port']}"


async def test_pulled_outputs_say_where(api: Api) -> None:
    """RTSP and RIST outputs have an address; an input that pulls has none."""
    rtsp = await api.create_flow(InputGroup=[INPUTS["RTSP_PULL"]], OutputGroup=[OUTPUTS["RTSP_PULL"]])
    rist = await api.create_flow(FlowName="rist", InputGroup=[INPUTS["RIST"]], OutputGroup=[OUTPUTS["RIST"]])

    url = rtsp["OutputGroup"][0]["RTSPPullSettings"]["ServerUrls"][0]["Url"]
    source = rist["OutputGroup"][0]["RISTSettings"]["SourceAddresses"][0]
    assert (rtsp["InputGroup"][0]["InputAddressList"], url[:17]) == ([], "rtsp://127.0.0.1:")
    assert rist["OutputGroup"][0]["StreamUrls"][0]["Url"] == f"rist://127.0.0.1:{source['Port']}"


async def test_a_modified_output_is_replaced_and_keeps_its_address(api: Api) -> None:
    """What Modify does not say goes back to its default; the region, id, port and place stay."""
    flow = await api.create_flow()
    before = await api.add(flow, {**srt_output(Latency=500), "SecurityGroupIds": ["sg-1"]})
    await api.add(flow, srt_output("sibling"))
    changed = {**srt_output("mast"), "OutputId": before["OutputId"]}
    del changed["OutputRegion"]

    after = (await api.done("ModifyStreamLinkOutputInfo", {"FlowId": flow["FlowId"], "Output": changed}))["Info"]

    assert after["OutputName"] == "mast"
    assert (after["SRTSettings"]["Latency"], after["SecurityGroupIds"]) == (120, None)
    same = ("OutputId", "OutputRegion", "StreamUrls", "OutputAddressList")
    assert [after[member] for member in same] == [before[member] for member in same]
    listed = (await api.describe(flow))["OutputGroup"]
    assert [made["OutputName"] for made in listed] == ["mast", "sibling"]


async def test_an_output_keeps_its_port_while_it_calls(api: Api) -> None:
    """A listener that is turned into a caller and back has the address that it had."""
    flow = await api.create_flow()
    before = await api.add(flow, srt_output())

    infos = []
    for settings in ({"Mode": "CALLER", "Destinations": [CALLED]}, {"Mode": "LISTENER", "Destinations": []}):
        changed = {**srt_output(**settings), "OutputId": before["OutputId"]}
        del changed["OutputRegion"]
        payload = {"FlowId": flow["FlowId"], "Output": changed}
        infos.append((await api.done("ModifyStreamLinkOutputInfo", payload))["Info"])

    assert infos[0]["StreamUrls"] == []
    assert infos[1] == before


@pytest.mark.parametrize(
    ("members", "code"),
    [
        pytest.param({"OutputId": "0" * 28}, "InvalidParameter.OutputId", id="nobody's id"),
        pytest.param({"OutputName": "sibling"}, "InvalidParameter.Name", id="a sibling's name"),
        pytest.param({"Protocol": "RTMP", "RTMPSettings": RTMP}, "InvalidParameter.Protocol", id="another protocol"),
        pytest.param({"OutputRegion": "ap-singapore"}, "UnknownParameter", id="another region"),
        pytest.param({"Description": None}, "MissingParameter", id="no description"),
    ],
)
async def test_an_output_that_cannot_become_so(api: Api, members: Json, code: str) -> None:
    """A refused Modify changes nothing."""
    flow = await api.create_flow(OutputGroup=[srt_output(), srt_output("sibling")])
    changed = {**srt_output(), "OutputId": flow["OutputGroup"][0]["OutputId"]}
    del changed["OutputRegion"]

    payload = {"FlowId": flow["FlowId"], "Output": {**changed, **members}}
    refused = await api.code("ModifyStreamLinkOutputInfo", payload)

    assert refused == code
    assert await api.describe(flow) == flow


async def test_an_output_is_deleted_once(api: Api) -> None:
    """The second time it is not found; its sibling stays."""
    flow = await api.create_flow(OutputGroup=[srt_output(), srt_output("sibling")])
    named = {"FlowId": flow["FlowId"], "OutputId": flow["OutputGroup"][0]["OutputId"]}

    codes = [await api.code("DeleteStreamLinkOutput", named) for _ in range(2)]

    assert codes == ["", "InvalidParameter.NotFound"]
    assert (await api.describe(flow))["OutputGroup"] == flow["OutputGroup"][1:]


async def test_names_of_outputs_are_unique_in_their_flow(api: Api) -> None:
    """Two of one name could not be told apart."""
    flow = await api.create_flow(OutputGroup=[srt_output()])

    refused = await api.code("CreateStreamLinkOutputInfo", {"FlowId": flow["FlowId"], "Output": srt_output()})

    assert refused == "InvalidParameter.Name"


async def test_a_flow_has_one_multi_mesh_output_a_region(api: Api) -> None:
    """A second is over the quota there, and welcome elsewhere."""
    mesh = {**srt_output("one"), "OutputKind": "MultiMesh"}
    flow = await api.create_flow(OutputGroup=[mesh])

    codes = [
        await api.code("CreateStreamLinkOutputInfo", {"FlowId": flow["FlowId"], "Output": {**mesh, **members}})
        for members in ({"OutputName": "two"}, {"OutputName": "three", "OutputRegion": "ap-singapore"})
    ]

    assert codes == ["InvalidParameter.ExceededQuantityLimit", ""]


def modified(flow: Json, **members: object) -> Json:
    """Return what Modify demands of the flow's input, and the members."""
    found = flow["InputGroup"][0]
    demanded = {"InputId": found["InputId"], "InputName": found["InputName"], "Description": "", "AllowIpList": []}
    return {"FlowId": flow["FlowId"], "Input": {**demanded, "SRTSettings": {}, "RTPSettings": {}, **members}}


async def test_a_modified_input_is_replaced_and_keeps_its_address(api: Api) -> None:
    """Without a protocol it keeps its own; the empty settings that Modify demands of others mean nothing."""
    flow = await api.create_flow(InputGroup=[{**srt_input(Latency=500), "SecurityGroupIds": ["sg-1"]}])
    changed = modified(flow, AllowIpList=["10.0.0.0/8"], RTPSettings={"FEC": "none", "IdleTimeout": 0})

    after = (await api.done("ModifyStreamLinkInput", changed))["Info"]

    assert (after["Protocol"], after["AllowIpList"], after["RTPSettings"]) == ("SRT", ["10.0.0.0/8"], None)
    assert (after["SRTSettings"]["Latency"], after["SecurityGroupIds"]) == (120, None)
    assert after["InputAddressList"] == flow["InputGroup"][0]["InputAddressList"]


async def test_an_input_changes_its_protocol_only_where_its_outputs_allow(api: Api) -> None:
    """RTMP feeds an RTMP push as SRT did, and gets what it needs; RTP would not."""
    flow = await api.create_flow(OutputGroup=[OUTPUTS["RTMP"]])

    refused = await api.code("ModifyStreamLinkInput", modified(flow, Protocol="RTP"))
    after = (await api.done("ModifyStreamLinkInput", modified(flow, Protocol="RTMP")))["Info"]

    assert refused == "InvalidParameter.Protocol"
    assert (after["SRTSettings"], after["RTMPSettings"]["AppName"]) == (None, "live")


@pytest.mark.parametrize(
    ("members", "code"),
    [
        pytest.param({"InputId": "0" * 28}, "InvalidParameter.Id", id="nobody's id"),
        pytest.param({"SRTSettings": None}, "MissingParameter", id="settings of another protocol are demanded too"),
        pytest.param({"SRTSettings": {"PbKeyLen": 16}}, "InvalidParameter.Input", id="half an encryption"),
    ],
)
async def test_an_input_that_cannot_become_so(api: Api, members: Json, code: str) -> None:
    """A refused Modify changes nothing."""
    flow = await api.create_flow()

    refused = await api.code("ModifyStreamLinkInput", modified(flow, **members))

    assert refused == code
    assert await api.describe(flow) == flow


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
