"""An RTMP flow, from a published signal to players and pushes."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.domain.secrets import Secret
from reconciler.media.probe import Receiver, RtmpSource
from reconciler.media.rtmp_server import RtmpServers
from reconciler.media.signal import RtmpTarget
from reconciler.relay.giving import INGEST_APP, PLAY_APP
from reconciler.relay.media import (
    EndId,
    EndState,
    FlowMedia,
    InputMedia,
    OutputMedia,
    RtmpDestination,
    RtmpIngest,
    RtmpPlay,
    RtmpPush,
)
from reconciler.relay.supervisor import Supervisor
from tests.media.conftest import FreePort
from tests.media.watching import all_connected, files_that_hold, health_when, processes_that_show, signal

pytestmark = [pytest.mark.anyio, pytest.mark.media]

INGEST_KEY, PLAY_KEY, OTHER_KEY = Secret("canary-ingest"), Secret("canary-play"), Secret("canary-other")
PUSH_KEYS = (Secret("canary-push-a"), Secret("canary-push-b"))
SECRETS = tuple(secret.reveal() for secret in (INGEST_KEY, PLAY_KEY, OTHER_KEY, *PUSH_KEYS))
INPUT, PULL, OTHER, PUSH = (EndId(name) for name in ("input", "pull", "other", "push"))


async def test_an_rtmp_flow_reaches_players_and_both_destinations_of_a_push(
    supervisor: Supervisor, free_port: FreePort, tmp_path: Path
) -> None:
    """A pull and two pushes to one server deliver frames, a wrong key is refused, no secret shows, and a player counts
    no discontinuity while another output comes and goes with its own player.
    """
    port, far_url = free_port(), f"rtmp://127.0.0.1:{free_port()}/live"
    ingest = RtmpIngest(host="127.0.0.1", port=port, app=INGEST_APP, stream_key=INGEST_KEY)
    ingest_url, play_url = f"rtmp://127.0.0.1:{port}/{INGEST_APP}", f"rtmp://127.0.0.1:{port}/{PLAY_APP}"
    push = RtmpPush(destinations=tuple(RtmpDestination(url=far_url, stream_key=key) for key in PUSH_KEYS))
    outputs = (
        OutputMedia(id=PULL, end=RtmpPlay(app=PLAY_APP, stream_key=PLAY_KEY)),
        OutputMedia(id=PUSH, end=push),
    )
    other = OutputMedia(id=OTHER, end=RtmpPlay(app=PLAY_APP, stream_key=OTHER_KEY))
    flow = FlowMedia(id="rtmp", input=InputMedia(id=INPUT, end=ingest), outputs=outputs)
    servers = RtmpServers()

    await supervisor.carry(flow)
    async with (
        asyncio.timeout(50),
        signal(RtmpTarget(url=ingest_url, stream_key=INGEST_KEY)),
        signal(RtmpTarget(url=ingest_url, stream_key=Secret("not-the-key"))),
        Receiver(RtmpSource(listens=False, url=play_url, stream_key=PLAY_KEY)) as kept,
        Receiver(RtmpSource(listens=True, url=far_url, stream_key=PUSH_KEYS[0]), servers=servers) as pushed,
        Receiver(RtmpSource(listens=True, url=far_url, stream_key=PUSH_KEYS[1]), servers=servers) as second,
        Receiver(RtmpSource(listens=False, url=play_url, stream_key=OTHER_KEY)) as evicted,
    ):
        await kept.frames(50)
        before = evicted.reception
        await supervisor.carry(replace(flow, outputs=(*outputs, other)))
        await evicted.until(lambda reception: reception.frames > 0)
        shown = processes_that_show(*SECRETS)
        held = files_that_hold(tmp_path, *SECRETS)
        await supervisor.carry(flow)
        await evicted.until(lambda reception: bool(reception.last_error))
        after = evicted.reception
        await asyncio.gather(kept.frames(150), pushed.frames(101), second.frames(101))
        health = await health_when(supervisor, flow.id, all_connected(INPUT, PULL, PUSH))
        kept_reception = kept.reception
    await supervisor.drop(flow.id)

    assert before.frames == 0
    assert after.frames > 0
    assert kept_reception.discontinuities == 0
    assert kept_reception.connections == 1
    assert health.keys() == {INPUT, PULL, PUSH}
    assert shown == []
    assert held == []
    assert processes_that_show(str(tmp_path)) == []


async def test_what_goes_wrong_with_an_rtmp_flow_is_told_in_words(supervisor: Supervisor, free_port: FreePort) -> None:
    """A publisher with a wrong key, a destination that nobody serves and one that refuses the key each say so."""
    port, dead_port, far_port = free_port(), free_port(), free_port()
    ingest = RtmpIngest(host="127.0.0.1", port=port, app=INGEST_APP, stream_key=INGEST_KEY)
    ingest_url = f"rtmp://127.0.0.1:{port}/{INGEST_APP}"
    far_url = f"rtmp://127.0.0.1:{far_port}/live"
    push = RtmpPush(
        destinations=(
            RtmpDestination(url=f"rtmp://127.0.0.1:{dead_port}/live", stream_key=PUSH_KEYS[0]),
            RtmpDestination(url=far_url, stream_key=PUSH_KEYS[1]),
        )
    )
    flow = FlowMedia(id="rtmp", input=InputMedia(id=INPUT, end=ingest), outputs=(OutputMedia(id=PUSH, end=push),))

    await supervisor.carry(flow)
    async with asyncio.timeout(40), RtmpServers().serving(far_url, Secret("another-key")):
        async with signal(RtmpTarget(url=ingest_url, stream_key=Secret("not-the-key"))):
            refused = await health_when(supervisor, flow.id, lambda health: bool(health[INPUT].last_error))
        async with signal(RtmpTarget(url=ingest_url, stream_key=INGEST_KEY)):
            failed = await health_when(
                supervisor, flow.id, lambda health: health[PUSH].last_error.count("destination") == 2
            )

    assert "its stream key is not the one" in refused[INPUT].last_error
    assert failed[PUSH].state is EndState.WAITING
    assert failed[PUSH].last_error == (
        "destination 1: the connection was refused: nothing listens there; "
        "destination 2: the server refused the stream key"
    )
