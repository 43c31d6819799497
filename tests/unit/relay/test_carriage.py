"""What the engines are told, when, and what becomes of it when they fail."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from reconciler.domain.errors import EnvironmentFailedError
from reconciler.domain.secrets import Secret
from reconciler.relay.addresses import DEFAULT_PORTS
from reconciler.relay.carriage import Carriage
from reconciler.relay.media import (
    EndHealth,
    EndId,
    EndState,
    FlowMedia,
    NotCarried,
    RtmpDestination,
    RtmpIngest,
    RtmpPlay,
    RtmpPull,
    RtmpPush,
    RtpDestination,
    RtpReceive,
    RtpSend,
    RtspPull,
    RtspServe,
    SrtEnd,
)
from tests.unit.relay.calling import Api, Json, make_plane, output, srt_input, srt_output
from tests.unit.relay.recording import RecordingMedia

pytestmark = pytest.mark.anyio


@pytest.fixture
async def media() -> RecordingMedia:
    """Return engines that remember."""
    return RecordingMedia()


@pytest.fixture
async def api(tmp_path: Path, media: RecordingMedia) -> AsyncIterator[Api]:
    """Speak to a control plane over these engines, which never waits between tries."""
    plane = await make_plane(tmp_path, carriage=Carriage(media, retry_s=(0.0,)))
    speaking = Api(plane)
    yield speaking
    await speaking.close()
    await plane.carriage.close()
    await plane.catalogue.close()


async def start(api: Api, flow: Json) -> None:
    """Start the flow, and wait until the engines know."""
    await api.done("StartStreamLinkFlow", {"FlowId": flow["FlowId"]})
    await api.plane.carriage.settled()


def last(media: RecordingMedia) -> FlowMedia:
    """Return the flow that the engines were told of last."""
    flow = media.told[-1]
    assert isinstance(flow, FlowMedia)
    return flow


async def test_only_a_running_flow_is_carried(api: Api, media: RecordingMedia) -> None:
    """Nothing is told before the start; then every change; then the stop."""
    flow = await api.create_flow(OutputGroup=[srt_output()])
    before = list(media.told)

    await start(api, flow)
    await api.add(flow, srt_output("second"))
    await api.plane.carriage.settled()
    await api.done("StopStreamLinkFlow", {"FlowId": flow["FlowId"]})
    await api.done("ModifyStreamLinkFlow", {"FlowId": flow["FlowId"], "FlowName": "renamed"})
    await api.plane.carriage.settled()

    assert before == []
    assert [len(told.outputs) if isinstance(told, FlowMedia) else told for told in media.told] == [
        1,
        2,
        flow["FlowId"],
    ]


async def test_an_srt_flow_as_the_engines_need_it(api: Api, media: RecordingMedia) -> None:
    """Addresses, the longest of the latencies, encryption, allowlists and receivers reach the engines."""
    secured = {"Passphrase": "canary-canary", "PbKeyLen": 16, "Latency": 80, "PeerLatency": 200, "StreamId": "cam"}
    called = srt_output("tower", Mode="CALLER", Destinations=[{"Ip": "tower.example", "Port": 9000}])
    pulled = {**srt_output("players"), "AllowIpList": ["10.0.0.0/8"], "MaxConcurrent": 2}
    keys = [{"Url": "rtmp://cdn.example/live", "StreamKey": "canary"}]
    pushed = output("push", "RTMP", RTMPSettings={"Destinations": keys, "ChunkSize": 8192})
    flow = await api.create_flow(
        InputGroup=[{**srt_input(**secured), "AllowIpList": ["192.0.2.0/24"]}], OutputGroup=[called, pulled, pushed]
    )

    await start(api, flow)

    told = last(media)
    tower, players, push = told.outputs
    assert told.input.allowlist == ("192.0.2.0/24",)
    assert told.input.end == SrtEnd(
        listens=True,
        host="127.0.0.1",
        port=flow["InputGroup"][0]["InputAddressList"][0]["Port"],
        latency_ms=200,
        peer_idle_timeout_ms=5000,
        stream_id="cam",
        passphrase=Secret("canary-canary"),
        key_length=16,
    )
    assert tower.end == SrtEnd(
        listens=False, host="tower.example", port=9000, latency_ms=120, peer_idle_timeout_ms=5000
    )
    assert isinstance(players.end, SrtEnd)
    assert (players.end.listens, players.allowlist, players.max_concurrent) == (True, ("10.0.0.0/8",), 2)
    destination = RtmpDestination(url="rtmp://cdn.example/live", stream_key=Secret("canary"))
    assert push.end == RtmpPush(destinations=(destination,), chunk_size=8192)


async def test_an_rtmp_flow_as_the_engines_need_it(api: Api, media: RecordingMedia) -> None:
    """The publisher's port and key, and the players' key, are those that the API tells."""
    flow = await api.create_flow(
        InputGroup=[{"InputName": "camera", "Protocol": "RTMP"}], OutputGroup=[output("pull", "RTMP_PULL")]
    )
    found, pulled = flow["InputGroup"][0], flow["OutputGroup"][0]

    await start(api, flow)

    told = last(media)
    assert told.input.end == RtmpIngest(
        host="127.0.0.1",
        port=found["InputAddressList"][0]["Port"],
        app="live",
        stream_key=Secret(found["RTMPSettings"]["StreamKey"]),
    )
    play_key = pulled["RTMPPullSettings"]["ServerUrls"][0]["StreamKey"]
    assert told.outputs[0].end == RtmpPlay(app="play", stream_key=Secret(play_key), max_concurrent=4)


RTP = {"Destinations": [{"Ip": "192.0.2.1", "Port": 5000}], "FEC": "none", "IdleTimeout": 4000}
CALLED = {"Mode": "CALLER", "SourceAddresses": [{"Ip": "origin.example", "Port": 5000}]}
PULLED = {"SourceAddresses": [{"TcUrl": "rtmp://origin.example/app", "StreamKey": "key"}]}
WATCHED = {"SourceAddresses": [{"Url": "rtsp://us%40er:pass%2Fword@origin.example:554/one?a=b"}]}


def only_input(protocol: str, **settings: Json) -> Json:
    """Return an input of this protocol."""
    return {"InputName": "camera", "Protocol": protocol, **settings}


async def carried(api: Api, media: RecordingMedia, source: Json, sink: Json) -> FlowMedia:
    """Return what the engines are told of a flow with this input and this output."""
    await start(api, await api.create_flow(InputGroup=[source], OutputGroup=[sink]))
    return last(media)


async def test_rtp_is_received_on_a_port_of_ours_and_sent_on(api: Api, media: RecordingMedia) -> None:
    """The input binds the port that it was given; the output goes to its destinations."""
    told = await carried(api, media, only_input("RTP"), output("rtp", "RTP", RTPSettings=RTP))

    assert isinstance(told.input.end, RtpReceive)
    assert (told.input.end.host, told.input.end.port in DEFAULT_PORTS) == ("127.0.0.1", True)
    assert told.outputs[0].end == RtpSend(
        destinations=(RtpDestination(host="192.0.2.1", port=5000),), idle_timeout_ms=4000
    )


async def test_an_srt_input_may_call(api: Api, media: RecordingMedia) -> None:
    """A caller input calls its one source."""
    told = await carried(api, media, srt_input(**CALLED), srt_output())

    assert isinstance(told.input.end, SrtEnd)
    assert (told.input.end.listens, told.input.end.host, told.input.end.port) == (False, "origin.example", 5000)


async def test_a_pulled_rtmp_input_has_a_server_for_its_players(api: Api, media: RecordingMedia) -> None:
    """We pull from the source, and players pull from the port that their URL names."""
    told = await carried(api, media, only_input("RTMP_PULL", RTMPPullSettings=PULLED), output("play", "RTMP_PULL"))

    flow = (await api.describe({"FlowId": told.id}))["OutputGroup"][0]
    assert isinstance(told.input.end, RtmpPull)
    assert (told.input.end.url, told.input.end.stream_key) == ("rtmp://origin.example/app", Secret("key"))
    assert f":{told.input.end.port}/" in flow["RTMPPullSettings"]["ServerUrls"][0]["TcUrl"]


async def test_the_password_of_an_rtsp_source_is_taken_out_of_its_url(api: Api, media: RecordingMedia) -> None:
    """The API has user name and password in the URL; the engines get them apart, decoded, and serve each output."""
    told = await carried(api, media, only_input("RTSP_PULL", RTSPPullSettings=WATCHED), output("watch", "RTSP_PULL"))

    assert told.input.end == RtspPull(
        url="rtsp://origin.example:554/one?a=b", username="us@er", password=Secret("pass/word")
    )
    assert isinstance(told.outputs[0].end, RtspServe)
    assert told.outputs[0].end.path == "play"


async def test_what_no_engine_carries_is_told_as_such(api: Api, media: RecordingMedia) -> None:
    """A protocol without an engine is named, not left out."""
    told = await carried(api, media, only_input("RIST"), output("rist", "RIST"))

    assert (told.input.end, told.outputs[0].end) == (NotCarried(protocol="RIST"), NotCarried(protocol="RIST"))


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), EnvironmentFailedError("no engine")])
async def test_engines_that_fail_are_told_again(api: Api, media: RecordingMedia, failure: Exception) -> None:
    """The API call succeeds all the same, and the engines get the flow until they take it."""
    flow = await api.create_flow(OutputGroup=[srt_output()])
    media.failures = [failure, failure]

    await start(api, flow)

    assert [told.id for told in media.told if isinstance(told, FlowMedia)] == [flow["FlowId"]] * 3
    assert (await api.describe(flow))["State"] == "RUNNING"


async def test_slow_engines_skip_what_is_superseded_but_never_a_stop(api: Api, media: RecordingMedia) -> None:
    """While the engines are busy edits collapse into the last; a stop and start between them are both done."""
    flow = await api.create_flow(OutputGroup=[srt_output()])
    named = {"FlowId": flow["FlowId"]}
    media.gate.clear()

    await api.done("StartStreamLinkFlow", named)
    await api.done("StopStreamLinkFlow", named)
    await api.done("StartStreamLinkFlow", named)
    for number in range(3):
        await api.add(flow, srt_output(f"extra_{number}"))
    media.gate.set()
    await api.plane.carriage.settled()

    told = [len(one.outputs) if isinstance(one, FlowMedia) else "dropped" for one in media.told]
    assert told in (["dropped", 4], [1, "dropped", 4])


async def test_closing_ends_the_engines_even_when_one_is_stuck(media: RecordingMedia) -> None:
    """Who is being told when the relay stops is not waited for."""
    carriage = Carriage(media)
    media.gate.clear()
    carriage.drop("flow")

    await carriage.close()

    assert media.closed


def healthy(**members: Any) -> EndHealth:
    """Return the health of a connected SRT end."""
    srt = {"latency_ms": 120, "rtt_ms": 1.6, "packets": 200, "packets_lost": 10, "packets_retransmitted": 4}
    return EndHealth(
        state=EndState.CONNECTED,
        connected_ms=5000,
        bitrate_bps=1_000_000,
        reconnections=1,
        **{**srt, "packets_dropped": 2, "encrypted": True, **members},
    )


async def test_the_realtime_status_is_what_the_engines_say(api: Api, media: RecordingMedia) -> None:
    """States, bitrates and SRT figures come from the engines, rates as parts of the packets."""
    flow = await api.create_flow(OutputGroup=[srt_output()])
    await start(api, flow)
    media.healths = {EndId(flow["InputGroup"][0]["InputId"]): healthy()}

    status = await api.done("DescribeStreamLinkFlowRealtimeStatus", {"FlowId": flow["FlowId"]})

    of_input, of_output = status["Datas"]
    assert status["Timestamp"] == 1_700_000_000
    assert of_input["CommonStatus"] == {
        "State": "Connected",
        "Mode": "Listener",
        "ConnectedTime": 5000,
        "Bitrate": 1_000_000,
        "Reconnections": 1,
    }
    assert of_input["SRTStatus"] == {
        "Latency": 120,
        "RTT": 2,
        "Packets": 200,
        "PacketLossRate": 0.05,
        "RetransmitRate": 0.02,
        "DroppedPackets": 2,
        "Encryption": "On",
    }
    assert (of_output["Type"], of_output["CommonStatus"]["State"]) == ("Output", "Idle")
    assert (of_output["OutputId"], of_output["InputId"]) == (flow["OutputGroup"][0]["OutputId"], None)


async def test_figures_that_nobody_knows_are_null(api: Api, media: RecordingMedia) -> None:
    """Nothing is made up; no packets is no loss."""
    flow = await api.create_flow(OutputGroup=[srt_output()])
    await start(api, flow)
    unknown = {"rtt_ms": None, "packets_lost": None, "packets": 0, "encrypted": None}
    media.healths = {EndId(flow["InputGroup"][0]["InputId"]): healthy(**unknown)}

    status = await api.done("DescribeStreamLinkFlowRealtimeStatus", {"FlowId": flow["FlowId"]})

    srt = status["Datas"][0]["SRTStatus"]
    assert [srt[name] for name in ("RTT", "PacketLossRate", "RetransmitRate", "Encryption")] == [None, None, 0.0, None]


@pytest.mark.parametrize(
    ("wanted", "protocol", "modes"),
    [
        pytest.param([output("a", "RTMP_PULL")], "RTMP", ["Listener", "Listener"], id="players call"),
        pytest.param(
            [output("a", "RTMP", RTMPSettings={"Destinations": [{"Url": "rtmp://a/b", "StreamKey": "k"}]})],
            "RTMP",
            ["Listener", "Caller"],
            id="we push",
        ),
        pytest.param(
            [
                output(
                    "a",
                    "RTP",
                    RTPSettings={"Destinations": [{"Ip": "a", "Port": 1}], "FEC": "none", "IdleTimeout": 1000},
                )
            ],
            "RTP",
            ["Listener", "Caller"],
            id="we send",
        ),
    ],
)
async def test_the_status_says_who_calls_whom(api: Api, wanted: list[Json], protocol: str, modes: list[str]) -> None:
    """An idle flow has a status too; who is called is a listener."""
    flow = await api.create_flow(InputGroup=[{"InputName": "camera", "Protocol": protocol}], OutputGroup=wanted)

    status = await api.done("DescribeStreamLinkFlowRealtimeStatus", {"FlowId": flow["FlowId"]})

    assert [one["CommonStatus"]["Mode"] for one in status["Datas"]] == modes
    assert {one["CommonStatus"]["State"] for one in status["Datas"]} == {"Idle"}


async def test_a_bug_is_answered_in_the_words_of_the_api(api: Api, media: RecordingMedia) -> None:
    """The answer is an InternalError with 200; the log says where, and not what."""
    flow = await api.create_flow(OutputGroup=[srt_output()])
    await start(api, flow)
    media.failure_of_health = RuntimeError("canary")

    with capture_logs() as lines:
        code = await api.code("DescribeStreamLinkFlowRealtimeStatus", {"FlowId": flow["FlowId"]})

    (crash,) = [line for line in lines if line["event"] == "relay.request_crashed"]
    assert (code, crash["kind"]) == ("InternalError", "RuntimeError")
    assert "recording.py" in crash["places"][-1]
    assert "canary" not in str(lines)


async def test_the_status_of_named_ends_alone(api: Api) -> None:
    """Ids choose ends; an id of no end of the flow is not found."""
    flow = await api.create_flow(OutputGroup=[srt_output(), srt_output("second")])
    wanted = flow["OutputGroup"][1]["OutputId"]
    named = {"FlowId": flow["FlowId"]}

    status = await api.done("DescribeStreamLinkFlowRealtimeStatus", {**named, "OutputIds": [wanted]})
    refused = await api.code("DescribeStreamLinkFlowRealtimeStatus", {**named, "InputIds": ["0" * 28]})

    assert [one["OutputId"] for one in status["Datas"]] == [wanted]
    assert refused == "InvalidParameter.NotFound"
