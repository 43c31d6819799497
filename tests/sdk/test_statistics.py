"""The official SDK reads status, statistics and logs of the relay, and a warning of it would fail these tests."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from reconciler.domain.secrets import Secret
from reconciler.media.probe import Receiver, RtmpSource
from reconciler.media.rates import RateWindow
from reconciler.media.signal import RtmpTarget, SignalTarget
from reconciler.media.srt import SrtSocket
from reconciler.relay.media import EndHealth, EndId, EndState, SessionHealth, SrtFigures, TrackHealth, TrackKind
from reconciler.relay.service import Relay
from reconciler.relay.settings import RelaySettings
from tests.media.watching import signal, until
from tests.sdk.test_lifecycle import REGION, Sdk, made, news
from tests.unit.relay.recording import RecordingMedia

pytestmark = pytest.mark.anyio

TOLERANCE: Final = 0.10
"""Share by which the service and an independent receiver may differ in the bitrate."""


def window() -> dict[str, str]:
    """Return the last hour, as the SDK takes it."""
    now = datetime.now(UTC)
    return {
        "StartTime": (now - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "EndTime": (now + timedelta(seconds=30)).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


async def statistics(sdk: Sdk, action: str, flow_id: str, output_id: str) -> Any:
    """Return what one action says of an output."""
    return await sdk.call(
        f"DescribeStreamLinkFlow{action}",
        FlowId=flow_id,
        Type="output",
        InputOutputId=output_id,
        Pipeline="0",
        Period="5s",
        **window(),
    )


async def logged(sdk: Sdk, flow_id: str) -> list[Any]:
    """Return the log of a flow."""
    asked = {"Type": ["input", "output"], "Pipeline": ["0", "1"], "PageSize": 100, **window()}
    return list((await sdk.call("DescribeStreamLinkFlowLogs", FlowId=flow_id, **asked)).Infos)


def busy() -> EndHealth:
    """Return an end with one connection, as the engines tell of it."""
    figures = SrtFigures(latency_ms=120, rtt_ms=21.4, packets_sent=1000, send_lost=3, encrypted=True, key_length=16)
    session = SessionHealth(
        id="s1", peer="192.0.2.7:5000", connected_ms=4000, bitrate_bps=2_000_000, bytes=1_000_000, srt=figures
    )
    tracks = (
        TrackHealth(kind=TrackKind.VIDEO, bitrate_bps=1_900_000, fps=25.0, pid=256),
        TrackHealth(kind=TrackKind.AUDIO, bitrate_bps=100_000, fps=46.9, pid=257),
    )
    return EndHealth(state=EndState.CONNECTED, bitrate_bps=2_000_000, sessions=(session,), tracks=tracks)


async def test_every_answer_is_read_without_a_warning(tmp_path: Path) -> None:
    """What the engines know comes out of the SDK's own models, member for member."""
    media = RecordingMedia()
    settings = RelaySettings(state=tmp_path, regions=(REGION,))
    async with Relay(settings, media=media) as relay:
        sdk = Sdk(relay)
        flow = await news(sdk)
        tower, platform = flow.OutputGroup
        refused = EndHealth(state=EndState.WAITING, last_error="the server refused the stream key")
        media.healths = {EndId(tower.OutputId): busy(), EndId(platform.OutputId): refused}
        await sdk.call("StartStreamLinkFlow", FlowId=flow.FlowId)
        await until(lambda: _has_statistics(sdk, flow.FlowId, tower.OutputId))

        by_moment = await statistics(sdk, "Statistics", flow.FlowId, tower.OutputId)
        media_ = await statistics(sdk, "MediaStatistics", flow.FlowId, tower.OutputId)
        srt = await statistics(sdk, "SRTStatistics", flow.FlowId, tower.OutputId)
        status = await sdk.call("DescribeStreamLinkFlowRealtimeStatus", FlowId=flow.FlowId)
        log = await logged(sdk, flow.FlowId)

    session = by_moment.Infos[0].FlowStatistics[0]
    now = next(item for item in status.Datas if item.OutputId == tower.OutputId)
    assert (session.SessionId, session.ClientIp, session.Network) == ("s1", "192.0.2.7", 2_000_000)
    assert [(track.Fps, track.Rate, track.Pid) for track in session.Video] == [(25, 1_900_000, 256)]
    assert [(track.Fps, track.SessionId) for track in media_.Infos[0].Audio] == [(47, "s1")]
    assert (srt.Infos[0].SendPacketLossRate, srt.Infos[0].RTT, srt.Infos[0].RecvPacketLossRate) == (1, 21, 0)
    assert (now.SRTStatus.Packets, now.SRTStatus.PacketLossRate, now.SRTStatus.Encryption) == (1000, 0.003, "On")
    assert {(line.EventCode, line.InputOutputName, line.EventMessage, line.RemoteIp) for line in log} == {
        ("Connected", "tower", "connected", "192.0.2.7"),
        ("ConnectFailed", "platform", "the server refused the stream key", ""),
    }


async def _has_statistics(sdk: Sdk, flow_id: str, output_id: str) -> bool:
    return bool((await statistics(sdk, "SRTStatistics", flow_id, output_id)).Infos)


@pytest.fixture
async def carrying(tmp_path: Path) -> AsyncIterator[Relay]:
    """Serve a relay that carries."""
    async with Relay(RelaySettings(state=tmp_path, regions=(REGION,))) as relay:
        yield relay


async def pulled(sdk: Sdk, protocol: str) -> Any:
    """Make a running flow with one output that is pulled, over SRT or RTMP; return it as it is read."""
    source = made("CreateInput", InputName="camera", Protocol=protocol)
    output = made("CreateOutputInfo", OutputName="out", Description="", OutputRegion=REGION)
    output.Protocol = "SRT" if protocol == "SRT" else "RTMP_PULL"
    if protocol == "SRT":
        source.SRTSettings = made("CreateInputSRTSettings", Mode="LISTENER", Latency=120)
        output.SRTSettings = made("CreateOutputSRTSettings", Mode="LISTENER", Destinations=[], Latency=120)
    created = await sdk.call("CreateStreamLinkFlow", FlowName="news", MaxBandwidth=10_000_000, InputGroup=[source])
    await sdk.call("CreateStreamLinkOutputInfo", FlowId=created.Info.FlowId, Output=output)
    await sdk.call("StartStreamLinkFlow", FlowId=created.Info.FlowId)
    return (await sdk.call("DescribeStreamLinkFlow", FlowId=created.Info.FlowId)).Info


def target_of(flow: Any) -> SignalTarget:
    """Return where the signal goes."""
    source = flow.InputGroup[0]
    at, settings = source.InputAddressList[0], source.RTMPSettings
    if source.Protocol == "SRT":
        return SrtSocket(listens=False, host=at.Ip, port=at.Port, latency_ms=120)
    return RtmpTarget(url=f"rtmp://{at.Ip}:{at.Port}/{settings.AppName}", stream_key=Secret(settings.StreamKey))


@contextlib.asynccontextmanager
async def counting(flow: Any) -> AsyncIterator[Callable[[], int]]:
    """
    Receive meanwhile, and lend the bits per second that arrived over the last few seconds.

    Over SRT the transport stream's bytes count, as libsrt's own tool writes them; over RTMP those of the media, as
    ffmpeg lists them.
    """
    output = flow.OutputGroup[0]
    if output.Protocol == "RTMP_PULL":
        server = output.RTMPPullSettings.ServerUrls[0]
        played = RtmpSource(listens=False, url=server.TcUrl, stream_key=Secret(server.StreamKey))
        async with Receiver(played) as receiver:
            yield lambda: receiver.reception.bitrate_bps
        return
    there = output.SRTSettings.SourceAddresses[0]
    rate, ended = RateWindow(), asyncio.Event()
    receiving = asyncio.create_task(_receive(f"srt://{there.Ip}:{there.Port}?mode=caller", rate, ended))
    try:
        yield lambda: rate.bitrate_bps
    finally:
        ended.set()
        await receiving


async def _receive(url: str, rate: RateWindow, ended: asyncio.Event) -> None:
    """Count what libsrt's own tool writes; it gives up where nobody listens yet, and is started again then."""
    while not ended.is_set():
        tool = await asyncio.create_subprocess_exec(
            *("srt-live-transmit", "-q", url, "file://con"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        counting_ = asyncio.create_task(_count(tool, rate))
        waiting = asyncio.create_task(ended.wait())
        await asyncio.wait({counting_, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if tool.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                tool.terminate()
        await tool.wait()
        await counting_


async def _count(tool: asyncio.subprocess.Process, rate: RateWindow) -> None:
    """Count what a receiver writes until it ends."""
    assert tool.stdout is not None
    total = 0
    while piece := await tool.stdout.read(65536):
        total += len(piece)
        rate.feed(asyncio.get_running_loop().time(), total)


@pytest.mark.media
@pytest.mark.parametrize("protocol", ["SRT", "RTMP"])
async def test_the_bitrate_is_what_an_independent_receiver_counts(carrying: Relay, protocol: str) -> None:
    """Realtime status and statistics are both within a tenth of what a receiver counted by itself."""
    sdk = Sdk(carrying)
    flow = await pulled(sdk, protocol)
    output_id = flow.OutputGroup[0].OutputId
    seen: list[tuple[int, int, int]] = []

    async def agrees() -> bool:
        status = await sdk.call("DescribeStreamLinkFlowRealtimeStatus", FlowId=flow.FlowId, OutputIds=[output_id])
        recorded = await statistics(sdk, "Statistics", flow.FlowId, output_id)
        network = recorded.Infos[-1].FlowStatistics[0].Network if recorded.Infos else 0
        seen.append((status.Datas[0].CommonStatus.Bitrate, network, counted()))
        return all(_close(said, seen[-1][2]) for said in seen[-1][:2])

    async with signal(target_of(flow)), counting(flow) as counted:
        try:
            await until(agrees)
        except TimeoutError:
            pytest.fail(f"realtime, statistics and receiver never agreed: {seen[-5:]}")

    assert seen[-1][2] > 100_000


def _close(said: int, counted: int) -> bool:
    return counted > 0 and abs(said - counted) <= TOLERANCE * counted
