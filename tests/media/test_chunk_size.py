"""The chunk size of an output, measured between the relay and the destination."""

import asyncio
from collections.abc import Callable

import pytest

from reconciler.domain.secrets import Secret
from reconciler.media.probe import Receiver, RtmpSource
from reconciler.media.signal import RtmpTarget
from reconciler.relay.giving import INGEST_APP
from reconciler.relay.media import EndId, FlowMedia, InputMedia, OutputMedia, RtmpDestination, RtmpIngest, RtmpPush
from reconciler.relay.supervisor import Supervisor
from tests.media.fronts import in_front
from tests.media.recorder import Heard
from tests.media.watching import SCENE_S, all_connected, health_when, signal

pytestmark = [pytest.mark.anyio, pytest.mark.media]

INPUT, PUSH = EndId("input"), EndId("push")
INGEST, FAR = Secret("ingest"), Secret("far")


@pytest.mark.parametrize("size", [4096, 8192, 40_960])
async def test_a_chunk_size_that_is_set_holds(supervisor: Supervisor, free_port: Callable[[], int], size: int) -> None:
    """It is told once, chunks keep to it from then on, frames arrive whole, and the server sees the true address."""
    port, front, behind = free_port(), free_port(), free_port()
    ingest = RtmpIngest(host="127.0.0.1", port=port, app=INGEST_APP, stream_key=INGEST)
    far = RtmpDestination(url=f"rtmp://127.0.0.1:{front}/live?token=x", stream_key=FAR)
    push = OutputMedia(id=PUSH, end=RtmpPush(destinations=(far,), chunk_size=size))
    flow = FlowMedia(id="flow", input=InputMedia(id=INPUT, end=ingest), outputs=(push,))
    heard = Heard()

    await supervisor.carry(flow)
    async with (
        asyncio.timeout(SCENE_S),
        in_front(front, behind, heed=heard.heed),
        signal(RtmpTarget(url=f"rtmp://127.0.0.1:{port}/{INGEST_APP}", stream_key=INGEST)),
        Receiver(RtmpSource(listens=True, url=f"rtmp://127.0.0.1:{behind}/live", stream_key=FAR)) as received,
    ):
        counted = await received.frames(76)
        await health_when(supervisor, "flow", all_connected(INPUT, PUSH))

    assert (counted.discontinuities, counted.connections) == (0, 1)
    assert heard.told == [size]
    assert heard.largest.keys() == {128, size}
    assert min(heard.largest[size], 4096) == min(size, 4096)
    assert f"rtmp://127.0.0.1:{front}/live?token=x".encode() in heard.connect
