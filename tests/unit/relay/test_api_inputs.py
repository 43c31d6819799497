"""Inputs at the API: what they must say, what they are given, and what a Modify of one does."""

import pytest

from tests.unit.relay.calling import CODE, INPUTS, OUTPUTS, Api, Json, an_input, modified, srt_input

pytestmark = pytest.mark.anyio


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


@pytest.mark.parametrize(("protocol", "scheme"), [("RTP", "rtp"), ("RIST", "rist")])
async def test_other_pushed_inputs_get_an_address_too(api: Api, protocol: str, scheme: str) -> None:
    """Where nothing carries the protocol yet, its address is given all the same."""
    flow = await api.create_flow(InputGroup=[INPUTS[protocol]])

    found = flow["InputGroup"][0]
    assert found["StreamUrls"][0]["Url"] == f"{scheme}://127.0.0.1:{found['InputAddressList'][0]['Port']}"


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
