"""Where the relay never sends, whatever an output or an input asks for."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reconciler.domain.secrets import Secret
from reconciler.media.probe import Receiver, RtmpSource
from reconciler.media.signal import RtmpTarget
from reconciler.relay.giving import INGEST_APP
from reconciler.relay.media import (
    EndId,
    FlowMedia,
    InputEnd,
    InputMedia,
    OutputEnd,
    OutputMedia,
    RtmpDestination,
    RtmpIngest,
    RtmpPull,
    RtmpPush,
    RtpDestination,
    RtpReceive,
    RtpSend,
    RtspPull,
    RtspServe,
    SrtEnd,
)
from reconciler.relay.reach import Reach
from reconciler.relay.service import Relay
from reconciler.relay.settings import RelaySettings
from reconciler.relay.supervisor import Supervisor
from tests.media.fronts import serving
from tests.media.watching import SCENE_S, health_when, signal, until
from tests.sdk.test_lifecycle import REGION, Sdk, made

pytestmark = [pytest.mark.anyio, pytest.mark.media]

INPUT, OUT = EndId("input"), EndId("out")
KEY = Secret("key")
LOOPBACK = Reach(denied=("127.0.0.1/32", "::1/128"))
DENIED = "the destination is among those that this relay never sends to"
OWN = "the destination is this relay itself: its API, or an end of this very flow"


def srt(port: int, *, calls: str = "") -> SrtEnd:
    """Return an SRT end that listens, or calls a host."""
    host = calls or "127.0.0.1"
    return SrtEnd(listens=not calls, host=host, port=port, latency_ms=120, peer_idle_timeout_ms=5000)


def rtp(port: int) -> RtpReceive:
    """Return an RTP input."""
    return RtpReceive(host="127.0.0.1", port=port)


def rtp_to(host: str, port: int) -> RtpSend:
    """Return an RTP output."""
    return RtpSend(destinations=(RtpDestination(host=host, port=port),))


def pull(host: str, far: int, port: int) -> RtmpPull:
    """Return an RTMP input that pulls."""
    return RtmpPull(url=f"rtmp://{host}:{far}/live", stream_key=KEY, host="127.0.0.1", port=port)


def flow(source: InputEnd, out: OutputEnd) -> FlowMedia:
    """Return a flow with an output."""
    return FlowMedia(id="flow", input=InputMedia(id=INPUT, end=source), outputs=(OutputMedia(id=OUT, end=out),))


UNANSWERED = "the engine of this flow did not answer"


def _complains(told: str) -> bool:
    return told != "" and not told.startswith(UNANSWERED)


async def told_of(flow: FlowMedia, end: EndId, supervisor: Supervisor) -> str:
    """Return what an end of a flow complains of."""
    async with asyncio.timeout(SCENE_S):
        await supervisor.carry(flow)
        # On a busy machine an engine that has just been started may not answer yet, and is started anew.
        health = await health_when(supervisor, flow.id, lambda health: _complains(health[end].last_error))
    await supervisor.close()
    return health[end].last_error


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::ffff:127.0.0.1"])
@pytest.mark.parametrize("way", ["SRT out", "SRT in", "RTP out", "RTSP in", "RTMP in"])
async def test_a_denied_address_is_not_called(
    supervisor: Supervisor, free_port: Callable[[], int], way: str, host: str
) -> None:
    """An address is denied by its name, and in IPv6 clothes, too; the end says so."""
    here, there, third = free_port(), free_port(), free_port()
    bracketed = f"[{host}]" if ":" in host else host
    serves = RtspServe(host="127.0.0.1", port=third, path="play")
    denied, end = {
        "SRT out": (flow(srt(here), srt(there, calls=host)), OUT),
        "SRT in": (flow(srt(there, calls=host), srt(here)), INPUT),
        "RTP out": (flow(rtp(here), rtp_to(host, there)), OUT),
        "RTSP in": (flow(RtspPull(url=f"rtsp://{bracketed}:{there}/live"), serves), INPUT),
        "RTMP in": (flow(pull(bracketed, there, here), RtmpPush(destinations=())), INPUT),
    }[way]

    told = await told_of(denied, end, Supervisor(state=supervisor.state / "denying", reach=LOOPBACK))

    assert told == (DENIED.replace("destination", "origin") if way == "RTMP in" else DENIED)


@pytest.mark.parametrize("way", ["SRT out", "RTP out", "RTSP in", "RTMP in", "RTMP in from the API"])
async def test_a_flow_is_not_fed_with_itself(supervisor: Supervisor, free_port: Callable[[], int], way: str) -> None:
    """An end is not aimed at another end of its own flow, nor at the API, by any address of this machine."""
    here, there, api = free_port(), free_port(), free_port()
    looped, end = {
        "SRT out": (flow(srt(here), srt(here, calls="127.0.0.7")), OUT),
        "RTP out": (flow(rtp(here), rtp_to("127.0.0.1", here)), OUT),
        "RTSP in": (
            flow(RtspPull(url=f"rtsp://localhost:{there}/play"), RtspServe(host="127.0.0.1", port=there, path="play")),
            INPUT,
        ),
        "RTMP in": (flow(pull("localhost", here, here), RtmpPush(destinations=())), INPUT),
        "RTMP in from the API": (flow(pull("localhost", api, here), RtmpPush(destinations=())), INPUT),
    }[way]
    reach = Reach(own_ports=(api,))

    told = await told_of(looped, end, Supervisor(state=supervisor.state / "own", reach=reach))

    assert told == (OWN.replace("destination", "origin") if way.startswith("RTMP in") else OWN)


async def test_the_api_is_never_pulled_from(tmp_path: Path) -> None:
    """A relay knows its own port, and says so in the flow's log."""
    now = datetime.now(UTC)
    asked = {
        "Type": ["input"],
        "Pipeline": ["0"],
        "PageSize": 100,
        "StartTime": (now - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "EndTime": (now + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    async with Relay(RelaySettings(state=tmp_path, regions=(REGION,))) as relay:
        sdk = Sdk(relay)
        address = made("RTMPPullSourceAddress", TcUrl=f"rtmp://{relay.address}/live", StreamKey="key")
        settings = made("CreateInputRTMPPullSettings", SourceAddresses=[address])
        source = made("CreateInput", InputName="camera", Protocol="RTMP_PULL", RTMPPullSettings=settings)
        flow = (
            await sdk.call("CreateStreamLinkFlow", FlowName="news", MaxBandwidth=10_000_000, InputGroup=[source])
        ).Info
        out = made("CreateOutputInfo", OutputName="out", Description="", OutputRegion=REGION, Protocol="RTMP_PULL")
        await sdk.call("CreateStreamLinkOutputInfo", FlowId=flow.FlowId, Output=out)
        await sdk.call("StartStreamLinkFlow", FlowId=flow.FlowId)

        async def is_told() -> bool:
            log = await sdk.call("DescribeStreamLinkFlowLogs", FlowId=flow.FlowId, **asked)
            return OWN.replace("destination", "origin") in log.to_json_string()

        await until(is_told)


async def test_a_denied_push_keeps_its_twin(supervisor: Supervisor, free_port: Callable[[], int]) -> None:
    """Nothing connects to the denied destination; the other one, and our own server beside it, go on."""
    port, far, lured = free_port(), free_port(), free_port()
    ingest = RtmpIngest(host="127.0.0.1", port=port, app=INGEST_APP, stream_key=KEY)
    destinations = (
        RtmpDestination(url=f"rtmp://localhost:{lured}/live", stream_key=KEY),
        RtmpDestination(url=f"rtmp://127.0.0.2:{far}/live", stream_key=KEY),
    )
    denying = Supervisor(state=supervisor.state / "denying", reach=LOOPBACK)
    callers: list[object] = []

    async def meet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        callers.append(writer)

    await denying.carry(flow(ingest, RtmpPush(destinations=destinations)))
    async with (
        asyncio.timeout(SCENE_S),
        serving(lured, meet),
        signal(RtmpTarget(url=f"rtmp://127.0.0.1:{port}/{INGEST_APP}", stream_key=KEY)),
        Receiver(RtmpSource(listens=True, url=destinations[1].url, stream_key=KEY)) as received,
    ):
        health = await health_when(denying, "flow", lambda health: bool(health[OUT].last_error))
        counted = await received.frames(51)
    await denying.close()

    assert health[OUT].last_error == f"destination 1: {DENIED}"
    assert (counted.discontinuities, counted.connections) == (0, 1)
    assert callers == []
