"""An SRT flow, from a published signal to receivers at the far end of every kind of output."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from reconciler.domain.secrets import Secret
from reconciler.media.probe import Receiver, ReceptionState, RtmpSource
from reconciler.media.srt import SrtSocket
from reconciler.relay.media import (
    EndHealth,
    EndId,
    EndState,
    FlowMedia,
    InputMedia,
    OutputMedia,
    RtmpDestination,
    RtmpPush,
    SrtEnd,
)
from reconciler.relay.supervisor import Supervisor
from tests.media.watching import SCENE_S, all_connected, files_that_hold, health_when, processes_that_show, signal

pytestmark = [pytest.mark.anyio, pytest.mark.media]

PASSPHRASE = Secret("canary-passphrase")
WRONG = Secret("not-the-passphrase")
STREAM_KEY = Secret("canary-stream-key")
SECRETS = (PASSPHRASE.reveal(), STREAM_KEY.reveal())
INPUT, LISTENER, CALLER, PUSH, EXTRA = (EndId(name) for name in ("input", "listener", "caller", "push", "extra"))


def srt_end(port: int, *, listens: bool = True) -> SrtEnd:
    """Return an encrypted SRT end on loopback."""
    return SrtEnd(
        listens=listens,
        host="127.0.0.1",
        port=port,
        latency_ms=120,
        peer_idle_timeout_ms=5000,
        passphrase=PASSPHRASE,
        key_length=32,
    )


def far_end(end: SrtEnd, *, passphrase: Secret = PASSPHRASE) -> SrtSocket:
    """Return the socket of whoever is at the other side of an end."""
    return SrtSocket(
        listens=not end.listens, host=end.host, port=end.port, passphrase=passphrase, key_length=end.key_length
    )


@dataclass(frozen=True)
class Scene:
    """A flow with one output of each kind, and the addresses of its ends."""

    source: SrtEnd
    listener: SrtEnd
    caller: SrtEnd
    push: RtmpDestination
    extra: SrtEnd

    def flow(self, *more: OutputMedia) -> FlowMedia:
        """Return the flow, with more outputs."""
        outputs = (
            OutputMedia(id=LISTENER, end=self.listener),
            OutputMedia(id=CALLER, end=self.caller),
            OutputMedia(id=PUSH, end=RtmpPush(destinations=(self.push,))),
        )
        return FlowMedia(id="flow/1", input=InputMedia(id=INPUT, end=self.source), outputs=(*outputs, *more))

    @asynccontextmanager
    async def audience(self) -> AsyncIterator[tuple[Receiver, Receiver, Receiver, Receiver]]:
        """Publish, and receive from the listener, the caller, the push, and the listener with a wrong passphrase."""
        pushed = RtmpSource(listens=True, url=self.push.url, stream_key=self.push.stream_key)
        async with (
            signal(far_end(self.source)),
            Receiver(far_end(self.listener)) as kept,
            Receiver(far_end(self.caller)) as called,
            Receiver(pushed) as pulled,
            Receiver(far_end(self.listener, passphrase=WRONG)) as stranger,
        ):
            yield kept, called, pulled, stranger


@pytest.fixture
def scene(free_port: Callable[[], int]) -> Scene:
    """Give a flow on free ports."""
    return Scene(
        source=srt_end(free_port()),
        listener=srt_end(free_port()),
        caller=srt_end(free_port(), listens=False),
        push=RtmpDestination(url=f"rtmp://127.0.0.1:{free_port()}/live", stream_key=STREAM_KEY),
        extra=srt_end(free_port()),
    )


def negotiated(end: EndId, latency_ms: int) -> Callable[[Mapping[EndId, EndHealth]], bool]:
    """Return what asks whether an end is connected with this latency."""
    return lambda health: health[end].latency_ms == latency_ms


async def come_change_and_go(supervisor: Supervisor, scene: Scene) -> None:
    """Add an output, change its latency, receive from it each time, and delete it."""
    async with Receiver(far_end(scene.extra)):
        for latency_ms in (120, 300):
            extra = OutputMedia(id=EXTRA, end=replace(scene.extra, latency_ms=latency_ms))
            await supervisor.carry(scene.flow(extra))
            await health_when(supervisor, "flow/1", negotiated(EXTRA, latency_ms))
        await supervisor.carry(scene.flow())


async def test_every_output_delivers_and_a_sibling_sees_nothing_of_a_change(
    supervisor: Supervisor, scene: Scene, tmp_path: Path
) -> None:
    """
    A listener, a caller and a push deliver frames, and a receiver counts no discontinuity while siblings come and go.

    Nobody with a wrong passphrase gets in, no secret shows, and nothing is left once the flow is dropped.
    """
    flow = scene.flow()

    await supervisor.carry(flow)
    async with asyncio.timeout(SCENE_S), scene.audience() as (kept, called, pulled, stranger):
        await asyncio.gather(*(receiver.frames(101) for receiver in (kept, called, pulled)))
        await come_change_and_go(supervisor, scene)
        health = await health_when(supervisor, flow.id, all_connected(INPUT, LISTENER, CALLER, PUSH))
        shown = processes_that_show(*SECRETS)
        held = files_that_hold(tmp_path, *SECRETS)
        received, refused = kept.reception, stranger.reception
    await supervisor.drop(flow.id)

    assert (received.discontinuities, received.connections) == (0, 1)
    assert (received.codec, received.width, received.height, received.fps) == ("h264", 640, 360, 25.0)
    assert (refused.state, refused.last_error) == (ReceptionState.WAITING, "the passphrase is not right")
    assert (health[LISTENER].encrypted, health[LISTENER].latency_ms) == (True, 120)
    assert EXTRA not in health
    assert shown + held == []
    assert processes_that_show(str(tmp_path)) == []


async def test_a_caller_with_a_wrong_passphrase_says_so_and_connects_once_it_is_put_right(
    supervisor: Supervisor, scene: Scene
) -> None:
    """A refused call is told in words and tried again; the right passphrase connects it."""
    flow = replace(scene.flow(), outputs=(OutputMedia(id=CALLER, end=replace(scene.caller, passphrase=WRONG)),))

    await supervisor.carry(flow)
    async with asyncio.timeout(SCENE_S), signal(far_end(scene.source)), Receiver(far_end(scene.caller)) as receiver:
        wrong = await health_when(supervisor, flow.id, lambda health: bool(health[CALLER].last_error))
        await supervisor.carry(replace(flow, outputs=(OutputMedia(id=CALLER, end=scene.caller),)))
        right = await health_when(supervisor, flow.id, all_connected(CALLER))
        await receiver.frames(1)

    assert wrong[CALLER].state is EndState.WAITING
    assert wrong[CALLER].last_error == "the passphrase is not right"
    assert right[CALLER].last_error == ""


async def test_who_is_not_in_the_allowlist_does_not_get_in_and_is_cut_off_when_the_list_changes(
    supervisor: Supervisor, scene: Scene
) -> None:
    """An allowlist guards an input and an output from the first connection on, and from each edit on."""
    flow = scene.flow()
    elsewhere = ("192.0.2.0/24",)
    closed = replace(flow, input=replace(flow.input, allowlist=elsewhere))

    await supervisor.carry(closed)
    async with asyncio.timeout(SCENE_S), signal(far_end(scene.source)):
        refused = await health_when(supervisor, flow.id, lambda health: bool(health[INPUT].last_error))
        await supervisor.carry(flow)
        admitted = await health_when(supervisor, flow.id, all_connected(INPUT))
        await supervisor.carry(closed)
        cut_off = await health_when(supervisor, flow.id, lambda health: bool(health[INPUT].last_error))

    assert "it is not in the allowlist" in refused[INPUT].last_error
    assert admitted[INPUT].peer.startswith("127.0.0.1:")
    assert cut_off[INPUT].state is EndState.WAITING


async def test_a_port_in_use_is_told_by_that_output_alone(supervisor: Supervisor, scene: Scene) -> None:
    """Its siblings are carried meanwhile; it begins by itself once the port is free, and forgets the error."""
    with socket.socket(type=socket.SOCK_DGRAM) as squatter:
        squatter.bind(("127.0.0.1", scene.extra.port))
        await supervisor.carry(scene.flow(OutputMedia(id=EXTRA, end=scene.extra)))
        taken = await health_when(supervisor, "flow/1", lambda health: bool(health[EXTRA].last_error))
    async with signal(far_end(scene.source)), Receiver(far_end(scene.extra)) as receiver:
        reception = await asyncio.wait_for(receiver.frames(10), 30)
        free = await health_when(supervisor, "flow/1", lambda health: health[EXTRA].state is EndState.CONNECTED)

    assert (taken[LISTENER].last_error, taken[EXTRA].last_error) == (
        "",
        "the socket cannot be opened: is the port in use?",
    )
    assert reception.frames >= 10
    assert free[EXTRA].last_error == ""
