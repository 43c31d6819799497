"""Outputs at the API: what they must say, what is kept of it, and what becomes of a Modify and a Delete."""

import pytest

from tests.unit.relay.calling import CALLED, CODE, INPUTS, RTMP, RTP, Api, Json, output, srt_output

pytestmark = pytest.mark.anyio


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
