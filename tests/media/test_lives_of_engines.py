"""Engines that die, and engines that outlive whoever started them."""

import asyncio
import os
import signal as signals
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from reconciler.domain.secrets import Secret
from reconciler.media.probe import Receiver
from reconciler.media.processes import Identity, gone, is_alive, load
from reconciler.media.srt import SrtSocket
from reconciler.relay.engines.home import FlowHome
from reconciler.relay.engines.program import EngineProgram
from reconciler.relay.media import (
    EndHealth,
    EndId,
    EndState,
    FlowMedia,
    InputMedia,
    OutputMedia,
    RtmpIngest,
    RtpDestination,
    RtpReceive,
    RtpSend,
    SrtEnd,
)
from reconciler.relay.supervisor import Supervisor
from tests.media import restarting
from tests.media.ends import publisher
from tests.media.ends import receiver as srt_receiver
from tests.media.rtmp_scene import RtmpScene
from tests.media.rtp_ends import receiving, sending
from tests.media.watching import (
    PATIENCE_S,
    SCENE_S,
    all_connected,
    health_when,
    processes_that_show,
    signal,
    until,
    until_true,
)

pytestmark = [pytest.mark.anyio, pytest.mark.media]

INPUT = EndId("input")
ENOUGH = 10
"""Frames or packets that are more than what was still on its way."""


class Moment:
    """A moment that tests move."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        """Return the moment."""
        return self.now_s


def srt_flow(port: int) -> FlowMedia:
    """Return a flow with an SRT input and no outputs."""
    end = SrtEnd(listens=True, host="127.0.0.1", port=port, latency_ms=120, peer_idle_timeout_ms=5000)
    return FlowMedia(id="srt", input=InputMedia(id=INPUT, end=end), outputs=())


def identity_of(state: Path, name: str) -> Identity:
    """Return the engine of the only flow that has one of this name."""
    (path,) = state.rglob(f"{name}.identity")
    identity = load(path)
    assert identity is not None
    return identity


def carry_and_be_killed(state: Path, *ports: int) -> None:
    """Carry two flows in another process, and kill that process alone."""
    program = Path(__file__).with_name("abandoned.py")
    command = [sys.executable, str(program), str(state), *map(str, ports)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as predecessor:
        assert predecessor.stdout is not None
        predecessor.stdout.readline()
        predecessor.kill()


@asynccontextmanager
async def bystander(supervisor: Supervisor, free_port: Callable[[], int]) -> AsyncIterator[Receiver]:
    """Carry another flow meanwhile, and receive from it."""
    source, out = free_port(), free_port()
    await supervisor.carry(restarting.srt_flow(source, out, "other"))
    async with (
        signal(SrtSocket(listens=False, host="127.0.0.1", port=source)),
        Receiver(SrtSocket(listens=False, host="127.0.0.1", port=out)) as receiver,
    ):
        await receiver.frames(26)
        yield receiver


async def back_after_killing(
    supervisor: Supervisor, flow_id: str, pid: int, delivered: Callable[[], int]
) -> Mapping[EndId, EndHealth]:
    """Kill a process of a flow; return what the flow said of it, once it has delivered anew."""
    os.kill(pid, signals.SIGKILL)
    async with asyncio.timeout(PATIENCE_S):
        await gone(pid)
        count = delivered()
        told = await health_when(supervisor, flow_id, lambda health: "started anew" in health[INPUT].last_error)
        await until_true(lambda: delivered() > count + ENOUGH)
    return told


async def test_an_srt_flow_is_back_after_its_engine_was_killed(
    supervisor: Supervisor, tmp_path: Path, free_port: Callable[[], int]
) -> None:
    """
    Whoever publishes and receives is served again, the flow says why not, and another flow sees nothing.

    A libsrt that was connected notices after about 5 s of its own that its peer is gone, so others come here.
    """
    source, out = free_port(), free_port()
    await supervisor.carry(restarting.srt_flow(source, out))
    async with asyncio.timeout(SCENE_S), bystander(supervisor, free_port) as other:
        async with publisher(source), srt_receiver(out) as before:
            await until_true(lambda: before.bytes > 100_000)
            killed = identity_of(tmp_path / "media" / "flow-srt", "engine")
            os.kill(killed.pid, signals.SIGKILL)
        async with asyncio.timeout(PATIENCE_S), publisher(source), srt_receiver(out, again="yes") as after:
            told = await health_when(supervisor, "srt", lambda health: "anew" in health[INPUT].last_error)
            await until_true(lambda: after.bytes > 10_000)
        seen = await other.frames(other.reception.frames + 26)
        successor = identity_of(tmp_path / "media" / "flow-srt", "engine")

    assert told[INPUT].last_error == "the engine of this flow ended by itself and was started anew"
    assert successor.pid != killed.pid
    assert (seen.discontinuities, seen.connections) == (0, 1)


@pytest.mark.parametrize("which", ["master", "worker"])
async def test_an_rtmp_flow_is_back_after_its_server_was_killed(
    supervisor: Supervisor, tmp_path: Path, free_port: Callable[[], int], which: str
) -> None:
    """Publisher and player find it again, it says why it was away, and another flow sees nothing."""
    scene = RtmpScene(free_port())
    await supervisor.carry(scene.flow())
    async with (
        asyncio.timeout(SCENE_S),
        signal(scene.target),
        scene.player() as player,
        bystander(supervisor, free_port) as other,
    ):
        await player.frames(26)
        master = identity_of(tmp_path, "nginx").pid
        pid = master if which == "master" else worker_of(master)
        told = await back_after_killing(supervisor, scene.id, pid, lambda: player.reception.frames)
        health = await health_when(supervisor, scene.id, all_connected(INPUT))
        seen = await other.frames(other.reception.frames + 26)

    assert told[INPUT].last_error == "the server of this flow ended by itself and was started anew"
    assert health[INPUT].state is EndState.CONNECTED
    assert (seen.discontinuities, seen.connections) == (0, 1)


def worker_of(master: int) -> int:
    """Return the process of nginx that carries the media."""
    (worker,) = Path(f"/proc/{master}/task/{master}/children").read_text().split()
    return int(worker)


async def test_an_rtp_flow_is_back_after_its_engine_was_killed(
    supervisor: Supervisor, tmp_path: Path, free_port: Callable[[], int]
) -> None:
    """The receiver gets packets again, the flow says why not for a while, and another flow sees nothing."""
    source, port = RtpReceive(host="127.0.0.1", port=free_port(), idle_timeout_ms=1000), free_port()
    outputs = (OutputMedia(id=EndId("out"), end=RtpSend(destinations=(RtpDestination(host="127.0.0.1", port=port),))),)
    await supervisor.carry(FlowMedia(id="rtp", input=InputMedia(id=INPUT, end=source), outputs=outputs))
    async with (
        asyncio.timeout(SCENE_S),
        receiving(port) as counted,
        sending(source.port),
        bystander(supervisor, free_port) as other,
    ):
        await until_true(lambda: counted.packets > 100)
        killed = identity_of(tmp_path / "media" / "flow-rtp", "engine")
        told = await back_after_killing(supervisor, "rtp", killed.pid, lambda: counted.packets)
        seen = await other.frames(other.reception.frames + 26)

    assert told[INPUT].last_error == "the engine of this flow ended by itself and was started anew"
    assert (seen.discontinuities, seen.connections) == (0, 1)


async def test_an_engine_that_dies_at_once_is_started_after_growing_pauses(tmp_path: Path) -> None:
    """Asked a hundred times within one moment, it is started once; within two minutes, a handful of times."""
    moment, home = Moment(), FlowHome(tmp_path / "flow", user=None)
    home.make("srt")
    program = EngineProgram(home, "no_such_program", now_s=moment)

    at_once = [await program.ready() for _ in range(100)]
    starts_at_once = starts(home)
    for _ in range(120):
        moment.now_s += 1.0
        await program.ready()

    assert (any(at_once), starts_at_once) == (False, 1)
    assert 10 < starts(home) < 60
    assert program.last_error == "the engine does not start; its log in the state directory says why"


def starts(home: FlowHome) -> int:
    """Return how often the engine of a flow was started, as its log tells."""
    return (home.records / "engine.log").read_text().count("ModuleNotFoundError")


async def test_engines_of_a_killed_predecessor_are_ended_at_the_start(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    """After a kill -9 the engines go on; the next start ends them, whole sessions, and frees their ports."""
    port = free_port()
    carry_and_be_killed(tmp_path, port, free_port())
    left = [identity_of(tmp_path, "engine"), identity_of(tmp_path, "nginx")]
    outlived = [is_alive(identity) for identity in left]

    supervisor = Supervisor(state=tmp_path)
    await supervisor.start()
    ended = [is_alive(identity) for identity in left]
    await supervisor.carry(srt_flow(port))
    await supervisor.close()

    assert outlived == [True, True]
    assert ended == [False, False]
    assert processes_that_show(str(tmp_path)) == []


async def test_a_port_in_use_is_told_and_taken_once_it_is_free(
    supervisor: Supervisor, free_port: Callable[[], int]
) -> None:
    """An RTMP input whose port is taken says so, and begins by itself when the port is given up."""
    port = free_port()
    ingest = RtmpIngest(host="127.0.0.1", port=port, app="live", stream_key=Secret("key"))
    flow = FlowMedia(id="rtmp", input=InputMedia(id=INPUT, end=ingest), outputs=())

    async def ready() -> bool:
        return (await supervisor.health(flow.id))[INPUT].last_error == ""

    with socket.create_server(("127.0.0.1", port)):
        await supervisor.carry(flow)
        taken = await health_when(supervisor, flow.id, lambda health: bool(health[INPUT].last_error))
    await until(ready)

    assert taken[INPUT].last_error == "the port is in use"
