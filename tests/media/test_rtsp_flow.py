"""An RTSP flow, from an origin to players: ffmpeg counts frames, and a small player says what it was answered."""

import asyncio
import socket
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from reconciler.domain.secrets import Secret
from reconciler.media.frames import FrameList
from reconciler.media.programs import FFMPEG, SYSTEM_PYTHON
from reconciler.relay.media import (
    EndId,
    EndState,
    FlowMedia,
    InputMedia,
    OutputMedia,
    RtspPull,
    RtspServe,
    TrackKind,
)
from reconciler.relay.supervisor import Supervisor
from tests.media.rtsp_players import playing, probed, talking
from tests.media.watching import files_that_hold, health_when, processes_that_show, until

pytestmark = [pytest.mark.anyio, pytest.mark.media]

INPUT, KEPT, OTHER = EndId("input"), EndId("kept"), EndId("other")
ORIGIN = Path(__file__).with_name("rtsp_origin.py")
PASSWORD = "canary-of-the-origin"


@dataclass(frozen=True)
class Scene:
    """A flow with an output, on free ports, and what its origin plays."""

    origin: int
    kept: int
    other: int
    folder: Path

    def flow(
        self, *more: OutputMedia, path: str = "live", password: str = "", **kept: int | tuple[str, ...]
    ) -> FlowMedia:
        """Return the flow, with more outputs."""
        source = RtspPull(
            url=f"rtsp://127.0.0.1:{self.origin}/{path}",
            username="viewer" if password else "",
            password=Secret(password) if password else None,
        )
        return FlowMedia(
            id="rtsp",
            input=InputMedia(id=INPUT, end=source),
            outputs=(output(KEPT, self.kept, **kept), *more),
        )

    def url(self, port: int) -> str:
        """Return where an output is played."""
        return f"rtsp://127.0.0.1:{port}/play"


def output(name: EndId, port: int, **more: int | tuple[str, ...]) -> OutputMedia:
    """Return an output that players pull from a port of this machine."""
    allowlist, places = more.get("allowlist", ()), more.get("max_concurrent", 4)
    assert isinstance(allowlist, tuple)
    assert isinstance(places, int)
    end = RtspServe(host="127.0.0.1", port=port, path="play")
    return OutputMedia(id=name, end=end, allowlist=allowlist, max_concurrent=places)


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with a film in H.264, and one in H.265 with two tracks of sound."""
    folder = tmp_path_factory.mktemp("films")
    for name, codec, tracks, seconds in (("h264", "libx264", 1, 60), ("h265two", "libx265", 2, 20)):
        sound = ("-map", "1:a") * tracks
        subprocess.run(
            [
                *(FFMPEG, "-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=160x90:r=25"),
                *("-f", "lavfi", "-i", "sine=440:r=48000", "-map", "0:v", *sound, "-t", str(seconds)),
                *("-pix_fmt", "yuv420p", "-c:v", codec, "-preset", "ultrafast", "-g", "25", "-bf", "0"),
                *("-c:a", "aac", "-f", "mpegts", str(folder / f"{name}.ts")),
            ],
            check=True,
            stderr=subprocess.DEVNULL,
        )
    return folder


@pytest.fixture
def scene(free_port: Callable[[], int], films: Path) -> Scene:
    """Give a flow on free ports."""
    return Scene(free_port(), free_port(), free_port(), films)


@asynccontextmanager
async def origin(scene: Scene, film: str = "h264", *, login: str = "") -> AsyncIterator[None]:
    """Let an origin play a film meanwhile; it is killed in the end."""
    process = await asyncio.create_subprocess_exec(
        *(SYSTEM_PYTHON, str(ORIGIN), str(scene.origin), str(scene.folder / f"{film}.ts")),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{login}\n".encode())
        assert await process.stdout.readline() == b"serving\n"
        yield
    finally:
        process.kill()
        await process.wait()


async def more_frames(*players: FrameList, count: int = 60) -> None:
    """Return once each of these players has got so many more frames."""
    wanted = [player.frames + count for player in players]

    async def enough() -> bool:
        return all(player.frames >= frames for player, frames in zip(players, wanted, strict=True))

    await until(enough)


async def connected(supervisor: Supervisor) -> None:
    """Return once the flow pulls from its origin."""
    await health_when(supervisor, "rtsp", lambda health: health[INPUT].state is EndState.CONNECTED)


async def test_players_see_no_gap_whatever_happens_to_a_sibling(supervisor: Supervisor, scene: Scene) -> None:
    """Over TCP and UDP no frame is missing while another output is added, edited, and deleted under its player."""
    async with asyncio.timeout(50), origin(scene), AsyncExitStack() as stack:
        await supervisor.carry(scene.flow())
        await connected(supervisor)
        players = [
            await stack.enter_async_context(playing(scene.url(scene.kept), transport=transport))
            for transport in ("tcp", "udp")
        ]
        await more_frames(*players, count=30)
        await supervisor.carry(scene.flow(output(OTHER, scene.other)))
        async with talking(scene.other) as doomed:
            played = await doomed.play()
            await supervisor.carry(scene.flow(output(OTHER, scene.other, max_concurrent=2)))
            edited = await doomed.packet()
            await supervisor.carry(scene.flow())
            while await doomed.packet():
                pass
        await more_frames(*players)
        health = await health_when(
            supervisor, "rtsp", lambda health: all(track.fps > 20 for track in health[INPUT].tracks[:1])
        )

    assert [player.steps.discontinuities for player in players] == [0, 0]
    assert min(player.frames for player in players) > 80
    assert (played, bool(edited)) == (200, True)
    assert [session.bytes > 10_000 for session in health[KEPT].sessions] == [True, True]
    assert [track.kind for track in health[KEPT].tracks] == [TrackKind.VIDEO, TrackKind.AUDIO]
    assert (health[INPUT].packets_lost, health[INPUT].reconnections) == (0, 0)


async def test_only_who_is_in_the_allowlist_plays(supervisor: Supervisor, scene: Scene) -> None:
    """Others are refused; an edit ends who is outside now, and who is inside still gets packets."""
    async with asyncio.timeout(40), origin(scene):
        await supervisor.carry(scene.flow(allowlist=("127.0.0.2/32",)))
        await connected(supervisor)
        async with talking(scene.kept, source="127.0.0.2") as inside, talking(scene.kept, source="127.0.0.3") as other:
            admitted, refused = await inside.play(), await other.play()
            told = await health_when(supervisor, "rtsp", lambda health: bool(health[KEPT].last_error))
            await supervisor.carry(scene.flow())
            opened = await other.play()
            await supervisor.carry(scene.flow(allowlist=("127.0.0.3/32",)))
            while await inside.packet():
                pass
            still = await other.packet()
        async with talking(scene.kept, path="elsewhere", source="127.0.0.3") as lost:
            nowhere = await lost.play()

    assert (admitted, refused, opened, nowhere) == (200, 403, 200, 404)
    assert "127.0.0.3 was refused: it is not in the allowlist" in told[KEPT].last_error
    assert still


async def test_of_eight_that_start_at_once_four_play(supervisor: Supervisor, scene: Scene) -> None:
    """The places of an output are given exactly once; one that is left is given anew."""
    async with asyncio.timeout(40), origin(scene), AsyncExitStack() as stack:
        await supervisor.carry(scene.flow())
        await connected(supervisor)
        players = [await stack.enter_async_context(talking(scene.kept)) for _ in range(8)]
        answers = await asyncio.gather(*(player.play() for player in players))
        health = await health_when(supervisor, "rtsp", lambda health: len(health[KEPT].sessions) == 4)
        leaver = players[answers.index(200)]
        left = await leaver.ask("TEARDOWN", leaver.url)
        replaced = await players[answers.index(453)].play()

    assert sorted(answers) == [200] * 4 + [453] * 4
    assert health[KEPT].last_error == "127.0.0.1 was refused: all 4 places are taken"
    assert len({session.peer for session in health[KEPT].sessions}) == 4
    assert (left, replaced) == (200, 200)


async def test_every_codec_and_track_passes(supervisor: Supervisor, scene: Scene) -> None:
    """H.265 with two tracks of sound arrives as it is."""
    async with asyncio.timeout(40), origin(scene, "h265two"):
        await supervisor.carry(scene.flow())
        await connected(supervisor)
        codecs = await probed(scene.url(scene.kept))
        async with playing(scene.url(scene.kept)) as player:
            await more_frames(player)

    assert codecs == ["hevc", "aac", "aac"]
    assert player.steps.discontinuities == 0


async def test_players_stay_while_the_origin_is_away(supervisor: Supervisor, scene: Scene) -> None:
    """Who plays gets more once it is back; who comes meanwhile is told at once that there is nothing."""
    async with asyncio.timeout(50), AsyncExitStack() as stack:
        await supervisor.carry(scene.flow())
        nothing = await health_when(supervisor, "rtsp", lambda health: "nothing" in health[INPUT].last_error)
        async with origin(scene):
            await connected(supervisor)
            player = await stack.enter_async_context(playing(scene.url(scene.kept)))
            await more_frames(player)
        gone = await health_when(supervisor, "rtsp", lambda health: bool(health[INPUT].last_error))
        async with talking(scene.kept) as newcomer:
            answer = await newcomer.play()
        async with origin(scene):
            await connected(supervisor)
            await more_frames(player)
            back = await supervisor.health("rtsp")

    assert nothing[INPUT].last_error == "nothing listens there"
    assert gone[INPUT].state is EndState.WAITING
    assert [session.id for session in back[KEPT].sessions] == [session.id for session in gone[KEPT].sessions]
    assert answer == 503
    assert (back[INPUT].reconnections, back[INPUT].last_error) == (1, "")


async def test_what_the_origin_refuses_is_told_in_words(supervisor: Supervisor, scene: Scene, tmp_path: Path) -> None:
    """A wrong password and a wrong path are told apart; the password is neither in a file nor in a process list."""
    async with asyncio.timeout(40), origin(scene, login=f"viewer:{PASSWORD}"):
        await supervisor.carry(scene.flow(password=f"{PASSWORD}-not"))
        refused = await health_when(supervisor, "rtsp", lambda health: bool(health[INPUT].last_error))
        await supervisor.carry(scene.flow(password=PASSWORD))
        await connected(supervisor)
        shown = processes_that_show(PASSWORD), files_that_hold(tmp_path, PASSWORD)
        await supervisor.carry(scene.flow(password=PASSWORD, path="nowhere"))
        lost = await health_when(supervisor, "rtsp", lambda health: "path" in health[INPUT].last_error)

    assert refused[INPUT].last_error == "the origin refused the user name or password"
    assert lost[INPUT].last_error == "the origin has no such path"
    assert shown == ([], [])


async def test_a_port_in_use_is_told_and_taken_once_it_is_free(supervisor: Supervisor, scene: Scene) -> None:
    """The output says so and begins by itself, and its sibling plays meanwhile."""
    async with asyncio.timeout(40), origin(scene):
        with socket.socket() as squatter:
            squatter.bind(("127.0.0.1", scene.other))
            squatter.listen()
            await supervisor.carry(scene.flow(output(OTHER, scene.other)))
            await connected(supervisor)
            taken = await health_when(supervisor, "rtsp", lambda health: bool(health[OTHER].last_error))
            async with talking(scene.kept) as player:
                sibling = await player.play()
        await health_when(supervisor, "rtsp", lambda health: not health[OTHER].last_error)
        async with talking(scene.other) as player:
            free = await player.play()

    assert taken[OTHER].last_error == "the port is in use"
    assert (sibling, free) == (200, 200)


async def test_an_engine_outlives_the_control_plane(supervisor: Supervisor, scene: Scene) -> None:
    """Another control plane adopts it as it is: the player keeps its session and misses no frame."""
    async with asyncio.timeout(40), origin(scene):
        await supervisor.carry(scene.flow())
        await connected(supervisor)
        async with playing(scene.url(scene.kept)) as player:
            await more_frames(player, count=30)
            before = await health_when(supervisor, "rtsp", lambda health: bool(health[KEPT].sessions))
            successor = Supervisor(state=supervisor.state)
            await successor.start(["rtsp"])
            await successor.carry(scene.flow())
            adopted = await health_when(successor, "rtsp", lambda health: bool(health[KEPT].sessions))
            await more_frames(player)
        await successor.close()

    assert adopted[INPUT].reconnections == 0
    assert [session.id for session in adopted[KEPT].sessions] == [session.id for session in before[KEPT].sessions]
    assert player.steps.discontinuities == 0
