"""Outputs that fail in every way there is, beside one that is kept: the short sister of `make long siblings`."""

import asyncio
import os
import signal as signals
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.domain.secrets import Secret
from reconciler.media.probe import Receiver
from reconciler.media.processes import is_alive, load
from reconciler.media.srt import SrtSocket
from reconciler.relay.media import EndId, OutputMedia, RtmpDestination, RtmpPush, SrtEnd
from reconciler.relay.supervisor import Supervisor
from tests.media import restarting
from tests.media.ends import receiver
from tests.media.fronts import mute
from tests.media.rtmp_scene import RtmpScene, pull
from tests.media.watching import SCENE_S, health_when, signal, until_true

pytestmark = [pytest.mark.anyio, pytest.mark.media]

NOBODY, UNKNOWN, STRANGER, PUSH = (EndId(name) for name in ("nobody", "unknown", "stranger", "push"))
OF_THE_RECEIVER, OURS = "passphrase-of-the-receiver", Secret("another-passphrase")


def pushed_to(mute_port: int, dead_port: int) -> OutputMedia:
    """Return a push to somebody who reads nothing, and to nobody."""
    urls = (f"rtmp://127.0.0.1:{port}/live" for port in (mute_port, dead_port))
    destinations = tuple(RtmpDestination(url=url, stream_key=Secret("key")) for url in urls)
    return OutputMedia(id=PUSH, end=RtmpPush(destinations=destinations))


def pushing(state: Path) -> set[int]:
    """Return the processes that push."""
    found = (load(path) for path in state.rglob("push-*.identity"))
    return {identity.pid for identity in found if identity is not None and is_alive(identity)}


async def push_is_killed(state: Path) -> None:
    """Kill whatever pushes, and return when another process does."""
    await until_true(lambda: bool(pushing(state)))
    killed = pushing(state)
    for pid in killed:
        os.kill(pid, signals.SIGKILL)
    await until_true(lambda: bool(pushing(state) - killed))


async def test_nothing_that_fails_beside_an_srt_receiver_is_seen_there(
    supervisor: Supervisor, free_port: Callable[[], int], tmp_path: Path
) -> None:
    """
    It counts no discontinuity and one connection beside callers and a push that fail.

    One calls where nobody is, one a host that is not known, and one somebody with another passphrase; the push goes to
    somebody who reads nothing and to nobody, and is killed. Then all of them are deleted.
    """
    source, out, elsewhere = free_port(), free_port(), free_port()
    flow = restarting.srt_flow(source, out)
    caller = SrtEnd(listens=False, host="127.0.0.1", port=free_port(), latency_ms=120, peer_idle_timeout_ms=5000)
    strange = replace(caller, port=elsewhere, passphrase=OURS, key_length=16)
    async with (
        asyncio.timeout(SCENE_S),
        mute() as mute_port,
        signal(SrtSocket(listens=False, host="127.0.0.1", port=source)),
        receiver(elsewhere, f"passphrase={OF_THE_RECEIVER}", mode="listener", again="yes"),
        Receiver(SrtSocket(listens=False, host="127.0.0.1", port=out)) as kept,
    ):
        await supervisor.carry(flow)
        await kept.frames(26)
        failing = (
            OutputMedia(id=NOBODY, end=caller),
            OutputMedia(id=UNKNOWN, end=replace(caller, host="no.such.host.invalid")),
            OutputMedia(id=STRANGER, end=strange),
            pushed_to(mute_port, free_port()),
        )
        await supervisor.carry(replace(flow, outputs=(*flow.outputs, *failing)))
        told = await health_when(
            supervisor, flow.id, lambda health: all(health[each.id].last_error for each in failing)
        )
        await push_is_killed(tmp_path)
        await supervisor.carry(flow)
        seen = await kept.frames(kept.reception.frames + 51)

    assert told[STRANGER].last_error == "the passphrase is not right"
    assert (seen.discontinuities, seen.connections) == (0, 1)


async def test_nothing_that_fails_beside_an_rtmp_player_is_seen_there(
    supervisor: Supervisor, free_port: Callable[[], int], tmp_path: Path
) -> None:
    """It counts no discontinuity and one connection beside a push to somebody mute and to nobody, which is killed."""
    scene = RtmpScene(free_port())
    await supervisor.carry(scene.flow())
    async with asyncio.timeout(SCENE_S), mute() as mute_port, signal(scene.target), scene.player() as kept:
        await kept.frames(26)
        await supervisor.carry(scene.flow(pull(), pushed_to(mute_port, free_port())))
        await health_when(supervisor, scene.id, lambda health: bool(health[PUSH].last_error))
        await push_is_killed(tmp_path)
        await supervisor.carry(scene.flow())
        seen = await kept.frames(kept.reception.frames + 51)

    assert (seen.discontinuities, seen.connections) == (0, 1)
