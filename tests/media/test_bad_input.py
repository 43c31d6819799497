"""What a publisher should not have sent: told on the output that cannot carry it, and on no other."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from reconciler.domain.secrets import Secret
from reconciler.media.probe import Receiver, RtmpSource
from reconciler.media.srt import SrtSocket
from reconciler.relay.media import (
    EndHealth,
    EndId,
    EndState,
    FlowMedia,
    InputMedia,
    OutputMedia,
    RtmpDestination,
    RtmpPush,
    SrtEnd,
)
from reconciler.relay.supervisor import Supervisor
from tests.media.ends import AAC, H264, PICTURE, QUIET, TONE, running
from tests.media.watching import SCENE_S, health_when

pytestmark = [pytest.mark.anyio, pytest.mark.media]

INPUT, LISTENER, PUSH = EndId("input"), EndId("listener"), EndId("push")
KEY = Secret("key")
H265 = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:keyint=25")
DROP_KEYS = "noise=drop=key"


class Scene:
    """An SRT flow with a listener output and a push, and a publisher that sends what a test says."""

    def __init__(self, free_port: Callable[[], int]) -> None:
        self.source = SrtEnd(
            listens=True, host="127.0.0.1", port=free_port(), latency_ms=120, peer_idle_timeout_ms=5000
        )
        self.listener = SrtEnd(
            listens=True, host="127.0.0.1", port=free_port(), latency_ms=120, peer_idle_timeout_ms=5000
        )
        self.far_url = f"rtmp://127.0.0.1:{free_port()}/live"

    @property
    def flow(self) -> FlowMedia:
        """The flow."""
        push = RtmpPush(destinations=(RtmpDestination(url=self.far_url, stream_key=KEY),))
        outputs = (OutputMedia(id=LISTENER, end=self.listener), OutputMedia(id=PUSH, end=push))
        return FlowMedia(id="bad", input=InputMedia(id=INPUT, end=self.source), outputs=outputs)

    @property
    def receiver(self) -> Receiver:
        """Who receives from the listener."""
        return Receiver(SrtSocket(listens=False, host=self.listener.host, port=self.listener.port))

    @asynccontextmanager
    async def published(self, *stream: str) -> AsyncIterator[None]:
        """Publish what ffmpeg makes of these arguments meanwhile."""
        async with running((*QUIET, *stream, "-f", "mpegts", self._url)):
            yield

    @asynccontextmanager
    async def garbage(self) -> AsyncIterator[None]:
        """Publish bytes that are no stream: the dots of a small moving picture."""
        async with running(
            (*QUIET, "-re", "-f", "lavfi", "-i", "testsrc2=size=64x64:rate=25", "-f", "rawvideo", self._url)
        ):
            yield

    @property
    def _url(self) -> str:
        return f"srt://127.0.0.1:{self.source.port}?mode=caller&pkt_size=1316"


def refused(health: EndHealth) -> bool:
    """Whether an output says why it carries nothing."""
    return health.state is EndState.WAITING and bool(health.last_error)


@pytest.fixture
def scene(free_port: Callable[[], int]) -> Scene:
    """Give a flow on free ports."""
    return Scene(free_port)


async def test_h265_is_refused_on_the_rtmp_output_alone(supervisor: Supervisor, scene: Scene) -> None:
    """SRT carries any codec; RTMP does not carry H.265, and only that output says so."""
    far = RtmpSource(listens=True, url=scene.far_url, stream_key=KEY)

    await supervisor.carry(scene.flow)
    async with (
        asyncio.timeout(SCENE_S),
        scene.published(*PICTURE, *TONE, *H265, *AAC),
        scene.receiver as kept,
        Receiver(far) as pushed,
    ):
        health = await health_when(supervisor, "bad", lambda health: refused(health[PUSH]))
        received = await kept.frames(51)

    assert health[PUSH].last_error == "RTMP does not carry this video codec"
    assert (received.codec, received.discontinuities) == ("hevc", 0)
    assert health[LISTENER].last_error == ""
    assert pushed.reception.frames == 0


async def test_a_stream_without_video_is_told_on_the_push(supervisor: Supervisor, scene: Scene) -> None:
    """There is nothing to push; the input stays connected."""
    await supervisor.carry(scene.flow)
    async with asyncio.timeout(SCENE_S), scene.published(*TONE, *AAC):
        health = await health_when(supervisor, "bad", lambda health: refused(health[PUSH]))

    assert health[PUSH].last_error == "the input has no video"
    assert health[INPUT].state is EndState.CONNECTED


async def test_a_stream_without_keyframes_is_told_on_the_push(supervisor: Supervisor, scene: Scene) -> None:
    """No player could begin anywhere; what is pushed would never be seen."""
    far = RtmpSource(listens=True, url=scene.far_url, stream_key=KEY)

    await supervisor.carry(scene.flow)
    async with asyncio.timeout(SCENE_S), Receiver(far) as pushed, scene.published(*PICTURE, *H264, "-bsf:v", DROP_KEYS):
        health = await health_when(supervisor, "bad", lambda health: bool(health[PUSH].last_error))

    assert health[PUSH].last_error == "the input has no keyframe, so nobody can begin to watch"
    assert health[INPUT].state is EndState.CONNECTED
    assert pushed.reception.frames == 0


async def test_garbage_disturbs_nobody(supervisor: Supervisor, scene: Scene) -> None:
    """Bytes that are no stream are told on the push; the next publisher finds everything as it should be."""
    await supervisor.carry(scene.flow)
    async with asyncio.timeout(SCENE_S), scene.garbage():
        await health_when(supervisor, "bad", lambda health: health[INPUT].state is EndState.CONNECTED)
        health = await health_when(supervisor, "bad", lambda health: refused(health[PUSH]))
    # A publisher that was killed has said no farewell: its place is free once the peer idle timeout is over.
    await health_when(supervisor, "bad", lambda health: health[INPUT].state is EndState.WAITING)
    async with asyncio.timeout(SCENE_S), scene.published(*PICTURE, *TONE, *H264, *AAC), scene.receiver as kept:
        received = await kept.frames(51)

    assert health[PUSH].last_error == "the input is no stream that can be read"
    assert received.frames > 50
