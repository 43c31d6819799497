"""RTMP over TLS: whose certificate is believed, and what is said of the others."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
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
    FlowMedia,
    InputMedia,
    OutputMedia,
    RtmpDestination,
    RtmpIngest,
    RtmpPlay,
    RtmpPull,
    RtmpPush,
)
from reconciler.relay.reach import Reach, authorities_in
from reconciler.relay.supervisor import Supervisor
from tests.media.certificates import Authority
from tests.media.fronts import in_front, mute
from tests.media.watching import SCENE_S, all_connected, health_when, processes_that_show, signal

pytestmark = [pytest.mark.anyio, pytest.mark.media]

INPUT, PULL, PUSH = (EndId(name) for name in ("input", "pull", "push"))
INGEST, PLAY, FAR = Secret("ingest"), Secret("play"), Secret("canary-far")


@dataclass(frozen=True)
class Scene:
    """A relay that trusts one authority, and ports for a server with TLS in front of one without."""

    supervisor: Supervisor
    authority: Authority
    foreign: Authority
    ports: tuple[int, int, int]

    @property
    def far_url(self) -> str:
        """The server without TLS."""
        return f"rtmp://127.0.0.1:{self.ports[2]}/live"

    def front_url(self, host: str = "localhost") -> str:
        """Return the URL of the server with TLS."""
        return f"rtmps://{host}:{self.ports[1]}/live"

    @property
    def target(self) -> RtmpTarget:
        """Where to publish."""
        return RtmpTarget(url=f"rtmp://127.0.0.1:{self.ports[0]}/{INGEST_APP}", stream_key=INGEST)

    def pushing(self, url: str) -> FlowMedia:
        """Return a flow that pushes there."""
        ingest = RtmpIngest(host="127.0.0.1", port=self.ports[0], app=INGEST_APP, stream_key=INGEST)
        push = RtmpPush(destinations=(RtmpDestination(url=url, stream_key=FAR),))
        return FlowMedia(id="flow", input=InputMedia(id=INPUT, end=ingest), outputs=(OutputMedia(id=PUSH, end=push),))

    def pulling(self, url: str) -> FlowMedia:
        """Return a flow that pulls from there."""
        source = RtmpPull(url=url, stream_key=FAR, host="127.0.0.1", port=self.ports[0])
        play = OutputMedia(id=PULL, end=RtmpPlay(app=PLAY_APP, stream_key=PLAY))
        return FlowMedia(id="flow", input=InputMedia(id=INPUT, end=source), outputs=(play,))

    def certificate(self, kind: str) -> ssl.SSLContext:
        """Return what a server with this kind of certificate needs."""
        match kind:
            case "expired":
                return self.authority.signed(kind, "DNS:localhost", days=-1)
            case "foreign":
                return self.foreign.signed(kind, "DNS:localhost")
            case "other name":
                return self.authority.signed("other", "DNS:elsewhere.example")
            case _:
                return self.authority.signed("good", "DNS:localhost,IP:127.0.0.1")


@pytest.fixture
async def scene(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[Scene]:
    """Give a relay that trusts one authority of two."""
    ours, foreign = (Authority(tmp_path, name).found() for name in ("ours", "foreign"))
    reach = Reach(authorities=authorities_in([ours.certificate]))
    supervisor = Supervisor(state=tmp_path / "state", reach=reach)
    yield Scene(supervisor, ours, foreign, (free_port(), free_port(), free_port()))
    await supervisor.close()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_a_server_that_is_believed_receives(scene: Scene, host: str) -> None:
    """The certificate is for the name or address that was asked for, and signed by whom the relay trusts."""
    far = RtmpSource(listens=True, url=scene.far_url, stream_key=FAR)

    await scene.supervisor.carry(scene.pushing(scene.front_url(host)))
    async with (
        asyncio.timeout(SCENE_S),
        in_front(scene.ports[1], scene.ports[2], tls=scene.certificate("good")),
        signal(scene.target),
        Receiver(far) as received,
    ):
        counted = await received.frames(51)
        health = await health_when(scene.supervisor, "flow", all_connected(INPUT, PUSH))
        shown = processes_that_show(FAR.reveal())

    assert (counted.discontinuities, counted.connections) == (0, 1)
    assert health[PUSH].last_error == ""
    assert shown == []


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("expired", "the certificate of the destination has expired"),
        ("foreign", "the certificate of the destination is signed by nobody that is trusted here"),
        ("other name", "the certificate of the destination is for another name"),
    ],
)
async def test_a_server_that_is_not_believed_receives_nothing(scene: Scene, kind: str, reason: str) -> None:
    """No byte of the stream, nor the key, goes to a server that has no right to the name; the output says why."""
    far = RtmpSource(listens=True, url=scene.far_url, stream_key=FAR)

    await scene.supervisor.carry(scene.pushing(scene.front_url()))
    async with (
        asyncio.timeout(SCENE_S),
        in_front(scene.ports[1], scene.ports[2], tls=scene.certificate(kind)),
        signal(scene.target),
        Receiver(far) as received,
    ):
        health = await health_when(scene.supervisor, "flow", lambda health: bool(health[PUSH].last_error))
        frames = received.reception.frames

    assert health[PUSH].last_error == reason
    assert frames == 0


async def test_a_server_without_tls_is_told(scene: Scene) -> None:
    """A server that takes the greeting for its own protocol is not waited for."""
    await scene.supervisor.carry(scene.pushing(f"rtmps://localhost:{scene.ports[2]}/live"))
    async with asyncio.timeout(SCENE_S), RtmpServers().serving(scene.far_url, FAR), signal(scene.target):
        health = await health_when(scene.supervisor, "flow", lambda health: bool(health[PUSH].last_error))

    assert health[PUSH].last_error == "the destination does not speak TLS"


async def test_a_server_that_says_nothing_is_not_waited_for(scene: Scene) -> None:
    """A port that takes the connection and leaves it at that is given up within seconds."""
    await scene.supervisor.carry(scene.pushing(f"rtmps://localhost:{scene.ports[2]}/live"))
    async with asyncio.timeout(SCENE_S), mute(scene.ports[2]), signal(scene.target):
        health = await health_when(scene.supervisor, "flow", lambda health: bool(health[PUSH].last_error))

    assert health[PUSH].last_error == "the destination does not speak TLS"


async def test_an_origin_that_is_believed_is_pulled_from(scene: Scene) -> None:
    """What is pulled over TLS reaches players whole."""
    origin = RtmpTarget(url=scene.far_url, stream_key=FAR)
    player = RtmpSource(listens=False, url=f"rtmp://127.0.0.1:{scene.ports[0]}/{PLAY_APP}", stream_key=PLAY)

    async with (
        asyncio.timeout(SCENE_S),
        RtmpServers().serving(scene.far_url, FAR),
        in_front(scene.ports[1], scene.ports[2], tls=scene.certificate("good")),
        signal(origin),
    ):
        await scene.supervisor.carry(scene.pulling(scene.front_url()))
        async with Receiver(player) as received:
            counted = await received.frames(51)

    assert counted.discontinuities == 0


async def test_an_origin_that_is_not_believed_is_not_pulled_from(scene: Scene) -> None:
    """An input is as careful as an output."""
    async with (
        asyncio.timeout(SCENE_S),
        RtmpServers().serving(scene.far_url, FAR),
        in_front(scene.ports[1], scene.ports[2], tls=scene.certificate("foreign")),
    ):
        await scene.supervisor.carry(scene.pulling(scene.front_url()))
        health = await health_when(scene.supervisor, "flow", lambda health: bool(health[INPUT].last_error))

    assert health[INPUT].last_error == "the certificate of the origin is signed by nobody that is trusted here"
