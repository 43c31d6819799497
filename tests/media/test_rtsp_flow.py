"""An RTSP flow, from an origin to players: ffmpeg counts frames, and a small player says what it was answered."""

import asyncio
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from reconciler.relay.media import EndState, TrackKind
from reconciler.relay.supervisor import Supervisor
from tests.media.rtsp_players import begins, playing, probed, talking
from tests.media.rtsp_scene import INPUT, KEPT, OTHER, Scene, connected, more_frames, origin, output
from tests.media.watching import SCENE_S, files_that_hold, health_when, processes_that_show

pytestmark = [pytest.mark.anyio, pytest.mark.media]

PASSWORD = "canary-of-the-origin"


@pytest.fixture
def scene(free_port: Callable[[], int], films: Path) -> Scene:
    """Give a flow on free ports."""
    return Scene(free_port(), free_port(), free_port(), films)


async def test_players_see_no_gap_whatever_happens_to_a_sibling(supervisor: Supervisor, scene: Scene) -> None:
    """Over TCP and UDP no frame is missing while another output is added, edited, and deleted under its player."""
    async with asyncio.timeout(SCENE_S), origin(scene), AsyncExitStack() as stack:
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
    async with asyncio.timeout(SCENE_S), origin(scene):
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
    async with asyncio.timeout(SCENE_S), origin(scene), AsyncExitStack() as stack:
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
    async with asyncio.timeout(SCENE_S), origin(scene, "h265two"):
        await supervisor.carry(scene.flow())
        await connected(supervisor)
        codecs = await probed(scene.url(scene.kept))
        async with playing(scene.url(scene.kept)) as player:
            await more_frames(player)

    assert codecs == ["hevc", "aac", "aac"]
    assert player.steps.discontinuities == 0


async def test_sound_and_picture_fit_together_for_the_very_first_player(supervisor: Supervisor, scene: Scene) -> None:
    """One that comes before a track has had a packet is told the time stamps that this track then begins with."""
    async with asyncio.timeout(SCENE_S), origin(scene):
        await supervisor.carry(scene.flow())
        first: dict[str, float] = {}
        while not first:
            first = await begins(scene.url(scene.kept))
        later = await begins(scene.url(scene.kept))

    assert [abs(each["0"] - each["1"]) < 0.2 for each in (first, later)] == [True, True]


async def test_players_stay_while_the_origin_is_away(supervisor: Supervisor, scene: Scene) -> None:
    """Who plays gets more once it is back; who comes meanwhile is told at once that there is nothing."""
    async with asyncio.timeout(SCENE_S), AsyncExitStack() as stack:
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
    async with asyncio.timeout(SCENE_S), origin(scene, login=f"viewer:{PASSWORD}"):
        await supervisor.carry(scene.flow(password=f"{PASSWORD}-not"))
        refused = await health_when(supervisor, "rtsp", lambda health: "refused" in health[INPUT].last_error)
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
    async with asyncio.timeout(SCENE_S), origin(scene):
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
    async with asyncio.timeout(SCENE_S), origin(scene):
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
