"""Who gets in at an RTMP output for players, and who is cut."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from reconciler.domain.secrets import Secret
from reconciler.media.probe import Reception, ReceptionState
from reconciler.relay.giving import INGEST_APP
from reconciler.relay.supervisor import Supervisor
from tests.media.forwarding import forwarding
from tests.media.networks import told_in_a_network_of_its_own
from tests.media.rtmp_scene import INPUT, OTHER, OTHER_PLAY, PLAY, PULL, RtmpScene, player, pull
from tests.media.watching import PATIENCE_S, SCENE_S, all_connected, health_when, signal, until_true

pytestmark = [pytest.mark.anyio, pytest.mark.media]


@pytest.fixture
def scene(free_port: Callable[[], int]) -> RtmpScene:
    """Give a flow on a free port."""
    return RtmpScene(free_port())


def receives(reception: Reception) -> bool:
    """Whether frames arrive."""
    return reception.state is ReceptionState.RECEIVING and reception.frames > 25


def is_refused(reception: Reception) -> bool:
    """Whether a player was told that it may not play."""
    return reception.state is ReceptionState.WAITING and bool(reception.last_error)


async def test_the_fifth_player_is_refused_and_a_place_that_is_left_is_given_anew(
    supervisor: Supervisor, scene: RtmpScene
) -> None:
    """Of seven that come at once, and come again and again, four play; two of them leave, and two others get in."""
    await supervisor.carry(scene.flow())
    async with asyncio.timeout(SCENE_S), signal(scene.target), AsyncExitStack() as stack:
        await health_when(supervisor, scene.id, all_connected(INPUT))
        stays = [await stack.enter_async_context(AsyncExitStack()) for _ in range(7)]
        players = [await stay.enter_async_context(scene.player()) for stay in stays]

        def playing() -> set[int]:
            return {number for number, one in enumerate(players) if receives(one.reception)}

        await until_true(lambda: len(playing()) == 4)
        first = playing()
        outside = [one.reception for number, one in enumerate(players) if number not in first]
        health = await health_when(supervisor, scene.id, lambda health: bool(health[PULL].last_error))
        for number in sorted(first)[:2]:
            await stays[number].aclose()
        await until_true(lambda: len(playing() - first) == 2)
        kept = [players[number].reception for number in sorted(first)[2:]]
        last = [one.reception.frames for number, one in enumerate(players) if number not in playing() | first]

    assert [one.frames for one in outside] == [0, 0, 0]
    assert "4 are connected already" in health[PULL].last_error
    assert [(one.discontinuities, one.connections) for one in kept] == [(0, 1), (0, 1)]
    assert last == [0]


async def test_who_is_outside_the_allowlist_is_refused_and_cut_and_who_is_inside_notices_nothing(
    supervisor: Supervisor, scene: RtmpScene
) -> None:
    """127.0.0.3 is refused against 127.0.0.2/32; an edit cuts one of two players, and the other loses nothing."""
    await supervisor.carry(scene.flow(pull("127.0.0.2/32", "127.0.0.4/32")))
    async with (
        asyncio.timeout(SCENE_S),
        signal(scene.target),
        forwarding(scene.port, source="127.0.0.2") as two,
        forwarding(scene.port, source="127.0.0.3") as three,
        forwarding(scene.port, source="127.0.0.4") as four,
        player(two.port) as inside,
        player(three.port) as outside,
        player(four.port) as cut,
    ):
        await asyncio.gather(inside.until(receives), cut.until(receives), outside.until(is_refused))
        told = await health_when(supervisor, scene.id, lambda health: bool(health[PULL].last_error))
        await supervisor.carry(scene.flow(pull("127.0.0.2/32")))
        async with asyncio.timeout(PATIENCE_S):
            await cut.until(is_refused)
        after = await inside.frames(inside.reception.frames + 51)
        one = await health_when(supervisor, scene.id, lambda health: health[PULL].peer == "127.0.0.2")

    assert outside.reception.frames == 0
    assert told[PULL].last_error == "a player from 127.0.0.3 was refused: it is not in the allowlist"
    assert (after.discontinuities, after.connections) == (0, 1)
    assert one[INPUT].reconnections == 0


async def test_a_key_of_another_place_leads_nowhere(
    supervisor: Supervisor, scene: RtmpScene, free_port: Callable[[], int], tmp_path: Path
) -> None:
    """
    The key of another flow's output, the input's own key and the name inside the server give a player nothing.

    Nor does what pretends to be the server's own words.
    """
    other = RtmpScene(free_port(), id="other")
    await supervisor.carry(scene.flow())
    await supervisor.carry(other.flow(pull(output=OTHER, key=OTHER_PLAY)))
    hidden = Secret(name_inside(tmp_path))
    async with (
        asyncio.timeout(SCENE_S),
        signal(scene.target),
        signal(other.target),
        forwarding(scene.port, source="127.0.0.3") as elsewhere,
        scene.player() as right,
        scene.player(OTHER_PLAY) as of_another_flow,
        scene.player(hidden) as by_its_name,
        player(elsewhere.port, hidden, app=INGEST_APP) as where_it_is_made,
        player(elsewhere.port, hidden) as where_it_is_played,
        scene.player(Secret("ingest")) as by_the_input,
        scene.player(PLAY, app=INGEST_APP) as in_another_application,
        scene.player(Secret("nothing?call=play_done")) as one_that_leaves,
        scene.player(Secret(f"{PLAY.reveal()}?addr=127.0.0.2&clientid=7")) as somebody_else,
    ):
        strangers = (
            *(one_that_leaves, somebody_else),
            *(of_another_flow, by_its_name, where_it_is_made),
            *(where_it_is_played, by_the_input, in_another_application),
        )
        await right.until(receives)
        refusals = await asyncio.gather(*(stranger.until(is_refused) for stranger in strangers))

    assert [refusal.frames for refusal in refusals] == [0] * 8


def name_inside(state: Path) -> str:
    """Return the name of the stream inside the server of the flow called rtmp."""
    (names,) = state.rglob("flow-rtmp/names")
    return names.read_text().split()[0]


def test_ipv6_addresses_are_kept_apart(tmp_path: Path) -> None:
    """In a network of its own: fd00::2 plays, fd00::3 is not in the allowlist, and an edit cuts fd00::4 alone."""
    told = told_in_a_network_of_its_own("six_rtmp.py", tmp_path)

    assert told == {
        "fd00::2": "played on, 0 discontinuities, 1 connection",
        "fd00::3": "refused",
        "fd00::4": "played, then cut",
        "publisher fd00::2": "published",
        "publisher fd00::3": "refused",
    }
