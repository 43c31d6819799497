"""A control plane that is killed and comes back, under running receivers."""

import asyncio
import os
import signal as signals
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from reconciler.media.probe import Receiver, RtmpSource
from reconciler.media.processes import gone, load
from reconciler.media.rtmp_server import RtmpServers
from reconciler.media.signal import RtmpTarget
from reconciler.media.srt import SrtSocket
from reconciler.relay.giving import INGEST_APP, PLAY_APP
from reconciler.relay.media import EndState, FlowMedia, InputMedia, OutputMedia, RtmpPlay, RtmpPull
from reconciler.relay.supervisor import Supervisor
from tests.media import restarting
from tests.media.restarting import INGEST, INPUT, OUT, PLAY, PULL, PUSH, PUSHED, rtmp_flow, srt_flow
from tests.media.watching import SCENE_S, all_connected, health_when, processes_that_show, signal

pytestmark = [pytest.mark.anyio, pytest.mark.media]


@asynccontextmanager
async def predecessor(state: Path, *flows: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Carry flows in another process."""
    command = (sys.executable, str(restarting.__file__), str(state), *flows)
    child = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])
    assert child.stdout is not None
    await child.stdout.readline()
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()


def pids(state: Path) -> dict[str, int]:
    """Return the pid of every engine by the name of its record."""
    found = {path.name: load(path) for path in state.rglob("*.identity")}
    return {name: identity.pid for name, identity in found.items() if identity is not None}


def played(port: int) -> Receiver:
    """Return who plays the output of the RTMP flow on this port."""
    return Receiver(RtmpSource(listens=False, url=f"rtmp://127.0.0.1:{port}/{PLAY_APP}", stream_key=PLAY))


async def test_rtmp_players_and_pushes_see_nothing_of_a_restart(
    supervisor: Supervisor, free_port: Callable[[], int]
) -> None:
    """
    The server and the push are adopted, not started anew; player and destination count no discontinuity.

    The next control plane knows who plays: when that output is deleted, its player is cut.
    """
    port, far = free_port(), free_port()
    flow = rtmp_flow(port, far)
    pushed = RtmpSource(listens=True, url=f"rtmp://127.0.0.1:{far}/live", stream_key=PUSHED)
    target = RtmpTarget(url=f"rtmp://127.0.0.1:{port}/{INGEST_APP}", stream_key=INGEST)

    async with (
        asyncio.timeout(SCENE_S),
        predecessor(supervisor.state, f"rtmp:{port}:{far}") as child,
        signal(target),
        played(port) as player,
        Receiver(pushed) as receiver,
    ):
        await asyncio.gather(player.frames(26), receiver.frames(26))
        before = pids(supervisor.state)
        child.kill()
        await child.wait()
        await supervisor.start(["rtmp"])
        await supervisor.carry(flow)
        await health_when(supervisor, "rtmp", all_connected(INPUT, PULL, PUSH))
        counted = await asyncio.gather(
            player.frames(player.reception.frames + 51), receiver.frames(receiver.reception.frames + 51)
        )
        after = pids(supervisor.state)
        await supervisor.carry(FlowMedia(id="rtmp", input=flow.input, outputs=flow.outputs[1:]))
        await player.until(lambda reception: bool(reception.last_error))

    assert (before, len(after)) == (after, 2)
    assert [(each.discontinuities, each.connections) for each in counted] == [(0, 1), (0, 1)]


async def test_a_server_that_died_with_the_control_plane_leaves_nothing_that_holds_its_port(
    supervisor: Supervisor, free_port: Callable[[], int]
) -> None:
    """A master of nginx that was killed leaves its worker; the next control plane ends it and begins anew."""
    port = free_port()
    flow = rtmp_flow(port, free_port())
    target = RtmpTarget(url=f"rtmp://127.0.0.1:{port}/{INGEST_APP}", stream_key=INGEST)

    async with asyncio.timeout(SCENE_S), predecessor(supervisor.state, f"rtmp:{port}:{free_port()}") as child:
        child.kill()
        await child.wait()
        master = pids(supervisor.state)["nginx.identity"]
        os.kill(master, signals.SIGKILL)
        await gone(master)
        await supervisor.start(["rtmp"])
        await supervisor.carry(flow)
        async with signal(target), played(port) as player:
            await player.frames(26)
            health = await health_when(supervisor, "rtmp", all_connected(INPUT, PULL))

    assert health[INPUT].last_error == ""


async def test_an_srt_receiver_sees_nothing_of_a_restart(supervisor: Supervisor, free_port: Callable[[], int]) -> None:
    """The engine is adopted as it is; that of a flow which should not run any more is ended at the start."""
    source, out = free_port(), free_port()

    async with (
        asyncio.timeout(SCENE_S),
        predecessor(supervisor.state, f"srt:{source}:{out}", f"other:{free_port()}:{free_port()}") as child,
        signal(SrtSocket(listens=False, host="127.0.0.1", port=source)),
        Receiver(SrtSocket(listens=False, host="127.0.0.1", port=out)) as kept,
    ):
        await kept.frames(26)
        child.kill()
        await child.wait()
        await supervisor.start(["srt"])
        left = processes_that_show("flow-other")
        await supervisor.carry(srt_flow(source, out))
        health = await health_when(supervisor, "srt", all_connected(INPUT, OUT))
        received = await kept.frames(kept.reception.frames + 51)

    assert left == []
    assert (received.discontinuities, received.connections) == (0, 1)
    assert health[OUT].reconnections == 0


async def test_what_we_pull_reaches_players_and_comes_back_with_its_origin(
    supervisor: Supervisor, free_port: Callable[[], int]
) -> None:
    """An RTMP input that pulls says why it has nothing, begins by itself, and its player stays connected."""
    origin, port = f"rtmp://127.0.0.1:{free_port()}/app", free_port()
    source = RtmpPull(url=origin, stream_key=PUSHED, host="127.0.0.1", port=port)
    pull = OutputMedia(id=PULL, end=RtmpPlay(app=PLAY_APP, stream_key=PLAY))
    flow = FlowMedia(id="pulled", input=InputMedia(id=INPUT, end=source), outputs=(pull,))

    await supervisor.carry(flow)
    async with asyncio.timeout(80), played(port) as player:
        down = await health_when(supervisor, "pulled", lambda health: bool(health[INPUT].last_error))
        async with RtmpServers().serving(origin, PUSHED), signal(RtmpTarget(url=origin, stream_key=PUSHED)):
            await player.frames(51)
            up = await health_when(supervisor, "pulled", all_connected(INPUT, PULL))
        await health_when(supervisor, "pulled", lambda health: health[INPUT].state is EndState.WAITING)
        shown = processes_that_show(PUSHED.reveal() + "\n", PLAY.reveal() + "\n")

    assert down[INPUT].last_error == "the connection was refused: nothing listens there"
    assert up[INPUT].peer == origin.split("/")[2]
    assert shown == []
