"""What SRT ends agree on is what their settings say: latency, key length, stream id, peer idle timeout."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import pytest

from reconciler.domain.secrets import Secret
from reconciler.relay.media import EndHealth, EndId, EndState, FlowMedia, InputMedia, OutputMedia, SrtEnd
from reconciler.relay.programs.libsrt import Address, Libsrt
from reconciler.relay.supervisor import Supervisor
from tests.media.ends import killed, publisher, receiver
from tests.media.watching import SCENE_S, all_connected, health_when, until_true

pytestmark = [pytest.mark.anyio, pytest.mark.media]

INPUT, OUT, OTHER = EndId("input"), EndId("out"), EndId("other")
PASSPHRASE = "canary-passphrase"
WITH_PASSPHRASE = f"passphrase={PASSPHRASE}"
STREAM_ID = "#!::r=live/one,m=request"


@dataclass(frozen=True)
class Scene:
    """An SRT flow with one output."""

    source: SrtEnd
    out: SrtEnd

    @property
    def flow(self) -> FlowMedia:
        """The flow."""
        outputs = (OutputMedia(id=OUT, end=self.out),)
        return FlowMedia(id="srt", input=InputMedia(id=INPUT, end=self.source), outputs=outputs)


def demanding(end: SrtEnd, key_length: int, *, listens: bool) -> SrtEnd:
    """Return an end with more latency than the other side asks for, and encrypted."""
    return replace(end, listens=listens, latency_ms=640, passphrase=Secret(PASSPHRASE), key_length=key_length)


@pytest.fixture
def scene(free_port: Callable[[], int]) -> Scene:
    """Give a flow on free ports."""
    source, out = (
        SrtEnd(listens=True, host="127.0.0.1", port=free_port(), latency_ms=120, peer_idle_timeout_ms=5000)
        for _ in range(2)
    )
    return Scene(source, out)


def secured(end: EndId) -> Callable[[Mapping[EndId, EndHealth]], bool]:
    """Return what asks whether keys were exchanged at an end that carries media."""
    return lambda health: bool(health[end].encrypted) and health[end].bitrate_bps > 100_000


def agreed(health: EndHealth) -> tuple[int, int]:
    """Return the latency and the key length of the one connection of an end."""
    (session,) = health.sessions
    assert session.srt is not None
    return session.srt.latency_ms, session.srt.key_length


@pytest.mark.parametrize("key_length", [16, 24, 32])
async def test_whom_an_output_calls_agrees_to_its_latency_and_key_length(
    supervisor: Supervisor, scene: Scene, key_length: int
) -> None:
    """A listener that asks for less gets the latency of the output, and keys of its length."""
    scene = replace(scene, out=demanding(scene.out, key_length, listens=False))
    await supervisor.carry(scene.flow)
    async with (
        asyncio.timeout(SCENE_S),
        publisher(scene.source.port),
        receiver(scene.out.port, WITH_PASSPHRASE, "latency=100", mode="listener") as received,
    ):
        health = await health_when(supervisor, "srt", secured(OUT))
        await until_true(lambda: received.bytes > 100_000)

    assert agreed(health[OUT]) == (640, key_length)
    assert received.continuity.errors == 0


@pytest.mark.parametrize("key_length", [16, 24, 32])
@pytest.mark.parametrize("listens", [True, False], ids=["listener", "caller"])
async def test_who_publishes_agrees_to_the_latency_and_key_length_of_an_input(
    supervisor: Supervisor, scene: Scene, key_length: int, *, listens: bool
) -> None:
    """A publisher that asks for less gets the latency of the input, and keys of its length."""
    scene = replace(scene, source=demanding(scene.source, key_length, listens=listens))
    await supervisor.carry(scene.flow)
    async with (
        asyncio.timeout(SCENE_S),
        publisher(scene.source.port, WITH_PASSPHRASE, "latency=100", mode="caller" if listens else "listener"),
        receiver(scene.out.port, again="yes") as received,
    ):
        health = await health_when(supervisor, "srt", secured(INPUT))
        await until_true(lambda: received.bytes > 100_000)

    assert agreed(health[INPUT]) == (640, key_length)


@pytest.mark.parametrize("calls", ["input", "output"])
async def test_who_is_called_is_told_the_stream_id(
    supervisor: Supervisor, scene: Scene, free_port: Callable[[], int], calls: str
) -> None:
    """It arrives as it was written, whatever is in it."""
    caller = replace(scene.source, listens=False, port=free_port(), stream_id=STREAM_ID)
    scene = replace(scene, source=caller) if calls == "input" else replace(scene, out=caller)
    asked: list[str] = []
    srt = Libsrt()
    which = srt.socket()

    def note(_new: int, _peer: str, stream_id: str) -> int:
        asked.append(stream_id)
        return 1403

    srt.listen(which, Address("127.0.0.1", caller.port), note)
    await supervisor.carry(scene.flow)
    await until_true(lambda: bool(asked))
    srt.close(which)

    assert asked[0] == STREAM_ID


async def test_a_publisher_with_another_stream_id_is_refused(supervisor: Supervisor, scene: Scene) -> None:
    """An input that asks for a stream id takes no other, nor none."""
    await supervisor.carry(replace(scene, source=replace(scene.source, stream_id="this,one")).flow)
    async with asyncio.timeout(SCENE_S), publisher(scene.source.port, "streamid=another"), publisher(scene.source.port):
        refused = await health_when(supervisor, "srt", lambda health: bool(health[INPUT].last_error))
        async with publisher(scene.source.port, "adapter=127.0.0.2", "streamid=this,one"):
            health = await health_when(supervisor, "srt", all_connected(INPUT))

    assert refused[INPUT].state is EndState.WAITING
    assert refused[INPUT].last_error.endswith("was refused: its stream id is not the one that is asked for")
    assert health[INPUT].peer.startswith("127.0.0.2:")


async def test_a_receiver_that_vanishes_frees_its_place_after_the_peer_idle_timeout(
    supervisor: Supervisor, scene: Scene, free_port: Callable[[], int]
) -> None:
    """Of two that are killed together, the one with 1 s is forgotten while the one with 10 s still has its place."""
    ends = {
        OUT: replace(scene.out, peer_idle_timeout_ms=1000),
        OTHER: replace(scene.out, port=free_port(), peer_idle_timeout_ms=10_000),
    }
    outputs = tuple(OutputMedia(id=key, end=end) for key, end in ends.items())
    await supervisor.carry(replace(scene.flow, outputs=outputs))
    async with (
        asyncio.timeout(SCENE_S),
        publisher(scene.source.port),
        receiver(scene.out.port) as one,
        receiver(ends[OTHER].port) as two,
    ):
        await health_when(supervisor, "srt", all_connected(OUT, OTHER))
        await asyncio.gather(killed(one.child), killed(two.child))
        health = await health_when(supervisor, "srt", lambda health: not health[OUT].sessions)
        still = len(health[OTHER].sessions)
        async with receiver(scene.out.port) as next_one:
            await until_true(lambda: next_one.bytes > 100_000)

    assert still == 1
