"""An RTMP flow, from a published signal to players and pushes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from reconciler.domain.secrets import Secret
from reconciler.media.probe import Receiver, RtmpSource
from reconciler.media.rtmp_server import RtmpServers
from reconciler.media.signal import RtmpTarget
from reconciler.relay.giving import INGEST_APP, PLAY_APP
from reconciler.relay.media import (
    EndId,
    EndState,
    FlowMedia,
    InputMedia,
    OutputMedia,
    RtmpDestination,
    RtmpIngest,
    RtmpPlay,
    RtmpPush,
)
from reconciler.relay.supervisor import Supervisor
from tests.media.watching import SCENE_S, all_connected, files_that_hold, health_when, processes_that_show, signal

pytestmark = [pytest.mark.anyio, pytest.mark.media]

INGEST_KEY, PLAY_KEY, OTHER_KEY = Secret("canary-ingest"), Secret("canary-play"), Secret("canary-other")
PUSH_KEYS = (Secret("canary-push-a"), Secret("canary-push-b"))
WRONG = Secret("not-the-key")
SECRETS = tuple(secret.reveal() for secret in (INGEST_KEY, PLAY_KEY, OTHER_KEY, *PUSH_KEYS))
INPUT, PULL, OTHER, PUSH = (EndId(name) for name in ("input", "pull", "other", "push"))


@dataclass(frozen=True)
class Scene:
    """A flow with a pull and a push to two destinations, and the addresses of its ends."""

    port: int
    far_port: int
    dead_port: int

    @property
    def far_url(self) -> str:
        """Where both destinations are."""
        return f"rtmp://127.0.0.1:{self.far_port}/live"

    @property
    def target(self) -> RtmpTarget:
        """Where to publish."""
        return RtmpTarget(url=f"rtmp://127.0.0.1:{self.port}/{INGEST_APP}", stream_key=INGEST_KEY)

    def flow(self, *outputs: OutputMedia) -> FlowMedia:
        """Return the flow with these outputs."""
        ingest = RtmpIngest(host="127.0.0.1", port=self.port, app=INGEST_APP, stream_key=INGEST_KEY)
        return FlowMedia(id="rtmp", input=InputMedia(id=INPUT, end=ingest), outputs=outputs)

    def usual(self, *more: OutputMedia) -> FlowMedia:
        """Return the flow with its pull and its push, and more outputs."""
        push = RtmpPush(destinations=tuple(RtmpDestination(url=self.far_url, stream_key=key) for key in PUSH_KEYS))
        return self.flow(pull(PULL, PLAY_KEY), OutputMedia(id=PUSH, end=push), *more)

    def player(self, key: Secret) -> Receiver:
        """Return who pulls with this key."""
        url = f"rtmp://127.0.0.1:{self.port}/{PLAY_APP}"
        return Receiver(RtmpSource(listens=False, url=url, stream_key=key))

    @asynccontextmanager
    async def destinations(self) -> AsyncIterator[tuple[Receiver, Receiver]]:
        """Receive at both destinations, which share a server."""
        servers = RtmpServers()
        sources = (RtmpSource(listens=True, url=self.far_url, stream_key=key) for key in PUSH_KEYS)
        first, second = (Receiver(source, servers=servers) for source in sources)
        async with first, second:
            yield first, second


def pull(output: EndId, key: Secret) -> OutputMedia:
    """Return an output that players pull."""
    return OutputMedia(id=output, end=RtmpPlay(app=PLAY_APP, stream_key=key))


@pytest.fixture
def scene(free_port: Callable[[], int]) -> Scene:
    """Give a flow on free ports."""
    return Scene(port=free_port(), far_port=free_port(), dead_port=free_port())


async def test_players_and_both_destinations_receive_and_a_player_sees_nothing_of_a_sibling(
    supervisor: Supervisor, scene: Scene, tmp_path: Path
) -> None:
    """
    A pull and two pushes to one server deliver frames, and the player counts no discontinuity beside an eviction.

    A second publisher does not get in, no secret shows, and nothing is left once the flow is dropped.
    """
    flow = scene.usual()

    await supervisor.carry(flow)
    async with (
        asyncio.timeout(SCENE_S),
        signal(scene.target),
        scene.player(PLAY_KEY) as kept,
        scene.player(OTHER_KEY) as evicted,
        scene.destinations() as pushed,
    ):
        await kept.frames(50)
        before = evicted.reception
        await supervisor.carry(scene.usual(pull(OTHER, OTHER_KEY)))
        await evicted.frames(1)
        await supervisor.carry(flow)
        after = await evicted.until(lambda reception: bool(reception.last_error))
        async with signal(scene.target):
            await asyncio.gather(*(receiver.frames(151) for receiver in (kept, *pushed)))
        health = await health_when(supervisor, flow.id, all_connected(INPUT, PULL, PUSH))
        shown = processes_that_show(*SECRETS)
        held = files_that_hold(tmp_path, *SECRETS)
        received = kept.reception
    await supervisor.drop(flow.id)

    assert before.frames == 0
    assert after.frames > 0
    assert (received.discontinuities, received.connections) == (0, 1)
    assert health.keys() == {INPUT, PULL, PUSH}
    assert shown + held == []
    assert processes_that_show(str(tmp_path)) == []


async def test_what_goes_wrong_is_told_in_words(supervisor: Supervisor, scene: Scene) -> None:
    """A publisher with a wrong key, a destination that nobody serves and one that refuses the key each say so."""
    destinations = (
        RtmpDestination(url=f"rtmp://127.0.0.1:{scene.dead_port}/live", stream_key=PUSH_KEYS[0]),
        RtmpDestination(url=scene.far_url, stream_key=PUSH_KEYS[1]),
    )
    flow = scene.flow(OutputMedia(id=PUSH, end=RtmpPush(destinations=destinations)))

    await supervisor.carry(flow)
    async with asyncio.timeout(SCENE_S), RtmpServers().serving(scene.far_url, Secret("another-key")):
        async with signal(RtmpTarget(url=scene.target.url, stream_key=WRONG)):
            refused = await health_when(supervisor, flow.id, lambda health: bool(health[INPUT].last_error))
        async with signal(scene.target):
            failed = await health_when(
                supervisor, flow.id, lambda health: health[PUSH].last_error.count("destination") == 2
            )

    assert "its stream key is not the one" in refused[INPUT].last_error
    assert failed[PUSH].state is EndState.WAITING
    assert failed[PUSH].last_error == (
        "destination 1: the connection was refused: nothing listens there; "
        "destination 2: the server refused the stream key"
    )
