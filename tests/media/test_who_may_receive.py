"""Who gets in at an SRT output, and who is cut: counted by srt-live-transmit, another implementation of a receiver."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from reconciler.domain.secrets import Secret
from reconciler.media.probe import Receiver
from reconciler.media.srt import SrtSocket
from reconciler.relay.media import EndId, FlowMedia, InputMedia, OutputMedia, SrtEnd
from reconciler.relay.supervisor import Supervisor
from tests.media.ends import receiver
from tests.media.networks import told_in_a_network_of_its_own
from tests.media.watching import SCENE_S, health_when, signal, until

pytestmark = [pytest.mark.anyio, pytest.mark.media]

INPUT, OUT = EndId("input"), EndId("out")
PASSPHRASE = "canary-passphrase"


@dataclass(frozen=True)
class Scene:
    """An SRT flow with one listener output."""

    source: SrtEnd
    out: SrtEnd

    def flow(self, *, allowlist: tuple[str, ...] = (), end: SrtEnd | None = None) -> FlowMedia:
        """Return the flow."""
        outputs = (OutputMedia(id=OUT, end=end or self.out, allowlist=allowlist),)
        return FlowMedia(id="srt", input=InputMedia(id=INPUT, end=self.source), outputs=outputs)

    def encrypted(self, key_length: int) -> FlowMedia:
        """Return the flow with an output that has a passphrase."""
        return self.flow(end=replace(self.out, passphrase=Secret(PASSPHRASE), key_length=key_length))

    @property
    def publisher(self) -> SrtSocket:
        """Where to publish."""
        return SrtSocket(listens=False, host="127.0.0.1", port=self.source.port)


@pytest.fixture
def scene(free_port: Callable[[], int]) -> Scene:
    """Give a flow on free ports."""
    source, out = (
        SrtEnd(listens=True, host="127.0.0.1", port=free_port(), latency_ms=120, peer_idle_timeout_ms=5000)
        for _ in range(2)
    )
    return Scene(source, out)


@pytest.mark.parametrize("key_length", [16, 24, 32])
async def test_each_key_length_is_what_is_negotiated(supervisor: Supervisor, scene: Scene, key_length: int) -> None:
    """A receiver with the passphrase gets the stream, encrypted with the length that the output says."""
    await supervisor.carry(scene.encrypted(key_length))
    async with (
        asyncio.timeout(SCENE_S),
        signal(scene.publisher),
        receiver(scene.out.port, f"passphrase={PASSPHRASE}") as received,
    ):
        health = await health_when(
            supervisor, "srt", lambda health: bool(health[OUT].sessions) and health[OUT].bitrate_bps > 100_000
        )

        async def arrived() -> bool:
            return received.bytes > 100_000

        await until(arrived)

    figures = health[OUT].sessions[0].srt
    assert figures is not None
    assert (figures.encrypted, figures.key_length) == (True, key_length)
    assert received.continuity.errors == 0


@pytest.mark.parametrize("options", [("passphrase=not-the-passphrase",), ()], ids=["wrong", "none"])
async def test_who_has_not_the_passphrase_gets_nothing(
    supervisor: Supervisor, scene: Scene, options: tuple[str, ...]
) -> None:
    """A wrong passphrase and none at all are refused, and told."""
    await supervisor.carry(scene.encrypted(16))
    async with asyncio.timeout(SCENE_S), signal(scene.publisher), receiver(scene.out.port, *options) as received:
        health = await health_when(supervisor, "srt", lambda health: bool(health[OUT].last_error))

    assert "its passphrase is missing or not the right one" in health[OUT].last_error
    assert (received.bytes, health[OUT].sessions) == (0, ())


async def test_who_is_outside_the_allowlist_is_refused_and_cut_and_who_is_inside_notices_nothing(
    supervisor: Supervisor, scene: Scene
) -> None:
    """127.0.0.3 is refused against 127.0.0.2/32; an edit cuts one of two receivers, and the other loses nothing."""
    await supervisor.carry(scene.flow(allowlist=("127.0.0.2/32", "127.0.0.4/32")))
    async with (
        asyncio.timeout(SCENE_S),
        signal(scene.publisher),
        receiver(scene.out.port, "adapter=127.0.0.3") as outside,
        receiver(scene.out.port, "adapter=127.0.0.2") as inside,
        receiver(scene.out.port, "adapter=127.0.0.4") as cut,
    ):
        both = await health_when(supervisor, "srt", lambda health: len(health[OUT].sessions) == 2)
        await health_when(supervisor, "srt", lambda health: health[OUT].bitrate_bps > 200_000)
        await supervisor.carry(scene.flow(allowlist=("127.0.0.2/32",)))
        one = await health_when(supervisor, "srt", lambda health: len(health[OUT].sessions) == 1)
        count = inside.bytes

        async def goes_on() -> bool:
            return cut.ended and inside.bytes > count + 200_000

        await until(goes_on)

    assert outside.bytes == 0
    assert one[OUT].sessions[0].id in {session.id for session in both[OUT].sessions}
    assert one[OUT].sessions[0].peer.startswith("127.0.0.2:")
    assert (inside.continuity.errors, inside.ended) == (0, True)


async def test_the_fifth_receiver_is_refused(supervisor: Supervisor, scene: Scene) -> None:
    """Eight that come at once, and come again and again, are four too many."""
    await supervisor.carry(scene.flow())
    async with asyncio.timeout(SCENE_S), signal(scene.publisher), AsyncExitStack() as stack:
        receivers = [await stack.enter_async_context(receiver(scene.out.port, again="yes")) for _ in range(8)]

        async def served() -> bool:
            return sum(one.bytes > 300_000 for one in receivers) == 4

        await until(served)
        outside = [one for one in receivers if not one.bytes]
        health = await health_when(supervisor, "srt", lambda health: len(health[OUT].sessions) == 4)

    assert len(outside) == 4
    assert "4 are connected already" in health[OUT].last_error


async def test_latency_and_stream_id_are_what_was_asked_for(supervisor: Supervisor, scene: Scene) -> None:
    """The latency of an output is what a receiver with less negotiates; another stream id is refused."""
    demanding = replace(scene.out, latency_ms=640, stream_id="this,one")
    await supervisor.carry(scene.flow(end=demanding))
    async with (
        asyncio.timeout(SCENE_S),
        signal(scene.publisher),
        receiver(scene.out.port, "streamid=another") as refused,
        Receiver(
            SrtSocket(listens=False, host="127.0.0.1", port=scene.out.port, latency_ms=100, stream_id="this,one")
        ) as admitted,
    ):
        health = await health_when(supervisor, "srt", lambda health: bool(health[OUT].sessions))
        await admitted.frames(1)

    assert health[OUT].latency_ms == 640
    assert refused.bytes == 0


def test_ipv6_addresses_are_kept_apart(tmp_path: Path) -> None:
    """In a network of its own: fd00::2 is in the allowlist and receives, fd00::3 is not, and an edit cuts fd00::2."""
    told = told_in_a_network_of_its_own("six.py", tmp_path)

    assert told == {"fd00::2": "received, then cut", "fd00::3": "refused"}
