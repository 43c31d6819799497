"""An RTP flow, from a sender to receivers that count sequence numbers themselves."""

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from reconciler.relay.media import (
    EndHealth,
    EndId,
    EndState,
    FlowMedia,
    InputMedia,
    OutputMedia,
    RtpDestination,
    RtpReceive,
    RtpSend,
)
from reconciler.relay.supervisor import Supervisor
from tests.media.rtp_ends import receiving, sending
from tests.media.watching import SCENE_S, health_when, until

pytestmark = [pytest.mark.anyio, pytest.mark.media]

INPUT, KEPT, OTHER = EndId("input"), EndId("kept"), EndId("other")


@dataclass(frozen=True)
class Scene:
    """A flow with an output of two destinations."""

    source: RtpReceive
    ports: tuple[int, int]
    other: int

    def flow(self, *more: OutputMedia, allowlist: tuple[str, ...] = ()) -> FlowMedia:
        """Return the flow, with more outputs."""
        kept = OutputMedia(id=KEPT, end=send_to(*self.ports))
        return FlowMedia(
            id="rtp", input=InputMedia(id=INPUT, end=self.source, allowlist=allowlist), outputs=(kept, *more)
        )


def send_to(*ports: int, host: str = "127.0.0.1") -> RtpSend:
    """Return an output to ports of this machine."""
    return RtpSend(destinations=tuple(RtpDestination(host=host, port=port) for port in ports))


async def health_of_other(supervisor: Supervisor, holds: Callable[[EndHealth], bool]) -> EndHealth:
    """Return the health of the sibling once `holds` says yes to it."""
    found = await health_when(supervisor, "rtp", lambda health: OTHER in health and holds(health[OTHER]))
    return found[OTHER]


@pytest.fixture
def scene(free_port: Callable[[], int]) -> Scene:
    """Give a flow on free ports."""
    source = RtpReceive(host="127.0.0.1", port=free_port(), idle_timeout_ms=1000)
    return Scene(source, (free_port(), free_port()), free_port())


async def test_both_destinations_get_every_packet_whatever_happens_to_a_sibling(
    supervisor: Supervisor, scene: Scene
) -> None:
    """No sequence number is missing while another output is added, edited, cannot be resolved, and is deleted."""
    siblings = (
        (send_to(scene.other), lambda other: len(other.sessions) == 1),
        (send_to(9, scene.other), lambda other: bool(other.last_error) and other.state is EndState.CONNECTED),
        (send_to(9, host="nowhere.invalid"), lambda other: "not known" in other.last_error),
    )

    await supervisor.carry(scene.flow())
    async with (
        asyncio.timeout(SCENE_S),
        receiving(scene.ports[0]) as first,
        receiving(scene.ports[1]) as second,
        receiving(scene.other) as other,
        sending(scene.source.port),
    ):
        await health_when(supervisor, "rtp", lambda health: health[KEPT].bitrate_bps > 1_000_000)
        told = EndHealth(state=EndState.IDLE)
        for sibling, holds in siblings:
            await supervisor.carry(scene.flow(OutputMedia(id=OTHER, end=sibling)))
            told = await health_of_other(supervisor, holds)
        await supervisor.carry(scene.flow())
        packets = first.packets

        async def more() -> bool:
            return first.packets > packets + 200

        await until(more)
        health = await supervisor.health("rtp")

    assert (first.gaps, second.gaps) == (0, 0)
    assert other.packets > 0
    assert told.last_error == "the host is not known"
    assert [session.pipeline for session in health[KEPT].sessions] == [0, 1]
    assert (health[INPUT].packets_lost, health[INPUT].state) == (0, EndState.CONNECTED)


async def test_only_who_is_in_the_allowlist_is_carried(supervisor: Supervisor, scene: Scene) -> None:
    """Packets of others are dropped and told; when the list changes, the sender that it now leaves out is cut off."""
    await supervisor.carry(scene.flow(allowlist=("127.0.0.2/32",)))
    async with (
        asyncio.timeout(SCENE_S),
        receiving(scene.ports[0]) as counted,
        sending(scene.source.port, source="127.0.0.3"),
    ):
        refused = await health_when(supervisor, "rtp", lambda health: bool(health[INPUT].last_error))
        before = counted.packets
        async with sending(scene.source.port, source="127.0.0.2"):
            await health_when(supervisor, "rtp", lambda health: health[INPUT].state is EndState.CONNECTED)
            admitted = await supervisor.health("rtp")
            await supervisor.carry(scene.flow(allowlist=("127.0.0.3/32",)))
            swapped = await health_when(supervisor, "rtp", lambda health: health[INPUT].peer.startswith("127.0.0.3:"))

    assert "127.0.0.3 are dropped: it is not in the allowlist" in refused[INPUT].last_error
    assert before == 0
    assert admitted[INPUT].peer.startswith("127.0.0.2:")
    assert swapped[INPUT].reconnections == 1


async def test_a_port_in_use_is_told_and_taken_once_it_is_free(supervisor: Supervisor, scene: Scene) -> None:
    """The input says so, and begins by itself."""
    with socket.socket(type=socket.SOCK_DGRAM) as squatter:
        squatter.bind(("127.0.0.1", scene.source.port))
        await supervisor.carry(scene.flow())
        taken = await health_when(supervisor, "rtp", lambda health: bool(health[INPUT].last_error))
    async with asyncio.timeout(SCENE_S), sending(scene.source.port):
        free = await health_when(supervisor, "rtp", lambda health: health[INPUT].state is EndState.CONNECTED)

    assert "is the port in use?" in taken[INPUT].last_error
    assert free[INPUT].last_error == ""


async def test_nobody_at_a_destination_is_told_and_its_twin_goes_on(supervisor: Supervisor, scene: Scene) -> None:
    """The kernel says that nothing listens at the first; the second gets every packet."""
    await supervisor.carry(scene.flow())
    async with asyncio.timeout(SCENE_S), receiving(scene.ports[1]) as second, sending(scene.source.port):
        health = await health_when(supervisor, "rtp", lambda health: bool(health[KEPT].last_error))
        packets = second.packets

        async def more() -> bool:
            return second.packets > packets + 200

        await until(more)

    assert health[KEPT].last_error == "destination 1: nothing listens there"
    assert second.gaps == 0


async def test_an_engine_outlives_the_control_plane(scene: Scene, supervisor: Supervisor) -> None:
    """Another control plane adopts it as it is; nothing is lost meanwhile."""
    await supervisor.carry(scene.flow())
    async with asyncio.timeout(SCENE_S), receiving(scene.ports[0]) as counted, sending(scene.source.port):
        await health_when(supervisor, "rtp", lambda health: health[KEPT].state is EndState.CONNECTED)
        successor = Supervisor(state=supervisor.state)
        await successor.start(["rtp"])
        await successor.carry(replace(scene.flow()))
        adopted = await health_when(successor, "rtp", lambda health: health[KEPT].connected_ms > 1000)
        await successor.close()

    assert adopted[INPUT].reconnections == 0
    assert counted.gaps == 0
