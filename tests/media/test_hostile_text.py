"""Keys and stream ids full of what shells and configurations take for syntax: they are data, and only data."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.domain.secrets import Secret
from reconciler.media.probe import Receiver, RtmpSource
from reconciler.media.signal import RtmpTarget
from reconciler.media.srt import SrtSocket
from reconciler.relay.giving import INGEST_APP, PLAY_APP
from reconciler.relay.media import (
    EndId,
    FlowMedia,
    InputMedia,
    OutputMedia,
    RtmpDestination,
    RtmpIngest,
    RtmpPlay,
    RtmpPull,
    RtmpPush,
    SrtEnd,
)
from reconciler.relay.supervisor import Supervisor
from tests.media.watching import SCENE_S, files_that_hold, health_when, processes_that_show, signal

pytestmark = [pytest.mark.anyio, pytest.mark.media]

INPUT, PULL, PUSH, OUT = (EndId(name) for name in ("input", "pull", "push", "out"))


@pytest.mark.parametrize(
    "key",
    [
        """it's-a-"key"!;$(touch${IFS}owned)`x`|{}[]<>""",
        "-f",
        "#comment,include{passwd}",
        r"back\slash\n-and-'quoted'",
    ],
)
async def test_a_key_of_any_text_is_pushed_as_it_is(
    supervisor: Supervisor, free_port: Callable[[], int], tmp_path: Path, key: str
) -> None:
    """The far end accepts exactly that key and receives; nothing else comes of it."""
    port, play_key = free_port(), Secret("play")
    far_url = f"rtmp://127.0.0.1:{free_port()}/live"
    ingest = RtmpIngest(host="127.0.0.1", port=port, app=INGEST_APP, stream_key=Secret("ingest"))
    push = RtmpPush(destinations=(RtmpDestination(url=far_url, stream_key=Secret(key)),))
    outputs = (
        OutputMedia(id=PUSH, end=push),
        OutputMedia(id=PULL, end=RtmpPlay(app=PLAY_APP, stream_key=play_key)),
    )
    flow = FlowMedia(id="hostile", input=InputMedia(id=INPUT, end=ingest), outputs=outputs)

    await supervisor.carry(flow)
    async with (
        asyncio.timeout(SCENE_S),
        signal(RtmpTarget(url=f"rtmp://127.0.0.1:{port}/{INGEST_APP}", stream_key=Secret("ingest"))),
        Receiver(RtmpSource(listens=True, url=far_url, stream_key=Secret(key))) as pushed,
        Receiver(RtmpSource(listens=False, url=f"rtmp://127.0.0.1:{port}/{PLAY_APP}", stream_key=play_key)) as played,
    ):
        await asyncio.gather(pushed.frames(26), played.frames(26))
        shown = processes_that_show(key) if len(key) > len("-f") else []
        held = files_that_hold(tmp_path, "owned")

    assert shown + held == []


@pytest.mark.parametrize("key", ["a\nrtmp_listen=1", "a'\nfile '/etc/passwd"])
async def test_a_key_of_more_lines_than_one_is_refused(
    supervisor: Supervisor, free_port: Callable[[], int], key: str
) -> None:
    """No line of it becomes an option, nor a file, of ffmpeg; both ends say so."""
    source = RtmpPull(
        url=f"rtmp://127.0.0.1:{free_port()}/a", stream_key=Secret(key), host="127.0.0.1", port=free_port()
    )
    port = free_port()
    ingest = RtmpIngest(host="127.0.0.1", port=port, app=INGEST_APP, stream_key=Secret("ingest"))
    push = RtmpPush(destinations=(RtmpDestination(url="rtmp://127.0.0.1:1/live", stream_key=Secret(key)),))
    pulled = FlowMedia(id="pulled", input=InputMedia(id=INPUT, end=source), outputs=())
    pushed = FlowMedia(id="pushed", input=InputMedia(id=INPUT, end=ingest), outputs=(OutputMedia(id=PUSH, end=push),))

    for flow in (pulled, pushed):
        await supervisor.carry(flow)
    async with (
        asyncio.timeout(SCENE_S),
        signal(RtmpTarget(url=f"rtmp://127.0.0.1:{port}/{INGEST_APP}", stream_key=Secret("ingest"))),
    ):
        origin = await health_when(supervisor, "pulled", lambda health: bool(health[INPUT].last_error))
        far = await health_when(supervisor, "pushed", lambda health: bool(health[PUSH].last_error))

    assert origin[INPUT].last_error == far[PUSH].last_error
    assert "control character" in far[PUSH].last_error


async def test_a_stream_id_of_any_allowed_text_is_compared_and_sent_as_it_is(
    supervisor: Supervisor, free_port: Callable[[], int]
) -> None:
    """An input demands exactly that stream id, and a calling output sends exactly that one."""
    stream_id = "#!::r=a&b,m=publish,s=.-_:!!=,mode=caller&passphrase=no"
    source, far = (
        SrtEnd(listens=True, host="127.0.0.1", port=free_port(), latency_ms=120, peer_idle_timeout_ms=5000),
        SrtEnd(
            listens=False,
            host="127.0.0.1",
            port=free_port(),
            latency_ms=120,
            peer_idle_timeout_ms=5000,
            stream_id=stream_id,
        ),
    )
    demanding = SrtEnd(
        listens=True,
        host="127.0.0.1",
        port=far.port,
        latency_ms=120,
        peer_idle_timeout_ms=5000,
        stream_id=stream_id,
    )
    listener = SrtEnd(listens=True, host="127.0.0.1", port=free_port(), latency_ms=120, peer_idle_timeout_ms=5000)
    calling = FlowMedia(id="calling", input=InputMedia(id=INPUT, end=source), outputs=(OutputMedia(id=OUT, end=far),))
    called = FlowMedia(
        id="called", input=InputMedia(id=INPUT, end=demanding), outputs=(OutputMedia(id=OUT, end=listener),)
    )

    for flow in (called, calling):
        await supervisor.carry(flow)
    async with (
        asyncio.timeout(SCENE_S),
        signal(SrtSocket(listens=False, host="127.0.0.1", port=source.port)),
        signal(SrtSocket(listens=False, host="127.0.0.1", port=demanding.port, stream_id=stream_id + "x")),
        Receiver(SrtSocket(listens=False, host="127.0.0.1", port=listener.port)) as received,
    ):
        counted = await received.frames(26)

    assert counted.frames > 25
