"""An SRT flow, from a published signal to receivers at the far end of every kind of output."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.domain.secrets import Secret
from reconciler.media.probe import Receiver, ReceptionState, RtmpSource
from reconciler.media.srt import SrtSocket
from reconciler.relay.media import (
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
from tests.media.conftest import FreePort
from tests.media.watching import all_connected, files_that_hold, health_when, processes_that_show, signal

pytestmark = [pytest.mark.anyio, pytest.mark.media]

PASSPHRASE = Secret("canary-passphrase")
STREAM_KEY = Secret("canary-stream-key")
INPUT, LISTENER, CALLER, PUSH, EXTRA = (EndId(name) for name in ("input", "listener", "caller", "push", "extra"))


def srt_end(port: int, *, listens: bool = True, passphrase: Secret = PASSPHRASE, latency_ms: int = 120) -> SrtEnd:
    """Return an encrypted SRT end on loopback."""
    return SrtEnd(
        listens=listens,
        host="127.0.0.1",
        port=port,
        latency_ms=latency_ms,
        peer_idle_timeout_ms=5000,
        passphrase=passphrase,
        key_length=32,
    )


def far_end(end: SrtEnd, *, passphrase: Secret = PASSPHRASE) -> SrtSocket:
    """Return the socket of whoever is at the other side of an end."""
    return SrtSocket(
        listens=not end.listens, host=end.host, port=end.port, passphrase=passphrase, key_length=end.key_length
    )


async def test_an_srt_flow_reaches_every_output_and_a_change_of_one_is_not_seen_by_its_sibling(
    supervisor: Supervisor, free_port: FreePort, tmp_path: Path
) -> None:
    """A listener, a caller and a push each deliver frames, nobody with a wrong passphrase gets in, no secret shows, and
    the listener's receiver counts no discontinuity while others come, change and go.
    """
    source, listener = srt_end(free_port()), srt_end(free_port())
    caller = srt_end(free_port(), listens=False)
    url = f"rtmp://127.0.0.1:{free_port()}/live"
    push = RtmpPush(destinations=(RtmpDestination(url=url, stream_key=STREAM_KEY),))
    extra_port = free_port()
    outputs = (
        OutputMedia(id=LISTENER, end=listener),
        OutputMedia(id=CALLER, end=caller),
        OutputMedia(id=PUSH, end=push),
    )
    flow = FlowMedia(id="flow/1", input=InputMedia(id=INPUT, end=source), outputs=outputs)

    await supervisor.carry(flow)
    async with (
        asyncio.timeout(50),
        signal(far_end(source)),
        Receiver(far_end(listener)) as kept,
        Receiver(far_end(caller)) as called,
        Receiver(RtmpSource(listens=True, url=url, stream_key=STREAM_KEY)) as pushed,
        Receiver(far_end(listener, passphrase=Secret("not-the-passphrase"))) as stranger,
    ):
        await kept.frames(100)
        await called.frames(100)
        shown = processes_that_show(PASSPHRASE.reveal(), STREAM_KEY.reveal())
        for latency_ms in (120, 300):
            extra = OutputMedia(id=EXTRA, end=srt_end(extra_port, latency_ms=latency_ms))
            await supervisor.carry(replace(flow, outputs=(*outputs, extra)))
            async with Receiver(far_end(srt_end(extra_port))) as added:
                await added.until(lambda reception: reception.frames > 0)
        await supervisor.carry(flow)
        await pushed.frames(100)
        health = await health_when(supervisor, flow.id, all_connected(INPUT, LISTENER, CALLER, PUSH))
        shown += processes_that_show(PASSPHRASE.reveal(), STREAM_KEY.reveal())
        held = files_that_hold(tmp_path, PASSPHRASE.reveal(), STREAM_KEY.reveal())
        kept_reception, refused = kept.reception, stranger.reception
    await supervisor.drop(flow.id)

    assert kept_reception.discontinuities == 0
    assert kept_reception.connections == 1
    assert (kept_reception.codec, kept_reception.width, kept_reception.height) == ("h264", 640, 360)
    assert refused.state is ReceptionState.WAITING
    assert refused.last_error == "the passphrase is not right"
    assert health[LISTENER].encrypted is True
    assert health[LISTENER].latency_ms == 120
    assert EXTRA not in health
    assert shown == []
    assert held == []
    assert processes_that_show(str(tmp_path)) == []


async def test_a_caller_with_a_wrong_passphrase_says_so_and_connects_once_it_is_put_right(
    supervisor: Supervisor, free_port: FreePort
) -> None:
    """A refused call is told in words and tried again; the right passphrase connects it."""
    source, caller = srt_end(free_port()), srt_end(free_port(), listens=False, passphrase=Secret("a-wrong-passphrase"))
    flow = FlowMedia(id="flow", input=InputMedia(id=INPUT, end=source), outputs=(OutputMedia(id=CALLER, end=caller),))

    await supervisor.carry(flow)
    async with asyncio.timeout(30), signal(far_end(source)), Receiver(far_end(caller)) as receiver:
        wrong = await health_when(supervisor, flow.id, lambda health: bool(health[CALLER].last_error))
        mended = OutputMedia(id=CALLER, end=replace(caller, passphrase=PASSPHRASE))
        await supervisor.carry(replace(flow, outputs=(mended,)))
        right = await health_when(supervisor, flow.id, all_connected(CALLER))
        await receiver.frames(1)

    assert wrong[CALLER].state is EndState.WAITING
    assert wrong[CALLER].last_error == "the passphrase is not right"
    assert right[CALLER].last_error == ""
