"""Our requests mean what those of the official SDK mean, field by field, for every protocol."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import pytest
from tencentcloud.common.credential import Credential
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.mps.v20190612 import models
from tencentcloud.mps.v20190612.mps_client import MpsClient

from reconciler.domain.changes import Call, Create, Delete, Edit, FlowAt, Start, Stop
from reconciler.domain.impact import Impact
from reconciler.domain.marks import Mark, Owner
from reconciler.domain.model import Address, FoundOutput, Srt
from reconciler.domain.properties import PropertyChange
from reconciler.domain.protocols import SrtMode
from reconciler.streamlink.backend import StreamLinkBackend
from reconciler.streamlink.client import ClientSettings, StreamLinkClient
from reconciler.streamlink.signing import Signer, verify
from reconciler.streamlink.wire import ACTIONS, check
from tests.fakes import samples
from tests.fakes.api import KEYS
from tests.fakes.clock import FakeClock
from tests.fakes.samples import FLOW_OF, FLOWS, OUTPUTS, REGION, SRT_CALLER, SRT_FLOW

pytestmark = pytest.mark.anyio

SRT_DEFAULTS: Final[dict[str, Any]] = {
    "StreamId": "",
    "Latency": 120,
    "RecvLatency": 120,
    "PeerLatency": 120,
    "PeerIdleTimeout": 5000,
    "Passphrase": "",
    "PbKeyLen": 0,
}
MEANINGS: Final[dict[str, dict[str, Any]]] = {
    "InputGroup": {"SRTSettings": {"Mode": "LISTENER", "SourceAddresses": [], **SRT_DEFAULTS}},
    "Input": {"SRTSettings": {"Mode": "LISTENER", "SourceAddresses": [], **SRT_DEFAULTS}},
    "Output": {"SRTSettings": {"Mode": "CALLER", **SRT_DEFAULTS}},
}
"""What the API documents for a setting that is not sent. We send all of them; a user of the SDK leaves them out."""

FLOW_ID: Final = "flow-{}".format
OUTPUT_ID: Final = "018b22baaf39"
MARK: Final = "[gitops:v1 o=us n={}{}]".format


@dataclass(frozen=True)
class Recorded:
    """One request as it came over the network."""

    headers: dict[str, str]
    body: bytes

    @property
    def meaning(self) -> tuple[str, str, str, Any]:
        """Return action, version, region and payload, with the settings that a client may leave to their defaults."""
        headers = {name.lower(): value for name, value in self.headers.items()}
        payload = meaning_of(json.loads(self.body))
        return headers["x-tc-action"], headers["x-tc-version"], headers["x-tc-region"], payload


def meaning_of(payload: dict[str, Any]) -> dict[str, Any]:
    """Return the payload without nulls, its documented defaults filled in."""
    meant = {name: value for name, value in payload.items() if value is not None}
    for name, defaults in MEANINGS.items():
        if isinstance(meant.get(name), dict):
            meant[name] = filled(meant[name], defaults)
        elif name in meant:
            meant[name] = [filled(each, defaults) for each in meant[name]]
    return meant


def filled(end: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    """Return an input or output with the defaults of the settings that it has, and without empty ones."""
    said = {name: value for name, value in end.items() if value not in (None, {})}
    return said | {name: values | said[name] for name, values in defaults.items() if name in said}


class Recorder(ThreadingHTTPServer):
    """Keeps every request, and answers as an account with the samples' flows would."""

    daemon_threads = True

    def __init__(self) -> None:
        self.requests: list[Recorded] = []
        self._running: set[str] = set()
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def endpoint(self) -> str:
        """Return where it serves."""
        return f"127.0.0.1:{self.server_address[1]}"

    def answer(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Return what such an account answers."""
        if action == "StartStreamLinkFlow":
            self._running.add(payload["FlowId"])
        elif action == "StopStreamLinkFlow":
            self._running.discard(payload["FlowId"])
        elif action == "DescribeStreamLinkFlows":
            return {"Infos": [self._flow(flow.live_name) for flow in FLOWS], "TotalNum": len(FLOWS)}
        elif action == "DescribeStreamLinkFlow":
            return {"Info": self._flow(payload["FlowId"].removeprefix("flow-"))}
        return {}

    def _flow(self, live_name: str) -> dict[str, Any]:
        return flow_payload(live_name, "RUNNING" if FLOW_ID(live_name) in self._running else "IDLE")

    def writes(self) -> list[Recorded]:
        """Return the requests that change something."""
        return [each for each in self.requests if ACTIONS[each.meaning[0]].writes]


class Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    protocol_version = "HTTP/1.1"
    server: Recorder

    def do_POST(self) -> None:
        """Record the request and answer it."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append(Recorded(headers=dict(self.headers.items()), body=body))
        response = {**self.server.answer(self.headers["X-TC-Action"], json.loads(body)), "RequestId": "r"}
        content = json.dumps({"Response": response}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def flow_payload(live_name: str, state: str) -> dict[str, Any]:
    """Return a flow of ours of that name with one input and one output, as found before the edits."""
    found_input = {"InputId": "i", "InputName": live_name, "Protocol": "SRT", "Description": MARK(live_name, "")}
    output = {
        "OutputId": OUTPUT_ID,
        "OutputName": "caller",
        "Description": MARK("caller", ""),
        "Protocol": "SRT",
        "OutputRegion": "local",
        "SecurityGroupIds": ["sg-1"],
    }
    return {
        "FlowId": FLOW_ID(live_name),
        "FlowName": live_name,
        "State": state,
        "InputGroup": [found_input],
        "OutputGroup": [output],
    }


@contextmanager
def recorder() -> Iterator[Recorder]:
    """Serve on a free port of this machine."""
    with Recorder() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


LATER: Final = replace(
    SRT_CALLER,
    spec=replace(SRT_CALLER.spec, settings=Srt(mode=SrtMode.CALLER, latency_ms=200, peer=Address("b.example", 1))),
)
AT: Final = FlowAt(REGION, SRT_FLOW.live_name)
FOUND_OUTPUT: Final = FoundOutput(
    id=OUTPUT_ID, live_name="caller", mark=Mark(owner=Owner("us"), name="caller"), spec=None
)


async def our_calls(backend: StreamLinkBackend) -> list[Call]:
    """Return every kind of call, on the samples."""
    found = {flow.live_name: flow for flow in await backend.observe(REGION)}
    flow = found[SRT_FLOW.live_name]
    changed = (PropertyChange(path="srt.latency", found=1, wanted=2),)
    return [
        *(Create(key=flow.key, at=FlowAt(REGION, flow.live_name), wanted=flow) for flow in FLOWS),
        *(
            Create(key=output.key, at=FlowAt(REGION, FLOW_OF[output.key.flow_key].live_name), wanted=output)
            for output in OUTPUTS
        ),
        Edit(key=SRT_FLOW.key, at=AT, wanted=SRT_FLOW, found=flow, differences=changed, impact=Impact.RECONNECT),
        Edit(key=LATER.key, at=AT, wanted=LATER, found=FOUND_OUTPUT, differences=changed, impact=Impact.RECONNECT),
        Start(key=SRT_FLOW.key, at=AT),
        Stop(key=SRT_FLOW.key, at=AT),
        Delete(key=SRT_CALLER.key, at=AT, found=FOUND_OUTPUT, impact=Impact.INTERRUPT),
        Delete(key=SRT_FLOW.key, at=AT, found=flow, impact=Impact.INTERRUPT),
    ]


async def our_requests() -> list[Recorded]:
    """Return what our backend sends."""
    clock = FakeClock()
    with recorder() as server:
        client = StreamLinkClient(
            ClientSettings(credentials=KEYS, endpoint=server.endpoint), clock=clock, random_fraction=lambda: 0.0
        )
        backend = StreamLinkBackend(client, owner=Owner("us"), regions=(REGION,), clock=clock)
        for call in await our_calls(backend):
            await backend.apply(call)
        await backend.close()
    return server.writes()


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


async def test_our_requests_mean_what_those_of_the_sdk_mean() -> None:
    """For every input, output and kind of change, both send the same action with the same fields."""
    theirs = [request.meaning for request in sdk_requests()]

    ours = [request.meaning for request in await our_requests()]

    assert len(ours) == len(FLOWS) + len(OUTPUTS) + 6
    assert ours == theirs


async def test_both_sign_so_that_we_accept_them() -> None:
    """The checker of the relay takes the SDK's signatures and ours, though they cover different headers."""
    recorded = [*sdk_requests(), *(await our_requests())]

    signers = {
        verify(
            request.headers,
            request.body,
            secret_key_of={KEYS.secret_id: KEYS.secret_key}.get,
            now_s=float(request.headers["X-TC-Timestamp"]),
        )
        for request in recorded
    }

    assert signers == {Signer(secret_id=KEYS.secret_id, service="mps")}


async def test_both_keep_the_shapes_of_the_api() -> None:
    """The shapes that the relay checks take what the official SDK sends, and what we send."""
    recorded = [*sdk_requests(), *(await our_requests())]

    problems = [
        (request.meaning[0], problem.field, problem.code)
        for request in recorded
        for problem in check(ACTIONS[request.meaning[0]].request, json.loads(request.body))
    ]

    assert problems == []
