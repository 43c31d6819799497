"""Who may publish to an input, who is cut, and who takes the place of a publisher that has gone."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from reconciler.domain.secrets import Secret
from reconciler.media.probe import Receiver
from reconciler.media.srt import SrtSocket
from reconciler.relay.giving import INGEST_APP
from reconciler.relay.media import EndHealth, EndId, EndState, FlowMedia, InputMedia, OutputMedia, SrtEnd
from reconciler.relay.supervisor import Supervisor
from tests.media.ends import killed, knocking, publisher, rtmp_publisher, stopped
from tests.media.forwarding import forwarding
from tests.media.networks import told_in_a_network_of_its_own
from tests.media.rtmp_scene import INGEST, INPUT, WRONG, RtmpScene, target
from tests.media.watching import PATIENCE_S, SCENE_S, health_when, signal

pytestmark = [pytest.mark.anyio, pytest.mark.media]

OUT = EndId("out")
PASSPHRASE = "canary-passphrase"


@dataclass(frozen=True)
class SrtScene:
    """An SRT flow with one listener output."""

    source: SrtEnd
    out: SrtEnd
    id: str = "srt"

    def flow(self, *allowlist: str, source: SrtEnd | None = None) -> FlowMedia:
        """Return the flow, whose input takes publishers from these addresses."""
        entry = InputMedia(id=INPUT, end=source or self.source, allowlist=allowlist)
        return FlowMedia(id=self.id, input=entry, outputs=(OutputMedia(id=OUT, end=self.out),))

    @property
    def encrypted(self) -> FlowMedia:
        """The flow with a passphrase on its input."""
        return self.flow(source=replace(self.source, passphrase=Secret(PASSPHRASE), key_length=16))

    @property
    def successor(self) -> SrtSocket:
        """Where somebody with the passphrase publishes."""
        passphrase = Secret(PASSPHRASE)
        return SrtSocket(listens=False, host="127.0.0.1", port=self.port, passphrase=passphrase, key_length=16)

    @property
    def receiver(self) -> Receiver:
        """Who receives from the output."""
        return Receiver(SrtSocket(listens=False, host="127.0.0.1", port=self.out.port))

    @property
    def port(self) -> int:
        """Where to publish."""
        return self.source.port


@pytest.fixture
def rtmp(free_port: Callable[[], int]) -> RtmpScene:
    """Give an RTMP flow on a free port."""
    return RtmpScene(free_port())


@pytest.fixture
def srt(free_port: Callable[[], int]) -> SrtScene:
    """Give an SRT flow on free ports, whose publishers hold their place for long when they fall silent."""
    source, out = (
        SrtEnd(listens=True, host="127.0.0.1", port=free_port(), latency_ms=120, peer_idle_timeout_ms=10_000)
        for _ in range(2)
    )
    return SrtScene(source, out)


async def input_when(supervisor: Supervisor, flow_id: str, holds: Callable[[EndHealth], bool]) -> EndHealth:
    """Return the health of an input once `holds` says yes to it."""
    return (await health_when(supervisor, flow_id, lambda health: holds(health[INPUT])))[INPUT]


def says(words: str) -> Callable[[EndHealth], bool]:
    """Return what asks whether an input says this."""
    return lambda health: words in health.last_error


def carries_from(host: str) -> Callable[[EndHealth], bool]:
    """Return what asks whether an input gets media from this address."""
    return lambda health: health.peer.rpartition(":")[0] in {host, ""} and host in health.peer and is_fed(health)


def is_fed(health: EndHealth) -> bool:
    """Whether an input gets media."""
    return health.state is EndState.CONNECTED and health.bitrate_bps > 100_000


async def test_rtmp_publishers_outside_the_allowlist_are_refused_and_cut(
    supervisor: Supervisor, rtmp: RtmpScene
) -> None:
    """127.0.0.3 is refused against 127.0.0.2/32; an edit that swaps them cuts one and lets the other in."""
    async with (
        asyncio.timeout(SCENE_S),
        forwarding(rtmp.port, source="127.0.0.2") as two,
        forwarding(rtmp.port, source="127.0.0.3") as three,
        signal(target(three.port)),
    ):
        await supervisor.carry(rtmp.flow(allowlist=("127.0.0.2/32",)))
        refused = await input_when(supervisor, rtmp.id, says("127.0.0.3"))
        async with signal(target(two.port)), rtmp.player() as player:
            await player.frames(1)
            await supervisor.carry(rtmp.flow(allowlist=("127.0.0.3/32",)))
            async with asyncio.timeout(PATIENCE_S):
                await input_when(supervisor, rtmp.id, lambda health: health.peer != "127.0.0.2")
            swapped = await input_when(supervisor, rtmp.id, carries_from("127.0.0.3"))
            received = await player.frames(player.reception.frames + 26)

    assert refused.last_error == "a publisher from 127.0.0.3 was refused: it is not in the allowlist"
    assert refused.state is EndState.WAITING
    assert swapped.peer == "127.0.0.3"
    assert received.connections == 1


async def test_a_second_rtmp_publisher_and_one_with_a_wrong_key_are_told_and_change_nothing(
    supervisor: Supervisor, rtmp: RtmpScene
) -> None:
    """Each is refused in words on the input that goes on; the players of the first see nothing."""
    await supervisor.carry(rtmp.flow())
    async with asyncio.timeout(SCENE_S), signal(rtmp.target), rtmp.player() as player:
        await player.frames(26)
        async with signal(target(rtmp.port, WRONG)):
            wrong = await input_when(supervisor, rtmp.id, says("stream key"))
        async with signal(rtmp.target):
            second = await input_when(supervisor, rtmp.id, says("somebody publishes already"))
        received = await player.frames(player.reception.frames + 51)
        after = await input_when(supervisor, rtmp.id, is_fed)

    assert wrong.last_error == (
        "a publisher from 127.0.0.1 was refused: its stream key is not the one that is asked for"
    )
    assert [wrong.state, second.state] == [EndState.CONNECTED] * 2
    assert second.last_error == "a publisher from 127.0.0.1 was refused: somebody publishes already"
    assert after.reconnections == 0
    assert (received.discontinuities, received.connections) == (0, 1)


async def test_another_key_on_an_rtmp_input_cuts_who_has_the_old_one(supervisor: Supervisor, rtmp: RtmpScene) -> None:
    """The key is edited live: who publishes with the old one is cut, and the new one lets in."""
    new = Secret("another-ingest")
    await supervisor.carry(rtmp.flow())
    async with asyncio.timeout(SCENE_S), rtmp_publisher(rtmp.port, INGEST_APP, INGEST.reveal()) as old:
        await input_when(supervisor, rtmp.id, is_fed)
        await supervisor.carry(rtmp.flow(key=new))
        async with asyncio.timeout(PATIENCE_S):
            await old.wait()
        async with signal(target(rtmp.port, new)):
            health = await input_when(supervisor, rtmp.id, lambda health: health.reconnections == 1 and is_fed(health))

    assert health.last_error == ""


async def test_a_silent_rtmp_publisher_gives_way_to_another_one(supervisor: Supervisor, rtmp: RtmpScene) -> None:
    """One that stopped without leaving holds its place against nobody who has the key; players stay connected."""
    await supervisor.carry(rtmp.flow())
    async with (
        asyncio.timeout(SCENE_S),
        rtmp_publisher(rtmp.port, INGEST_APP, INGEST.reveal()) as silent,
        rtmp.player() as player,
    ):
        await player.frames(26)
        async with stopped(silent), signal(rtmp.target):
            health = await input_when(supervisor, rtmp.id, lambda health: health.reconnections == 1 and is_fed(health))
            received = await player.frames(player.reception.frames + 26)

    assert health.state is EndState.CONNECTED
    assert received.connections == 1


async def test_srt_publishers_outside_the_allowlist_are_refused_and_cut(supervisor: Supervisor, srt: SrtScene) -> None:
    """127.0.0.3 is refused against 127.0.0.2/32; an edit that swaps them cuts one and lets the other in."""
    await supervisor.carry(srt.flow("127.0.0.2/32"))
    async with asyncio.timeout(SCENE_S), srt.receiver as receiver:
        async with publisher(srt.port, "adapter=127.0.0.3"):
            refused = await input_when(supervisor, srt.id, says("127.0.0.3"))
        async with publisher(srt.port, "adapter=127.0.0.2", again="no") as cut:
            await receiver.frames(1)
            await supervisor.carry(srt.flow("127.0.0.3/32"))
            async with asyncio.timeout(PATIENCE_S):
                await cut.wait()
        async with publisher(srt.port, "adapter=127.0.0.3"):
            swapped = await input_when(supervisor, srt.id, carries_from("127.0.0.3"))
            received = await receiver.frames(receiver.reception.frames + 26)

    assert refused.last_error == "a caller from 127.0.0.3 was refused: it is not in the allowlist"
    assert swapped.reconnections == 1
    assert received.connections == 1


async def test_a_second_srt_publisher_is_told_and_changes_nothing(supervisor: Supervisor, srt: SrtScene) -> None:
    """It is refused in words, again and again, on the input that goes on; the receiver of the first loses nothing."""
    await supervisor.carry(srt.flow())
    async with asyncio.timeout(SCENE_S), signal(SrtSocket(listens=False, host="127.0.0.1", port=srt.port)):
        async with srt.receiver as receiver:
            await receiver.frames(26)
            async with publisher(srt.port, "adapter=127.0.0.3"):
                second = await input_when(supervisor, srt.id, says("somebody publishes already"))
                received = await receiver.frames(receiver.reception.frames + 51)
        after = await input_when(supervisor, srt.id, is_fed)

    assert second.last_error == "a publisher from 127.0.0.3 was refused: somebody publishes already"
    assert second.state is EndState.CONNECTED
    assert after.reconnections == 0
    assert (received.discontinuities, received.connections) == (0, 1)


@pytest.mark.parametrize("options", [("passphrase=not-the-passphrase",), ()], ids=["wrong", "none"])
async def test_who_has_not_the_passphrase_of_an_input_is_in_nobodys_way(
    supervisor: Supervisor, srt: SrtScene, options: tuple[str, ...]
) -> None:
    """Several that try again and again are told, and one with the right passphrase gets in beside them."""
    await supervisor.carry(srt.encrypted)
    async with (
        asyncio.timeout(SCENE_S),
        publisher(srt.port, "adapter=127.0.0.3", *options),
        publisher(srt.port, "adapter=127.0.0.4", *options),
    ):
        refused = await input_when(supervisor, srt.id, says("passphrase"))
        async with publisher(srt.port, f"passphrase={PASSPHRASE}", again="no"), srt.receiver as receiver:
            received = await receiver.frames(51)
            health = await input_when(supervisor, srt.id, is_fed)

    assert refused.state is EndState.WAITING
    assert "did not get in: its passphrase is missing or not the right one" in refused.last_error
    assert (received.discontinuities, received.connections) == (0, 1)
    assert health.encrypted


async def test_who_comes_back_takes_the_place_of_a_publisher_that_died(supervisor: Supervisor, srt: SrtScene) -> None:
    """A publisher that was killed says no farewell; another is let in long before the peer idle timeout would."""
    await supervisor.carry(srt.encrypted)
    async with (
        asyncio.timeout(SCENE_S),
        publisher(srt.port, f"passphrase={PASSPHRASE}", again="no") as dead,
        srt.receiver as receiver,
    ):
        await receiver.frames(26)
        await killed(dead)
        async with signal(srt.successor):
            health = await input_when(supervisor, srt.id, lambda health: health.reconnections == 1 and is_fed(health))
            received = await receiver.frames(receiver.reception.frames + 26)

    assert health.last_error == "a publisher from 127.0.0.1 was silent, and one from 127.0.0.1 took its place"
    assert received.connections == 1


@pytest.mark.parametrize("options", [("passphrase=not-the-passphrase",), ()], ids=["wrong", "none"])
async def test_nobody_without_the_passphrase_takes_the_place_of_a_silent_publisher(
    supervisor: Supervisor, srt: SrtScene, options: tuple[str, ...]
) -> None:
    """A publisher that pauses is still there when it goes on, whoever has knocked meanwhile."""
    await supervisor.carry(srt.encrypted)
    async with asyncio.timeout(SCENE_S), publisher(srt.port, f"passphrase={PASSPHRASE}", again="no") as pausing:
        await input_when(supervisor, srt.id, is_fed)
        async with stopped(pausing), knocking(srt.port, "adapter=127.0.0.3", *options):
            told = await input_when(supervisor, srt.id, says("did not get in"))
        after = await input_when(supervisor, srt.id, is_fed)

    assert "127.0.0.3" in told.last_error
    assert after.reconnections == 0


def test_publishers_by_ipv6_are_kept_apart(tmp_path: Path) -> None:
    """In a network of its own: fd00::2 publishes, fd00::3 is refused, and an edit cuts fd00::2."""
    told = told_in_a_network_of_its_own("six_publishers.py", tmp_path)

    assert told == {"fd00::3": "refused", "fd00::2": "published, then cut"}
