"""Engines that die, and engines that outlive whoever started them."""

import asyncio
import os
import signal as signals
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.domain.secrets import Secret
from reconciler.media.processes import Identity, is_alive, load
from reconciler.media.srt import SrtSocket
from reconciler.relay.media import EndId, EndState, FlowMedia, InputMedia, RtmpIngest, SrtEnd
from reconciler.relay.supervisor import Supervisor
from tests.media.watching import health_when, processes_that_show, signal, until

pytestmark = [pytest.mark.anyio, pytest.mark.media]

INPUT = EndId("input")


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


async def test_an_engine_that_was_killed_is_started_anew(
    supervisor: Supervisor, tmp_path: Path, free_port: Callable[[], int]
) -> None:
    """A killed engine comes back by itself, and the publisher with it."""
    port = free_port()
    flow = srt_flow(port)

    await supervisor.carry(flow)
    async with asyncio.timeout(30), signal(SrtSocket(listens=False, host="127.0.0.1", port=port)):
        await health_when(supervisor, flow.id, lambda health: health[INPUT].state is EndState.CONNECTED)
        killed = identity_of(tmp_path, "engine")
        os.kill(killed.pid, signals.SIGKILL)
        await health_when(supervisor, flow.id, lambda health: health[INPUT].state is EndState.WAITING)
        await health_when(supervisor, flow.id, lambda health: health[INPUT].state is EndState.CONNECTED)
        successor = identity_of(tmp_path, "engine")

    assert successor.pid != killed.pid


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

    squatter = await asyncio.start_server(lambda _, __: None, "127.0.0.1", port)
    await supervisor.carry(flow)
    taken = await health_when(supervisor, flow.id, lambda health: bool(health[INPUT].last_error))
    squatter.close()
    await squatter.wait_closed()
    await until(ready)

    assert taken[INPUT].last_error == "the port is in use"
