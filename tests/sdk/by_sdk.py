"""The requests of the official SDK, filled as its users fill them."""

from collections.abc import Iterator
from typing import Any, Final

from tencentcloud.common.credential import Credential
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.mps.v20190612 import models
from tencentcloud.mps.v20190612.mps_client import MpsClient

from tests.fakes import samples
from tests.fakes.api import KEYS
from tests.fakes.samples import REGION
from tests.sdk.recorder import FLOW_ID, MARK, OUTPUT_ID, Recorded, recorder


def filled_in(model: Any, **members: Any) -> Any:
    """Return a model of the SDK with these attributes, as its users write them one by one."""
    for name, value in members.items():
        setattr(model, name, value)
    return model


def input_model(name: str, protocol: str, description: str, **members: Any) -> Any:
    """Return an input as a user of the SDK fills it."""
    return filled_in(models.CreateInput(), InputName=name, Protocol=protocol, Description=description, **members)


def output_model(name: str, protocol: str, versions: str = "", **members: Any) -> Any:
    """Return an output as a user of the SDK fills it."""
    return filled_in(
        models.CreateOutputInfo(),
        OutputName=name,
        Protocol=protocol,
        Description=f"the {name} {MARK(name, versions)}",
        OutputRegion="local",
        **members,
    )


def srt_input_settings(**members: Any) -> Any:
    """Return the settings of an SRT input."""
    return filled_in(models.CreateInputSRTSettings(), **members)


def srt_output_settings(*destinations: tuple[str, int], **members: Any) -> Any:
    """Return the settings of an SRT output."""
    models_of = [filled_in(models.CreateOutputSRTSettingsDestinations(), Ip=ip, Port=port) for ip, port in destinations]
    return filled_in(models.CreateOutputSRTSettings(), Destinations=models_of, **members)


def latency(latency_ms: int) -> dict[str, int]:
    """Return all three latencies."""
    return dict.fromkeys(("Latency", "RecvLatency", "PeerLatency"), latency_ms)


ENCRYPTED: Final[dict[str, Any]] = {"Passphrase": samples.PASSPHRASE.reveal(), "PbKeyLen": 32}
SRT_INPUT_MEMBERS: Final[dict[str, Any]] = {
    "Mode": "LISTENER",
    "StreamId": "#!::r=a,m=publish",
    **latency(200),
    **ENCRYPTED,
}


def sdk_flows() -> Iterator[Any]:
    """Yield the requests that make the samples' flows."""
    rtmp = filled_in(
        models.RTMPPullSourceAddress(), TcUrl="rtmp://origin.example/live", StreamKey=samples.STREAM_KEY.reveal()
    )
    camera = filled_in(models.SRTSourceAddressReq(), Ip="camera.example", Port=9000)
    url = "rtsp://view%20er:canary%2Fpass%3Aword%401@camera.example:554/stream?channel=1"
    rtsp = filled_in(models.RTSPPullSourceAddress(), Url=url)
    inputs = [
        input_model(
            "srt_in",
            "SRT",
            f"from the stadium {MARK('srt_in', ' s=2')}",
            AllowIpList=["203.0.113.0/28", "2001:db8::/32"],
            SRTSettings=srt_input_settings(**SRT_INPUT_MEMBERS),
        ),
        input_model(
            "srt_pull",
            "SRT",
            MARK("srt_pull", ""),
            SRTSettings=srt_input_settings(Mode="CALLER", SourceAddresses=[camera], PeerIdleTimeout=3000),
        ),
        input_model("rtmp_in", "RTMP", MARK("rtmp_in", ""), AllowIpList=[]),
        input_model(
            "rtmp_pull",
            "RTMP_PULL",
            MARK("rtmp_pull", " s=1"),
            RTMPPullSettings=filled_in(models.CreateInputRTMPPullSettings(), SourceAddresses=[rtmp]),
        ),
        input_model(
            "rtp_in",
            "RTP",
            MARK("rtp_in", ""),
            AllowIpList=["198.51.100.7/32"],
            RTPSettings=filled_in(models.CreateInputRTPSettings(), FEC="none", IdleTimeout=1500),
        ),
        input_model(
            "rtsp_in",
            "RTSP_PULL",
            MARK("rtsp_in", ""),
            RTSPPullSettings=filled_in(models.CreateInputRTSPPullSettings(), SourceAddresses=[rtsp]),
        ),
    ]
    for each in inputs:
        yield filled_in(
            models.CreateStreamLinkFlowRequest(), FlowName=each.InputName, MaxBandwidth=20_000_000, InputGroup=[each]
        )


def sdk_outputs() -> Iterator[Any]:
    """Yield the requests that make the samples' outputs."""
    pulled: dict[str, Any] = {"AllowIpList": ["203.0.113.0/28"], "MaxConcurrent": 2}
    key = samples.STREAM_KEY.reveal()
    pushed_to = [
        filled_in(models.CreateOutputRtmpSettingsDestinations(), Url="rtmp://cdn.example/live", StreamKey=key),
        filled_in(
            models.CreateOutputRtmpSettingsDestinations(),
            Url="rtmps://backup.example:443/live",
            StreamKey="canary-backup",
        ),
    ]
    sent_to = [
        filled_in(models.CreateOutputRTPSettingsDestinations(), Ip="198.51.100.1", Port=5000),
        filled_in(models.CreateOutputRTPSettingsDestinations(), Ip="198.51.100.2", Port=5002),
    ]
    outputs = [
        (
            "srt_in",
            output_model(
                "listener", "SRT", " s=2", SRTSettings=srt_output_settings(Mode="LISTENER", **ENCRYPTED), **pulled
            ),
        ),
        (
            "srt_in",
            output_model("caller", "SRT", SRTSettings=srt_output_settings(("198.51.100.9", 9000), **latency(1000))),
        ),
        (
            "srt_in",
            output_model(
                "push",
                "RTMP",
                " s=1",
                RTMPSettings=filled_in(models.CreateOutputRTMPSettings(), Destinations=pushed_to, ChunkSize=8192),
            ),
        ),
        ("rtmp_in", output_model("pull", "RTMP_PULL", **pulled)),
        (
            "rtp_in",
            output_model(
                "tower",
                "RTP",
                RTPSettings=filled_in(
                    models.CreateOutputInfoRTPSettings(), Destinations=sent_to, FEC="none", IdleTimeout=2500
                ),
            ),
        ),
        ("rtsp_in", output_model("monitor", "RTSP_PULL", **pulled)),
    ]
    for flow, output in outputs:
        yield filled_in(models.CreateStreamLinkOutputInfoRequest(), FlowId=FLOW_ID(flow), Output=output)


def sdk_edits() -> Iterator[Any]:
    """Yield the requests that edit an input and an output, whole objects as the API asks."""
    yield filled_in(
        models.ModifyStreamLinkInputRequest(),
        FlowId=FLOW_ID("srt_in"),
        Input=filled_in(
            models.ModifyInput(),
            InputId="i",
            InputName="srt_in",
            Description=f"from the stadium {MARK('srt_in', ' s=2')}",
            Protocol="SRT",
            AllowIpList=["203.0.113.0/28", "2001:db8::/32"],
            SRTSettings=srt_input_settings(**SRT_INPUT_MEMBERS),
            RTPSettings=models.CreateInputRTPSettings(),
        ),
    )
    yield filled_in(
        models.ModifyStreamLinkOutputInfoRequest(),
        FlowId=FLOW_ID("srt_in"),
        Output=filled_in(
            models.ModifyOutputInfo(),
            OutputId=OUTPUT_ID,
            OutputName="caller",
            Protocol="SRT",
            Description=f"the caller {MARK('caller', '')}",
            SRTSettings=srt_output_settings(("b.example", 1), Mode="CALLER", **latency(200)),
            SecurityGroupIds=["sg-1"],
        ),
    )


def sdk_requests() -> list[Recorded]:
    """Return what the official SDK sends."""
    with recorder() as server:
        profile = ClientProfile(httpProfile=HttpProfile(protocol="http", endpoint=server.endpoint))
        client = MpsClient(Credential(KEYS.secret_id, KEYS.secret_key), REGION, profile)
        for request in sdk_flows():
            client.CreateStreamLinkFlow(request)
        for request in sdk_outputs():
            client.CreateStreamLinkOutputInfo(request)
        modify_input, modify_output = sdk_edits()
        client.ModifyStreamLinkInput(modify_input)
        client.ModifyStreamLinkOutputInfo(modify_output)
        flow_id = FLOW_ID("srt_in")
        client.StartStreamLinkFlow(filled_in(models.StartStreamLinkFlowRequest(), FlowId=flow_id))
        client.StopStreamLinkFlow(filled_in(models.StopStreamLinkFlowRequest(), FlowId=flow_id))
        client.DeleteStreamLinkOutput(
            filled_in(models.DeleteStreamLinkOutputRequest(), FlowId=flow_id, OutputId=OUTPUT_ID)
        )
        client.DeleteStreamLinkFlow(filled_in(models.DeleteStreamLinkFlowRequest(), FlowId=flow_id))
    return server.writes()
