"""A wire by itself: whom it takes for its ffmpeg, and how both end."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from reconciler.domain.secrets import Secret
from reconciler.media.probe import Receiver, RtmpSource
from reconciler.media.processes import Child, Streams, spawn, unnamed_file
from reconciler.media.rtmp_server import RtmpServers
from reconciler.media.signal import RtmpTarget
from reconciler.relay.engines.home import FlowHome
from reconciler.relay.engines.wire import FarEnd, Settings, near_listener, order_text, wire_command
from reconciler.relay.giving import PLAY_APP
from reconciler.relay.media import EndId, EndState, FlowMedia, InputMedia, OutputMedia, RtmpPlay, RtmpPull
from reconciler.relay.reach import Bounds
from reconciler.relay.supervisor import Supervisor
from tests.media.fronts import in_front, serving
from tests.media.watching import SCENE_S, health_when, processes_that_show, until
from tests.media.watching import signal as published

pytestmark = [pytest.mark.anyio, pytest.mark.media]

INPUT, PULL = EndId("input"), EndId("pull")
PLAY, FAR = Secret("play"), Secret("far")
CALLER = """
import socket, sys
open(sys.argv[1]).read()
call = socket.create_connection(("127.0.0.1", int(sys.argv[2])))
call.sendall(b"ours")
call.recv(1)
"""
"""Stands for ffmpeg: calls once it is told to, says something, and waits for an answer."""


@dataclass
class Wire:
    """A wire, and how to have its child call."""

    process: Child
    near: int
    told: Path

    def let_call(self) -> None:
        """Have the child call."""
        self.told.write_text("call")

    def children(self) -> list[int]:
        """Return the pid of the child, where it runs."""
        pid = self.process.identity.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@asynccontextmanager
async def wire_to(port: int, folder: Path) -> AsyncIterator[Wire]:
    """Run a wire to a port of loopback."""
    home = FlowHome(folder, None)
    home.make("wire")
    told, far = folder / "told", FarEnd(url=f"rtmp://127.0.0.1:{port}/live")
    os.mkfifo(told)
    with ExitStack() as lent:
        listener = lent.enter_context(near_listener())
        near: int = listener.getsockname()[1]
        order = lent.enter_context(unnamed_file(order_text(far, Bounds(), Settings(-1, ""))))
        command = wire_command(home, order, listener, [sys.executable, "-c", CALLER, str(told), str(near)])
        streams = Streams(log=folder / "log", keep=(order, listener.fileno()))
        process = spawn(command, mark=str(told), cwd=home.run, streams=streams)
    try:
        yield Wire(process, near, told)
    finally:
        await process.end()


async def test_a_stranger_that_calls_first_is_hung_up_on(tmp_path: Path, free_port: Callable[[], int]) -> None:
    """Its word does not reach the destination; that of the process which the wire started does."""
    port, heard = free_port(), asyncio.Queue[bytes]()

    async def serve(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        heard.put_nowait(await reader.read(100))

    async with (
        asyncio.timeout(SCENE_S),
        serving(port, serve),
        wire_to(port, tmp_path) as wire,
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", wire.near)
        writer.write(b"stranger")
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read() == b""
        writer.close()
        wire.let_call()
        first = await heard.get()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", wire.near)
        await wire.process.wait()

    assert (first, heard.empty()) == (b"ours", True)


@pytest.mark.parametrize("killed", ["wire", "child"])
async def test_neither_outlives_the_other(tmp_path: Path, free_port: Callable[[], int], killed: str) -> None:
    """Whichever is killed, nothing is left of both."""
    async with asyncio.timeout(SCENE_S), wire_to(free_port(), tmp_path) as wire:

        async def both_run() -> bool:
            return bool(wire.children())

        async def none_runs() -> bool:
            return processes_that_show(str(wire.told)) == []

        await until(both_run)
        (child,) = wire.children()
        os.kill(wire.process.identity.pid if killed == "wire" else child, signal.SIGKILL)
        await until(none_runs)

    assert not wire.process.running


async def test_an_origin_that_freezes_is_called_anew(supervisor: Supervisor, free_port: Callable[[], int]) -> None:
    """It sends nothing for 8 s, though its connection stands; the player stays, and goes on when it is back."""
    port, front, behind = free_port(), free_port(), free_port()
    origin = RtmpTarget(url=f"rtmp://127.0.0.1:{behind}/live", stream_key=FAR)
    source = RtmpPull(url=f"rtmp://127.0.0.1:{front}/live", stream_key=FAR, host="127.0.0.1", port=port)
    pull = OutputMedia(id=PULL, end=RtmpPlay(app=PLAY_APP, stream_key=PLAY))
    played = RtmpSource(listens=False, url=f"rtmp://127.0.0.1:{port}/{PLAY_APP}", stream_key=PLAY)
    heard, thawed = 0, asyncio.Event()

    async def freeze(some: bytes) -> None:
        nonlocal heard
        heard += len(some)
        if heard > 400_000:
            await thawed.wait()

    async with (
        asyncio.timeout(80),
        RtmpServers().serving(origin.url, FAR),
        published(origin),
        in_front(front, behind, heed_answers=freeze),
        Receiver(played) as player,
    ):
        await supervisor.carry(FlowMedia(id="flow", input=InputMedia(id=INPUT, end=source), outputs=(pull,)))
        frozen = await health_when(
            supervisor, "flow", lambda health: bool(health[INPUT].last_error) and heard > 400_000
        )
        thawed.set()
        await health_when(supervisor, "flow", lambda health: health[INPUT].state is EndState.CONNECTED)
        received = await player.frames(player.reception.frames + 26)

    assert frozen[INPUT].last_error == "the origin stopped sending"
    assert received.connections == 1
