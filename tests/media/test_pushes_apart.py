"""Pushes of one flow, and what one of them never notices of the others."""

import asyncio
import os
import signal as signals
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from reconciler.domain.secrets import Secret
from reconciler.media.probe import Receiver, RtmpSource
from reconciler.media.processes import Identity, load
from reconciler.media.signal import RtmpTarget
from reconciler.relay.giving import INGEST_APP
from reconciler.relay.media import (
    EndHealth,
    EndId,
    EndState,
    FlowMedia,
    InputMedia,
    OutputMedia,
    RtmpDestination,
    RtmpIngest,
    RtmpPush,
)
from reconciler.relay.supervisor import Supervisor
from tests.media.fronts import in_front
from tests.media.watching import all_connected, health_when, processes_that_show, signal, until

pytestmark = [pytest.mark.anyio, pytest.mark.media]

INPUT, KEPT, OTHER = (EndId(name) for name in ("input", "kept", "other"))
INGEST, KEY, OTHER_KEY = Secret("ingest"), Secret("key"), Secret("other-key")
GREETING_BYTES = 200_000
"""More than it takes until media flow."""


@dataclass(frozen=True)
class Scene:
    """A flow with one push that is watched, and one that fares badly."""

    port: int
    far: int
    bad: int

    @property
    def flow(self) -> FlowMedia:
        """The flow."""
        ingest = RtmpIngest(host="127.0.0.1", port=self.port, app=INGEST_APP, stream_key=INGEST)
        outputs = (self.push(KEPT, self.far, KEY), self.push(OTHER, self.bad, OTHER_KEY))
        return FlowMedia(id="flow", input=InputMedia(id=INPUT, end=ingest), outputs=outputs)

    @staticmethod
    def push(output: EndId, port: int, key: Secret) -> OutputMedia:
        """Return a push to a port."""
        far = RtmpDestination(url=f"rtmp://127.0.0.1:{port}/live", stream_key=key)
        return OutputMedia(id=output, end=RtmpPush(destinations=(far,)))

    def receiver(self, port: int, key: Secret) -> Receiver:
        """Return who receives there."""
        return Receiver(RtmpSource(listens=True, url=f"rtmp://127.0.0.1:{port}/live", stream_key=key))

    @asynccontextmanager
    async def watched(self, supervisor: Supervisor) -> AsyncIterator[Receiver]:
        """Carry the flow, publish to it, and receive what is pushed by the watched push."""
        await supervisor.carry(self.flow)
        target = RtmpTarget(url=f"rtmp://127.0.0.1:{self.port}/{INGEST_APP}", stream_key=INGEST)
        async with asyncio.timeout(80), self.receiver(self.far, KEY) as kept, signal(target):
            await kept.frames(26)
            yield kept


@pytest.fixture
def scene(free_port: Callable[[], int]) -> Scene:
    """Give a flow on free ports."""
    return Scene(free_port(), free_port(), free_port())


def wire_of(state: Path) -> Identity:
    """Return the wire of the push that fares badly."""
    (path,) = state.rglob("push-other-0.identity")
    identity = load(path)
    assert identity is not None
    return identity


def ffmpeg_of(wire: Identity) -> int:
    """Return the pid of the ffmpeg that a wire has started."""
    (child,) = Path(f"/proc/{wire.pid}/task/{wire.pid}/children").read_text().split()
    return int(child)


async def test_a_dead_destination_disturbs_nobody(supervisor: Supervisor, scene: Scene) -> None:
    """Nobody listens there; that output alone says so."""
    async with scene.watched(supervisor) as kept:
        health = await health_when(supervisor, "flow", lambda health: bool(health[OTHER].last_error))
        counted = await kept.frames(kept.reception.frames + 76)

    assert health[OTHER].last_error == "the connection was refused: nothing listens there"
    assert (counted.discontinuities, counted.connections) == (0, 1)


async def test_a_destination_that_stops_reading_is_noticed_and_disturbs_nobody(
    supervisor: Supervisor, scene: Scene, free_port: Callable[[], int]
) -> None:
    """It is given up after seconds, and said so of that output alone."""
    behind, heard = free_port(), 0

    async def heed(some: bytes) -> None:
        nonlocal heard
        heard += len(some)
        if heard > GREETING_BYTES:
            await asyncio.Event().wait()

    def given_up(health: EndHealth) -> bool:
        return health.state is EndState.WAITING and bool(health.last_error)

    async with (
        in_front(scene.bad, behind, heed=heed),
        scene.receiver(behind, OTHER_KEY),
        scene.watched(supervisor) as kept,
    ):
        health = await health_when(supervisor, "flow", lambda health: given_up(health[OTHER]))
        counted = await kept.frames(kept.reception.frames + 51)

    assert health[OTHER].last_error == "the destination stopped reading"
    assert health[KEPT].last_error == ""
    assert (counted.discontinuities, counted.connections) == (0, 1)


async def test_a_destination_that_crawls_disturbs_nobody(
    supervisor: Supervisor, scene: Scene, free_port: Callable[[], int]
) -> None:
    """It takes a quarter of what comes; the watched push goes on as if it was alone."""
    behind, heard = free_port(), 0

    async def heed(some: bytes) -> None:
        nonlocal heard
        heard += len(some)
        await asyncio.sleep(len(some) / 32_000)

    async with (
        in_front(scene.bad, behind, heed=heed),
        scene.receiver(behind, OTHER_KEY),
        scene.watched(supervisor) as kept,
    ):
        counted = await kept.frames(kept.reception.frames + 251)

    assert (counted.discontinuities, counted.connections) == (0, 1)
    assert heard > GREETING_BYTES


@pytest.mark.parametrize("killed", ["wire", "ffmpeg"])
async def test_a_push_that_is_killed_is_begun_again_alone(supervisor: Supervisor, scene: Scene, killed: str) -> None:
    """Whichever of its two processes dies, the other one goes with it, and its sibling notices nothing."""
    async with scene.watched(supervisor) as kept, scene.receiver(scene.bad, OTHER_KEY) as other:
        await health_when(supervisor, "flow", all_connected(INPUT, KEPT, OTHER))
        before = wire_of(supervisor.state)
        os.kill(before.pid if killed == "wire" else ffmpeg_of(before), signals.SIGKILL)

        async def gone() -> bool:
            return processes_that_show(before.mark) == []

        await until(gone)
        await health_when(supervisor, "flow", lambda health: health[OTHER].reconnections > 0)
        await other.frames(other.reception.frames + 26)
        counted = await kept.frames(kept.reception.frames + 26)

    assert (counted.discontinuities, counted.connections) == (0, 1)
