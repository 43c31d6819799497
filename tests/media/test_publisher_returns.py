"""A publisher that is killed and another one that comes: receivers stay connected where the protocol allows it."""

import asyncio
from collections.abc import Callable

import pytest

from reconciler.media.probe import Receiver
from reconciler.media.srt import SrtSocket
from reconciler.relay.giving import INGEST_APP
from reconciler.relay.media import (
    EndId,
    FlowMedia,
    InputMedia,
    OutputMedia,
    RtpDestination,
    RtpReceive,
    RtpSend,
    SrtEnd,
)
from reconciler.relay.supervisor import Supervisor
from tests.media.ends import killed, publisher, rtmp_publisher
from tests.media.rtmp_scene import INGEST, RtmpScene
from tests.media.rtp_ends import receiving, sending
from tests.media.watching import SCENE_S, health_when, signal, until_true

pytestmark = [pytest.mark.anyio, pytest.mark.media]

INPUT, LISTENER, CALLER, OUT = (EndId(name) for name in ("input", "listener", "caller", "out"))


def srt_end(port: int, *, listens: bool = True) -> SrtEnd:
    """Return an SRT end on loopback."""
    return SrtEnd(listens=listens, host="127.0.0.1", port=port, latency_ms=120, peer_idle_timeout_ms=5000)


async def test_srt_receivers_stay_connected(supervisor: Supervisor, free_port: Callable[[], int]) -> None:
    """Who calls us and whom we call each count one connection over two publishers, the first of which was killed."""
    source, listener, caller = srt_end(free_port()), srt_end(free_port()), srt_end(free_port(), listens=False)
    outputs = (OutputMedia(id=LISTENER, end=listener), OutputMedia(id=CALLER, end=caller))
    await supervisor.carry(FlowMedia(id="srt", input=InputMedia(id=INPUT, end=source), outputs=outputs))
    async with (
        asyncio.timeout(SCENE_S),
        Receiver(SrtSocket(listens=False, host=listener.host, port=listener.port)) as calls,
        Receiver(SrtSocket(listens=True, host=caller.host, port=caller.port)) as is_called,
    ):
        async with publisher(source.port, again="no") as first:
            await asyncio.gather(calls.frames(26), is_called.frames(26))
            await killed(first)
        async with signal(SrtSocket(listens=False, host=source.host, port=source.port)):
            both = await asyncio.gather(
                *(each.frames(each.reception.frames + 51) for each in (calls, is_called)),
            )
        health = await supervisor.health("srt")

    assert [each.connections for each in both] == [1, 1]
    assert [health[end].reconnections for end in (INPUT, LISTENER, CALLER)] == [1, 0, 0]


async def test_rtmp_players_stay_connected(supervisor: Supervisor, free_port: Callable[[], int]) -> None:
    """A player counts one connection over two publishers, the first of which was killed."""
    scene = RtmpScene(free_port())
    await supervisor.carry(scene.flow())
    async with asyncio.timeout(SCENE_S), scene.player() as player:
        async with rtmp_publisher(scene.port, INGEST_APP, INGEST.reveal()) as first:
            await player.frames(26)
            await killed(first)
        await health_when(supervisor, scene.id, lambda health: health[INPUT].bitrate_bps == 0)
        async with rtmp_publisher(scene.port, INGEST_APP, INGEST.reveal()):
            received = await player.frames(player.reception.frames + 51)

    assert received.connections == 1


async def test_rtp_receivers_get_the_next_sender_from_where_the_last_one_came(
    supervisor: Supervisor, free_port: Callable[[], int]
) -> None:
    """RTP knows no connections: what arrives keeps the address that it came from."""
    source, port = RtpReceive(host="127.0.0.1", port=free_port(), idle_timeout_ms=1000), free_port()
    send = RtpSend(destinations=(RtpDestination(host="127.0.0.1", port=port),))
    outputs = (OutputMedia(id=OUT, end=send),)
    await supervisor.carry(FlowMedia(id="rtp", input=InputMedia(id=INPUT, end=source), outputs=outputs))
    async with asyncio.timeout(SCENE_S), receiving(port) as counted:
        async with sending(source.port):
            await until_true(lambda: counted.packets > 100)
        before = counted.packets
        async with sending(source.port, source="127.0.0.3"):
            await until_true(lambda: counted.packets > before + 100)
        health = await health_when(supervisor, "rtp", lambda health: health[INPUT].reconnections == 1)

    assert len(counted.senders) == 1
    assert health[INPUT].peer.startswith("127.0.0.3:")
