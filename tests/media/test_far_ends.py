"""What `signal` sends arrives, by way of the relay, at what `probe` receives: a pair for each protocol."""

import asyncio
import socket
import struct
from collections.abc import Callable

import pytest

from reconciler.domain.secrets import Secret
from reconciler.media.probe import Receiver, RtmpSource, RtpSocket, RtspAddress
from reconciler.media.rtsp import RtspOrigin
from reconciler.media.senders import RtmpOrigin, RtpTarget, SignalTarget
from reconciler.media.signal import SignalReport, SignalState, publish
from reconciler.media.srt import SrtSocket
from reconciler.relay.media import (
    EndId,
    FlowMedia,
    InputEnd,
    InputMedia,
    OutputEnd,
    OutputMedia,
    RtmpPlay,
    RtmpPull,
    RtpDestination,
    RtpReceive,
    RtpSend,
    RtspPull,
    RtspServe,
    SrtEnd,
)
from reconciler.relay.supervisor import Supervisor
from tests.media.watching import SCENE_S, processes_that_show, signal

pytestmark = [pytest.mark.anyio, pytest.mark.media]

PASSWORD = "canary-of-the-signal"


def flow(source: InputEnd, sink: OutputEnd) -> FlowMedia:
    """Return a flow with one output."""
    return FlowMedia(
        id="flow", input=InputMedia(id=EndId("input"), end=source), outputs=(OutputMedia(id=EndId("output"), end=sink),)
    )


def flow_of(target: SignalTarget, free_port: Callable[[], int]) -> tuple[FlowMedia, Receiver]:
    """Return a flow with one output that takes this signal, and a receiver of it."""
    port, host = free_port(), "127.0.0.1"
    match target:
        case RtpTarget():
            there = RtpDestination(host=host, port=port)
            source, sink = RtpReceive(host=host, port=target.port), RtpSend(destinations=(there,))
            return flow(source, sink), Receiver(RtpSocket(host=host, port=port))
        case RtspOrigin():
            url = f"rtsp://{host}:{target.port}/{target.path}"
            pull = RtspPull(url=url, username=target.username, password=target.password)
            return (
                flow(pull, RtspServe(host=host, port=port, path="play")),
                Receiver(RtspAddress(url=Secret(f"rtsp://{host}:{port}/play"))),
            )
        case RtmpOrigin():
            rtmp = RtmpPull(url=target.url, stream_key=target.stream_key, host=host, port=port)
            played = RtmpSource(listens=False, url=f"rtmp://{host}:{port}/play", stream_key=Secret("play"))
            return flow(rtmp, RtmpPlay(app="play", stream_key=Secret("play"))), Receiver(played)
        case SrtSocket():
            calls = SrtEnd(listens=False, host=host, port=target.port, latency_ms=120, peer_idle_timeout_ms=5000)
            listens = SrtEnd(listens=True, host=host, port=port, latency_ms=120, peer_idle_timeout_ms=5000)
            return flow(calls, listens), Receiver(SrtSocket(listens=False, host=host, port=port))
        case _:
            raise AssertionError


def target_of(name: str, port: int) -> SignalTarget:
    """Return where a signal of this name goes."""
    host = "127.0.0.1"
    targets: dict[str, SignalTarget] = {
        "RTP": RtpTarget(host=host, port=port),
        "RTSP": RtspOrigin(host=host, port=port, path="live", username="viewer", password=Secret(PASSWORD)),
        "RTMP_PULL": RtmpOrigin(url=f"rtmp://{host}:{port}/live", stream_key=Secret(PASSWORD)),
        "SRT caller": SrtSocket(listens=True, host=host, port=port),
    }
    return targets[name]


@pytest.mark.parametrize("name", ["RTP", "RTSP", "RTMP_PULL", "SRT caller"])
async def test_a_signal_goes_through_the_relay_to_a_probe(
    supervisor: Supervisor, free_port: Callable[[], int], name: str
) -> None:
    """More than a hundred frames without a gap, and no process shows a secret meanwhile."""
    target = target_of(name, free_port())
    carried, receiver = flow_of(target, free_port)

    async with asyncio.timeout(SCENE_S), signal(target):
        await supervisor.carry(carried)
        async with receiver:
            reception = await receiver.frames(120)
            shown = processes_that_show(PASSWORD)

    assert (reception.codec, reception.width, reception.height) == ("h264", 640, 360)
    assert (reception.discontinuities, reception.connections) == (0, 1)
    assert reception.bitrate_bps > 500_000
    assert shown == []


@pytest.mark.parametrize("name", ["RTSP", "RTMP_PULL"])
async def test_a_port_that_is_taken_is_told(free_port: Callable[[], int], name: str) -> None:
    """The signal says so in words, and is served once the port is free."""
    port = free_port()
    told: asyncio.Queue[SignalReport] = asyncio.Queue()
    stop = asyncio.Event()

    async with asyncio.timeout(SCENE_S):
        with socket.create_server(("127.0.0.1", port)):
            publishing = asyncio.create_task(publish(target_of(name, port), stop=stop, told=told.put_nowait))
            while not (report := await told.get()).last_error:
                pass
        while (await told.get()).state is not SignalState.SENDING:
            pass
        stop.set()
        await publishing

    assert "port is in use" in report.last_error


async def test_a_gap_in_rtp_is_a_discontinuity(free_port: Callable[[], int]) -> None:
    """A probe counts what a network lost, and says of packets without a transport stream that it cannot read them."""
    port = free_port()
    packets = [struct.pack("!BBHII", 0x80, kind, number, 0, 7) for kind, number in ((96, 1), (96, 2), (96, 5))]

    with socket.socket(type=socket.SOCK_DGRAM) as sender:
        async with asyncio.timeout(SCENE_S), Receiver(RtpSocket(host="127.0.0.1", port=port)) as receiver:
            receiving = asyncio.create_task(receiver.until(lambda reception: reception.discontinuities > 0))
            while not receiving.done():
                for packet in packets:
                    sender.sendto(packet, ("127.0.0.1", port))
                await asyncio.wait({receiving}, timeout=0.05)
            reception = await receiving

    assert reception.last_error == "the RTP packets hold no MPEG transport stream"
    assert reception.frames == 0


async def test_a_probe_of_rtsp_says_why_there_is_nothing(free_port: Callable[[], int]) -> None:
    """In words, without the URL."""
    url = Secret(f"rtsp://127.0.0.1:{free_port()}/play")

    async with asyncio.timeout(SCENE_S), Receiver(RtspAddress(url=url)) as receiver:
        reception = await receiver.until(lambda reception: bool(reception.last_error))

    assert reception.last_error == "the connection was refused: nothing listens there"


async def test_a_probe_of_rtsp_tells_what_the_output_answers(
    supervisor: Supervisor, free_port: Callable[[], int]
) -> None:
    """An output whose input is not connected has nothing to play, and says so at once."""
    port = free_port()
    pull = RtspPull(url=f"rtsp://127.0.0.1:{free_port()}/live")
    await supervisor.carry(flow(pull, RtspServe(host="127.0.0.1", port=port, path="play")))

    async with asyncio.timeout(SCENE_S), Receiver(RtspAddress(url=Secret(f"rtsp://127.0.0.1:{port}/play"))) as receiver:
        reception = await receiver.until(lambda reception: "nothing to play" in reception.last_error)

    assert reception.last_error == "the server has nothing to play: its input is not connected"
