"""An account as people make it in a console: twenty flows with four outputs each, of every protocol, without a mark."""

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any, Final

from tencentcloud.mps.v20190612 import models

from tests.endtoend.manifests import CANARY
from tests.endtoend.sdk import Sdk

Json = dict[str, Any]

_INPUTS: Final[tuple[tuple[Json, tuple[str, ...]], ...]] = (
    (
        {
            "Protocol": "SRT",
            "AllowIpList": ["127.0.0.0/8", "203.0.113.0/28"],
            "SRTSettings": {"Mode": "LISTENER", "Passphrase": f"{CANARY}-in", "PbKeyLen": 16, "PeerIdleTimeout": 3000},
        },
        ("srt_listener", "srt_caller", "push", "plain_caller"),
    ),
    (
        {
            "Protocol": "SRT",
            "SRTSettings": {
                "Mode": "CALLER",
                "SourceAddresses": [{"Ip": "camera.example", "Port": 9000}],
                **dict.fromkeys(("Latency", "RecvLatency", "PeerLatency"), 333),
                "StreamId": "#!::r=cam,m=request",
            },
        },
        ("srt_listener", "push", "push_twice", "srt_caller"),
    ),
    ({"Protocol": "RTMP", "AllowIpList": ["127.0.0.0/8"]}, ("push", "push_twice", "rtmp_pull", "open_pull")),
    (
        {
            "Protocol": "RTMP_PULL",
            "RTMPPullSettings": {
                "SourceAddresses": [{"TcUrl": "rtmp://origin.example/live", "StreamKey": f"{CANARY}-source"}]
            },
        },
        ("rtmp_pull", "open_pull", "push", "push_twice"),
    ),
    ({"Protocol": "RTP", "RTPSettings": {"FEC": "none", "IdleTimeout": 2000}}, ("rtp", "rtp_twice", "rtp", "rtp")),
    (
        {
            "Protocol": "RTSP_PULL",
            "RTSPPullSettings": {
                "SourceAddresses": [{"Url": f"rtsp://viewer:{CANARY}-camera@camera.example:554/1?profile=2"}]
            },
        },
        ("rtsp", "open_rtsp", "rtsp", "rtsp"),
    ),
)
"""Each input, and the kinds of the outputs that it feeds."""


def _outputs(number: int) -> dict[str, Json]:
    """Return one output of each kind; what they send to differs from flow to flow and from output to output."""
    key = f"{CANARY}-key-{number}"
    latencies = dict.fromkeys(("Latency", "RecvLatency", "PeerLatency"), 200)
    return {
        "srt_listener": {
            "Protocol": "SRT",
            "AllowIpList": ["127.0.0.0/8"],
            "MaxConcurrent": 2,
            "SRTSettings": {
                "Mode": "LISTENER",
                "Destinations": [],
                "Passphrase": f"{CANARY}-out",
                "PbKeyLen": 32,
                **latencies,
            },
        },
        "srt_caller": {
            "Protocol": "SRT",
            "SRTSettings": {
                "Mode": "CALLER",
                "Destinations": [{"Ip": "tower.example", "Port": 9000 + number}],
                "Passphrase": f"{CANARY}-tower",
                "PbKeyLen": 24,
            },
        },
        "plain_caller": {
            "Protocol": "SRT",
            "SecurityGroupIds": ["sg-1"],
            "SRTSettings": {"Mode": "CALLER", "Destinations": [{"Ip": "2001:db8::7", "Port": 9000 + number}]},
        },
        "push": {
            "Protocol": "RTMP",
            "RTMPSettings": {"Destinations": [{"Url": "rtmp://cdn.example/live", "StreamKey": key}]},
        },
        "push_twice": {
            "Protocol": "RTMP",
            "RTMPSettings": {
                "Destinations": [
                    {"Url": "rtmp://one.example/live", "StreamKey": f"{key}-1"},
                    {"Url": "rtmps://two.example:443/live", "StreamKey": f"{key}-2"},
                ],
                "ChunkSize": 8192,
            },
        },
        "rtmp_pull": {"Protocol": "RTMP_PULL", "AllowIpList": ["127.0.0.0/8"], "MaxConcurrent": 3},
        "open_pull": {"Protocol": "RTMP_PULL"},
        "rtp": {
            "Protocol": "RTP",
            "RTPSettings": {
                "Destinations": [{"Ip": "198.51.100.9", "Port": 5000 + number}],
                "FEC": "none",
                "IdleTimeout": 5000,
            },
        },
        "rtp_twice": {
            "Protocol": "RTP",
            "RTPSettings": {
                "Destinations": [{"Ip": "198.51.100.1", "Port": 5000}, {"Ip": "198.51.100.2", "Port": 5000}],
                "FEC": "none",
                "IdleTimeout": 7000,
            },
        },
        "rtsp": {"Protocol": "RTSP_PULL", "AllowIpList": ["127.0.0.0/8"]},
        "open_rtsp": {"Protocol": "RTSP_PULL"},
    }


NAMES: Final = (
    "City News",
    "city-news",
    "no",
    "017",
    "1:30",
    "Frühstück 早安",
    "2024-01-02",
    "#1",
    "x: y",
    "-",
    "ok_1",
)
"""Live names that a reader of YAML, or `metadata.name`, may stumble over."""


async def make_account(sdk: Sdk, *, flows: int = 20) -> None:
    """Make the flows with four outputs each; every third one runs."""
    for number in range(flows):
        made, kinds = deepcopy(_INPUTS[number % len(_INPUTS)])
        name = f"{NAMES[number % len(NAMES)]}{'' if number < len(NAMES) else f' {number}'}"
        made |= {"InputName": f"in_{number}", "Description": f"camera {number}: a # b" if number % 2 else ""}
        flow_id = await _create_flow(sdk, {"FlowName": name, "MaxBandwidth": 20_000_000, "InputGroup": [made]})
        for place, kind in enumerate(kinds):
            output = deepcopy(_outputs(number * 10 + place)[kind])
            output |= {"OutputName": f"{kind} {place}", "OutputRegion": "local", "Description": "no" if place else ""}
            await call(sdk, "CreateStreamLinkOutputInfo", {"FlowId": flow_id, "Output": output})
        if number % 3 == 0:
            await call(sdk, "StartStreamLinkFlow", {"FlowId": flow_id})


async def _create_flow(sdk: Sdk, request: Json) -> str:
    answer = await call(sdk, "CreateStreamLinkFlow", request)
    flow_id: str = answer.Info.FlowId
    return flow_id


async def call(sdk: Sdk, action: str, request: Json) -> Any:
    """Make one call, of which the request is written as it goes over the wire."""
    sent = getattr(models, f"{action}Request")()
    sent.from_json_string(json.dumps(request))
    return await sdk.call(action, sent)


async def ends_of(sdk: Sdk) -> dict[str, Json]:
    """Return every input and output as it is on the wire, by its id."""
    request = models.DescribeStreamLinkFlowsRequest()
    request.PageNum, request.PageSize = 1, 100
    answer = await sdk.call("DescribeStreamLinkFlows", request)
    return dict(_ends(json.loads(answer.to_json_string())["Infos"]))


def _ends(flows: list[Json]) -> Iterator[tuple[str, Json]]:
    for flow in flows:
        yield flow["FlowId"], {name: value for name, value in flow.items() if not name.endswith("Group")}
        for end in flow["InputGroup"]:
            yield end["InputId"], end
        for end in flow["OutputGroup"]:
            yield end["OutputId"], end
