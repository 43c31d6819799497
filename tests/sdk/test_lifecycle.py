"""The official SDK, unchanged, against the relay: the independent judge of whether it speaks the API."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest
from tencentcloud.common.credential import Credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.mps.v20190612 import models
from tencentcloud.mps.v20190612.mps_client import MpsClient

from reconciler.relay.service import Relay
from reconciler.relay.settings import MediaKind, RelaySettings

pytestmark = pytest.mark.anyio

REGION: Final = "ap-singapore"


class Sdk:
    """One client of the official SDK; each call in a thread, since it blocks."""

    def __init__(self, relay: Relay, *, secret_key: str | None = None, region: str = REGION) -> None:
        keys = relay.credentials
        http = HttpProfile(protocol="http", endpoint=relay.address)
        credential = Credential(keys.secret_id, secret_key or keys.secret_key)
        self._client = MpsClient(credential, region, ClientProfile(httpProfile=http))

    async def call(self, action: str, **members: Any) -> Any:
        """Make one call with a request of the SDK's own model."""
        request = made(f"{action}Request", **members)
        return await asyncio.to_thread(getattr(self._client, action), request)

    async def refused(self, action: str, **members: Any) -> str:
        """Return the code of a call that must be refused."""
        with pytest.raises(TencentCloudSDKException) as refusal:
            await self.call(action, **members)
        assert refusal.value.get_request_id()
        return str(refusal.value.get_code())


def made(model: str, **members: Any) -> Any:
    """Return one of the SDK's models, filled in; a member that it has not got is a mistake."""
    instance = getattr(models, model)()
    for name, value in members.items():
        assert hasattr(instance, name), name
        setattr(instance, name, value)
    return instance


@pytest.fixture
def settings(tmp_path: Path) -> RelaySettings:
    """Return the settings of a relay that carries nothing."""
    return RelaySettings(state=tmp_path, media=MediaKind.NONE, regions=(REGION,))


@pytest.fixture
async def relay(settings: RelaySettings) -> AsyncIterator[Relay]:
    """Serve it."""
    async with Relay(settings) as serving:
        yield serving


def camera() -> Any:
    """Return an encrypted SRT input."""
    settings = made("CreateInputSRTSettings", Mode="LISTENER", Latency=200, Passphrase="canary-canary", PbKeyLen=16)
    return made("CreateInput", InputName="camera", Protocol="SRT", Description="", SRTSettings=settings)


def caller(name: str, *, latency_ms: int = 120) -> Any:
    """Return an SRT output that calls."""
    destination = made("CreateOutputSRTSettingsDestinations", Ip="127.0.0.1", Port=9000)
    settings = made("CreateOutputSRTSettings", Mode="CALLER", Destinations=[destination], Latency=latency_ms)
    return made(
        "CreateOutputInfo",
        OutputName=name,
        Description="",
        Protocol="SRT",
        OutputRegion="eu-frankfurt",
        SRTSettings=settings,
    )


def push(name: str) -> Any:
    """Return an RTMP output that pushes."""
    destination = made("CreateOutputRtmpSettingsDestinations", Url="rtmp://cdn.example/live", StreamKey="canary")
    return made(
        "CreateOutputInfo",
        OutputName=name,
        Description="",
        Protocol="RTMP",
        OutputRegion=REGION,
        RTMPSettings=made("CreateOutputRTMPSettings", Destinations=[destination]),
    )


async def news(sdk: Sdk) -> Any:
    """Make a flow with an SRT input and two outputs; return it as it is read."""
    created = await sdk.call("CreateStreamLinkFlow", FlowName="news", MaxBandwidth=10_000_000, InputGroup=[camera()])
    flow_id = created.Info.FlowId
    for output in (caller("tower"), push("platform")):
        await sdk.call("CreateStreamLinkOutputInfo", FlowId=flow_id, Output=output)
    return (await sdk.call("DescribeStreamLinkFlow", FlowId=flow_id)).Info


async def test_a_flow_lives_from_create_to_delete(relay: Relay) -> None:
    """Create, start, list in pages, modify, stop and delete: each does what its name says."""
    sdk = Sdk(relay)
    flow = await news(sdk)
    tower, platform = flow.OutputGroup

    await sdk.call("StartStreamLinkFlow", FlowId=flow.FlowId)
    await sdk.call("CreateStreamLinkFlow", FlowName="sport", MaxBandwidth=20_000_000)
    pages = [await sdk.call("DescribeStreamLinkFlows", PageNum=number, PageSize=1) for number in (1, 2)]
    wanted = caller("tower", latency_ms=500)
    changed = made("ModifyOutputInfo", OutputId=tower.OutputId, OutputName="tower", Description="the north one")
    changed.Protocol, changed.SRTSettings = "SRT", wanted.SRTSettings
    modified = await sdk.call("ModifyStreamLinkOutputInfo", FlowId=flow.FlowId, Output=changed)
    await sdk.call("ModifyStreamLinkFlow", FlowId=flow.FlowId, FlowName="nightly")
    status = await sdk.call("DescribeStreamLinkFlowRealtimeStatus", FlowId=flow.FlowId, InputIds=[], OutputIds=[])
    await sdk.call("DeleteStreamLinkOutput", FlowId=flow.FlowId, OutputId=platform.OutputId)
    running = (await sdk.call("DescribeStreamLinkFlow", FlowId=flow.FlowId)).Info
    await sdk.call("StopStreamLinkFlow", FlowId=flow.FlowId)
    await sdk.call("DeleteStreamLinkFlow", FlowId=flow.FlowId)
    left = await sdk.call("DescribeStreamLinkFlows")

    assert flow.InputGroup[0].SRTSettings.Passphrase == "canary-canary"
    assert [(page.Infos[0].FlowName, page.TotalNum, page.TotalPage) for page in pages] == [
        ("news", 2, 2),
        ("sport", 2, 2),
    ]
    assert (modified.Info.SRTSettings.Latency, modified.Info.Description) == (500, "the north one")
    assert (running.FlowName, running.State, len(running.OutputGroup)) == ("nightly", "RUNNING", 1)
    assert [item.Type for item in status.Datas] == ["Input", "Output", "Output"]
    assert [info.FlowName for info in left.Infos] == ["sport"]


async def test_an_input_is_modified(relay: Relay) -> None:
    """Modify answers with the input as it is now."""
    sdk = Sdk(relay)
    flow = await news(sdk)
    found = flow.InputGroup[0]
    changed = made(
        "ModifyInput", InputId=found.InputId, InputName="camera_2", Description="", AllowIpList=["10.0.0.0/8"]
    )
    changed.SRTSettings = made("CreateInputSRTSettings", Mode="LISTENER", Latency=300)
    changed.RTPSettings = made("CreateInputRTPSettings", FEC="none", IdleTimeout=0)

    answer = await sdk.call("ModifyStreamLinkInput", FlowId=flow.FlowId, Input=changed)

    assert (answer.Info.InputName, answer.Info.AllowIpList) == ("camera_2", ["10.0.0.0/8"])
    assert (answer.Info.SRTSettings.Latency, answer.Info.SRTSettings.Passphrase) == (300, "")
    assert answer.Info.InputAddressList[0].Port == found.InputAddressList[0].Port


async def test_every_kind_of_end_is_read_without_a_warning(relay: Relay) -> None:
    """No answer holds a field that the SDK does not know: it would warn, and a warning fails this test."""
    sdk = Sdk(relay)
    rtmp = made("CreateInput", InputName="camera", Protocol="RTMP")
    pull = made("CreateOutputInfo", OutputName="players", Description="", Protocol="RTMP_PULL", OutputRegion=REGION)
    rtp = made("CreateInput", InputName="camera", Protocol="RTP")

    flow = await news(sdk)
    over_rtmp = await sdk.call(
        "CreateStreamLinkFlow", FlowName="rtmp", MaxBandwidth=10_000_000, InputGroup=[rtmp], OutputGroup=[pull]
    )
    over_rtp = await sdk.call("CreateStreamLinkFlow", FlowName="rtp", MaxBandwidth=10_000_000, InputGroup=[rtp])
    regions = await sdk.call("DescribeStreamLinkRegions")
    state = await sdk.call("DescribeStreamLinkActivateState")

    assert flow.AllowedOutputProtocols == ["SRT", "RTMP"]
    assert over_rtmp.Info.OutputGroup[0].RTMPPullSettings.ServerUrls[0].TcUrl.startswith("rtmp://127.0.0.1:")
    assert over_rtp.Info.InputGroup[0].StreamUrls[0].Type == "IngestEndpoint"
    assert {REGION, "eu-frankfurt"} <= {region.Name for region in regions.Info.Regions}
    assert state.Status == 0


async def test_errors_carry_the_codes_of_the_api(relay: Relay) -> None:
    """The SDK raises with the code and the request id, whatever was wrong."""
    sdk = Sdk(relay)
    flow = await news(sdk)
    named = {"FlowId": flow.FlowId}
    rtp = made("CreateOutputInfo", OutputName="rtp", Description="", Protocol="RTP", OutputRegion=REGION)
    rtp.RTPSettings = made("CreateOutputInfoRTPSettings", FEC="none", IdleTimeout=5000)
    rtp.RTPSettings.Destinations = [made("CreateOutputRTPSettingsDestinations", Ip="192.0.2.1", Port=5000)]

    codes = {
        "stopped twice": await sdk.refused("StopStreamLinkFlow", **named),
        "nobody's": await sdk.refused("DescribeStreamLinkFlow", FlowId="0" * 28),
        "off the matrix": await sdk.refused("CreateStreamLinkOutputInfo", Output=rtp, **named),
        "a long page": await sdk.refused("DescribeStreamLinkFlows", PageSize=101),
        "an event": await sdk.refused("CreateStreamLinkEvent", EventName="final"),
        "in an event": await sdk.refused("CreateStreamLinkFlow", FlowName="x", MaxBandwidth=10_000_000, EventId="e"),
        "no name": await sdk.refused("ModifyStreamLinkFlow", **named),
        "elsewhere": await Sdk(relay, region="na-ashburn").refused("DescribeStreamLinkFlows"),
        "another key": await Sdk(relay, secret_key="wrong").refused("DescribeStreamLinkFlows"),
    }

    assert codes == {
        "stopped twice": "InvalidParameter.State",
        "nobody's": "InvalidParameter.Id",
        "off the matrix": "InvalidParameter.Protocol",
        "a long page": "InvalidParameter.PageSize",
        "an event": "InvalidAction",
        "in an event": "UnknownParameter",
        "no name": "MissingParameter",
        "elsewhere": "UnsupportedRegion",
        "another key": "AuthFailure.SignatureFailure",
    }


async def test_a_restart_changes_nothing(settings: RelaySettings) -> None:
    """Ids, addresses, keys and credentials are the same after, and so is what the SDK reads."""
    async with Relay(settings) as before:
        flow = await news(Sdk(before))
        keys = before.credentials

    async with Relay(settings) as after:
        found = (await Sdk(after).call("DescribeStreamLinkFlow", FlowId=flow.FlowId)).Info

        assert after.credentials == keys
    assert found.to_json_string() == flow.to_json_string()
