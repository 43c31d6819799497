"""An RTSP flow among players, origins and processes that behave badly."""

import asyncio
import os
import signal as signals
import ssl
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.media.processes import load
from reconciler.relay.media import EndState, RtspPull
from reconciler.relay.supervisor import Supervisor
from tests.media.fronts import serving
from tests.media.rtsp_players import playing, talking
from tests.media.rtsp_scene import (
    INPUT,
    KEPT,
    OTHER,
    PICTURE,
    SOUND,
    Scene,
    connected,
    more_frames,
    origin,
    output,
    scripted_origin,
)
from tests.media.watching import PATIENCE_S, SCENE_S, health_when

pytestmark = [pytest.mark.anyio, pytest.mark.media]

LITTLE_BYTES = 4096
MIB = 1 << 20
PASSWORD = "canary-of-the-origin"


@pytest.fixture
def scene(free_port: Callable[[], int], films: Path) -> Scene:
    """Give a flow on free ports."""
    return Scene(free_port(), free_port(), free_port(), films)


def engine_of(state: Path) -> int:
    """Return the pid of the only engine."""
    (path,) = state.rglob("engine.identity")
    identity = load(path)
    assert identity is not None
    return identity.pid


def kind_of(packet: bytes) -> int:
    """Return the payload type of a packet."""
    assert packet
    return packet[1] & 0x7F


def resident_bytes(pid: int) -> int:
    """Return how much memory a process has."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def test_players_that_start_together_all_play(supervisor: Supervisor, scene: Scene) -> None:
    """Over TCP and UDP at once, on an output that nobody played before, each gets its frames."""
    async with asyncio.timeout(SCENE_S), origin(scene), AsyncExitStack() as stack:
        await supervisor.carry(scene.flow())
        await connected(supervisor)
        opened = (playing(scene.url(scene.kept), transport=each) for each in ("tcp", "udp", "udp", "tcp"))
        players = await asyncio.gather(*(stack.enter_async_context(each) for each in opened))
        await more_frames(*players, count=30)

    assert [player.steps.discontinuities for player in players] == [0] * 4


async def test_a_player_that_never_reads_is_cut(supervisor: Supervisor, scene: Scene, tmp_path: Path) -> None:
    """It costs little memory, and neither a player of the same output nor one of another misses a frame."""
    async with asyncio.timeout(SCENE_S), origin(scene, "heavy"), AsyncExitStack() as stack:
        await supervisor.carry(scene.flow(output(OTHER, scene.other)))
        await connected(supervisor)
        players = [
            await stack.enter_async_context(playing(scene.url(port), transport=transport))
            for port, transport in ((scene.kept, "tcp"), (scene.kept, "udp"), (scene.other, "tcp"))
        ]
        await more_frames(*players, count=30)
        before = resident_bytes(engine_of(tmp_path))
        async with talking(scene.kept, room_bytes=LITTLE_BYTES) as stuck:
            played = await stuck.play()
            told = await health_when(supervisor, "rtsp", lambda health: "was cut" in health[KEPT].last_error)
        grown = resident_bytes(engine_of(tmp_path)) - before
        await more_frames(*players)
        after = await supervisor.health("rtsp")

    assert played == 200
    assert told[KEPT].last_error == "127.0.0.1 was cut: it does not keep up with what it is sent"
    assert grown < 16 * MIB
    assert [player.steps.discontinuities for player in players] == [0] * 3
    assert len(after[KEPT].sessions) == 2


async def test_a_silent_track_holds_nobody_up(supervisor: Supervisor, scene: Scene) -> None:
    """Players get the picture at once, and the sound once there is some; no session is cut for it."""
    speaks = asyncio.Event()
    async with asyncio.timeout(SCENE_S), scripted_origin(scene.origin, speaks=speaks):
        await supervisor.carry(scene.flow())
        await connected(supervisor)
        async with talking(scene.kept) as player:
            played = await player.play()
            while kind_of(await player.packet()) != PICTURE:
                pass
            speaks.set()
            while kind_of(await player.packet()) != SOUND:
                pass

    assert played == 200
    assert player.tracks == ["track=0", "track=1"]


async def test_an_allowlist_holds_for_ipv6(supervisor: Supervisor, scene: Scene) -> None:
    """Who is outside is refused, and who is no longer inside is cut."""
    async with asyncio.timeout(SCENE_S), origin(scene):
        await supervisor.carry(scene.flow(host="::1", allowlist=("2001:db8::/32", "127.0.0.0/8")))
        await connected(supervisor)
        async with talking(scene.kept, source="::1") as outside:
            refused = await outside.play()
        await supervisor.carry(scene.flow(host="::1", allowlist=("::1/128",)))
        async with talking(scene.kept, source="::1") as inside:
            admitted = await inside.play()
            first = await inside.packet()
            async with asyncio.timeout(PATIENCE_S):
                await supervisor.carry(scene.flow(host="::1", allowlist=("2001:db8::/32",)))
                while await inside.packet():
                    pass

    assert (refused, admitted, bool(first)) == (403, 200, True)


async def test_a_killed_engine_is_back(supervisor: Supervisor, scene: Scene, tmp_path: Path) -> None:
    """The flow pulls again, and a player that comes back plays."""
    async with asyncio.timeout(SCENE_S), origin(scene):
        await supervisor.carry(scene.flow())
        await connected(supervisor)
        async with talking(scene.kept) as player:
            await player.play()
            killed = engine_of(tmp_path)
            os.kill(killed, signals.SIGKILL)
            while await player.packet():
                pass
        async with asyncio.timeout(PATIENCE_S):
            await health_when(supervisor, "rtsp", lambda health: health[INPUT].state is EndState.WAITING)
            await connected(supervisor)
        async with talking(scene.kept) as player:
            again = await player.play()
            packet = await player.packet()
            told = await supervisor.health("rtsp")

    assert engine_of(tmp_path) != killed
    assert told[INPUT].last_error == "the engine of this flow ended by itself and was started anew"
    assert (again, bool(packet)) == (200, True)


async def test_a_dead_origin_is_not_asked_in_a_hurry(supervisor: Supervisor, scene: Scene) -> None:
    """One that hangs up at once is asked again after pauses, and the flow says why there is nothing."""
    loop, tries_s = asyncio.get_running_loop(), asyncio.Queue[float]()

    async def hang_up(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        # Once a try, a connection that asks nothing is there to learn why the others failed.
        if not await reader.read(1):
            tries_s.put_nowait(loop.time())

    async with asyncio.timeout(SCENE_S), serving(scene.origin, hang_up):
        await supervisor.carry(scene.flow())
        times_s = [await tries_s.get() for _ in range(5)]
        told = await health_when(supervisor, "rtsp", lambda health: bool(health[INPUT].last_error))

    # The four pauses between grow: they are 2.4 s at least.
    assert times_s[-1] - times_s[0] > 1.5
    assert told[INPUT].state is EndState.WAITING
    assert told[INPUT].last_error == "the origin cannot be pulled from"


async def test_an_origin_with_a_foreign_certificate_is_refused(
    supervisor: Supervisor, scene: Scene, tmp_path: Path
) -> None:
    """Over rtsps nothing is asked of one that nobody vouches for, password least of all; the reason is told."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = await asyncio.create_subprocess_exec(
        *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1"),
        *("-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)),
        stderr=asyncio.subprocess.DEVNULL,
    )
    await made.wait()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    heard = []

    async def listen(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(1))

    async with asyncio.timeout(SCENE_S), serving(scene.origin, listen, context):
        flow = scene.flow(password=PASSWORD)
        assert isinstance(flow.input.end, RtspPull)
        secured = replace(flow.input.end, url=flow.input.end.url.replace("rtsp:", "rtsps:"))
        await supervisor.carry(replace(flow, input=replace(flow.input, end=secured)))
        told = await health_when(supervisor, "rtsp", lambda health: "certificate" in health[INPUT].last_error)

    assert told[INPUT].last_error == "the origin's certificate is not accepted: self-signed certificate"
    assert b"".join(heard) == b""


async def test_garbage_ends_its_own_connection_alone(supervisor: Supervisor, scene: Scene) -> None:
    """What is no RTSP, or has no end, is cut; who plays meanwhile misses nothing."""
    async with asyncio.timeout(SCENE_S), origin(scene):
        await supervisor.carry(scene.flow())
        await connected(supervisor)
        async with playing(scene.url(scene.kept)) as player:
            await more_frames(player, count=30)
            for garbage in (
                b"GET / HTTP/1.1\r\n\r\n",
                b"x" * 40_000,
                b"PLAY * RTSP/1.0\r\nContent-Length: 9999999\r\n\r\n",
            ):
                async with talking(scene.kept) as stranger:
                    stranger.writer.write(garbage)
                    assert await stranger.packet() == b""
            async with talking(scene.kept) as stranger:
                statuses = [
                    await stranger.ask("RECORD", stranger.url),
                    await stranger.ask("ANNOUNCE", stranger.url),
                    await stranger.ask("PLAY", stranger.url, "Session: 0123456789"),
                    await stranger.ask("SETUP", f"{stranger.url}/track=9", "Transport: RTP/AVP/TCP;interleaved=0-1"),
                    await stranger.ask("SETUP", f"{stranger.url}/track=0", "Transport: RTP/AVP;multicast"),
                ]
            await more_frames(player)

    assert statuses == [501, 501, 454, 404, 461]
    assert player.steps.discontinuities == 0
