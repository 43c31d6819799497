"""Receivers that stop reading, or crawl: nobody else notices, and what is kept for them is bounded."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from reconciler.media.probe import Receiver
from reconciler.media.processes import load
from reconciler.media.sockets import connected
from reconciler.media.srt import SrtSocket
from reconciler.relay.giving import INGEST_APP
from reconciler.relay.media import EndId, FlowMedia, InputMedia, OutputMedia, SrtEnd
from reconciler.relay.programs.libsrt import Address, Libsrt, Option
from reconciler.relay.supervisor import Supervisor
from tests.media.ends import CALL_MS, CBR_8M, publisher, receiver, rtmp_publisher, stopped
from tests.media.forwarding import Forwarder, forwarding
from tests.media.rtmp_scene import INGEST, INPUT, OTHER, OTHER_PLAY, RtmpScene, player, pull
from tests.media.watching import SCENE_S, health_when, until, until_true

pytestmark = [pytest.mark.anyio, pytest.mark.media]

BOUND_BYTES = 16 << 20
"""What a server may take more for somebody who reads nothing; the stream has 1 MB a second."""
ONE, TWO = EndId("one"), EndId("two")


@dataclass(frozen=True)
class Client:
    """A player, as nginx tells it."""

    address: str
    dropped: int


async def clients(run: Path) -> list[Client]:
    """Return who is connected to the server that works in this folder."""
    async with connected(run, "control.sock") as (reader, writer):
        writer.write(b"GET /stat HTTP/1.0\r\n\r\n")
        told = (await reader.read(-1)).decode()
    found = re.findall(r"<client>.*?<address>([^<]*)</address>.*?<dropped>(\d+)</dropped>", told, re.DOTALL)
    return [Client(address, int(dropped)) for address, dropped in found]


def memory_bytes(pid: int) -> int:
    """Return what a process has in memory."""
    told = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert told is not None
    return 1024 * int(told[1])


def server_of(state: Path) -> tuple[Path, int]:
    """Return where the only nginx works, and its process that carries media."""
    (path,) = state.rglob("nginx.identity")
    identity = load(path)
    assert identity is not None
    (worker,) = Path(f"/proc/{identity.pid}/task/{identity.pid}/children").read_text().split()
    return path.parent / "run", int(worker)


@dataclass(frozen=True)
class Played:
    """An RTMP flow of 8 Mb/s, with players of the same output and of another one, and one that does not read well."""

    slow: Forwarder
    stuck: Receiver
    sibling: Receiver
    other: Receiver
    run: Path
    pid: int

    async def has_lost(self) -> bool:
        """Whether frames were dropped for the one that does not read well."""
        return any(client.dropped for client in await clients(self.run) if client.address == "127.0.0.3")

    async def is_cut(self) -> bool:
        """Whether it is connected no more."""
        return all(client.address != "127.0.0.3" for client in await clients(self.run))

    async def disturbance(self) -> list[tuple[int, int]]:
        """Return discontinuities and connections of the two others, a while later."""
        seen = [await each.frames(each.reception.frames + 26) for each in (self.sibling, self.other)]
        return [(each.discontinuities, each.connections) for each in seen]


@pytest.fixture
async def played(supervisor: Supervisor, free_port: Callable[[], int], tmp_path: Path) -> AsyncIterator[Played]:
    """Publish and play meanwhile."""
    scene = RtmpScene(free_port())
    await supervisor.carry(scene.flow(pull(), pull(output=OTHER, key=OTHER_PLAY)))
    async with (
        asyncio.timeout(SCENE_S),
        rtmp_publisher(scene.port, INGEST_APP, INGEST.reveal(), stream=CBR_8M),
        forwarding(scene.port, source="127.0.0.3") as slow,
        scene.player() as sibling,
        scene.player(OTHER_PLAY) as other,
        player(slow.port) as stuck,
    ):
        await asyncio.gather(*(each.frames(26) for each in (sibling, other, stuck)))
        yield Played(slow, stuck, sibling, other, *server_of(tmp_path))


async def test_a_player_that_reads_nothing_loses_frames_and_is_cut_and_nobody_else_notices(played: Played) -> None:
    """
    Frames are dropped for it alone, it is cut once it has not answered for 20 s, and the server keeps nothing more.

    It comes back when it reads again.
    """
    before = memory_bytes(played.pid)
    played.slow.reads.clear()
    await until(played.has_lost)
    after = memory_bytes(played.pid)
    await until(played.is_cut)
    played.slow.reads.set()
    await played.stuck.until(lambda reception: reception.connections == 2)

    assert after - before < BOUND_BYTES
    assert await played.disturbance() == [(0, 1), (0, 1)]


async def test_a_player_that_crawls_loses_frames_and_goes_on_and_nobody_else_notices(played: Played) -> None:
    """It reads 40 kB of the 1 MB a second: frames are dropped for it alone, and once it reads well it gets them all."""
    before = memory_bytes(played.pid)
    played.slow.pause_s = 0.1
    await until(played.has_lost)
    after = memory_bytes(played.pid)
    frames = played.stuck.reception.frames
    played.slow.pause_s = 0.0
    received = await played.stuck.frames(frames + 101)

    assert after - before < BOUND_BYTES
    assert received.connections == 1
    assert await played.disturbance() == [(0, 1), (0, 1)]


@dataclass(frozen=True)
class SrtScene:
    """An SRT flow with two listener outputs."""

    ends: tuple[SrtEnd, SrtEnd, SrtEnd]
    state: Path

    @property
    def flow(self) -> FlowMedia:
        """The flow."""
        source, one, two = self.ends
        outputs = (OutputMedia(id=ONE, end=one), OutputMedia(id=TWO, end=two))
        return FlowMedia(id="srt", input=InputMedia(id=INPUT, end=source), outputs=outputs)

    @property
    def ports(self) -> tuple[int, int, int]:
        """Where to publish, and where to receive."""
        source, one, two = self.ends
        return source.port, one.port, two.port

    @property
    def memory_bytes(self) -> int:
        """What the engine has in memory."""
        (path,) = self.state.rglob("engine.identity")
        identity = load(path)
        assert identity is not None
        return memory_bytes(identity.pid)


@pytest.fixture
def srt(free_port: Callable[[], int], tmp_path: Path) -> SrtScene:
    """Give a flow on free ports."""
    source, one, two = (
        SrtEnd(listens=True, host="127.0.0.1", port=free_port(), latency_ms=120, peer_idle_timeout_ms=3000)
        for _ in range(3)
    )
    return SrtScene((source, one, two), tmp_path)


def receiving(port: int) -> Receiver:
    """Return who receives from a port and counts."""
    return Receiver(SrtSocket(listens=False, host="127.0.0.1", port=port, latency_ms=500))


async def test_an_srt_receiver_that_is_stopped_is_cut_and_nobody_else_notices(
    supervisor: Supervisor, srt: SrtScene
) -> None:
    """It loses its place after the peer idle timeout and comes back once it runs again; memory stays bounded."""
    source, one, two = srt.ports
    await supervisor.carry(srt.flow)
    async with (
        asyncio.timeout(SCENE_S),
        publisher(source, stream=CBR_8M),
        receiving(one) as sibling,
        receiving(two) as other,
        receiver(one, "adapter=127.0.0.3", again="yes") as stuck,
    ):
        await asyncio.gather(sibling.frames(26), other.frames(26))
        await until_true(lambda: stuck.bytes > 1_000_000)
        before = srt.memory_bytes
        async with stopped(stuck.child):
            await health_when(supervisor, "srt", lambda health: len(health[ONE].sessions) == 1)
            after = srt.memory_bytes
        count = stuck.bytes
        await until_true(lambda: stuck.bytes > count + 1_000_000)
        seen = [await each.frames(each.reception.frames + 26) for each in (sibling, other)]

    assert after - before < BOUND_BYTES
    assert [(each.discontinuities, each.connections) for each in seen] == [(0, 1), (0, 1)]


async def test_an_srt_receiver_that_reads_nothing_is_kept_while_it_lives_and_nobody_else_notices(
    supervisor: Supervisor, srt: SrtScene
) -> None:
    """What it has no room for is dropped for it alone, and counted; memory stays bounded."""
    source, one, two = srt.ports
    await supervisor.carry(srt.flow)
    async with (
        asyncio.timeout(SCENE_S),
        publisher(source, stream=CBR_8M),
        receiving(one) as sibling,
        receiving(two) as other,
    ):
        await asyncio.gather(sibling.frames(26), other.frames(26))
        before = srt.memory_bytes
        with reads_nothing(one):
            both = await health_when(supervisor, "srt", lambda health: len(health[ONE].sessions) == 2)
            lost = await health_when(supervisor, "srt", lambda health: (health[ONE].packets_dropped or 0) > 100)
            after = srt.memory_bytes
            seen = [await each.frames(each.reception.frames + 26) for each in (sibling, other)]

    assert after - before < BOUND_BYTES
    assert [session.id for session in lost[ONE].sessions] == [session.id for session in both[ONE].sessions]
    assert lost[TWO].packets_dropped == 0
    assert [(each.discontinuities, each.connections) for each in seen] == [(0, 1), (0, 1)]


@contextmanager
def reads_nothing(port: int) -> Iterator[None]:
    """Be connected to a port meanwhile, with little room, and read nothing of what comes."""
    srt = Libsrt()
    which = srt.socket()
    srt.set(which, Option.RCVSYN, 0)
    srt.set(which, Option.RCVBUF, 64 * 1456)
    srt.set(which, Option.CONNTIMEO, CALL_MS)
    srt.connect(which, Address("127.0.0.1", port))
    try:
        yield
    finally:
        srt.close(which)
